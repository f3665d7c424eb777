"""Frames that are not quite a datagram for us, through a tap and a veth pair: each is counted as
what it is, and the next good request is answered."""

import struct

import pytest
from conftest import on_ports
from ports import CLIENT_IP, CLIENT_IP6, SERVER_IP, SERVER_IP6, UDP_PORT
from pssstd import since
from scapy.layers.inet import ICMP, IP, TCP, UDP
from scapy.layers.inet6 import (
    ICMPv6EchoReply,
    ICMPv6EchoRequest,
    ICMPv6ND_NA,
    ICMPv6ND_NS,
    ICMPv6ND_RA,
    ICMPv6NDOptDstLLAddr,
    ICMPv6NDOptSrcLLAddr,
    IPv6,
    IPv6ExtHdrDestOpt,
    IPv6ExtHdrFragment,
    IPv6ExtHdrHopByHop,
)
from scapy.layers.l2 import ARP, Dot1AD, Dot1Q, Ether
from scapy.packet import Raw
from wire import CLIENT_PORT, eventually, mac_of, wire_at

pytestmark = on_ports("net_tap", "net_af_packet")

PAYLOAD = b"\0" * 60


@pytest.fixture
def wire(world):
    """Frames by hand on the clients' interface, and the server's MAC address; once the server has
    announced its two addresses and reported a group three times, nothing comes unasked."""
    world.call(b"resolve")
    assert eventually(lambda: world.report()["total"]["announced"] >= 9)
    with wire_at(world.place) as wire:
        yield wire, mac_of(world.place, SERVER_IP)


def udp(**fields):
    return UDP(sport=CLIENT_PORT, dport=UDP_PORT, **fields) / Raw(PAYLOAD)


def ip(**fields):
    return IP(**{"src": CLIENT_IP, "dst": SERVER_IP, **fields})


def ip6(**fields):
    return IPv6(**{"src": CLIENT_IP6, "dst": SERVER_IP6, **fields})


def solicitation(**fields):
    return ip6(hlim=255) / ICMPv6ND_NS(**{"tgt": SERVER_IP6, **fields})


