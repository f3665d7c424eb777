"""Suite 0xF002 over the wire: a client that shares no code with the server, handlers that vary."""

import random
import re

import peer
import peer_f002
import pytest
from conftest import require_root
from ports import KINDS, NEEDS_ROOT, UDP_PORT
from pssstd import assert_books, since
from world import Service, receive_all, world_in

LABEL = b"valves.example"
CALLS = 10_000  # over both ports and both handlers
REPLAYED_SHARE = 0.2
AT_ONCE = 32
TIME = re.compile(rb"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z")


def services():
    option = f",label={LABEL.decode()},reply-limit=1.5"
    return [Service(name, UDP_PORT + i, peer.generate_private(), option, prefix="f002:")
            for i, name in enumerate(("echo", "time", "count"))]


@pytest.fixture(scope="module", params=["socket-ipv4", "net_tap"])
def world(request):
    if request.param in NEEDS_ROOT:
        require_root("makes network namespaces and devices")
    with KINDS[request.param]() as place, world_in(place, services=services()) as world:
        yield world
        assert_books(world.report())


def client(world, service, authenticated):
    return peer_f002.Client(world.services[service].public,
                            world.client_private if authenticated else None, LABEL)


class Replies:
    """Of every reply that came: its request, its text, the key and nonce it was sealed with."""

    def __init__(self):
        self.texts, self.sealed_with = {}, []

    def add(self, number, pending, datagram):
        assert not pending.settled
        text = pending.open(datagram)
        pending.settled = False  # a replayed request has a reply of its own
        self.texts.setdefault(number, []).append(text)
        self.sealed_with.append((pending.keys.key, pending.keys.nonce))


def exchange(connected, requests, replies):
    """Sends (number, datagram, pending) and takes as many replies, told apart by their rid."""
    waiting = {}
    for number, datagram, pending in requests:
        waiting.setdefault(pending.rid, [number, pending, 0])[2] += 1
        connected.send(datagram)
    for _ in requests:
        reply = connected.recv(65536)
        entry = waiting[reply[4:4 + peer_f002.RID_SIZE]]
        entry[2] -= 1
        assert entry[2] >= 0
        replies.add(entry[0], entry[1], reply)


@pytest.mark.parametrize("service", ["time", "count"])
def test_varying_replies_to_many_calls(world, service):
    """One in five is an earlier request, sent again: every answer right, no key and nonce used
    twice."""
    choose, count = random.Random(service), CALLS // 4
    clients = [client(world, service, authenticated) for authenticated in (False, True)]
    before, replies, sent, calls = world.report(), Replies(), [], count
    with world.socket(service) as connected:
        while calls > 0:
            now = []
            for _ in range(min(AT_ONCE, calls)):
                if sent and choose.random() < REPLAYED_SHARE:
                    now.append(choose.choice(sent))
                else:
                    datagram, pending = choose.choice(clients).seal(b"?", choose.randrange(40))
                    now.append((len(sent), datagram, pending))
                    sent.append(now[-1])
            calls -= len(now)
            exchange(connected, now, replies)
    assert len(replies.sealed_with) == count > 1.15 * len(sent)
    assert len(set(replies.sealed_with)) == len(replies.sealed_with)
    texts = [text for again in replies.texts.values() for text in again]
    if service == "count":
        assert sorted(map(int, texts)) == list(range(1, count + 1))
    else:
        assert all(TIME.fullmatch(text) for text in texts)
        assert any(len(set(again)) > 1 for again in replies.texts.values())
    counts, drops = since(before["total"], world.report()["total"])
    assert counts["replied"] == count and not drops


@pytest.mark.parametrize("authenticated", [False, True], ids=["anonymous", "authenticated"])
@pytest.mark.parametrize("size", [0, 1, 15, 16, 17, 64, 512, 1300])
def test_echo(world, size, authenticated):
    message = bytes(range(256)) * (size // 256) + bytes(range(size % 256))
    datagram, pending = client(world, "echo", authenticated).seal(message, padding=3)
    with world.socket("echo") as connected:
        connected.send(datagram)
        assert pending.open(connected.recv(65536)) == message


def test_forgeries_in_a_victims_name_change_nothing_for_it(world):
    """An outsider knows S and C, but not their secret: 1,000 such requests are dropped, and the
    victim is served as before."""
    victim = client(world, "echo", True)
    outsider = peer_f002.Client(world.services["echo"].public, peer.generate_private(), LABEL)
    outsider.claim(peer.public_key(world.client_private))
    before = world.report()
    with world.socket("echo") as connected:
        for _ in range(20):
            for _ in range(50):
                connected.send(outsider.seal(b"open the valve")[0])
            datagram, pending = victim.seal(b"still me")
            connected.send(datagram)
            assert pending.open(connected.recv(65536)) == b"still me"
    counts, drops = since(before["total"], world.report()["total"])
    assert counts["replied"] == 20 and drops == {"client_tag": 1000}


def test_malformed(world):
    stranger = peer_f002.Client(world.services["echo"].public, peer.generate_private(), LABEL)
    good, _ = client(world, "echo", True).seal(b"good")
    other_label = peer_f002.Client(world.services["echo"].public, None, b"other")
    cases = {
        "suite": good[:2] + b"\xf0\x03" + good[4:],
        "reply_flag": b"\xc0" + good[1:],
        "reserved_flags": b"\x60" + good[1:],
        "too_short_for_suite": good[:105],
        "key_id": other_label.seal(b"")[0],
        "dh_not_canonical": good[:8] + b"\xff" * 32 + good[40:],
        "dh_small_order": good[:8] + bytes(32) + good[40:],
        "tag": good[:50] + bytes([good[50] ^ 1]) + good[51:],
        "client_tag": good[:-1] + bytes([good[-1] ^ 1]),
        "client_unknown": stranger.seal(b"who?")[0],
    }
    for reason, datagram in cases.items():
        before = world.report()
        with world.socket("echo") as connected:
            connected.send(datagram)
            assert receive_all(connected, 0.05) == []
        assert since(before["total"], world.report()["total"])[1] == {reason: 1}, reason
    datagram, pending = client(world, "echo", True).seal(b"good")
    with world.socket("echo") as connected:
        connected.send(datagram)
        assert pending.open(connected.recv(65536)) == b"good"
