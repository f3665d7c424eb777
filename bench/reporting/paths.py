"""The ways to a server: each is a context that starts a place, a server in it, and yields a Path
over which `pssst load` can be run."""

import contextlib
import ctypes
import json
import os
import signal
import statistics
import subprocess
import tempfile
import time
from pathlib import Path as FilePath

import hugepages
import ports
from namespaces import HostNamespace, Namespace
from pssstd import Pssstd
from reporting.machine import BUILD, Meter, cpus, output

PSSST = BUILD / "src/tools/pssst"
PSSSTD = BUILD / "src/server/pssstd"
BASELINE = BUILD / "bench/baseline/pssst_baseline"
HUGEPAGES = 320  # of 2 MB: two DPDK processes, 256 MB each
DPDK_SETTLE = 0.5  # seconds that a device has to see that its peer has left
_PR_SET_PDEATHSIG = 1
_libc = ctypes.CDLL(None)


class Keys:
    """The server's, in files."""

    def __init__(self, folder):
        self.private = FilePath(folder, "server.key")
        self.public = FilePath(folder, "server.pub")
        self.private.touch(mode=0o600)
        self.private.write_text(output(PSSST, "genkey"))
        self.public.write_text(subprocess.run([PSSST, "pubkey"], input=self.private.read_text(),
                                              text=True, check=True, capture_output=True).stdout)


def _die_with_parent():
    """In a child: a server would stand still for ever if the report were killed."""
    _libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


class Server(Pssstd):
    """A running pssstd."""

    def __init__(self, command):
        super().__init__(command, preexec_fn=_die_with_parent)

    def bursts(self):
        """(bursts, lanes of them all)."""
        total = self.report()["total"]
        return total["bursts"], total["lanes"]


class Baseline:
    """A running pssst_baseline, with as much of Server's face as is needed here."""

    def __init__(self, command):
        self.process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True,
                                        preexec_fn=_die_with_parent)

    def wait_ready(self):
        line = self.process.stderr.readline()
        if "ready" not in line:
            raise SystemExit(f"bench/report: {line}")

    @staticmethod
    def bursts():
        return 0, 0

    def stop(self):
        self.process.kill()
        self.process.wait()
        self.process.stderr.close()


def _waited_ns(pid):
    """How long the threads of a process were ready to run and did not, in all."""
    return sum(int(path.read_text().split()[1])
               for path in FilePath(f"/proc/{pid}/task").glob("*/schedstat"))


def taken(runs):
    """What others took meanwhile, on the average of the runs."""
    return {name: round(statistics.mean(run[name] for run in runs), 2)
            for name in ("steal_percent", "waited_percent")}


class Path:
    """A server that stands still but while it is measured: all have the same CPU."""

    def __init__(self, name, title, server, generator, host, keys, load_arguments=()):
        self.name = name
        self.title = title
        self._server = server
        self._generator = generator  # the namespace of `pssst load`
        self._load = [PSSST, "load", host, ports.UDP_PORT, "--server", keys.public, "--json",
                      "--cpus", cpus()[1], *load_arguments]
        self._settle = DPDK_SETTLE if load_arguments else 0
        # A DPDK device is polled always. Sockets are where requests are due at set times: the
        # generator has a CPU of its own, and must not be late.
        self._punctual = [] if load_arguments else ["--spin"]

    def _signal(self, number):
        os.kill(self._server.process.pid, number)

    def pause(self):
        self._signal(signal.SIGSTOP)

    @contextlib.contextmanager
    def running(self):
        self._signal(signal.SIGCONT)
        try:
            yield
        finally:
            time.sleep(self._settle)
            self.pause()

    def load(self, *arguments, duration, warmup=0.3, accepted=(0,)):
        """One run of `pssst load`: what it says; with `steal_percent`, `waited_percent` (of the
        time, the server waited for its CPU), and `lanes` (of its mean burst, 0 if it has none).
        `accepted`: statuses that it may end with."""
        command = self._generator.command(*self._load, "--duration", duration, "--warmup", warmup,
                                          *arguments)
        with self.running():
            bursts, lanes = self._server.bursts()
            waited, begin = _waited_ns(self._server.process.pid), time.monotonic_ns()
            with Meter() as meter:
                result = subprocess.run(command, text=True, capture_output=True,
                                        stdin=subprocess.DEVNULL, timeout=duration + warmup + 60,
                                        preexec_fn=_die_with_parent)
            waited = _waited_ns(self._server.process.pid) - waited
            elapsed = time.monotonic_ns() - begin
            bursts, lanes = (after - before for after, before in zip(self._server.bursts(),
                                                                     (bursts, lanes)))
        try:
            report = json.loads(result.stdout)
        except ValueError:
            raise SystemExit(f"bench/report: {self.title}: {result.stderr}") from None
        if result.returncode not in accepted or report["mismatches"]:
            raise SystemExit(f"bench/report: {self.title}: status {result.returncode}: "
                             f"{result.stderr}{result.stdout}")
        return {**report, "steal_percent": meter.steal_percent,
                "waited_percent": round(100 * waited / elapsed, 1),
                "lanes": lanes / max(1, bursts)}

    def load_at(self, rate, duration):
        """Open loop."""
        return self.load("--rate", int(rate), *self._punctual, duration=duration)

    def stop(self):
        self._signal(signal.SIGCONT)
        self._server.stop()


