"""Network namespaces of the tests' own: unique names, entered by this process to make sockets in
them, removed whatever happened."""

import contextlib
import ctypes
import itertools
import os
import re
import signal
import socket
import subprocess
from pathlib import Path

PREFIX = "pssst-test"
_NETNS_FOLDER = Path("/run/netns")
_CLONE_NEWNET = 0x40000000
_libc = ctypes.CDLL(None, use_errno=True)
_counter = itertools.count()


def run(*command):
    """A command that must succeed; its output."""
    result = subprocess.run([str(word) for word in command], text=True, stdin=subprocess.DEVNULL,
                            stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    assert result.returncode == 0, f"{' '.join(map(str, command))}: {result.stdout}"
    return result.stdout


def _enter(file):
    if _libc.setns(file.fileno(), _CLONE_NEWNET) != 0:
        raise OSError(ctypes.get_errno(), "setns")


class Namespace:
    """Quiet: nothing speaks in it that a test did not start (no IPv6 router or multicast traffic
    outside loopback)."""

    def __init__(self):
        self.name = f"{PREFIX}-{os.getpid()}-{next(_counter)}"

    def __enter__(self):
        run("ip", "netns", "add", self.name)
        with self.entered():
            # "all" goes for interfaces to come as well, and leaves loopback's own setting to us.
            for entry, value in (("default/disable_ipv6", "1"), ("lo/disable_ipv6", "0")):
                Path("/proc/sys/net/ipv6/conf", entry).write_text(value)
        run("ip", "-n", self.name, "link", "set", "lo", "up")
        return self

    def __exit__(self, *_):
        remove(self.name)

    def command(self, *words):
        return ["ip", "netns", "exec", self.name, *map(str, words)]

    def run(self, *words):
        return run(*self.command(*words))

    def ip(self, *words):
        return run("ip", "-n", self.name, *words)

    @contextlib.contextmanager
    def entered(self):
        """The calling thread is in the namespace meanwhile; sockets that it makes stay there."""
        with open("/proc/thread-self/ns/net", "rb") as home, \
                open(_NETNS_FOLDER / self.name, "rb") as there:
            _enter(there)
            try:
                yield
            finally:
                _enter(home)

    def socket(self, family, kind, protocol=0):
        with self.entered():
            return socket.socket(family, kind, protocol)


class HostNamespace:
    """The namespace that we are in: what sockets on loopback need no more than."""

    def __enter__(self):
        return self

    def __exit__(self, *_):
        pass

    def command(self, *words):
        return [str(word) for word in words]

    def socket(self, family, kind, protocol=0):
        return socket.socket(family, kind, protocol)

    def entered(self):
        return contextlib.nullcontext()


def remove(name):
    """With every process in it: an interface lives as long as a process holds it."""
    for pid in run("ip", "netns", "pids", name).split():
        with contextlib.suppress(ProcessLookupError):
            os.kill(int(pid), signal.SIGKILL)
    run("ip", "netns", "delete", name)


def remove_left_behind():
    """Those of test runs that were killed before they could clean up, and of this one."""
    names = [path.name for path in _NETNS_FOLDER.glob(f"{PREFIX}-*")]
    for name in names:
        match = re.fullmatch(rf"{PREFIX}-(\d+)-\d+", name)
        owner = int(match.group(1)) if match else 0
        if match and (owner == os.getpid() or not Path(f"/proc/{owner}").exists()):
            remove(name)
