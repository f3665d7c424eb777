"""What deploy/announce gives to ExaBGP and FRR follows a health endpoint: down soon, up slowly."""

import contextlib
import http.server
import os
import queue
import re
import shutil
import signal
import socketserver
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

import pytest
from conftest import require_root
from namespaces import HostNamespace, Namespace
from world import UNPRIVILEGED_USER

ANNOUNCE = Path(__file__).resolve().parents[2] / "deploy/announce"
ROUTE = ANNOUNCE / "exabgp/pssst-route"
ADDRESS = ANNOUNCE / "frr/pssst-address"
sys.path.insert(0, str(ANNOUNCE))

from follow_health import Damper, probe, split_url  # noqa: E402

ANYCAST, ANYCAST6 = "192.0.2.10", "2001:db8::10"
QUICK = ["--interval", "0.1", "--hold", "0.3", "--fall", "2"]
WITHIN = 10  # seconds


class Health(socketserver.ThreadingMixIn, http.server.HTTPServer):
    """A health endpoint that says what a test wants: `answer` is a status, "silent", "drip",
    "nonsense" or "close"."""

    daemon_threads = True

    def __init__(self, answer):
        self.answer, self.asked, self.ended = answer, 0, threading.Event()
        super().__init__(("127.0.0.1", 0), Endpoint)
        self.url = f"http://127.0.0.1:{self.server_port}/health"


