"""A little of everything, and known to the datagram."""

import time

TRAFFIC = 9  # datagrams that make_traffic() sends


def make_traffic(world):
    """Something for every counter that a client can move; the books, when all of it has come."""
    for _ in range(3):
        assert world.call(b"hello") == b"hello"
    assert world.call(b"it is me", authenticated=True) == b"it is me"
    assert world.call(b"status", service="ack") == b"understood"
    datagram, _ = world.client("discard").seal(b"away with it")
    with world.socket("discard") as connected:
        connected.send(datagram)
    with world.socket() as connected:
        connected.send(b"abc")                          # too short
        connected.send(datagram[:-1] + b"\0")           # another service's, and its tag is wrong
        connected.send(b"\xff\xff" + bytes(100))        # no such suite
    deadline = time.monotonic() + 5
    while (report := world.report())["total"]["datagrams"] < TRAFFIC:
        assert time.monotonic() < deadline, report["total"]
    return report
