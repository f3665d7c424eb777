"""A client that shares no code with the server calls it."""

import peer
import pytest
from conftest import on_ports
from pssstd import since
from world import ACK_TEXT, receive_all

SIZES = [0, 1, 15, 16, 17, 64, 512, 1300]
MODES = pytest.mark.parametrize("authenticated", [False, True], ids=["anonymous", "authenticated"])

pytestmark = on_ports("socket-ipv4", "socket-ipv6", "net_tap")


def message_of(size):
    return bytes(range(256)) * (size // 256) + bytes(range(size % 256))


@MODES
@pytest.mark.parametrize("size", SIZES)
def test_echo(world, size, authenticated):
    before = world.report()
    message = message_of(size)
    assert world.call(message, "echo", authenticated) == message
    counts, drops = since(before["total"], world.report()["total"])
    assert counts["datagrams"] == counts["replied"] == 1 and not drops
    overhead = peer.OVERHEAD_SIZE + (peer.PROOF_SIZE if authenticated else 0)
    assert counts["bytes_in"] == size + overhead
    assert counts["bytes_out"] == size + peer.OVERHEAD_SIZE


@MODES
@pytest.mark.parametrize("size", SIZES)
def test_ack(world, size, authenticated):
    assert world.call(message_of(size), "ack", authenticated) == ACK_TEXT


@MODES
@pytest.mark.parametrize("size", SIZES)
def test_discard(world, size, authenticated):
    """Accepted and handled, and nothing is said."""
    before = world.report()
    datagram, _ = world.client("discard", authenticated).seal(message_of(size))
    with world.socket("discard") as connected:
        connected.send(datagram)
        assert receive_all(connected, 0.05) == []
    counts, drops = since(before["total"], world.report()["total"])
    assert counts["answered_without_reply"] == 1 and counts["replied"] == 0 and not drops


@MODES
def test_largest_datagram(world, authenticated):
    """An Ethernet frame full, where the reply is as long as it can be."""
    overhead = peer.OVERHEAD_SIZE + (peer.PROOF_SIZE if authenticated else 0)
    message = message_of(peer.DATAGRAM_SIZE_MAX - overhead)
    assert world.call(message, "echo", authenticated) == message


def test_larger_datagram_is_dropped_and_counted(world):
    before = world.report()
    with world.socket() as connected:
        connected.send(world.client().seal(bytes(peer.DATAGRAM_SIZE_MAX))[0])
        assert receive_all(connected, 0.1) == []
    counts, drops = since(before["total"], world.report()["total"])
    # An Ethernet port sees the fragments that the client's kernel made of it.
    assert drops == ({"ip_fragment": 2} if world.place.is_dpdk else {"frame_oversized": 1})
    assert counts["datagrams"] == 0
    assert world.call(b"still there") == b"still there"


@MODES
def test_many_calls_over_one_socket(world, authenticated):
    """Replies may come in any order; each opens exactly one request."""
    count = 200
    client = world.client("echo", authenticated)
    with world.socket() as connected:
        waiting = {}
        for number in range(count):
            datagram, pending = client.seal(b"number %d" % number)
            waiting[datagram[peer.HEADER_SIZE:peer.CIPHERTEXT_OFFSET]] = (pending, number)
            connected.send(datagram)
        for _ in range(count):
            reply = connected.recv(65536)
            pending, number = waiting.pop(reply[peer.HEADER_SIZE:peer.CIPHERTEXT_OFFSET])
            assert pending.open(reply) == b"number %d" % number
    assert not waiting


def test_unknown_client_is_met_with_silence(world):
    before = world.report()
    stranger = peer.Client(world.services["echo"].public, peer.generate_private())
    with world.socket() as connected:
        connected.send(stranger.seal(b"let me in")[0])
        assert receive_all(connected, 0.1) == []
    counts, drops = since(before["total"], world.report()["total"])
    assert drops == {"client_unknown": 1} and counts["datagrams"] == 1


def test_services_do_not_answer_for_each_other(world):
    """A request to one service's key, at another's UDP port."""
    before = world.report()
    with world.socket("ack") as connected:
        connected.send(world.client("echo").seal(b"hello")[0])
        assert receive_all(connected, 0.1) == []
    assert since(before["total"], world.report()["total"])[1] == {"tag": 1}