FRAMES = {
    "wrong UDP port": ("udp_port", ip() / UDP(sport=CLIENT_PORT, dport=9) / Raw(PAYLOAD)),
    "source port 0": ("udp_port", ip() / UDP(sport=0, dport=UDP_PORT) / Raw(PAYLOAD)),
    "first fragment": ("ip_fragment", ip(flags="MF") / udp()),
    "later fragment": ("ip_fragment", ip(frag=100) / udp()),
    "IP options": ("ip_options", ip(options=[b"\x94\x04\0\0"]) / udp()),
    "bad IP checksum": ("ip_checksum", ip(chksum=0x1234) / udp()),
    "IP version 6 in an IPv4 frame": ("ip_header", ip(version=6) / udp()),
    "IP header length 4": ("ip_header", ip(ihl=4) / udp()),
    "IP total length beyond the frame": ("frame_truncated", ip(len=1400) / udp()),
    "neither UDP nor ICMP": ("ip_protocol", ip() / TCP(dport=22)),
    "ICMP, not an echo request": ("icmp_ignored", ip() / ICMP(type=0)),
    "ICMP with a wrong checksum": ("icmp_malformed", ip() / ICMP(chksum=0x1234)),
    "UDP length beyond the packet": ("udp_length", ip() / udp(len=400)),
    "UDP length below its header": ("udp_length", ip() / udp(len=7)),
    "for another address": ("frame_not_for_us", IP(src=CLIENT_IP, dst="10.77.0.3") / udp()),
    "from multicast": ("ip_source", IP(src="224.0.0.1", dst=SERVER_IP) / udp()),
    "from ourselves": ("ip_source", IP(src=SERVER_IP, dst=SERVER_IP) / udp()),
    "from loopback": ("ip_source", IP(src="127.0.0.1", dst=SERVER_IP) / udp()),
    "of no protocol we know": ("frame_ethertype", Raw(b"\0" * 60)),
    "a VLAN": ("vlan", Dot1Q(vlan=5) / ip() / udp()),
    "two VLAN tags": ("vlan_nested", Dot1Q(vlan=0) / Dot1Q(vlan=0) / ip() / udp()),
    "a provider's VLAN tag": ("vlan_nested", Dot1AD(vlan=5) / ip() / udp()),
    "ARP for another address": ("arp_ignored", ARP(op="who-has", psrc=CLIENT_IP,
                                                   pdst="10.77.0.3")),
    "ARP reply": ("arp_ignored", ARP(op="is-at", psrc=CLIENT_IP, pdst=SERVER_IP)),
    "ARP of another hardware": ("arp_malformed", ARP(
        hwtype=6, hwlen=6, hwsrc=bytes(6), hwdst=bytes(6), psrc=CLIENT_IP, pdst=SERVER_IP)),

    "IPv6: wrong UDP port": ("udp_port", ip6() / UDP(sport=CLIENT_PORT, dport=9) / Raw(PAYLOAD)),
    "IPv6: no UDP checksum": ("udp_checksum", ip6() / udp(chksum=0)),
    "IPv6: UDP length beyond the packet": ("udp_length", ip6() / udp(len=400)),
    "IPv6: payload beyond the frame": ("frame_truncated", ip6(plen=1400) / udp()),
    "IPv6: version 4": ("ip_header", ip6(version=4) / udp()),
    "IPv6: for another address": ("frame_not_for_us", ip6(dst="fd77::3") / udp()),
    "IPv6: to all nodes": ("frame_not_for_us", ip6(dst="ff02::1") / udp()),
    "IPv6: from a group": ("ip_source", ip6(src="ff02::1") / udp()),
    "IPv6: from mapped IPv4": ("ip_source", ip6(src=f"::ffff:{CLIENT_IP}") / udp()),
    "IPv6: from ourselves": ("ip_source", ip6(src=SERVER_IP6) / udp()),
    "IPv6: hop-by-hop options": ("ip_extension", ip6() / IPv6ExtHdrHopByHop() / udp()),
    "IPv6: destination options": ("ip_extension", ip6() / IPv6ExtHdrDestOpt() / udp()),
    "IPv6: fragment": ("ip_fragment", ip6() / IPv6ExtHdrFragment(m=1, id=7, nh=17) / udp()),
    "IPv6: TCP": ("ip_protocol", ip6() / TCP(dport=22)),
    "IPv6: echo reply": ("icmp_ignored", ip6() / ICMPv6EchoReply()),
    "IPv6: echo with a wrong checksum": ("icmp_malformed", ip6() / ICMPv6EchoRequest(cksum=1)),
    "NDP from beyond a router": ("ndp_malformed", ip6(hlim=254) / ICMPv6ND_NS(tgt=SERVER_IP6)),
    "NDP for a group": ("ndp_malformed", solicitation(tgt="ff02::1")),
    "NDP with half an option": ("ndp_malformed", solicitation() / ICMPv6NDOptSrcLLAddr(len=2)),
    "NDP for another address": ("ndp_ignored", solicitation(tgt="fd77::3")),
    "neighbour advertisement": ("ndp_ignored", ip6(hlim=255) / ICMPv6ND_NA(tgt=CLIENT_IP6)),
    "router advertisement": ("ndp_ignored", ip6(hlim=255) / ICMPv6ND_RA()),
}


def expected_drops(kind, name):
    reason, packet = FRAMES[name]
    if kind == "net_af_packet":
        # Its socket reassembles IPv4 fragments: those without the others never arrive. The driver
        # puts a tag that the kernel took out back as one of 802.1Q.
        if reason == "ip_fragment" and IP in packet:
            return {}
        if Dot1AD in packet:
            return {"vlan": 1}
    return {reason: 1}


@pytest.mark.parametrize("name", FRAMES)
def test_counted(world, wire, name):
    wire, server_mac = wire
    _, packet = FRAMES[name]
    before = world.report()
    wire.send(Ether(src=wire.mac, dst=server_mac) / packet)
    assert wire.heard() == []
    counts, drops = since(before["total"], world.report()["total"])
    assert drops == expected_drops(world.place.kind, name)
    assert counts["frames"] == sum(drops.values()) and counts["datagrams"] == 0
    assert world.call(b"good") == b"good"


