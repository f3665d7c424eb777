"""Ten seconds of malformed frames of every kind, as fast as they can be sent: the server lives, its
memory does not grow, and it serves. (Buffers are counted where they can be: dpdk_port_test.cpp.)"""

import random
import re
import threading
import time

from conftest import on_ports
from ports import CLIENT_IP6, SERVER_IP, SERVER_IP6, UDP_PORT
from pssstd import assert_books, unbalanced
from scapy.layers.inet import UDP
from scapy.layers.inet6 import ICMPv6EchoRequest, IPv6
from scapy.layers.l2 import ARP, Ether
from scapy.packet import Raw
from test_frames import FRAMES, ip, solicitation
from wire import CLIENT_PORT, mac_of, wire_at

pytestmark = on_ports("net_tap", "net_af_packet")

SECONDS = 10
SETTLED = 3       # seconds in which every buffer has been touched
FRAMES_MIN = 50_000
OF_EACH_MIN = 500
CALLS = 1000


def good_frames(wire, mac):
    """Frames that are served and answered, to be cut and spoilt."""
    udp = UDP(sport=CLIENT_PORT, dport=UDP_PORT) / Raw(bytes(100))
    return [bytes(Ether(src=wire.mac, dst=mac) / packet) for packet in (
        ip() / udp, IPv6(src=CLIENT_IP6, dst=SERVER_IP6) / udp, solicitation(),
        IPv6(src=CLIENT_IP6, dst=SERVER_IP6) / ICMPv6EchoRequest(data=bytes(50)),
        ARP(op="who-has", hwsrc=wire.mac, psrc="10.77.0.1", pdst=SERVER_IP))]


def malformed_frames(wire, mac, dice):
    """Every frame of test_frames, which is counted as what it is; good ones cut short, spoilt in
    several places, and as long as the wire lets them be."""
    frames = [bytes(Ether(src=wire.mac, dst=mac) / packet) for _, packet in FRAMES.values()]
    for good in good_frames(wire, mac):
        frames += [good[:size] for size in range(14, len(good), 3)]
        frames.append(good[:14] + (good[14:] * 40)[:1500])
        for _ in range(50):
            spoilt = bytearray(good)
            for _ in range(dice.randint(1, 6)):
                # The MAC addresses stay: the rest is to be looked at.
                spoilt[dice.randrange(12, len(spoilt))] = dice.randrange(256)
            frames.append(bytes(spoilt))
    dice.shuffle(frames)
    return frames


def memory_kb(server):
    status = open(f"/proc/{server.pid}/status", encoding="ascii").read()
    return int(re.search(r"VmRSS:\s+(\d+) kB", status).group(1))


def flood(wire, frames, until):
    while time.monotonic() < until:
        for frame in frames:
            wire.send(frame)


def calls_answered(world):
    """Of CALLS, a hundred under way at a time."""
    client, answered = world.client(), 0
    with world.socket() as connected:
        connected.setsockopt(1, 8, 1 << 22)  # SO_RCVBUF
        for _ in range(CALLS // 100):
            waiting = {}
            for _ in range(100):
                datagram, pending = client.seal(b"still there?")
                waiting[datagram[4:36]] = pending
                connected.send(datagram)
            for _ in range(100):
                reply = connected.recv(65536)
                answered += waiting.pop(reply[4:36]).open(reply) == b"still there?"
    return answered


def test_flood(world):
    world.call(b"resolve")
    mac = mac_of(world.place, SERVER_IP)
    before = world.report()["total"]
    with wire_at(world.place) as wire:
        frames = malformed_frames(wire, mac, random.Random(1))
        until = time.monotonic() + SECONDS
        sender = threading.Thread(target=flood, args=(wire, frames, until))
        sender.start()
        time.sleep(SETTLED)
        memory = memory_kb(world.server)
        while sender.is_alive():
            assert unbalanced(world.server.report()["total"]) is None
            time.sleep(0.5)
        sender.join()
    report = world.report()
    assert_books(report)
    assert memory_kb(world.server) <= memory, "memory grew"
    total = report["total"]
    assert total["frames"] - before["frames"] > FRAMES_MIN
    for reason, _ in FRAMES.values():
        assert total["drops"].get(reason, 0) - before["drops"].get(reason, 0) > OF_EACH_MIN, reason
    assert calls_answered(world) == CALLS
