"""A new configuration, and new keys, under load: not one request is lost."""

import contextlib
import signal
import socket
import threading
import time

import peer
import pytest
from conftest import require_root
from control import control_place
from ports import KINDS, UDP_PORT
from pssstd import PSSSTD, Pssstd, assert_books
from world import temporary_files

KINDS_RELOADED = ["socket-ipv4", "net_af_packet"]
REQUESTS = 50_000
RELOADS = 10
WINDOW = 64  # requests under way at once: fewer than any queue holds
PATIENCE = 5


class File:
    """A configuration file that is written anew."""

    def __init__(self, files, place, control, lcores="[0]"):
        self.files, self.place, self.control, self.lcores = files, place, control, lcores
        self.path = files.folder / "pssstd.toml"

    def port(self):
        arguments = list(self.place.arguments)
        values = {}
        while arguments:
            name = arguments.pop(0).removeprefix("--")
            if name == "hugepages" or name.startswith("no-"):
                values[name] = True
            elif "=" in name:
                key, _, value = name.partition("=")
                values.setdefault(key, []).append(value)
            else:
                values.setdefault(name, []).append(arguments.pop(0))
        lines = ["[port]", f'kind = "{values["port"][0]}"']
        if values["port"] == ["socket"]:
            return [*lines, "[socket]", f"addresses = {values['listen']}".replace("'", '"')]
        lines += ["[dpdk]", f"vdevs = {values['vdev']}".replace("'", '"'),
                  f"addresses = {values['address']}".replace("'", '"')]
        if "memory" in values:
            lines.append(f"memory_mb = {values['memory'][0]}")
        if "no-verify-udp-checksum" in values:
            lines.append("verify_udp_checksum = false")
        if "eal" in values:
            lines.append(f"eal = {values['eal']}".replace("'", '"'))
        return lines

    def write(self, *services, more=()):
        lines = ["[server]", f"lcores = {self.lcores}", 'counters = "json"', 'idle = "sleep"',
                 *self.port(), "[control]", f'socket = "{self.control.path}"', *more]
        for service in services:
            lines += ["[[service]]", *service]
        self.path.write_text("\n".join(lines) + "\n")


def service(name, udp_port, handler, *keys, **more):
    listed = ", ".join(f'"{key}"' for key in keys)
    lines = [f'name = "{name}"', f"udp_port = {udp_port}", f'handler = "{handler}"',
             f"keys = [{listed}]"]
    return lines + [f'{key} = "{value}"' for key, value in more.items()]


@contextlib.contextmanager
def reloadable(kind, *services_of):
    """Yields (place, file, control, server), serving the first of what `services_of` gives."""
    with KINDS[kind]() as place, temporary_files() as files, control_place() as control:
        file = File(files, place, control)
        file.write(*services_of[0](files))
        server = Pssstd(place.namespace.command(PSSSTD, "--config", file.path))
        try:
            server.wait_ready()
            place.after_start()
            yield place, file, control, server
            if server.process.poll() is None:
                server.stop()
        finally:
            if server.process.poll() is None:
                server.kill()


class Caller:
    """Calls, WINDOW at a time, until told to stop or so many were sent; every reply is opened, and
    none is waited for longer than PATIENCE."""

    def __init__(self, place, publics, udp_port=UDP_PORT, requests=REQUESTS):
        self.clients = [peer.Client(public, None) for public in publics]
        self.place, self.udp_port, self.requests = place, udp_port, requests
        self.sent = self.answered = 0
        self.failure = None
        self.stop = threading.Event()
        self.thread = threading.Thread(target=self._run, daemon=True)

    def _run(self):
        try:
            with self.place.socket(self.udp_port) as connected:
                connected.settimeout(PATIENCE)
                while self.sent < self.requests and not self.stop.is_set():
                    self._burst(connected)
        except Exception as failure:  # shown by whoever joins
            self.failure = failure

    def _burst(self, connected):
        pending = {}
        for number in range(min(WINDOW, self.requests - self.sent)):
            client = self.clients[number % len(self.clients)]
            datagram, waiting = client.seal(b"%d" % number)
            pending[datagram[4:36]] = (waiting, b"%d" % number)
            connected.send(datagram)
            self.sent += 1
        while pending:
            reply = connected.recv(65536)
            waiting, expected = pending.pop(reply[4:36])
            assert waiting.open(reply) == expected
            self.answered += 1

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *failed):
        self.stop.set()
        self.thread.join(120)
        if self.failure and not failed[0]:
            raise self.failure

    def wait(self, answered):
        until = time.monotonic() + 100
        while self.answered < answered and self.failure is None:
            assert time.monotonic() < until, (self.sent, self.answered)
            time.sleep(0.005)
        if self.failure:
            raise self.failure


