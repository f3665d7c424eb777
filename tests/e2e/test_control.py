"""What an operator asks a running server, and who may."""

import contextlib
import ctypes
import os
import signal
import socket
import time
from pathlib import Path

import pytest
from conftest import require_root
from control import control_place
from ports import KINDS
from world import UNPRIVILEGED_USER, world_in


@pytest.mark.parametrize("kind", ["socket-ipv4", "net_tap"])
def test_asked_while_it_serves(kind):
    require_root("makes network namespaces")
    with KINDS[kind]() as place, control_place() as control, \
            world_in(place, "--control", control.path) as world:
        assert world.call(b"hello") == b"hello"
        assert control.ask("health") == "ready\n"
        assert "requests" in control.ask("stats")
        stats = control.stats()
        assert stats["services"][0]["requests"] == 1
        keys = {key["udp_port"]: key for key in control.keys()}
        echo = keys[world.services["echo"].udp_port]
        assert echo["requests"] == 1 and echo["share"] == 1
        assert 0 <= echo["last_use_age_seconds"] < 5
        assert keys[world.services["ack"].udp_port]["last_use_age_seconds"] is None
        table = control.ask("keys").splitlines()
        assert table[0].split()[0] == "SERVICE" and len(table) == 4
        assert echo["fingerprint"] in table[1] and table[1].endswith("s ago")
        assert table[2].endswith("never")


def test_who_may_not_ask_is_refused():
    """The mode keeps others out, and where it does not, the server does."""
    require_root("becomes another user")
    other = ["setpriv", "--reuid", "games", "--clear-groups"]
    with KINDS["socket-ipv4"]() as place, control_place() as control:
        with world_in(place, "--control", control.path) as world:
            before = world.report()
            done = control.run("drain", "0", prefix=other)
            assert done.returncode == 1
            assert "Permission denied: ask as root" in done.stderr
            os.chmod(control.path, 0o666)
            for words in (["drain", "0"], ["reload"], ["stats"], ["keys"], ["health"]):
                done = control.run(*words, prefix=other)
                assert done.returncode == 1 and done.stdout == ""
                assert "may not control this server" in done.stderr
            assert "was refused" in world.server.said()
            assert world.report()["generation"] == before["generation"]
            assert control.ask("health") == "ready\n"
        with world_in(place, "--control", control.path, "--control-user", "games"):
            os.chmod(control.path, 0o666)
            assert control.run("health", prefix=other).stdout == "ready\n"


def test_as_another_user_it_still_serves_the_socket():
    require_root("becomes another user")
    with KINDS["socket-ipv4"]() as place, control_place(UNPRIVILEGED_USER) as control:
        with world_in(place, "--control", control.path, "--user", UNPRIVILEGED_USER) as world:
            assert control.ask("health") == "ready\n"
            own = ["setpriv", "--reuid", UNPRIVILEGED_USER, "--clear-groups"]
            assert control.run("stats", "--json", prefix=own).returncode == 0
            world.server.stop()
            assert not control.path.exists()


def test_misused():
    with control_place() as control:
        assert control.run("health").returncode == 1
        assert "is the server running" in control.run("health").stderr
        for words in (["stop"], ["reload", "--json"], ["stats", "5"], ["drain", "soon"], []):
            done = control.run(*words)
            assert done.returncode == 2, (words, done.stderr)
            assert "pssst ctl --help" in done.stderr


def test_drain_serves_until_the_traffic_has_ebbed():
    with KINDS["socket-ipv4"]() as place, control_place() as control, \
            world_in(place, "--control", control.path) as world:
        assert control.ask("drain", "60").startswith("draining: not ready")
        until = time.monotonic() + 4
        while time.monotonic() < until:
            assert world.call(b"still here") == b"still here"
        health = control.run("health")
        assert (health.returncode, health.stderr) == (1, "draining\n")
        began = time.monotonic()
        assert world.server.wait() == 0
        assert 1 < time.monotonic() - began < 5
        assert "drained: traffic has ebbed" in world.server.said()


