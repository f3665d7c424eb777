"""The appliance among its neighbours: VLANs, a fixed gateway, the MTU, several addresses."""

import contextlib
import dataclasses
import time
from pathlib import Path

import peer
import pytest
from namespaces import Namespace
from ports import (
    CLIENT_IP,
    CLIENT_IP6,
    KINDS,
    SERVER_IP,
    SERVER_IP6,
    UDP_PORT,
    Place,
    dpdk_arguments,
)
from pssstd import since
from scapy.layers.inet import ICMP, IP, UDP
from scapy.layers.inet6 import ICMPv6MLReport2, ICMPv6ND_NA, ICMPv6ND_NS, IPv6
from scapy.layers.l2 import ARP, Dot1Q, Ether
from scapy.packet import Raw
from scapy.utils import rdpcap
from wire import CLIENT_PORT, Wire, eventually, wire_at
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


def test_a_kernels_own_ipv6():
    """A kernel that is a client checks its address for duplicates, asks for the server's neighbour,
    calls, and asks again whether it is still there."""
    with KINDS["net_tap"]() as plain:
        place = dataclasses.replace(plain, host=SERVER_IP6)
        with world_in(place) as world:
            clients, interface = place.clients, place.interface
            with clients.entered():
                Path("/proc/sys/net/ipv6/conf", interface, "disable_ipv6").write_text("0")
            clients.ip("address", "add", f"{CLIENT_IP6}/64", "dev", interface)
            assert eventually(lambda: "tentative" not in clients.ip("address", "show", interface))
            for _ in range(2):
                before = world.report()["total"]
                assert world.call(b"over IPv6", authenticated=True) == b"over IPv6"
                assert world.report()["total"]["answered"] > before["answered"]
                shown = clients.ip("neighbour", "show", SERVER_IP6)
                assert "lladdr" in shown and "FAILED" not in shown
                clients.ip("neighbour", "flush", "dev", interface)


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


@pytest.mark.parametrize("vlans", [[], [0, 5]], ids=["untagged", "in two VLANs"])
def test_announcements(vlans):
    """At the start and when the link comes up again, all neighbours hear of every address."""
    arguments = ["--address", SECOND_IP6] + [word for vlan in vlans for word in ("--vlan", vlan)]
    with KINDS["net_tap"]() as plain:
        place = dataclasses.replace(plain, arguments=[*plain.arguments, *map(str, arguments)])
        with world_in(place) as world, wire_at(place) as wire:
            for occasion in ("start", "link up"):
                if occasion == "link up":
                    place.clients.ip("link", "set", place.interface, "down")
                    assert eventually(lambda: "link down" in world.server.said())
                    place.clients.ip("link", "set", place.interface, "up")
                # Those of the first second of the three may have been missed at the start.
                heard = [Ether(frame) for frame in wire.heard(2.5, groups=True)]
                for vlan in vlans or [0]:
                    here = [frame for frame in heard
                            if (frame[Dot1Q].vlan if Dot1Q in frame else 0) == vlan]
                    arps = [frame[ARP] for frame in here if ARP in frame]
                    assert arps and all(
                        (arp.op, arp.psrc, arp.pdst) == (1, SERVER_IP, SERVER_IP) for arp in arps)
                    assert all(frame.dst == EVERYBODY for frame in here if ARP in frame)
                    told = [frame for frame in here if ICMPv6ND_NA in frame]
                    assert {frame[ICMPv6ND_NA].tgt for frame in told} == {SERVER_IP6, SECOND_IP6}
                    assert all(frame.dst == "33:33:00:00:00:01" and frame[IPv6].dst == "ff02::1"
                               and frame[IPv6].hlim == 255 and frame[IPv6].src == answer.tgt
                               and (answer.R, answer.S, answer.O) == (0, 0, 1)
                               for frame in told for answer in [frame[ICMPv6ND_NA]])
                    assert groups_reported(here) == {solicited_node(SERVER_IP6),
                                                     solicited_node(SECOND_IP6)}
            assert world.report()["total"]["announced"] == 2 * 3 * 5 * len(vlans or [0])


def solicited_node(address):
    return f"ff02::1:ff00:{address.rpartition(':')[2]}"


def groups_reported(frames):
    """As joined, by reports of listeners (RFC 3810)."""
    reports = [frame for frame in frames if ICMPv6MLReport2 in frame]
    assert all((frame.dst, frame[IPv6].dst, frame[IPv6].src, frame[IPv6].hlim) ==
               ("33:33:00:00:00:16", "ff02::16", "::", 1) for frame in reports)
    records = [record for frame in reports for record in frame[ICMPv6MLReport2].records]
    assert all((record.rtype, record.sources) == (4, []) for record in records)
    return {record.dst for record in records}