@contextlib.contextmanager
def _served(name, title, server, generator, host, keys, load_arguments=()):
    path = Path(name, title, server, generator, host, keys, load_arguments)
    try:
        server.wait_ready()
        path.pause()
        yield path
    finally:
        if server.process.poll() is None:
            path.stop()


def _pssstd(settings, keys, namespace, *arguments):
    command = [PSSSTD, *arguments, "--lcores", cpus()[0], "--counters", "json", "--service",
               f"port={ports.UDP_PORT},handler=echo,key={keys.private}"]
    if settings.kernel:
        command += ["--x25519-kernel", settings.kernel]
    return Server(namespace.command(*command))


@contextlib.contextmanager
def _veth_to_kernel():
    """Two namespaces with a veth pair; the server's end has the server's address."""
    with Namespace() as server, Namespace() as clients:
        server.ip("link", "add", "pssst0", "type", "veth", "peer", "name", "pssst1", "netns",
                  clients.name)
        server.ip("address", "add", f"{ports.SERVER_IP}/24", "dev", "pssst0")
        server.ip("link", "set", "pssst0", "up")
        ports.bring_up(clients, "pssst1")
        yield server, clients


@contextlib.contextmanager
def baseline(settings, keys):
    with _veth_to_kernel() as (here, there):
        server = Baseline(here.command(BASELINE, "--address", ports.SERVER_IP, "--port",
                                       ports.UDP_PORT, "--key", keys.private, "--cpus", cpus()[0]))
        with _served("baseline", "a plain server: recvmmsg, OpenSSL, sendmmsg", server, there,
                     ports.SERVER_IP, keys) as path:
            yield path


@contextlib.contextmanager
def kernel_sockets(settings, keys):
    with _veth_to_kernel() as (here, there):
        server = _pssstd(settings, keys, here, "--port", "socket", "--listen", ports.SERVER_IP)
        with _served("socket", "pssstd over kernel sockets", server, there, ports.SERVER_IP,
                     keys) as path:
            yield path


@contextlib.contextmanager
def _packet_device(settings, keys, place_maker, name, title):
    with place_maker() as place:
        server = _pssstd(settings, keys, place.namespace, *place.arguments)
        with _served(name, title, server, place.clients, place.host, keys) as path:
            yield path


def af_packet(settings, keys):
    return _packet_device(settings, keys, ports.net_af_packet, "af_packet",
                          "pssstd over DPDK's AF_PACKET on a veth")


def af_xdp(settings, keys):
    return _packet_device(settings, keys, ports.net_af_xdp, "af_xdp",
                          "pssstd over DPDK's AF_XDP on a veth")


@contextlib.contextmanager
def vhost(settings, keys):
    """Two processes, no kernel between them: vhost-user here, virtio there."""
    here = HostNamespace()
    with contextlib.ExitStack() as cleanup:
        folder = cleanup.enter_context(tempfile.TemporaryDirectory(prefix="pssst-bench-"))
        memory = _reserve_hugepages(cleanup)
        socket = FilePath(folder, "vhost.sock")
        server = _pssstd(settings, keys, here, "--port", "dpdk", "--address", ports.SERVER_IP,
                         "--vdev", f"net_vhost0,iface={socket},queues=1", *memory)
        load = ["--vdev", f"net_virtio_user0,path={socket},queues=1,queue_size=1024",
                "--address", ports.CLIENT_IP, *memory]
        with _served("vhost", "pssstd over DPDK's vhost-user", server, here, ports.SERVER_IP, keys,
                     load) as path:
            yield path


@contextlib.contextmanager
def under_fire(settings, keys, is_protected):
    """As vhost, in hugepages that are there. Everything on, or everything off."""
    protection = ['replay_window = "10s"'] if is_protected else [
        'source_limits = "off"', "known_sources = 0"]
    here = HostNamespace()
    with tempfile.TemporaryDirectory(prefix="pssst-bench-") as folder:
        socket, file = FilePath(folder, "vhost.sock"), FilePath(folder, "pssstd.toml")
        in_hugepages = hugepages.free_pages() > 0
        kernel = [f'x25519_kernel = "{settings.kernel}"'] if settings.kernel else []
        file.write_text("\n".join([
            "[server]", f'lcores = "{cpus()[0]}"', 'counters = "json"', *kernel,
            "[port]", 'kind = "dpdk"',
            "[dpdk]", f'vdevs = ["net_vhost0,iface={socket},queues=1"]',
            f'addresses = ["{ports.SERVER_IP}"]', f"hugepages = {str(in_hugepages).lower()}",
            "[protection]", *protection,
            "[[service]]", f"udp_port = {ports.UDP_PORT}", 'handler = "echo"',
            f'keys = ["{keys.private}"]', ""]))
        server = Server(here.command(PSSSTD, "--config", file))
        load = ["--vdev", f"net_virtio_user0,path={socket},queues=1,queue_size=1024",
                "--address", ports.CLIENT_IP, *(["--hugepages"] if in_hugepages else [])]
        name = "protected" if is_protected else "open"
        with _served(name, f"pssstd, {name}", server, here, ports.SERVER_IP, keys, load) as path:
            yield path


def _reserve_hugepages(cleanup):
    """The arguments that use them, where the machine has as many to give."""
    try:
        cleanup.enter_context(hugepages.hugepages(HUGEPAGES))
    except OSError:
        return []
    return ["--hugepages"] if hugepages.free_pages() >= HUGEPAGES else []


ALL = {"baseline": baseline, "socket": kernel_sockets, "af_packet": af_packet, "af_xdp": af_xdp,
       "vhost": vhost}