@pytest.mark.parametrize("kind", KINDS_RELOADED)
def test_ten_reloads_during_fifty_thousand_requests_lose_nothing(kind):
    require_root("makes network namespaces")
    private = peer.generate_private()
    other = peer.generate_private()

    def services(files, extra):
        key = files.key("echo", private)
        added = files.key("other", other)
        listed = [service("echo", UDP_PORT, "echo", key)]
        if extra:
            listed.insert(0, service("other", UDP_PORT + 9, "ack", added, reply="new"))
        return listed

    with reloadable(kind, lambda files: services(files, False)) as (place, file, control, server), \
            Caller(place, [peer.public_key(private)]) as caller:
        for number in range(RELOADS):
            caller.wait(number * REQUESTS // RELOADS)
            file.write(*services(file.files, number % 2 == 0))
            said = control.ask("reload")
            assert f"service other {'added' if number % 2 == 0 else 'removed'}" in said, said
        caller.wait(REQUESTS)
        report = server.settled_report()
        assert report["generation"] == RELOADS + 1
        echo = next(one for one in report["services"] if one["name"] == "echo")
        assert echo["requests"] == echo["replied"] == REQUESTS == caller.answered
        assert report["total"]["drops"] == {}
        assert_books(report)


@pytest.mark.parametrize("kind", KINDS_RELOADED)
def test_keys_rotate_under_load(kind):
    """The old key, both, the new one: devices of both kinds call all the time, in one burst."""
    require_root("makes network namespaces")
    old, new = peer.generate_private(), peer.generate_private()

    def echo(files, *privates):
        keys = [files.key(private.hex()[:8], private) for private in privates]
        more = {"second_key": "try"} if len(keys) > 1 else {}
        return [service("echo", UDP_PORT, "echo", *keys, **more)]

    with reloadable(kind, lambda files: echo(files, old)) as (place, file, control, server):
        fingerprints = [peer.public_key(private).hex()[:16] for private in (old, new)]
        with Caller(place, [peer.public_key(old)], requests=10**9) as before:
            before.wait(1000)
            file.write(*echo(file.files, old, new))
            assert f"key {fingerprints[1]} added" in control.ask("reload")
            before.wait(before.answered + 1000)
        with Caller(place, [peer.public_key(old), peer.public_key(new)],
                    requests=10_000) as both:
            both.wait(10_000)
        counted = {key["fingerprint"]: key for key in control.keys()}
        assert counted[fingerprints[1]]["requests"] == 5000
        with Caller(place, [peer.public_key(new)], requests=10**9) as after:
            after.wait(1000)
            time.sleep(1.1)
            counted = {key["fingerprint"]: key for key in control.keys()}
            assert counted[fingerprints[0]]["last_use_age_seconds"] > 1, "it has gone quiet"
            file.write(*echo(file.files, new))
            assert f"key {fingerprints[0]} retired and wiped" in control.ask("reload")
            after.wait(after.answered + 1000)
        report = server.settled_report()
        assert report["total"]["drops"] == {}
        assert report["total"]["replied"] == before.sent + both.sent + after.sent
        # Nobody answers for the old key any more.
        with pytest.raises(TimeoutError), place.socket() as connected:
            connected.settimeout(0.3)
            connected.send(peer.Client(peer.public_key(old), None).seal(b"old")[0])
            connected.recv(65536)


def test_what_is_wrong_changes_nothing():
    private = peer.generate_private()
    with reloadable("socket-ipv4", lambda files: [
            service("echo", UDP_PORT, "echo", files.key("echo", private))]) as (
                place, file, control, server):
        good = file.path.read_text()
        faults = {
            "this is not TOML": "pssstd.toml:1:6: ",
            good.replace('handler = "echo"', 'handler = "ecko"'): "echo",
            good.replace('handler = "echo"', 'handler = "ack"'): "give the service a new key",
            good.replace("echo.key", "missing.key"): "missing.key",
        }
        for text, said in faults.items():
            file.path.write_text(text)
            done = control.run("reload")
            assert done.returncode == 1 and done.stdout == "", text
            assert said in done.stderr, done.stderr
            assert done.stderr.endswith("nothing was changed\n")
            assert peer_call(place, private) == b"hello"
        file.path.write_text(good)
        assert control.ask("reload") == "nothing has changed\n"
        # A held UDP port.
        with place.namespace.socket(socket.AF_INET, socket.SOCK_DGRAM) as holder:
            holder.bind(("127.0.0.1", UDP_PORT + 1))
            other = file.files.key("other", peer.generate_private())
            file.path.write_text(good + "\n".join(
                ["[[service]]", *service("other", UDP_PORT + 1, "echo", other)]))
            done = control.run("reload")
            assert done.returncode == 1 and f"UDP port {UDP_PORT + 1}" in done.stderr
        assert control.ask("reload").startswith("applied: service other added")
        file.path.write_text(good.replace('idle = "sleep"', 'idle = "spin"'))
        said = control.ask("reload")
        assert "needs a restart: server.idle" in said and "service other removed" in said
        assert server.report()["generation"] == 4


def peer_call(place, private):
    datagram, pending = peer.Client(peer.public_key(private), None).seal(b"hello")
    with place.socket() as connected:
        connected.send(datagram)
        return pending.open(connected.recv(65536))


def test_sighup_reloads_and_the_log_says_so():
    private = peer.generate_private()
    with reloadable("socket-ipv4", lambda files: [
            service("echo", UDP_PORT, "echo", files.key("echo", private))]) as (
                place, file, _, server):
        more = file.files.key("more", peer.generate_private())
        key = file.files.folder / "echo.key"
        file.write(service("echo", UDP_PORT, "echo", key),
                   service("more", UDP_PORT + 1, "discard", more))
        server.process.send_signal(signal.SIGHUP)
        until = time.monotonic() + 5
        while "reload: service more added" not in server.said():
            assert time.monotonic() < until, server.said()
            time.sleep(0.02)
        assert peer_call(place, private) == b"hello"
