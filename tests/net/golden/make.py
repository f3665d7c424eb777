#!/usr/bin/python3
"""Makes the golden frames: for each duty of a port what comes in (DUTY.in.pcap), what must go out
for it, in that order (DUTY.out.pcap), and what must be counted (DUTY.counts). By scapy, another
implementation of all these protocols; golden_test.cpp runs them through a real port.

    tests/net/golden/make.py [FOLDER]

The port is at 192.0.2.1, 192.0.2.7, 2001:db8::1 and 2001:db8::7, serves UDP port 5000 untagged and
in VLAN 5, and has the MAC address of DPDK's first pcap device. In `gateway` and `mtu` it has a
fixed gateway and an MTU of 1300. A payload of the service begins with the size of the reply, 2
bytes, which is the payload with every bit turned, over and over."""

import sys
from pathlib import Path

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
    IPv6ExtHdrRouting,
)
from scapy.layers.l2 import ARP, STP, Dot1AD, Dot1Q, Dot3, Ether, LLC
from scapy.packet import Raw
from scapy.utils import wrpcap

OUR_MAC, PEER_MAC, GATEWAY_MAC = "02:70:63:61:70:00", "02:00:00:00:00:99", "02:00:00:00:00:fe"
OUR_IP, OUR_SECOND_IP, PEER_IP = "192.0.2.1", "192.0.2.7", "192.0.2.99"
OUR_IP6, OUR_SECOND_IP6, PEER_IP6 = "2001:db8::1", "2001:db8::7", "2001:db8::63"
EVERYBODY, ALL_NODES_MAC = "ff:ff:ff:ff:ff:ff", "33:33:00:00:00:01"
GROUP_MAC, GROUP = "33:33:ff:00:00:01", "ff02::1:ff00:1"
SERVICE, PEER_PORT = 5000, 40000


def to_us(mac=OUR_MAC, **fields):
    return Ether(src=PEER_MAC, dst=mac, **fields)


def to_peer(mac=PEER_MAC):
    return Ether(src=OUR_MAC, dst=mac)


def ip(dst=OUR_IP, **fields):
    return IP(**{"src": PEER_IP, "dst": dst, "id": 7, "ttl": 61, **fields})


def ip6(dst=OUR_IP6, **fields):
    return IPv6(**{"src": PEER_IP6, "dst": dst, "hlim": 61, **fields})


def reply_ip(src=OUR_IP):
    return IP(src=src, dst=PEER_IP, id=0, flags="DF", ttl=64)


def reply_ip6(src=OUR_IP6, dst=PEER_IP6, hlim=64):
    return IPv6(src=src, dst=dst, hlim=hlim)


def payload(size, reply_size):
    """A request's payload of `size` bytes that asks for so large a reply."""
    return (reply_size.to_bytes(2, "big") + bytes(i * 7 % 256 for i in range(size)))[:size]