def test_frame_for_another_station(world, wire):
    wire, _ = wire
    before = world.report()
    wire.send(Ether(src=wire.mac, dst="02:00:00:00:00:99") / ip() / udp())
    assert wire.heard() == []
    assert since(before["total"], world.report()["total"])[1] == {"frame_not_for_us": 1}


def test_udp_checksum(world, wire):
    """Verified where it is told to be; with --no-verify-udp-checksum the datagram goes on."""
    wire, server_mac = wire
    before = world.report()
    wire.send(Ether(src=wire.mac, dst=server_mac) / ip() / udp(chksum=0x1234))
    assert wire.heard() == []
    lenient = "--no-verify-udp-checksum" in world.place.arguments
    expected = {"suite": 1} if lenient else {"udp_checksum": 1}
    assert since(before["total"], world.report()["total"])[1] == expected


def same_with_checksums_of_scapy(frame):
    """The packet; its checksums must be those that scapy computes."""
    packet = Ether(frame)
    again = packet.copy()
    for layer in (IP, UDP):
        if layer in again:
            del again[layer].chksum
    for layer in (ICMPv6EchoReply, ICMPv6ND_NA):
        if layer in again:
            del again[layer].cksum
    if ICMP in again:
        del again[ICMP].chksum
    assert bytes(Ether(bytes(again))) == frame
    return packet


@pytest.mark.parametrize("version", [4, 6])
def test_reply_frame(world, wire, version):
    """Addresses and ports swapped, checksums right, of IPv4 DF set, nothing after the datagram."""
    wire, server_mac = wire
    datagram, pending = world.client().seal(b"a message of some length, beyond padding")
    packet = ip(ttl=3) if version == 4 else ip6(hlim=3, tc=7, fl=9)
    frame = wire.ask(Ether(src=wire.mac, dst=server_mac) / packet
                     / UDP(sport=CLIENT_PORT, dport=UDP_PORT) / Raw(datagram))
    reply = same_with_checksums_of_scapy(frame)
    assert (reply.src, reply.dst) == (server_mac, wire.mac)
    assert (reply[UDP].sport, reply[UDP].dport) == (UDP_PORT, CLIENT_PORT)
    if version == 4:
        assert (reply[IP].src, reply[IP].dst) == (SERVER_IP, CLIENT_IP)
        assert reply[IP].flags == "DF" and reply[IP].id == 0 and reply[IP].ttl == 64
        assert len(frame) == 14 + reply[IP].len == 14 + 20 + 8 + len(datagram)
    else:
        assert (reply[IPv6].src, reply[IPv6].dst) == (SERVER_IP6, CLIENT_IP6)
        assert reply[IPv6].hlim == 64 and reply[IPv6].tc == 0 and reply[IPv6].fl == 0
        assert len(frame) == 14 + 40 + reply[IPv6].plen == 14 + 40 + 8 + len(datagram)
    assert pending.open(bytes(reply[UDP].payload)) == b"a message of some length, beyond padding"


@pytest.mark.parametrize("size", [0, 56, 1400])
def test_echo(world, wire, size):
    wire, server_mac = wire
    data = bytes(range(256)) * 6
    before = world.report()
    asked = Ether(src=wire.mac, dst=server_mac) / ip(ttl=3, tos=8, id=5) \
        / ICMP(id=77, seq=8) / Raw(data[:size])
    reply = same_with_checksums_of_scapy(wire.ask(asked))
    assert (reply.src, reply.dst, reply[IP].src) == (server_mac, wire.mac, SERVER_IP)
    assert (reply[IP].dst, reply[IP].ttl, reply[IP].flags) == (CLIENT_IP, 64, "DF")
    assert (reply[ICMP].type, reply[ICMP].id, reply[ICMP].seq) == (0, 77, 8)
    assert bytes(reply[ICMP].payload)[:size] == data[:size]
    asked = Ether(src=wire.mac, dst=server_mac) / ip6(hlim=3, tc=8, fl=5) \
        / ICMPv6EchoRequest(id=77, seq=8, data=data[:size])
    reply = same_with_checksums_of_scapy(wire.ask(asked))
    assert (reply.src, reply.dst, reply[IPv6].src) == (server_mac, wire.mac, SERVER_IP6)
    assert (reply[IPv6].dst, reply[IPv6].hlim) == (CLIENT_IP6, 64)
    answer = reply[ICMPv6EchoReply]
    assert (answer.id, answer.seq, answer.data) == (77, 8, data[:size])
    counts, drops = since(before["total"], world.report()["total"])
    assert counts["answered"] == 2 and not drops


