"""The short round, on every kind of port that needs more than a kernel socket."""

import peer
import pytest
from conftest import on_ports
from ports import KINDS
from pssstd import since
from world import ACK_TEXT, receive_all

pytestmark = on_ports(*[kind for kind in KINDS if kind.startswith("net_") and kind != "net_tap"])

MALFORMED = {
    "too_short": b"\0\0\0",
    "suite": bytes.fromhex("00000002") + bytes(60),
    "reply_flag": bytes.fromhex("80000001") + bytes(60),
    "reserved_flags": bytes.fromhex("20000001") + bytes(60),
    "too_short_for_suite": bytes.fromhex("40000001") + bytes(100),
    "dh_not_canonical": bytes.fromhex("00000001") + b"\xff" * 60,
    "dh_small_order": bytes.fromhex("00000001") + bytes(60),
    "tag": bytes.fromhex("00000001") + b"\x10" + bytes(60),
}


@pytest.mark.parametrize("authenticated", [False, True], ids=["anonymous", "authenticated"])
@pytest.mark.parametrize("size", [0, 64, 1300])
def test_calls(world, size, authenticated):
    message = bytes(size)
    assert world.call(message, "echo", authenticated) == message
    assert world.call(message, "ack", authenticated) == ACK_TEXT


def test_malformed(world):
    for reason, datagram in MALFORMED.items():
        before = world.report()
        with world.socket() as connected:
            connected.send(datagram)
            assert receive_all(connected, 0.05) == []
        assert since(before["total"], world.report()["total"])[1] == {reason: 1}
        assert world.call(b"good") == b"good"


def test_arp(world):
    """The clients' kernel asks who has the server's address, and remembers the answer."""
    before = world.report()
    world.place.clients.ip("neighbour", "flush", "dev", world.place.interface)
    assert world.call(b"who has it?") == b"who has it?"
    counts, drops = since(before["total"], world.report()["total"])
    assert counts["answered"] >= 1 and not drops
    neighbours = world.place.clients.ip("neighbour", "show", world.place.host)
    assert "lladdr" in neighbours and "FAILED" not in neighbours


def test_burst_of_calls(world):
    """As many at once as the client's own socket buffer can hold the replies of."""
    count, client = 128, world.client("echo", authenticated=True)
    before = world.report()
    with world.socket() as connected:
        waiting = {}
        for _ in range(count):
            datagram, pending = client.seal(b"many")
            waiting[datagram[4:36]] = pending
            connected.send(datagram)
        for _ in range(count):
            reply = connected.recv(65536)
            assert waiting.pop(reply[4:36]).open(reply) == b"many"
    counts, drops = since(before["total"], world.report()["total"])
    assert counts["replied"] == count and not drops
