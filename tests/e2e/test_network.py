"""The appliance among its neighbours: VLANs, a fixed gateway, the MTU, several addresses."""

import contextlib
import dataclasses

import peer
import pytest
from ports import CLIENT_IP, CLIENT_IP6, KINDS, SERVER_IP, SERVER_IP6, UDP_PORT
from pssstd import since
from scapy.layers.inet import ICMP, IP, UDP
from scapy.layers.inet6 import ICMPv6ND_NA, ICMPv6ND_NS, IPv6
from scapy.layers.l2 import ARP, Dot1Q, Ether
from scapy.packet import Raw
from wire import CLIENT_PORT, wire_at
from world import world_in

pytestmark = pytest.mark.usefixtures("as_root")

SECOND_IP = "10.77.0.4"
SECOND_IP6 = "fd77::4"
GATEWAY_MAC = "02:00:00:00:00:fe"
EVERYBODY = "ff:ff:ff:ff:ff:ff"


@contextlib.contextmanager
def network(kind="net_tap", arguments=()):
    """A pssstd with more arguments, frames by hand, and the server's MAC address."""
    with KINDS[kind]() as plain:
        place = dataclasses.replace(plain, arguments=[*plain.arguments, *arguments])
        with world_in(place) as world, wire_at(place) as wire:
            yield world, wire, resolved(wire, SERVER_IP)


def framed(wire, mac, packet, tag=None):
    frame = Ether(src=wire.mac, dst=mac)
    return frame / packet if tag is None else frame / tag / packet


def resolved(wire, address, tag=None):
    """The server's answer to who has the address: ARP, in a VLAN if one is given."""
    asked = ARP(op="who-has", hwsrc=wire.mac, psrc=CLIENT_IP, pdst=address)
    reply = Ether(wire.ask(framed(wire, EVERYBODY, asked, tag)))
    assert (reply[ARP].op, reply[ARP].psrc, reply.dst) == (2, address, wire.mac)
    assert (Dot1Q in reply) == (tag is not None)
    if tag is not None:
        assert reply[Dot1Q].vlan == tag.vlan
    return reply.src


def request(wire, server_mac, packet, datagram, tag=None):
    datagram = UDP(sport=CLIENT_PORT, dport=UDP_PORT) / Raw(datagram)
    return framed(wire, server_mac, packet / datagram, tag)


def addressed(address):
    """An IP header from a client to the address."""
    return IPv6(src=CLIENT_IP6, dst=address) if ":" in address else IP(src=CLIENT_IP, dst=address)


@pytest.mark.parametrize("kind", ["net_tap", "net_af_packet"])
def test_vlan(kind):
    """Two VLANs are served, and the replies stay in them, priority included."""
    with network(kind, ["--vlan", "0", "--vlan", "5", "--vlan", "4094"]) as (world, wire, mac):
        before = world.report()
        for vlan in (5, 4094):
            assert resolved(wire, SERVER_IP, Dot1Q(vlan=vlan)) == mac
            for address in (SERVER_IP, SERVER_IP6):
                datagram, pending = world.client().seal(b"in a VLAN")
                tag = Dot1Q(vlan=vlan, prio=5, id=1)
                reply = Ether(wire.ask(request(wire, mac, addressed(address), datagram, tag)))
                assert (reply[Dot1Q].vlan, reply[Dot1Q].prio, reply[Dot1Q].id) == (vlan, 5, 1)
                assert pending.open(bytes(reply[UDP].payload)) == b"in a VLAN"
        wire.send(request(wire, mac, addressed(SERVER_IP), bytes(60), Dot1Q(vlan=6)))
        assert wire.heard() == []
        counts, drops = since(before["total"], world.report()["total"])
        assert counts["replied"] == 4 and drops == {"vlan": 1}
        assert world.call(b"untagged") == b"untagged"


