"""Frames that are not quite a datagram for us, through a tap and a veth pair: each is counted as
what it is, and the next good request is answered."""

import contextlib
import socket
import struct
import time

import pytest
from conftest import on_ports
from ports import CLIENT_IP, SERVER_IP, UDP_PORT
from pssstd import since
from scapy.layers.inet import ICMP, IP, UDP
from scapy.layers.inet6 import IPv6
from scapy.layers.l2 import ARP, Dot1Q, Ether
from scapy.packet import Raw

pytestmark = on_ports("net_tap", "net_af_packet")

PAYLOAD = b"\0" * 60
CLIENT_PORT = 4000
ALL = 3  # ETH_P_ALL, if_ether.h


@pytest.fixture
def wire(world):
    """A raw socket on the clients' interface, the server's MAC address and its own. A socket at the
    UDP port that frames come from keeps the clients' kernel from refusing replies to it."""
    world.call(b"resolve")
    fields = world.place.clients.ip("neighbour", "show", SERVER_IP).split()
    clients = world.place.clients
    with clients.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(ALL)) as raw, \
            clients.socket(socket.AF_INET, socket.SOCK_DGRAM) as absorber:
        raw.bind((world.place.interface, ALL))
        absorber.bind((CLIENT_IP, CLIENT_PORT))
        yield raw, fields[fields.index("lladdr") + 1], raw.getsockname()[4].hex(":")


def udp(**fields):
    return UDP(sport=CLIENT_PORT, dport=UDP_PORT, **fields) / Raw(PAYLOAD)


def ip(**fields):
    return IP(src=CLIENT_IP, dst=SERVER_IP, **fields)


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
    "not UDP": ("ip_protocol", ip() / ICMP()),
    "UDP length beyond the packet": ("udp_length", ip() / udp(len=400)),
    "UDP length below its header": ("udp_length", ip() / udp(len=7)),
    "for another address": ("frame_not_for_us", IP(src=CLIENT_IP, dst="10.77.0.3") / udp()),
    "from multicast": ("ip_source", IP(src="224.0.0.1", dst=SERVER_IP) / udp()),
    "from ourselves": ("ip_source", IP(src=SERVER_IP, dst=SERVER_IP) / udp()),
    "from loopback": ("ip_source", IP(src="127.0.0.1", dst=SERVER_IP) / udp()),
    "IPv6": ("frame_ethertype", IPv6(dst="fe80::1") / udp()),
    "VLAN tag": ("frame_ethertype", Dot1Q(vlan=5) / ip() / udp()),
    "ARP for another address": ("arp_ignored", ARP(op="who-has", psrc=CLIENT_IP,
                                                   pdst="10.77.0.3")),
    "ARP reply": ("arp_ignored", ARP(op="is-at", psrc=CLIENT_IP, pdst=SERVER_IP)),
    "ARP of another hardware": ("arp_malformed", ARP(
        hwtype=6, hwlen=6, hwsrc=bytes(6), hwdst=bytes(6), psrc=CLIENT_IP, pdst=SERVER_IP)),
}


def heard(raw, seconds=0.05):
    """What others sent on the wire within some seconds."""
    frames, deadline = [], time.monotonic() + seconds
    while (left := deadline - time.monotonic()) > 0:
        raw.settimeout(left)
        with contextlib.suppress(TimeoutError):
            frame, (_, _, kind, *_) = raw.recvfrom(65536)
            frames += [frame] if kind != socket.PACKET_OUTGOING else []
    return frames


@pytest.mark.parametrize("name", FRAMES)
def test_counted(world, wire, name):
    raw, server_mac, own_mac = wire
    reason, packet = FRAMES[name]
    before = world.report()
    raw.send(bytes(Ether(src=own_mac, dst=server_mac) / packet))
    assert heard(raw) == []
    counts, drops = since(before["total"], world.report()["total"])
    # The driver's packet socket reassembles fragments: those without the others never arrive.
    arrives = reason != "ip_fragment" or world.place.kind != "net_af_packet"
    assert drops == ({reason: 1} if arrives else {})
    assert counts["frames"] == sum(drops.values()) and counts["datagrams"] == 0
    assert world.call(b"good") == b"good"


