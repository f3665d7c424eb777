"""What is not for the server goes to the kernel through a tap, and comes back from it: TCP, UDP and
ARP of a host that happens to be an appliance."""

import contextlib
import dataclasses
import socket
import threading
from pathlib import Path

import pytest
from ports import CLIENT_IP, KINDS, SERVER_IP, UDP_PORT
from pssstd import since
from scapy.layers.inet import IP, TCP, UDP
from scapy.layers.l2 import Dot1Q, Ether
from scapy.packet import Raw
from wire import eventually, mac_of, wire_at
from world import UNPRIVILEGED_USER, world_in

pytestmark = pytest.mark.usefixtures("as_root")

TAP = "pssst-ex0"


@contextlib.contextmanager
def kernel_behind(*more):
    """A pssstd on a veth pair, and its machine's kernel behind it, at the same addresses."""
    with KINDS["net_af_packet"]() as plain:
        # As on a NIC, the clients' kernel leaves no checksum partial, and the server's kernel hears
        # nothing but what it is handed.
        plain.clients.run("ethtool", "-K", plain.interface, "tx", "off")
        with plain.namespace.entered():
            conf = Path("/proc/sys/net/ipv4/conf", plain.server_interface)
            (conf / "rp_filter").write_text("1")
            (conf / "arp_ignore").write_text("8")
        place = dataclasses.replace(plain, arguments=[
            *[word for word in plain.arguments if word != "--no-verify-udp-checksum"],
            "--exception", TAP, "--user", UNPRIVILEGED_USER, *more])
        with world_in(place) as world:
            place.namespace.ip("address", "add", f"{SERVER_IP}/24", "dev", TAP)
            yield world


def listener(world, port, kind=socket.SOCK_STREAM):
    """A daemon's socket on the server's machine."""
    bound = world.place.namespace.socket(socket.AF_INET, kind)
    bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    bound.settimeout(10)
    bound.bind((SERVER_IP, port))
    if kind == socket.SOCK_STREAM:
        bound.listen()
    return bound


def test_the_tap_is_the_ports_double():
    with kernel_behind() as world:
        assert world.call(b"the server serves") == b"the server serves"
        shown = world.place.namespace.ip("-o", "link", "show", TAP)
        assert mac_of(world.place, SERVER_IP) in shown
        assert "LOWER_UP" in shown and "mtu 1500" in shown


def test_tcp_both_ways():
    """A session of SSH or BGP: a daemon here is called, and calls."""
    with kernel_behind() as world, listener(world, 179) as daemon:
        data = bytes(range(256)) * 400
        with world.place.clients.socket(socket.AF_INET, socket.SOCK_STREAM) as client:
            client.settimeout(10)
            client.connect((SERVER_IP, 179))
            session, peer = daemon.accept()
            assert peer[0] == CLIENT_IP
            with session:
                sender = threading.Thread(target=client.sendall, args=(data,))
                sender.start()
                received = b""
                while len(received) < len(data):
                    received += session.recv(65536)
                sender.join()
                assert received == data
                session.sendall(data[::-1])
                back = b""
                while len(back) < len(data):
                    back += client.recv(65536)
                assert back == data[::-1]
        # The other way round the kernel must resolve its neighbour first.
        world.place.namespace.ip("neighbour", "flush", "dev", TAP)
        with world.place.clients.socket(socket.AF_INET, socket.SOCK_STREAM) as router, \
                world.place.namespace.socket(socket.AF_INET, socket.SOCK_STREAM) as caller:
            router.bind((CLIENT_IP, 179))
            router.listen()
            caller.settimeout(10)
            caller.connect((CLIENT_IP, 179))
        assert world.call(b"and the server serves") == b"and the server serves"
        total = world.report()["total"]
        assert total["handed_to_kernel"] > 100 and total["sent_for_kernel"] > 100
        assert total["kernel_lost"] == 0 and not total["drops"]