def test_drain_ends_at_its_deadline():
    """Under load that does not ebb, and every request until then is answered."""
    with KINDS["socket-ipv4"]() as place, control_place() as control, \
            world_in(place, "--control", control.path) as world:
        control.ask("drain", "2")
        began, answered = time.monotonic(), 0
        while world.server.process.poll() is None and time.monotonic() < began + 20:
            try:
                assert world.call(b"on and on") == b"on and on"
            except OSError:
                break  # nobody listens any more
            answered += 1
        assert world.server.wait() == 0
        assert 1.5 < time.monotonic() - began < 10
        assert answered > 20
        assert "drained: the deadline is over" in world.server.said()


class Manager:
    """systemd's end of NOTIFY_SOCKET."""

    def __init__(self, folder):
        self.path = folder / "notify"
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind(str(self.path))
        self.socket.settimeout(10)

    def receive(self):
        return self.socket.recv(4096).decode().splitlines()

    def receive_for(self, seconds):
        """All messages of some seconds."""
        messages, until = [], time.monotonic() + seconds
        while (left := until - time.monotonic()) > 0:
            self.socket.settimeout(left)
            try:
                messages.append(self.receive())
            except TimeoutError:
                break
        self.socket.settimeout(10)
        return messages


def test_tells_systemd(tmp_path):
    manager = Manager(tmp_path)
    environment = {**os.environ, "NOTIFY_SOCKET": str(manager.path)}
    with KINDS["socket-ipv4"]() as place, \
            world_in(place, environment=environment) as world:
        first = manager.receive()
        assert first[0] == "READY=1" and first[1].startswith("STATUS=kernel sockets at 127.0.0.1")
        world.server.process.send_signal(signal.SIGHUP)
        reloading = manager.receive()
        assert reloading[0] == "RELOADING=1" and reloading[1].startswith("MONOTONIC_USEC=")
        assert manager.receive()[0] == "READY=1"
        assert manager.receive_for(1) == [], "the watchdog was not asked for"
        world.server.stop()
        assert manager.receive() == ["STOPPING=1"]


@contextlib.contextmanager
def stopped_worker(pid):
    """One worker's thread alone does not run meanwhile: SIGSTOP would stop them all, a tracer stops
    the one that it traces."""
    seize, interrupt, detach, wait_all = 0x4206, 0x4207, 17, 0x40000000
    libc = ctypes.CDLL(None, use_errno=True)
    libc.ptrace.argtypes = [ctypes.c_long, ctypes.c_long, ctypes.c_void_p, ctypes.c_void_p]

    def trace(request, thread):
        if libc.ptrace(request, thread, None, None) != 0:
            raise OSError(ctypes.get_errno(), "ptrace")

    worker = next(int(path.parent.name) for path in Path(f"/proc/{pid}/task").glob("*/comm")
                  if path.read_text().strip() == "pssst-1")
    trace(seize, worker)
    trace(interrupt, worker)
    os.waitpid(worker, wait_all)
    try:
        yield
    finally:
        trace(detach, worker)


def test_feeds_the_watchdog_only_while_all_workers_advance(tmp_path):
    require_root("traces a thread")
    manager = Manager(tmp_path)
    environment = {**os.environ, "NOTIFY_SOCKET": str(manager.path), "WATCHDOG_USEC": "1000000"}
    with KINDS["socket-ipv4"]() as place, control_place() as control, \
            world_in(place, "--control", control.path, lcores="0,1",
                     environment=environment) as world:
        assert manager.receive()[0] == "READY=1"
        fed = manager.receive_for(3)
        assert 4 <= fed.count(["WATCHDOG=1"]) <= 8, fed
        with stopped_worker(world.server.pid):
            time.sleep(3)  # the age at which a worker counts as stuck, and a little
            manager.receive_for(0.1)
            assert manager.receive_for(3) == []
            health = control.run("health")
            assert health.returncode == 1
            assert "its loop has not turned for" in health.stderr
            assert "its loop has not turned for" in world.server.said()
        time.sleep(1.5)
        assert ["WATCHDOG=1"] in manager.receive_for(2)
        assert control.ask("health") == "ready\n"