def test_frame_for_another_station(world, wire):
    raw, _, own_mac = wire
    before = world.report()
    raw.send(bytes(Ether(src=own_mac, dst="02:00:00:00:00:99") / ip() / udp()))
    assert heard(raw) == []
    assert since(before["total"], world.report()["total"])[1] == {"frame_not_for_us": 1}


def test_udp_checksum(world, wire):
    """Verified where it is told to be; with --no-verify-udp-checksum the datagram goes on."""
    raw, server_mac, own_mac = wire
    before = world.report()
    raw.send(bytes(Ether(src=own_mac, dst=server_mac) / ip() / udp(chksum=0x1234)))
    assert heard(raw) == []
    lenient = "--no-verify-udp-checksum" in world.place.arguments
    expected = {"suite": 1} if lenient else {"udp_checksum": 1}
    assert since(before["total"], world.report()["total"])[1] == expected


def test_reply_frame(world, wire):
    """Addresses and ports swapped, checksums right, DF set, nothing after the datagram."""
    _, server_mac, own_mac = wire
    datagram, pending = world.client().seal(b"a message of some length, beyond padding")
    with world.place.clients.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(0x0800)) as raw:
        raw.bind((world.place.interface, 0x0800))
        raw.send(bytes(Ether(src=own_mac, dst=server_mac) / ip(ttl=3)
                       / UDP(sport=CLIENT_PORT, dport=UDP_PORT) / Raw(datagram)))
        raw.settimeout(5)
        frame = raw.recv(65536)
    reply = Ether(frame)
    assert (reply.src, reply.dst) == (server_mac, own_mac)
    assert (reply[IP].src, reply[IP].dst) == (SERVER_IP, CLIENT_IP)
    assert (reply[UDP].sport, reply[UDP].dport) == (UDP_PORT, CLIENT_PORT)
    assert reply[IP].flags == "DF" and reply[IP].id == 0 and reply[IP].ttl == 64
    again = reply.copy()
    del again[IP].chksum, again[UDP].chksum
    assert bytes(Ether(bytes(again))) == frame
    assert len(frame) == 14 + reply[IP].len == 14 + 20 + 8 + len(datagram)
    assert pending.open(bytes(reply[UDP].payload)) == b"a message of some length, beyond padding"


def test_datagram_in_a_padded_frame(world, wire):
    """Ethernet pads short frames: the padding is not part of the datagram."""
    raw, server_mac, own_mac = wire
    before = world.report()
    raw.send(bytes(Ether(src=own_mac, dst=server_mac) / ip()
                   / UDP(sport=CLIENT_PORT, dport=UDP_PORT) / Raw(b"\0\0\0")) + bytes(15))
    assert heard(raw) == []
    assert since(before["total"], world.report()["total"])[1] == {"too_short": 1}


def test_arp_request_by_hand(world, wire):
    """RFC 826: the reply goes to who asked, and says the address that was asked for."""
    _, server_mac, own_mac = wire
    request = Ether(src=own_mac, dst="ff:ff:ff:ff:ff:ff") / ARP(
        op="who-has", hwsrc=own_mac, psrc=CLIENT_IP, pdst=SERVER_IP)
    with world.place.clients.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(0x0806)) as raw:
        raw.bind((world.place.interface, 0x0806))
        raw.send(bytes(request))
        raw.settimeout(5)
        reply = Ether(raw.recv(65536))
    assert reply[ARP].op == 2 and reply.dst == own_mac
    assert (reply[ARP].hwsrc, reply[ARP].psrc) == (server_mac, SERVER_IP)
    assert (reply[ARP].hwdst, reply[ARP].pdst) == (own_mac, CLIENT_IP)


def test_absent_udp_checksum(world, wire):
    """A checksum of 0 means none: RFC 768 allows that over IPv4."""
    raw, server_mac, own_mac = wire
    datagram, _ = world.client().seal(b"no checksum")
    before = world.report()
    packet = ip() / UDP(sport=CLIENT_PORT, dport=UDP_PORT, chksum=0) / Raw(datagram)
    assert struct.unpack(">H", bytes(packet)[26:28]) == (0,)
    raw.send(bytes(Ether(src=own_mac, dst=server_mac) / packet))
    assert len(heard(raw)) == 1
    counts, drops = since(before["total"], world.report()["total"])
    assert counts["replied"] == 1 and not drops
