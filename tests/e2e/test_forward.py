"""The handler `forward`: other processes answer, or do not."""

import contextlib
import os
import socket
import struct
import subprocess
import sys
import threading
import time

import peer
import peer_f002
import pytest
from handlers import EXAMPLE_SOURCES, EXAMPLES, Called, serving
from pssstd import since

REQUEST = struct.Struct("!4sBBHQ32s")
REPLY = struct.Struct("!4sB3xQ")
DEADLINE = 300  # ms


class Backend:
    """What a test does with each request: behave(backend, token, message, answer), in a thread.
    answer(text) answers this request; answer(text, token=...) claims to answer another."""

    def __init__(self, place, path, behave):
        self.place, self.path, self.behave = place, path, behave
        self.requests = []  # (token, flags, metadata, client, suite, message)
        self.socket = self.thread = None

    def start(self):
        with contextlib.suppress(FileNotFoundError):
            os.unlink(self.path)
        self.socket = self.place.namespace.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind(str(self.path))
        self.socket.settimeout(0.05)
        self.thread = threading.Thread(target=self._run, args=(self.socket,), daemon=True)
        self.thread.start()
        return self

    def stop(self):
        """As if it crashed: its socket file stays."""
        closed, self.socket = self.socket, None
        self.thread.join(5)
        closed.close()

    def _run(self, own):
        while self.socket is own:
            try:
                datagram, sender = own.recvfrom(4096)
            except TimeoutError:
                continue
            magic, flags, metadata_size, suite, token, client = REQUEST.unpack_from(datagram)
            assert magic == b"PSF1"
            message_at = REQUEST.size + metadata_size
            message = datagram[message_at:]
            self.requests.append((token, flags, datagram[REQUEST.size:message_at], client, suite,
                                  message))

            def answer(text, token=token, kind=0):
                with contextlib.suppress(OSError):
                    own.sendto(REPLY.pack(magic, kind, token) + text, sender)

            self.behave(self, token, message, answer)

    def __enter__(self):
        return self.start()

    def __exit__(self, *_):
        if self.socket:
            self.stop()


def echo(_, __, message, answer):
    answer(b"re:" + message)


def forward(*paths, **fields):
    words = ["handler=forward", *(f"backend={path}" for path in paths)]
    fields.setdefault("deadline", DEADLINE)
    return ",".join(words + [f"{name}={value}" for name, value in fields.items()])


def backends_of(server):
    return {os.path.basename(one["address"]): one
            for one in server.settled_report()["services"][0]["backends"]}


@contextlib.contextmanager
def forwarding(files, place, *names, **fields):
    """Yields (called, echo service, server)."""
    called, local = Called(files, place), Called(files, place, 1)
    paths = [files.folder / name for name in names]
    with serving(place, called.option(forward(*paths, **fields)),
                 local.option("handler=echo")) as server:
        yield called, local, server


def call_until_answered(called, message, within=5):
    """The reply, once the backend is used (again)."""
    until = time.monotonic() + within
    while time.monotonic() < until:
        if (reply := called.call(message, patience=0.2)) is not None:
            return reply
    raise AssertionError(f"{message} is not answered")


def test_a_backend_sees_the_request_and_answers(files, any_place):
    place = any_place
    private = peer.generate_private()
    called = Called(files, place)
    path = files.folder / "backend"
    with Backend(place, path, echo) as backend, \
            serving(place, called.option(forward(path)),
                    files.clients([peer.public_key(private)])) as server:
        assert called.ask(b"one", b"two", b"") == [b"re:one", b"re:two", b"re:"]
        client = peer_f002.Client(peer.public_key(called.private), private)
        datagram, pending = client.seal(b"me")
        with called.socket() as connected:
            connected.send(datagram)
            assert pending.open(connected.recv(65536)) == b"re:me"
        assert backend.requests[0][1:] == (0, b"", bytes(32), 0xf002, b"one")
        token, flags, metadata, key, suite, message = backend.requests[-1]
        assert (flags, metadata, key, message) == (1, b"", peer.public_key(private), b"me")
        assert len({request[0] for request in backend.requests}) == 4
        counted = backends_of(server)["backend"]
        assert counted["usable"] and counted["sent"] == counted["answered"] == 4


def test_a_backend_that_is_not_there(files, place):
    with forwarding(files, place, "backend") as (called, local, server):
        began = time.monotonic()
        assert called.ask(b"a", b"b", patience=0.3) == [None, None]
        assert local.call(b"others") == b"others"
        assert server.settled_report()["total"]["drops"] == {"handler_unavailable": 2}
        with Backend(place, files.folder / "backend", echo):
            assert call_until_answered(called, b"c") == b"re:c"
        assert time.monotonic() - began < 5


def test_a_backend_that_is_slow(files, place):
    """Late answers are counted, and the next request is answered."""

    def behave(_, __, message, answer):
        if message == b"slow":
            time.sleep(1.5 * DEADLINE / 1000)
        answer(b"re:" + message)

    with Backend(place, files.folder / "backend", behave), \
            forwarding(files, place, "backend") as (called, local, server):
        before = server.settled_report()
        assert called.call(b"slow", patience=0.05) is None
        assert local.call(b"others") == b"others"
        time.sleep(2 * DEADLINE / 1000)
        _, drops = since(before["total"], server.settled_report()["total"])
        assert drops == {"later_expired": 1}
        assert called.call(b"next") == b"re:next"
        counted = backends_of(server)["backend"]
        assert counted["expired"] == 1 and counted["answers_late"] == 1