@contextlib.contextmanager
def snooping_switch():
    """A server and its clients at a switch that sends a group's frames to its listeners only."""
    with Namespace() as server, Namespace() as switch, Namespace() as clients:
        switch.ip("link", "add", "switch0", "type", "bridge", "mcast_snooping", 1,
                  "mcast_query_response_interval", 10)
        for namespace, own, other in ((server, "pssst0", "port0"), (clients, "pssst1", "port1")):
            namespace.ip("link", "add", own, "type", "veth", "peer", "name", other, "netns",
                         switch.name)
            switch.ip("link", "set", other, "master", "switch0", "up")
        switch.ip("link", "set", "switch0", "up")
        # A switch that queries has an address, too.
        for namespace, interface, address in ((clients, "pssst1", f"{CLIENT_IP6}/64"),
                                              (switch, "switch0", "fe80::77/64")):
            with namespace.entered(), \
                    open(f"/proc/sys/net/ipv6/conf/{interface}/disable_ipv6", "w") as file:
                file.write("0")
            namespace.ip("address", "add", address, "dev", interface, "nodad")
        server.ip("link", "set", "pssst0", "up")
        clients.ip("link", "set", "pssst1", "up")
        switch.ip("link", "set", "switch0", "type", "bridge", "mcast_querier", 1)
        arguments = [*dpdk_arguments("net_af_packet0,iface=pssst0"), "--no-verify-udp-checksum"]
        yield Place("net_af_packet", SERVER_IP6, arguments, server, clients,
                    interface="pssst1"), switch


def test_a_switch_that_snoops():
    """Neighbours behind it find the server: it has told the switch which groups it listens to."""
    with snooping_switch() as (place, switch):
        time.sleep(1)  # until listeners have had their time to answer it sends to all
        with contextlib.closing(Wire(place.namespace, "pssst0")) as behind:
            with contextlib.closing(Wire(place.clients, "pssst1")) as wire:
                wire.send(Ether(src=wire.mac, dst="33:33:ff:00:00:02")
                          / IPv6(src=CLIENT_IP6, dst=solicited_node(SERVER_IP6), hlim=255)
                          / ICMPv6ND_NS(tgt=SERVER_IP6))
            asked = [frame for frame in behind.heard(0.2, groups=True)
                     if ICMPv6ND_NS in Ether(frame)]
            assert not asked, "the switch sends to who does not listen"
        with world_in(place) as world:
            assert world.call(b"found") == b"found"
            listeners = switch.run("bridge", "mdb", "show", "dev", "switch0")
            assert f"port port0 grp {solicited_node(SERVER_IP6)}" in listeners


def test_capture(tmp_path):
    """Chosen drops and nothing else, whole, in a file of the server's own; the rest counted."""
    file = tmp_path / "drops.pcap"
    arguments = ["--capture-drops", "tag,vlan", "--capture-file", str(file), "--capture-rate", "20"]
    with network(arguments=arguments) as (world, wire, mac):
        begin = time.time()
        in_vlan = request(wire, mac, addressed(SERVER_IP), bytes(60), Dot1Q(vlan=5))
        bad_tag = request(wire, mac, addressed(SERVER_IP6), b"\0\0\0\1\x10" + bytes(100))
        unchosen = request(wire, mac, addressed(SERVER_IP), b"\0\0\0")
        for frame in (in_vlan, bad_tag, unchosen):
            wire.send(frame)
        assert world.call(b"served meanwhile") == b"served meanwhile"
        assert eventually(lambda: len(rdpcap(str(file))) == 2)
        captured = rdpcap(str(file))
        assert [bytes(packet) for packet in captured] == [bytes(in_vlan), bytes(bad_tag)]
        assert all(begin - 0.1 < float(packet.time) < time.time() + 0.1 for packet in captured)
        for _ in range(100):
            wire.send(in_vlan)
        total = world.report()["total"]
        assert total["drops"]["vlan"] == 101 and total["drops"]["too_short"] == 1
        assert total["captured"] + total["capture_missed"] == 102
        assert 20 <= total["captured"] < 60
        world.server.stop()
        assert len(rdpcap(str(file))) == total["captured"]
    assert file.stat().st_mode & 0o777 == 0o600