GROUP = "ff02::1:ff00:2", "33:33:ff:00:00:02"  # where neighbours ask for fd77::2


@pytest.mark.parametrize("how", ["asking the group", "asking us alone", "probing for duplicates"])
def test_neighbour_solicitation(world, wire, how):
    """RFC 4861, section 7.2.4: solicited, to who asked, or after a probe to all nodes."""
    wire, server_mac = wire
    group, group_mac = GROUP
    probe = how == "probing for duplicates"
    address, mac = (SERVER_IP6, server_mac) if how == "asking us alone" else (group, group_mac)
    asked = Ether(src=wire.mac, dst=mac) \
        / IPv6(src="::" if probe else CLIENT_IP6, dst=address, hlim=255) \
        / ICMPv6ND_NS(tgt=SERVER_IP6)
    if not probe:
        asked /= ICMPv6NDOptSrcLLAddr(lladdr=wire.mac)
    before = world.report()
    reply = same_with_checksums_of_scapy(wire.ask(asked, groups=probe))
    expected = ("33:33:00:00:00:01", "ff02::1") if probe else (wire.mac, CLIENT_IP6)
    assert (reply.dst, reply[IPv6].dst) == expected
    assert (reply.src, reply[IPv6].src, reply[IPv6].hlim) == (server_mac, SERVER_IP6, 255)
    answer = reply[ICMPv6ND_NA]
    assert (answer.tgt, answer.R, answer.S, answer.O) == (SERVER_IP6, 0, 0 if probe else 1, 1)
    assert answer[ICMPv6NDOptDstLLAddr].lladdr == server_mac
    counts, drops = since(before["total"], world.report()["total"])
    assert counts["answered"] == 1 and not drops


def test_datagram_in_a_padded_frame(world, wire):
    """Ethernet pads short frames: the padding is not part of the datagram."""
    wire, server_mac = wire
    before = world.report()
    wire.send(bytes(Ether(src=wire.mac, dst=server_mac) / ip()
                    / UDP(sport=CLIENT_PORT, dport=UDP_PORT) / Raw(b"\0\0\0")) + bytes(15))
    assert wire.heard() == []
    assert since(before["total"], world.report()["total"])[1] == {"too_short": 1}


def test_arp_request_by_hand(world, wire):
    """RFC 826: the reply goes to who asked, and says the address that was asked for."""
    wire, server_mac = wire
    request = Ether(src=wire.mac, dst="ff:ff:ff:ff:ff:ff") / ARP(
        op="who-has", hwsrc=wire.mac, psrc=CLIENT_IP, pdst=SERVER_IP)
    reply = Ether(wire.ask(request))
    assert reply[ARP].op == 2 and reply.dst == wire.mac
    assert (reply[ARP].hwsrc, reply[ARP].psrc) == (server_mac, SERVER_IP)
    assert (reply[ARP].hwdst, reply[ARP].pdst) == (wire.mac, CLIENT_IP)


def test_absent_udp_checksum(world, wire):
    """A checksum of 0 means none: RFC 768 allows that over IPv4."""
    wire, server_mac = wire
    datagram, _ = world.client().seal(b"no checksum")
    before = world.report()
    packet = ip() / UDP(sport=CLIENT_PORT, dport=UDP_PORT, chksum=0) / Raw(datagram)
    assert struct.unpack(">H", bytes(packet)[26:28]) == (0,)
    wire.send(Ether(src=wire.mac, dst=server_mac) / packet)
    assert len(wire.heard()) == 1
    counts, drops = since(before["total"], world.report()["total"])
    assert counts["replied"] == 1 and not drops