def test_a_backend_that_crashes_with_a_request_and_comes_back(files, place):
    held = []

    def hold(_, token, message, answer):
        if message == b"hold":
            held.append(token)
        else:
            answer(b"re:" + message)

    def answer_of_before(_, __, message, answer):
        answer(b"somebody else's", token=held[0])
        answer(b"new:" + message)

    backend = Backend(place, files.folder / "backend", hold)
    with backend, forwarding(files, place, "backend", deadline=2000) as (called, local, server):
        assert called.call(b"hold", patience=0.2) is None
        backend.stop()
        assert called.call(b"a", patience=0.2) is None, "nobody is there"
        assert local.call(b"others") == b"others"
        backend.behave = answer_of_before
        backend.start()
        assert call_until_answered(called, b"b") == b"new:b"
        report = server.settled_report()
        counted = report["services"][0]["backends"][0]
        assert counted["lost"] == 1 and counted["ejected"] == 1 and counted["readmitted"] == 1
        assert counted["answers_late"] + counted["answers_wrong"] >= 1
        assert report["total"]["drops"]["handler_unavailable"] >= 2


def test_a_backend_that_answers_twice_or_what_it_was_not_asked(files, place):
    def behave(_, token, message, answer):
        if message == b"wrong":
            answer(b"x", token=token + 1)
            answer(b"x", token=token ^ 1 << 40)
            answer(b"x", token=0)
        if message == b"malformed":
            answer(b"no reply, and a reply", kind=1)
            answer(b"", kind=7)
            answer(bytes(1421))
            return
        answer(b"re:" + message)
        if message == b"twice":
            answer(b"again")

    with Backend(place, files.folder / "backend", behave), \
            forwarding(files, place, "backend") as (called, local, server):
        for message in (b"twice", b"wrong"):
            assert called.call(message) == b"re:" + message
            assert called.call(b"next") == b"re:next"
        assert called.call(b"malformed", patience=0.2) is None
        assert called.call(b"next") == b"re:next"
        report = server.settled_report()
        counted = report["services"][0]["backends"][0]
        assert counted["answers_twice"] == 1
        assert counted["answers_wrong"] + counted["answers_late"] == 3
        assert counted["answers_malformed"] == 3
        assert report["total"]["drops"] == {"reply_too_long": 1}
        assert report["later"]["answers_wrong"] == 0, "strays end at the thread that forwards"


def test_a_pool_leaves_out_who_fails_and_takes_him_back(files, place):
    names = ("a", "b", "c")
    stalled = threading.Event()

    def behave(backend, _, message, answer):
        if backend.path.name == "b" and stalled.is_set():
            return
        answer(backend.path.name.encode())

    with contextlib.ExitStack() as stack:
        for name in names:
            stack.enter_context(Backend(place, files.folder / name, behave))
        called, _, server = stack.enter_context(forwarding(files, place, *names, deadline=200))
        replies = called.ask(*[b"x"] * 30)
        assert [replies.count(name.encode()) for name in names] == [10, 10, 10]
        stalled.set()
        lost = called.ask(*[b"x"] * 30, patience=1).count(None)
        assert lost == 10
        assert not backends_of(server)["b"]["usable"]
        for _ in range(20):  # others answer all, but for one now and then that tries him
            replies = called.ask(*[b"x"] * 10, patience=0.25)
            assert replies.count(None) <= 1 and b"b" not in replies
        stalled.clear()
        until = time.monotonic() + 5
        while b"b" not in called.ask(*[b"x"] * 6, patience=0.3):
            assert time.monotonic() < until
        counted = backends_of(server)["b"]
        assert counted["usable"] and counted["ejected"] == 1 and counted["readmitted"] == 1


def test_a_stalled_backend_holds_up_nobody_else(files, place):
    with Backend(place, files.folder / "backend", lambda *_: None), \
            forwarding(files, place, "backend", deadline=2000) as (called, local, server):
        with called.socket() as connected:
            for _ in range(200):
                connected.send(called.client.seal(b"x")[0])
            began = time.monotonic()
            assert local.ask(*[b"y"] * 100) == [b"y"] * 100
            assert time.monotonic() - began < 1
        time.sleep(2.2)
        report = server.settled_report()
        assert report["later"]["awaited"] == 0
        drops = report["total"]["drops"]
        assert drops["later_expired"] + drops.get("handler_unavailable", 0) == 200


@pytest.mark.parametrize("command", [[sys.executable, EXAMPLE_SOURCES / "backend.py"],
                                     [EXAMPLES / "backend"]], ids=["python", "c++"])
def test_the_example_backends_count(files, place, command):
    private = peer.generate_private()
    called = Called(files, place)
    path = files.folder / "counter"
    words = place.namespace.command(*command, path)
    backend = subprocess.Popen(words, stdin=subprocess.DEVNULL)
    try:
        with serving(place, called.option(forward(path)),
                     files.clients([peer.public_key(private)])):
            assert call_until_answered(called, b"hello").isdigit()
            before = int(called.call(b"hello"))
            assert sorted(called.ask(b"a", b"b")) == sorted(
                [b"%d" % (before + 1), b"%d" % (before + 2)])
            client = peer_f002.Client(peer.public_key(called.private), private)
            for expected in (b"1", b"2"):
                datagram, pending = client.seal(b"me")
                with called.socket() as connected:
                    connected.send(datagram)
                    assert pending.open(connected.recv(65536)) == expected
        assert backend.poll() is None, "it outlives the server"
    finally:
        backend.kill()
        backend.wait()


def test_it_is_forwarded_by_message_type_too(files, place):
    called = Called(files, place)
    path = files.folder / "backend"
    fields = f"type=1,handler=echo,type=2,{forward(path)}"
    with Backend(place, path, echo), serving(place, called.option(fields)) as server:
        assert called.ask(b"\x01a", b"\x02b") == [b"\x01a", b"re:\x02b"]
        assert list(backends_of(server)) == ["backend"]
