"""A pssstd that follows a store of clients, and clients that call it all the time."""

import contextlib
import json
import selectors
import signal
import subprocess
import threading
import time
from dataclasses import dataclass, field

import peer
from ports import UDP_PORT, kernel_sockets
from pssstd import PSSST
from world import Service, command, running, temporary_files

A_SECOND = 1.0


def identity(*arguments, stdin=None, status=0, timeout=120, prefix=()):
    """`pssst identity` as an operator calls it; what it says on standard output."""
    done = subprocess.run([*prefix, PSSST, "identity", *map(str, arguments)], input=stdin,
                          capture_output=True, text=True, timeout=timeout)
    assert done.returncode == status, (arguments, done.returncode, done.stdout, done.stderr)
    return done.stdout if status == 0 else done.stderr


@contextlib.contextmanager
def load(world, *more, rate=500, seconds=60, prefix=()):
    """Anonymous requests beside all else; none of them may be lost."""
    words = [*prefix, PSSST, "load", world.place.host, world.service.udp_port,
             "--server", world.service.public.hex(), "--rate", rate, "--duration", seconds,
             "--timeout", 10_000, "--json", *more]
    process = subprocess.Popen(world.place.clients.command(*words), stdout=subprocess.PIPE,
                               text=True)
    result = {}
    try:
        yield result
        process.send_signal(signal.SIGINT)
        result.update(json.loads(process.communicate(timeout=60)[0]))
        assert result["lost"] == 0 and result["warmup"]["lost"] == 0, result
        assert result["answered"] > 0
    finally:
        if process.poll() is None:
            process.kill()
            process.wait()


@dataclass
class Caller:
    """A client that calls from several sockets in turn, so that every worker gets to know it."""

    private: bytes
    name: str
    sockets: list = field(default_factory=list)
    sent: int = 0
    replies: list = field(default_factory=list)  # when they came

    @property
    def key(self):
        return peer.public_key(self.private).hex()

    def answered(self):
        return len(self.replies)


class Callers:
    """Each of them calls every 20 ms, from a thread, until the end of the block; then all replies
    have come that will."""

    PAUSE = 0.02
    SOCKETS = 8

    def __init__(self, place, server_public, callers):
        self._place, self._server_public, self.callers = place, server_public, callers
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self):
        for caller in self.callers:
            caller.sockets = [self._place.socket() for _ in range(self.SOCKETS)]
            for connected in caller.sockets:
                connected.setblocking(False)
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._stop.set()
        self._thread.join()
        for caller in self.callers:
            for connected in caller.sockets:
                connected.close()

    def _run(self):
        clients = [peer.Client(self._server_public, caller.private) for caller in self.callers]
        with selectors.DefaultSelector() as selector:
            for caller in self.callers:
                for connected in caller.sockets:
                    selector.register(connected, selectors.EVENT_READ, caller)
            due = time.monotonic()
            while not self._stop.is_set():
                for caller, client in zip(self.callers, clients):
                    connected = caller.sockets[caller.sent % self.SOCKETS]
                    connected.send(client.seal(caller.name.encode())[0])
                    caller.sent += 1
                due = max(due + self.PAUSE, time.monotonic())
                self._receive(selector, due)
            self._receive(selector, time.monotonic() + 1.5)

    @staticmethod
    def _receive(selector, until):
        while (left := until - time.monotonic()) > 0:
            for key, _ in selector.select(left):
                with contextlib.suppress(BlockingIOError):
                    while key.fileobj.recv(2048):
                        key.data.replies.append(time.monotonic())

    def rest(self, answered=()):
        """Lets some calls happen, and those of these callers be answered."""
        before = [caller.answered() for caller in answered]
        deadline = time.monotonic() + 10
        time.sleep(0.3)
        while any(caller.answered() == n for caller, n in zip(answered, before)):
            assert time.monotonic() < deadline
            time.sleep(0.02)


def assert_all_answered(callers):
    for caller in callers:
        assert caller.sent > 5
        assert caller.answered() == caller.sent, (caller.name, caller.answered(), caller.sent)


class StoreWorld:
    """`owner`: who the server and its files belong to."""

    def __init__(self, place, files, store):
        self.place, self.files, self.store = place, files, store
        self.service = Service("echo", UDP_PORT, peer.generate_private())
        self.server = None

    def new_callers(self, n, first=0):
        return [Caller(peer.generate_private(), f"client {first + i}") for i in range(n)]

    def enrol(self, callers):
        identity("import", self.store,
                 stdin="".join(f"{caller.key},{caller.name}\n" for caller in callers))

    def calling(self, callers):
        return Callers(self.place, self.service.public, callers)

    def followed(self):
        """What the server says of the store now."""
        return self.server.report()["store"]

    def await_followed(self, condition, seconds=3.0):
        deadline = time.monotonic() + seconds
        while not condition(followed := self.followed()):
            assert time.monotonic() < deadline, followed
            time.sleep(0.02)
        return followed

    def await_alarm(self, alarm, seconds=3.0):
        return self.await_followed(lambda followed: followed["alarm"] == alarm, seconds)


@contextlib.contextmanager
def store_world(*more, enrolled=(), folder=None, lcores="0,1", owner=None, arguments=None):
    """`folder`: of the store, if not that of the other files. `arguments`: a function that gives
    pssstd's, of the world."""
    with kernel_sockets("127.0.0.1") as place, temporary_files() as files:
        world = StoreWorld(place, files, (folder or files.folder) / "clients.db")
        identity("import", world.store, stdin="")
        world.enrol(enrolled)
        words = arguments(world) if arguments else command(
            place, files, [world.service], "--identities", world.store, *more, lcores=lcores)
        if owner:
            files.hand_to(owner)
        with running(words) as server:
            world.server = server
            yield world
