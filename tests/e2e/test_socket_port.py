"""What only the port over kernel sockets does."""

import signal
import socket

import pytest
from conftest import require_root
from namespaces import Namespace
from ports import UDP_PORT, Place
from pssstd import since
from world import world_in


@pytest.fixture(scope="module")
def both_families():
    """Listening on every address of its own network namespace."""
    require_root("makes a network namespace")
    with Namespace() as namespace:
        place = Place("socket", "127.0.0.1", ["--port", "socket"], namespace, namespace)
        with world_in(place, lcores="0,1") as world:
            yield world


@pytest.mark.parametrize("called", ["127.0.0.1", "127.0.0.2", "127.200.3.4", "::1"])
def test_replies_come_from_the_address_that_was_called(both_families, called):
    family = socket.AF_INET6 if ":" in called else socket.AF_INET
    datagram, pending = both_families.client().seal(b"where are you?")
    # Not connected: a connected socket would hide a reply from elsewhere.
    with both_families.place.clients.socket(family, socket.SOCK_DGRAM) as open_socket:
        open_socket.settimeout(5)
        open_socket.sendto(datagram, (called, UDP_PORT))
        reply, source = open_socket.recvfrom(65536)
    assert source[:2] == (called, UDP_PORT)
    assert pending.open(reply) == b"where are you?"


def test_workers_share_the_load(both_families):
    """The kernel spreads clients over the workers' sockets by address and port."""
    before = both_families.report()
    for number in range(64):
        assert both_families.call(b"%d" % number) == b"%d" % number
    after = both_families.report()
    shares = [then["datagrams"] - now["datagrams"]
              for now, then in zip(before["workers"], after["workers"])]
    assert len(shares) == 2 and sum(shares) == 64 and min(shares) > 0


def test_listens_only_where_told():
    require_root("makes a network namespace")
    with Namespace() as namespace:
        place = Place("socket", "127.0.0.1", ["--port", "socket", "--listen", "127.0.0.1"],
                      namespace, namespace)
        with world_in(place) as world:
            assert world.call(b"here") == b"here"
            for family, elsewhere in ((socket.AF_INET, "127.0.0.2"), (socket.AF_INET6, "::1")):
                with namespace.socket(family, socket.SOCK_DGRAM) as connected:
                    connected.connect((elsewhere, UDP_PORT))
                    connected.send(world.client().seal(b"there?")[0])
                    connected.settimeout(1)
                    with pytest.raises(ConnectionRefusedError):
                        connected.recv(65536)


def test_lost_datagrams_are_counted_as_missed():
    """A socket buffer overflows while the server is stopped: the kernel says how many it lost."""
    require_root("makes a network namespace")
    with Namespace() as namespace:
        place = Place("socket", "127.0.0.1", ["--port", "socket"], namespace, namespace)
        with world_in(place) as world:
            before = world.report()
            sent = flood_while_stopped(world, 40000)
            world.report()
            # The count travels with the next datagram.
            assert world.call(b"after") == b"after"
            counts, drops = since(before["total"], world.report()["total"])
            assert counts["missed"] > 0
            assert counts["frames"] + counts["missed"] == sent + 1
            assert set(drops) <= {"tag", "queue_full"}


def flood_while_stopped(world, count):
    # A good one: junk would use up what its source may cost, and so may call no more.
    datagram, _ = world.client().seal(bytes(1353))
    world.server.process.send_signal(signal.SIGSTOP)
    with world.socket() as connected:
        for _ in range(count):
            connected.send(datagram)
    world.server.process.send_signal(signal.SIGCONT)
    return count