def test_other_udp_ports():
    """BFD: a UDP port without a service, in both directions; and the service's own stays ours."""
    with kernel_behind() as world, listener(world, 3784, socket.SOCK_DGRAM) as daemon, \
            world.place.clients.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
        client.settimeout(10)
        client.setsockopt(socket.IPPROTO_IP, socket.IP_TTL, 255)
        client.sendto(b"are you there?", (SERVER_IP, 3784))
        data, peer = daemon.recvfrom(100)
        assert data == b"are you there?"
        daemon.sendto(b"yes", peer)
        assert client.recv(100) == b"yes"
        with listener(world, UDP_PORT, socket.SOCK_DGRAM) as shadowed:
            assert world.call(b"to the service") == b"to the service"
            shadowed.settimeout(0.1)
            with pytest.raises(TimeoutError):
                shadowed.recv(100)


def test_what_is_malformed_stays_a_drop():
    with kernel_behind() as world, wire_at(world.place) as wire:
        world.call(b"resolve")
        mac = mac_of(world.place, SERVER_IP)
        before = world.report()
        address = IP(src=CLIENT_IP, dst=SERVER_IP)
        for packet in (IP(src=CLIENT_IP, dst=SERVER_IP, chksum=1) / TCP(dport=22),
                       IP(src=CLIENT_IP, dst=SERVER_IP, len=1400) / TCP(dport=22),
                       address / UDP(sport=4000, dport=UDP_PORT, len=7) / Raw(bytes(60)),
                       Dot1Q(vlan=0) / Dot1Q(vlan=0) / address / TCP(dport=22)):
            wire.send(Ether(src=wire.mac, dst=mac) / packet)
        wire.send(Ether(src=wire.mac, dst="02:00:00:00:00:99") / address / TCP(dport=22))
        wire.heard()
        counts, drops = since(before["total"], world.report()["total"])
        assert drops == {"ip_checksum": 1, "frame_truncated": 1, "udp_length": 1, "vlan_nested": 1,
                         "frame_not_for_us": 1}
        assert counts["handed_to_kernel"] == 0


def test_a_flood_for_the_kernel_does_not_stop_the_server():
    """What the kernel's queue does not hold is a drop; datagrams are served meanwhile."""
    with kernel_behind() as world, wire_at(world.place) as wire:
        world.call(b"resolve")
        mac = mac_of(world.place, SERVER_IP)
        before = world.report()
        frame = bytes(Ether(src=wire.mac, dst=mac) / IP(src=CLIENT_IP, dst=SERVER_IP)
                      / UDP(sport=4000, dport=9) / Raw(bytes(1400)))
        for i in range(20_000):
            wire.send(frame)
            if i % 5000 == 0:
                assert world.call(b"in between") == b"in between"
        counts, drops = since(before["total"], world.report()["total"])
        assert counts["handed_to_kernel"] > 1000
        assert set(drops) <= {"kernel_queue_full"}
        # The driver's socket may lose some before the server sees them.
        assert counts["handed_to_kernel"] + drops.get("kernel_queue_full", 0) > 10_000


def test_carrier_follows_the_link():
    """Changes of the link are told, and the kernel's interface has a cable while the port has."""
    with KINDS["net_tap"]() as plain:
        place = dataclasses.replace(plain, arguments=[*plain.arguments, "--exception", TAP])
        with world_in(place) as world:
            def carrier():
                return place.namespace.run("cat", f"/sys/class/net/{TAP}/carrier").strip()

            assert eventually(lambda: carrier() == "1"), world.server.said()
            place.clients.ip("link", "set", place.interface, "down")
            assert eventually(lambda: carrier() == "0"), world.server.said()
            place.clients.ip("link", "set", place.interface, "up")
            assert eventually(lambda: carrier() == "1"), world.server.said()
            said = world.server.said()
            down = said.index("net_tap0: link down")
            assert down < said.index("net_tap0: link up", down)