def test_only_tagged_frames():
    """Without 0 among its VLANs the server takes no untagged frame."""
    with KINDS["net_tap"]() as plain:
        place = dataclasses.replace(plain, arguments=[*plain.arguments, "--vlan", "5"])
        with world_in(place) as world, wire_at(place) as wire:
            before = world.report()
            wire.send(Ether(src=wire.mac, dst=EVERYBODY) / ARP(
                op="who-has", hwsrc=wire.mac, psrc=CLIENT_IP, pdst=SERVER_IP))
            assert wire.heard() == []
            assert since(before["total"], world.report()["total"])[1] == {"vlan": 1}
            resolved(wire, SERVER_IP, Dot1Q(vlan=5))


def test_gateway_mac():
    """Replies go to the gateway, whoever sent the request; who asks for neighbours is answered."""
    with network(arguments=["--gateway-mac", GATEWAY_MAC]) as (world, wire, mac):
        for address in (SERVER_IP, SERVER_IP6):
            datagram, pending = world.client().seal(b"by the gateway")
            reply = Ether(wire.ask(request(wire, mac, addressed(address), datagram)))
            assert (reply.src, reply.dst) == (mac, GATEWAY_MAC)
            assert pending.open(bytes(reply[UDP].payload)) == b"by the gateway"
        echo = Ether(src=wire.mac, dst=mac) / addressed(SERVER_IP) / ICMP(id=1, seq=2)
        assert Ether(wire.ask(echo)).dst == GATEWAY_MAC


def test_several_addresses():
    """Each is answered for and answers."""
    more = ["--address", SECOND_IP, "--address", SECOND_IP6]
    with network(arguments=more) as (world, wire, mac):
        assert resolved(wire, SECOND_IP) == mac
        solicited = Ether(wire.ask(
            Ether(src=wire.mac, dst="33:33:ff:00:00:04")
            / IPv6(src=CLIENT_IP6, dst="ff02::1:ff00:4", hlim=255) / ICMPv6ND_NS(tgt=SECOND_IP6)))
        assert (solicited.src, solicited[ICMPv6ND_NA].tgt) == (mac, SECOND_IP6)
        for address in (SERVER_IP, SERVER_IP6, SECOND_IP, SECOND_IP6):
            datagram, pending = world.client().seal(address.encode())
            reply = Ether(wire.ask(request(wire, mac, addressed(address), datagram)))
            assert reply.payload.src == address
            assert pending.open(bytes(reply[UDP].payload)) == address.encode()


@pytest.mark.parametrize("address, headers", [(SERVER_IP, 28), (SERVER_IP6, 48)])
def test_reply_over_the_mtu(address, headers):
    """A reply as long as its request: the one that would need fragments is a drop, counted."""
    mtu = 1300
    with network(arguments=["--mtu", str(mtu)]) as (world, wire, mac):
        fits = mtu - headers - peer.OVERHEAD_SIZE
        before = world.report()
        datagram, pending = world.client().seal(bytes(fits))
        frame = wire.ask(request(wire, mac, addressed(address), datagram))
        assert len(frame) == 14 + mtu
        assert pending.open(bytes(Ether(frame)[UDP].payload)) == bytes(fits)
        datagram, _ = world.client().seal(bytes(fits + 1))
        wire.send(request(wire, mac, addressed(address), datagram))
        assert wire.heard() == []
        counts, drops = since(before["total"], world.report()["total"])
        assert counts["replied"] == 1 and drops == {"reply_over_mtu": 1}


def test_echo_over_the_mtu():
    with network(arguments=["--mtu", "1280"]) as (world, wire, mac):
        before = world.report()
        for size in (1252, 1253):
            wire.send(Ether(src=wire.mac, dst=mac) / addressed(SERVER_IP) / ICMP()
                      / Raw(bytes(size)))
        assert [len(frame) for frame in wire.heard()] == [14 + 1280]
        assert since(before["total"], world.report()["total"])[1] == {"frame_oversized": 1}