class Endpoint(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        health = self.server
        health.asked += 1
        assert self.path == "/health"
        if health.answer == "silent":
            health.ended.wait(30)
        elif health.answer == "drip":
            for _ in range(300):
                if health.ended.wait(0.05):
                    return
                with contextlib.suppress(OSError):
                    self.wfile.write(b"H")
        elif health.answer == "nonsense":
            self.wfile.write(b"220 ready\r\n")
        elif health.answer != "close":
            self.send_response(health.answer)
            self.end_headers()

    def log_message(self, *_):
        pass


@contextlib.contextmanager
def health_endpoint(answer, namespace):
    with namespace.entered():
        health = Health(answer)
    thread = threading.Thread(target=health.serve_forever, args=(0.05,))
    thread.start()
    try:
        yield health
    finally:
        health.ended.set()
        health.shutdown()
        thread.join()
        health.server_close()


@pytest.fixture
def health():
    with health_endpoint(503, HostNamespace()) as health:
        yield health


class Running:
    """An announcer; what it prints is read line by line."""

    def __init__(self, command):
        self.process = subprocess.Popen([str(word) for word in command], stdin=subprocess.PIPE,
                                        stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        self._lines = queue.Queue()
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self):
        for line in self.process.stdout:
            self._lines.put(line.decode().strip())

    def line(self, within=WITHIN):
        """The next one; None if none comes."""
        with contextlib.suppress(queue.Empty):
            return self._lines.get(timeout=within)
        return None

    def end(self):
        """What it still had to say."""
        self.process.send_signal(signal.SIGTERM)
        assert self.process.wait(WITHIN) == 0
        self._reader.join()
        return list(self._lines.queue)

    def kill(self):
        self.process.kill()
        self.process.wait()
        self._reader.join()
        self.process.stdout.close()
        with contextlib.suppress(BrokenPipeError):
            self.process.stdin.close()


@contextlib.contextmanager
def running(*command):
    announcer = Running(command)
    try:
        yield announcer
    finally:
        announcer.kill()


def route(health, *more):
    return running(ROUTE, "--health", health.url, *QUICK, *more, f"{ANYCAST}/32")


UP, DOWN = (f"{what} route {ANYCAST}/32 next-hop self" for what in ("announce", "withdraw"))


def test_a_route_follows_health(health):
    with route(health) as announcer:
        assert announcer.line() == DOWN  # whatever ExaBGP had from one before
        health.answer = 200
        assert announcer.line() == UP
        health.answer = 503
        assert announcer.line() == DOWN
        assert announcer.line(0.5) is None  # once is enough
        assert announcer.end() == [DOWN]


@pytest.mark.parametrize("wrong", [500, 301, "silent", "drip", "nonsense", "close"])
def test_whatever_is_not_ready_withdraws(health, wrong):
    health.answer = 200
    with route(health) as announcer:
        assert announcer.line() == UP
        health.answer = wrong
        assert announcer.line() == DOWN
        health.answer = 200
        assert announcer.line() == UP


def test_a_server_that_is_gone_withdraws():
    with contextlib.ExitStack() as later:
        with health_endpoint(200, HostNamespace()) as health:
            announcer = later.enter_context(route(health))
            assert announcer.line() == UP
        assert announcer.line() == DOWN


def test_all_prefixes_with_their_metric(health):
    health.answer = 200
    with route(health, "--med", "50", "--next-hop", "198.51.100.2", f"{ANYCAST6}/128") as announcer:
        assert [announcer.line(), announcer.line()] == [
            f"announce route {ANYCAST6}/128 next-hop 198.51.100.2 med 50",
            f"announce route {ANYCAST}/32 next-hop 198.51.100.2 med 50"]


def test_one_bad_answer_is_none(health):
    health.answer = 200
    with route(health, "--interval", "0.3") as announcer:
        assert announcer.line() == UP
        asked = health.asked
        health.answer = 503
        while health.asked == asked:
            time.sleep(0.01)
        health.answer = 200
        assert announcer.line(1.5) is None


def test_the_end_of_exabgp_ends_it(health):
    health.answer = 200
    with route(health) as announcer:
        assert announcer.line() == UP
        # Its answers are read: these are more than a pipe holds.
        announcer.process.stdin.write(b"done\n" * 20000)
        announcer.process.stdin.close()
        assert announcer.line() == DOWN
        assert announcer.process.wait(WITHIN) == 0


def test_the_end_of_exabgp_while_it_writes(health):
    reader, writer = os.pipe()
    os.close(reader)
    still_open, its_writer = os.pipe()
    result = subprocess.run([ROUTE, "--health", health.url, *QUICK, f"{ANYCAST}/32"], text=True,
                            stdin=still_open, stdout=writer, stderr=subprocess.PIPE,
                            timeout=WITHIN)
    for end in (writer, still_open, its_writer):
        os.close(end)
    assert result.returncode == 0 and "Traceback" not in result.stderr


@pytest.mark.parametrize("words", [
    ["--health", "https://127.0.0.1/health"], ["--interval", "0"], ["--next-hop", "self; x"],
    ["10.0.0.1/8"], ["x"],
])
def test_wrong_words(words):
    result = subprocess.run([ROUTE, *words, f"{ANYCAST}/32"], capture_output=True, text=True,
                            stdin=subprocess.DEVNULL, timeout=WITHIN)
    assert result.returncode in (1, 2) and not result.stdout and words[-1] in result.stderr


def verdicts(damper, answers):
    """[(second, up)] with one answer a second: + or -."""
    found = []
    for now, answer in enumerate(answers):
        verdict = damper.take(answer == "+", now)
        if verdict is not None:
            found.append((now, verdict))
    return found


def test_damping():
    def damper():
        return Damper(hold=2, hold_max=8, calm=100, fall=2)
    assert verdicts(damper(), "+++") == [(2, True)]
    assert verdicts(damper(), "++-+++") == [(5, True)]  # good answers in a row
    assert verdicts(damper(), "-") == []
    assert verdicts(damper(), "--") == [(1, False)]
    assert verdicts(damper(), "+++-+-+-") == [(2, True)]  # no two bad ones in a row
    # 2 seconds, then 4, then 8, and never more.
    assert verdicts(damper(), "+++--" "+++++--" + ("+" * 9 + "--") * 2) == [
        (2, True), (4, False), (9, True), (11, False), (20, True), (22, False), (31, True),
        (33, False)]


def test_calm_ends_damping():
    damper = Damper(hold=2, hold_max=8, calm=5, fall=1)
    assert verdicts(damper, "+++-" "+++++++++++-" "+++")[-1] == (18, True)
    assert damper.wait == 2


def test_an_answer_that_drips_takes_no_longer(health):
    health.answer = "drip"
    began = time.monotonic()
    assert probe(*split_url(health.url), 0.3) == "no answer in time"
    assert time.monotonic() - began < 2


def addresses(namespace):
    text = namespace.ip("-o", "address", "show", "dev", "pssst-any")
    return {match for match in re.findall(r"inet6? (\S+)", text) if not match.startswith("fe80")}


def wait_for(namespace, expected):
    deadline = time.monotonic() + WITHIN
    while addresses(namespace) != expected:
        assert time.monotonic() < deadline, addresses(namespace)
        time.sleep(0.05)


# Kernels without dummy interfaces get one end of a pair.
IP = """#!/bin/sh
export PATH=/usr/sbin:/usr/bin:/sbin:/bin
ip "$@" && exit
[ "$*" = "link add pssst-any type dummy" ] && exec ip link add pssst-any type veth
exit 1
"""
BOTH = {f"{ANYCAST}/32", f"{ANYCAST6}/128"}


@pytest.fixture
def place():
    require_root("makes a network namespace")
    with Namespace() as namespace, health_endpoint(200, namespace) as health:
        namespace.run("sysctl", "-qw", "net.ipv6.conf.default.disable_ipv6=0")
        yield namespace, health


@pytest.fixture
def copy():
    """Where another user can read it."""
    with tempfile.TemporaryDirectory(prefix="pssst-test-") as folder:
        shutil.copytree(ANNOUNCE, Path(folder) / "announce",
                        ignore=shutil.ignore_patterns("__pycache__"))
        tool = Path(folder) / "ip"
        tool.write_text(IP)
        tool.chmod(0o755)
        Path(folder).chmod(0o755)
        yield Path(folder) / "announce/frr/pssst-address"


def address(program, namespace, health, *more):
    """As its unit has it: no root, one capability."""
    names = "-all,+net_admin"
    return running(*namespace.command(
        "env", f"PATH={program.parents[2]}:{os.environ['PATH']}",
        "setpriv", "--reuid", UNPRIVILEGED_USER, "--regid", "nogroup", "--clear-groups",
        "--no-new-privs", "--inh-caps", names, "--ambient-caps", names, "--bounding-set", names,
        program, *QUICK, "--health", health.url, *more, ANYCAST, ANYCAST6))


def wait_for_interface(namespace):
    deadline = time.monotonic() + WITHIN
    while "pssst-any" not in namespace.ip("link", "show"):
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_addresses_follow_health(place, copy):
    namespace, health = place
    with address(copy, namespace, health) as announcer:
        wait_for_interface(namespace)
        wait_for(namespace, BOTH)
        health.answer = 503
        wait_for(namespace, set())
        health.answer = 200
        wait_for(namespace, BOTH)
        health.answer = "silent"
        wait_for(namespace, set())
        health.answer = 200
        wait_for(namespace, BOTH)
        announcer.end()
        assert addresses(namespace) == set()


def test_what_a_killed_one_left_is_taken_away(place, copy):
    """By --remove, as its unit does, and by the next one before it knows more. What else the
    interface has stays."""
    namespace, health = place
    with address(copy, namespace, health) as announcer:
        wait_for_interface(namespace)
        wait_for(namespace, BOTH)
        announcer.kill()
    namespace.ip("address", "add", "192.0.2.1/32", "dev", "pssst-any")
    health.answer = 503
    with address(copy, namespace, health) as announcer:
        wait_for(namespace, {"192.0.2.1/32"})
        health.answer = 200
        wait_for(namespace, BOTH | {"192.0.2.1/32"})
        announcer.kill()
    namespace.run(copy, "--remove", ANYCAST, ANYCAST6)
    assert addresses(namespace) == {"192.0.2.1/32"}


def test_without_the_capability(place, copy):
    namespace, health = place
    result = subprocess.run(
        namespace.command("setpriv", "--reuid", UNPRIVILEGED_USER, "--regid", "nogroup",
                          "--clear-groups", copy, "--health", health.url, ANYCAST),
        capture_output=True, text=True, timeout=WITHIN)
    assert result.returncode == 1 and "it needs CAP_NET_ADMIN" in result.stderr


def test_systemd_takes_the_unit(tmp_path):
    unit = tmp_path / "pssst-address.service"
    text = (ANNOUNCE / "frr/pssst-address.service").read_text()
    assert text.count("/usr/local/lib/pssst/announce/frr/pssst-address ") == 2
    unit.write_text(text.replace("/usr/local/lib/pssst/announce", str(ANNOUNCE)))
    def analyze(*words):
        return subprocess.run(["systemd-analyze", *words, unit], text=True, timeout=60,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    assert analyze("verify", "--man=no").stdout == ""
    assert analyze("security", "--offline=true", "--threshold=19").returncode == 0


def test_the_examples_name_what_is_there():
    """One anycast prefix in all of them, and the programs by the paths that the READMEs make."""
    exabgp, frr = ((ANNOUNCE / name).read_text() for name in ("exabgp/exabgp.conf", "frr/frr.conf"))
    program = re.search(r"run (\S+) (\S+);", exabgp).groups()
    assert program == (f"/usr/local/lib/pssst/announce/{ROUTE.relative_to(ANNOUNCE)}",
                       f"{ANYCAST}/32")
    assert f"permit {ANYCAST}/32\n" in frr and " match interface pssst-any\n" in frr
    for name in ("exabgp", "frr"):
        assert "cp -r deploy/announce /usr/local/lib/pssst/" in (
            ANNOUNCE / name / "README.md").read_text()