def reply_to(request, reply_size):
    turned = bytes(byte ^ 0xff for byte in request)
    return (turned * (reply_size // len(turned) + 1))[:reply_size]


def udp(size=20, reply_size=30, **fields):
    return UDP(**{"sport": PEER_PORT, "dport": SERVICE, **fields}) / Raw(payload(size, reply_size))


def udp_reply(size=20, reply_size=30):
    reply = reply_to(payload(size, reply_size), reply_size)
    return UDP(sport=SERVICE, dport=PEER_PORT) / Raw(reply)


def solicitation(target=OUR_IP6, option=True):
    asked = ICMPv6ND_NS(tgt=target)
    return asked / ICMPv6NDOptSrcLLAddr(lladdr=PEER_MAC) if option else asked


def advertisement(target=OUR_IP6, solicited=1):
    return ICMPv6ND_NA(tgt=target, R=0, S=solicited, O=1) / ICMPv6NDOptDstLLAddr(lladdr=OUR_MAC)


def arp_reply(address=OUR_IP):
    return ARP(op=2, hwsrc=OUR_MAC, psrc=address, hwdst=PEER_MAC, pdst=PEER_IP)


def arp_request(address=OUR_IP, sender=PEER_IP):
    return ARP(op=1, hwsrc=PEER_MAC, psrc=sender, hwdst="00:00:00:00:00:00", pdst=address)


ECHO, ECHO_REPLY = ICMP(type=8, id=0x1234, seq=5), ICMP(type=0, id=0x1234, seq=5)
DATA = bytes(range(200))
TAG = Dot1Q(vlan=5, prio=6, id=1)


def ipv4():
    sizes = [(2, 0), (2, 1), (3, 2), (21, 1472), (1472, 1472), (1472, 5)]
    return [
        *[(to_us() / ip(tos=9, options=[]) / udp(*size), to_peer() / reply_ip() / udp_reply(*size),
           "datagrams") for size in sizes],
        (to_us() / ip(flags="DF", ttl=1) / udp(), to_peer() / reply_ip() / udp_reply(),
         "datagrams"),
        (to_us() / ip(OUR_SECOND_IP) / udp(), to_peer() / reply_ip(OUR_SECOND_IP) / udp_reply(),
         "datagrams"),
        (to_us() / ip() / udp(chksum=0), to_peer() / reply_ip() / udp_reply(), "datagrams"),
    ]


def ipv6():
    sizes = [(2, 0), (2, 1), (3, 2), (21, 1452), (1452, 1452), (1452, 5)]
    return [
        *[(to_us() / ip6(tc=9, fl=77) / udp(*size), to_peer() / reply_ip6() / udp_reply(*size),
           "datagrams") for size in sizes],
        (to_us() / ip6(hlim=1) / udp(), to_peer() / reply_ip6() / udp_reply(), "datagrams"),
        (to_us() / ip6(OUR_SECOND_IP6) / udp(), to_peer() / reply_ip6(OUR_SECOND_IP6) / udp_reply(),
         "datagrams"),
        (to_us() / ip6() / udp(chksum=0), None, "udp_checksum"),
    ]


def arp():
    padding = bytes(range(100, 118))
    return [
        (to_us(EVERYBODY) / arp_request(), to_peer() / arp_reply(), "answered"),
        (to_us(EVERYBODY) / arp_request() / Raw(padding), to_peer() / arp_reply() / Raw(padding),
         "answered"),
        (to_us() / arp_request(OUR_SECOND_IP), to_peer() / arp_reply(OUR_SECOND_IP), "answered"),
        (to_us(EVERYBODY) / arp_request(sender="0.0.0.0"),
         to_peer() / ARP(op=2, hwsrc=OUR_MAC, psrc=OUR_IP, hwdst=PEER_MAC, pdst="0.0.0.0"),
         "answered"),
        (to_us(EVERYBODY) / arp_request("192.0.2.2"), None, "arp_ignored"),
        (to_us(EVERYBODY) / arp_request(sender=OUR_IP), None, "arp_ignored"),
        (to_us() / ARP(op=2, hwsrc=PEER_MAC, psrc=PEER_IP, hwdst=OUR_MAC, pdst=OUR_IP), None,
         "arp_ignored"),
        (to_us(EVERYBODY) / ARP(hwtype=6, hwlen=8, hwsrc=bytes(8), hwdst=bytes(8), pdst=OUR_IP),
         None, "arp_malformed"),
    ]


def ndp():
    return [
        (to_us(GROUP_MAC) / ip6(GROUP, hlim=255) / solicitation(),
         to_peer() / reply_ip6(hlim=255) / advertisement(), "answered"),
        (to_us() / ip6(hlim=255) / solicitation(option=False),
         to_peer() / reply_ip6(hlim=255) / advertisement(), "answered"),
        (to_us("33:33:ff:00:00:07") / ip6("ff02::1:ff00:7", hlim=255)
         / solicitation(OUR_SECOND_IP6),
         to_peer() / reply_ip6(OUR_SECOND_IP6, hlim=255) / advertisement(OUR_SECOND_IP6),
         "answered"),
        (to_us(GROUP_MAC) / ip6(GROUP, src="::", hlim=255) / solicitation(option=False),
         to_peer(ALL_NODES_MAC) / reply_ip6(dst="ff02::1", hlim=255) / advertisement(solicited=0),
         "answered"),
        (to_us(GROUP_MAC) / ip6(GROUP, hlim=254) / solicitation(), None, "ndp_malformed"),
        (to_us(GROUP_MAC) / ip6(GROUP, src="::", hlim=255) / solicitation(), None, "ndp_malformed"),
        (to_us(GROUP_MAC) / ip6(GROUP, hlim=255) / solicitation("2001:db8:1::1"), None,
         "ndp_ignored"),
        (to_us() / ip6(hlim=255) / ICMPv6ND_NA(tgt=PEER_IP6), None, "ndp_ignored"),
        (to_us(ALL_NODES_MAC) / ip6("ff02::1", hlim=255) / ICMPv6ND_RA(), None, "frame_not_for_us"),
    ]


def echo():
    return [
        (to_us() / ip(tos=4) / ECHO / Raw(DATA), to_peer() / reply_ip() / ECHO_REPLY / Raw(DATA),
         "answered"),
        (to_us() / ip(OUR_SECOND_IP) / ECHO / Raw(DATA[:19]),
         to_peer() / reply_ip(OUR_SECOND_IP) / ECHO_REPLY / Raw(DATA[:19]), "answered"),
        (to_us() / ip() / ECHO / Raw(bytes(1472)), to_peer() / reply_ip() / ECHO_REPLY
         / Raw(bytes(1472)), "answered"),
        (to_us() / ip() / ICMP(type=8, chksum=9) / Raw(DATA), None, "icmp_malformed"),
        (to_us() / ip() / ICMP(type=15), None, "icmp_ignored"),
        (to_us(EVERYBODY) / ip("192.0.2.255") / ECHO, None, "frame_not_for_us"),
        (to_us() / ip6(tc=4, fl=9) / ICMPv6EchoRequest(id=9, seq=8, data=DATA),
         to_peer() / reply_ip6() / ICMPv6EchoReply(id=9, seq=8, data=DATA), "answered"),
        (to_us() / ip6() / ICMPv6EchoRequest(cksum=9), None, "icmp_malformed"),
        (to_us(ALL_NODES_MAC) / ip6("ff02::1") / ICMPv6EchoRequest(), None, "frame_not_for_us"),
    ]


def vlan():
    return [
        (to_us() / TAG / ip() / udp(), to_peer() / TAG / reply_ip() / udp_reply(), "datagrams"),
        (to_us() / TAG / ip6() / udp(), to_peer() / TAG / reply_ip6() / udp_reply(), "datagrams"),
        (to_us(EVERYBODY) / TAG / arp_request(), to_peer() / TAG / arp_reply(), "answered"),
        (to_us(GROUP_MAC) / TAG / ip6(GROUP, hlim=255) / solicitation(),
         to_peer() / TAG / reply_ip6(hlim=255) / advertisement(), "answered"),
        (to_us() / TAG / ip() / ECHO / Raw(DATA),
         to_peer() / TAG / reply_ip() / ECHO_REPLY / Raw(DATA), "answered"),
        (to_us() / Dot1Q(prio=3, vlan=0) / ip() / udp(),
         to_peer() / Dot1Q(prio=3, vlan=0) / reply_ip() / udp_reply(), "datagrams"),
        (to_us() / Dot1Q(vlan=6) / ip() / udp(), None, "vlan"),
        (to_us() / Dot1Q(vlan=5) / Dot1Q(vlan=5) / ip() / udp(), None, "vlan_nested"),
        (to_us() / Dot1AD(vlan=5) / ip() / udp(), None, "vlan_nested"),
    ]


def gateway():
    gateway = to_peer(GATEWAY_MAC)
    return [
        (to_us() / ip() / udp(), gateway / reply_ip() / udp_reply(), "datagrams"),
        (to_us() / TAG / ip6() / udp(), gateway / TAG / reply_ip6() / udp_reply(), "datagrams"),
        (to_us() / ip() / ECHO / Raw(DATA), gateway / reply_ip() / ECHO_REPLY / Raw(DATA),
         "answered"),
        (to_us(EVERYBODY) / arp_request(), to_peer() / arp_reply(), "answered"),
        (to_us(GROUP_MAC) / ip6(GROUP, hlim=255) / solicitation(),
         to_peer() / reply_ip6(hlim=255) / advertisement(), "answered"),
    ]


def mtu():
    return [
        (to_us() / ip() / udp(20, 1272), to_peer() / reply_ip() / udp_reply(20, 1272), "datagrams"),
        (to_us() / ip() / udp(20, 1273), None, "datagrams unsent"),
        (to_us() / TAG / ip() / udp(20, 1272), to_peer() / TAG / reply_ip() / udp_reply(20, 1272),
         "datagrams"),
        (to_us() / TAG / ip() / udp(20, 1273), None, "datagrams unsent"),
        (to_us() / ip6() / udp(20, 1252), to_peer() / reply_ip6() / udp_reply(20, 1252),
         "datagrams"),
        (to_us() / ip6() / udp(20, 1253), None, "datagrams unsent"),
        (to_us() / ip() / ECHO / Raw(bytes(1272)),
         to_peer() / reply_ip() / ECHO_REPLY / Raw(bytes(1272)), "answered"),
        (to_us() / ip() / ECHO / Raw(bytes(1273)), None, "frame_oversized"),
    ]


def bad_sources():
    sources = ["0.0.0.0", "255.255.255.255", "224.0.0.5", "127.0.0.1", OUR_SECOND_IP]
    sources6 = ["::", "::1", "ff02::5", f"::ffff:{PEER_IP}", OUR_SECOND_IP6]
    return [*[(to_us() / ip(src=source) / udp(), None, "ip_source") for source in sources],
            *[(to_us() / ip6(src=source) / udp(), None, "ip_source") for source in sources6]]


def malformed():
    return [
        (Ether(src=PEER_MAC, dst="02:00:00:00:00:77") / ip() / udp(), None, "frame_not_for_us"),
        (to_us(), None, "frame_ethertype"),
        (to_us(type=0x88cc) / Raw(bytes(46)), None, "frame_ethertype"),
        (Dot3(src=PEER_MAC, dst="01:80:c2:00:00:00") / LLC() / STP(), None, "frame_ethertype"),
        (to_us(type=0x0800) / Raw(bytes(ip() / udp())[:19]), None, "frame_truncated"),
        (to_us(type=0x86dd) / Raw(bytes(ip6() / udp())[:39]), None, "frame_truncated"),
        (to_us(type=0x0806) / Raw(bytes(arp_request())[:27]), None, "frame_truncated"),
        (to_us() / ip(len=1000) / udp(), None, "frame_truncated"),
        (to_us() / ip6(plen=1000) / udp(), None, "frame_truncated"),
        (to_us() / ip(len=19) / udp(), None, "ip_header"),
        (to_us() / ip(ihl=4) / udp(), None, "ip_header"),
        (to_us() / ip(version=5) / udp(), None, "ip_header"),
        (to_us() / ip6(version=5) / udp(), None, "ip_header"),
        (to_us() / ip(chksum=0x4242) / udp(), None, "ip_checksum"),
        (to_us() / ip(options=[b"\x94\x04\0\0"]) / udp(), None, "ip_options"),
        (to_us() / ip(flags="MF") / udp(), None, "ip_fragment"),
        (to_us() / ip(frag=40) / udp(), None, "ip_fragment"),
        (to_us() / ip6() / IPv6ExtHdrFragment(m=1, id=5, nh=17) / udp(), None, "ip_fragment"),
        (to_us() / ip6() / IPv6ExtHdrHopByHop() / udp(), None, "ip_extension"),
        (to_us() / ip6() / IPv6ExtHdrDestOpt() / udp(), None, "ip_extension"),
        (to_us() / ip6() / IPv6ExtHdrRouting() / udp(), None, "ip_extension"),
        (to_us() / ip() / TCP(dport=SERVICE), None, "ip_protocol"),
        (to_us() / ip6() / TCP(dport=SERVICE), None, "ip_protocol"),
        *bad_sources(),
        (to_us() / ip("192.0.2.2") / udp(), None, "frame_not_for_us"),
        (to_us() / ip6("2001:db8::2") / udp(), None, "frame_not_for_us"),
        (to_us() / ip() / udp(len=27), None, "udp_length"),
        (to_us() / ip() / udp(len=29), None, "udp_length"),
        (to_us() / ip6() / udp(len=0), None, "udp_length"),
        (to_us() / ip() / udp(chksum=0x4242), None, "udp_checksum"),
        (to_us() / ip6() / udp(chksum=0x4242), None, "udp_checksum"),
        (to_us() / ip() / udp(dport=5001), None, "udp_port"),
        (to_us() / ip() / udp(sport=0), None, "udp_port"),
        (to_us() / ip() / udp(1473), None, "frame_oversized"),
        (to_us() / ip6() / udp(1600), None, "frame_oversized"),
    ]


# DUTY: [(frame in, frame out or None, what it counts as)]
DUTIES = {cases.__name__: cases for cases in (
    ipv4, ipv6, arp, ndp, echo, vlan, gateway, mtu, malformed)}


def main():
    folder = Path(sys.argv[1] if len(sys.argv) > 1 else Path(__file__).parent)
    for duty, cases in ((name, make()) for name, make in DUTIES.items()):
        # Frames as bytes: what scapy computes stays as it was computed here. The time is always 0.
        frames_in = [Ether(bytes(frame)) for frame, _, _ in cases]
        frames_out = [Ether(bytes(out)) for _, out, _ in cases if out is not None]
        for name, frames in (("in", frames_in), ("out", frames_out)):
            for frame in frames:
                frame.time = 0
            wrpcap(str(folder / f"{duty}.{name}.pcap"), frames, linktype=1)
        names = [word for _, _, counted in cases for word in counted.split()]
        (folder / f"{duty}.counts").write_text("".join(
            f"{name} {names.count(name)}\n" for name in sorted(set(names))))


main()
