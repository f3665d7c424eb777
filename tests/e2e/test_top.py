"""`pssst top`, on a pipe and on a terminal."""

import os
import pty
import re
import select
import signal
import subprocess
import threading
import time

from control import control_place
from handlers import Called, serving
from ports import KINDS
from pssstd import PSSST
from test_forward import Backend, echo, forward
from world import temporary_files, world_in


def top(control, *words):
    return subprocess.run([PSSST, "top", "--socket", control.path, *words], capture_output=True,
                          text=True, timeout=60, check=False)


class Calls:
    """Requests, one after another, as long as the body runs."""

    def __init__(self, world):
        self._world, self._stop = world, threading.Event()
        self._thread = threading.Thread(target=self._call)

    def _call(self):
        while not self._stop.is_set():
            assert self._world.call(b"hello") == b"hello"
            time.sleep(0.01)

    def __enter__(self):
        self._thread.start()

    def __exit__(self, *_):
        self._stop.set()
        self._thread.join()


def test_once():
    with KINDS["socket-ipv4"]() as place, control_place() as control, \
            world_in(place, "--control", control.path) as world:
        with Calls(world):
            done = top(control, "--once", "--interval", "1")
        assert done.returncode == 0 and done.stderr == ""
        assert "\x1b" not in done.stdout
        lines = done.stdout.splitlines()
        assert lines[0].startswith("pssst ") and lines[0].endswith("  ready")
        requests, replies, drops = map(float, lines[3].split()[:3])
        assert 1 < requests < 101 and abs(replies - requests) <= 2 and drops == 0
        service = next(line.split() for line in lines if line.startswith("udp-"))
        assert abs(float(service[3]) - requests) <= 2
        key = next(line for line in lines if line.startswith("  key "))
        assert re.search(r" 100\.0 %  last use 0\.\d s ago$", key)
        request = next(line.split() for line in lines if line.startswith("request "))
        assert abs(float(request[1]) - requests) <= 2 and request[3] in ("us", "ms")
        control.ask("drain", "60")
        assert top(control, "--once", "--interval", "0.1").stdout.splitlines()[0].endswith(
            "  NOT READY; draining")


def test_who_answers_later():
    with KINDS["socket-ipv4"]() as place, control_place() as control, temporary_files() as files, \
            Backend(place, files.folder / "backend", echo):
        called = Called(files, place)
        with serving(place, called.option(forward(files.folder / "backend")),
                     ["--control", control.path]):
            assert called.call(b"hello") == b"re:hello"
            lines = top(control, "--once", "--interval", "0.1").stdout.splitlines()
    backend = next(line.split() for line in lines if line.startswith("  backend "))
    assert backend[2] == "usable"
    later = lines[next(i for i, line in enumerate(lines) if line.startswith("LATER ")) + 1]
    assert later.split() == ["all", "workers"] + ["0"] * 6
    assert any(line.startswith("SOURCES ") for line in lines)
    assert not any(line.startswith("STORE ") for line in lines)


def test_without_a_server():
    with control_place() as control:
        for words in ([], ["--once"]):
            done = top(control, "--once", *words)
            assert done.returncode == 1 and "is the server running" in done.stderr
        assert top(control).returncode == 1
        assert top(control, "--interval", "0").returncode == 2


class Screen:
    """`pssst top` on a terminal of its own. We keep both ends: what is said last would be lost with
    the one who said it."""

    def __init__(self, control):
        self._end, self._other = pty.openpty()
        self.process = subprocess.Popen(
            [PSSST, "top", "--socket", control.path, "--interval", "0.2"], stdin=self._other,
            stdout=self._other, stderr=self._other, start_new_session=True)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.wait()
        os.close(self._end)
        os.close(self._other)

    def read_until(self, wanted, within=20):
        text, deadline = "", time.monotonic() + within
        while not re.search(wanted, text):
            left = deadline - time.monotonic()
            assert left > 0 and select.select([self._end], [], [], left)[0], repr(text)
            text += os.read(self._end, 65536).decode()

    def press(self, key):
        os.write(self._end, key)


def test_on_a_terminal():
    with KINDS["socket-ipv4"]() as place, control_place() as control, \
            world_in(place, "--control", control.path) as world, Screen(control) as screen:
        with Calls(world):
            screen.read_until(r"\x1b\[\?1049h")
            screen.read_until(r"\x1b\[H\S+ .*  ready\x1b\[K\r\n")
            screen.read_until(r"CPU 0 +\[")
            screen.press(b"x")
            screen.read_until(r"\x1b\[H")
        world.server.stop()
        # It waits for the server to come back.
        screen.read_until("is the server running")
        screen.press(b"q")
        screen.read_until(r"\x1b\[\?1049l")
        assert screen.process.wait(10) == 0


def test_a_signal_gives_the_terminal_back():
    with KINDS["socket-ipv4"]() as place, control_place() as control, \
            world_in(place, "--control", control.path), Screen(control) as screen:
        screen.read_until("ready")
        screen.process.send_signal(signal.SIGTERM)
        screen.read_until(r"\x1b\[\?1049l")
        assert screen.process.wait(10) == 0
