"""Every kind of port that pssstd serves on: how the place for one is made, which arguments start
pssstd there, and how a client reaches it. Each kind is a context manager that yields a Place."""

import contextlib
import os
import socket
import subprocess
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Callable

from namespaces import HostNamespace, Namespace

SERVER_IP = "10.77.0.2"
CLIENT_IP = "10.77.0.1"
SERVER_IP6 = "fd77::2"
CLIENT_IP6 = "fd77::1"
UDP_PORT = 7700


@dataclass
class Place:
    """Where one pssstd runs, and its clients."""

    kind: str
    host: str                       # the address to call
    arguments: list                 # of pssstd: the port
    namespace: object               # the server's
    clients: object                 # the clients' namespace
    interface: str = ""             # the clients', where there is one of its own
    server_interface: str = ""      # the server's kernel interface, where it has one
    after_start: Callable = field(default=lambda: None)  # to do when pssstd is ready
    after_stop: Callable = field(default=lambda: None)   # to do before it is started again

    @property
    def is_dpdk(self):
        return "dpdk" in self.arguments

    def socket(self, udp_port=UDP_PORT):
        """A client's UDP socket, connected to the service."""
        family = socket.AF_INET6 if ":" in self.host else socket.AF_INET
        connected = self.clients.socket(family, socket.SOCK_DGRAM)
        connected.connect((self.host, udp_port))
        connected.settimeout(5)
        return connected


def may_make_namespaces():
    return os.geteuid() == 0


@contextlib.contextmanager
def kernel_sockets(host):
    """Without root: on the loopback of the machine."""
    with Namespace() if may_make_namespaces() else HostNamespace() as namespace:
        arguments = ["--port", "socket", "--listen", host]
        yield Place("socket", host, arguments, namespace, namespace)


def dpdk_arguments(*vdevs):
    arguments = ["--port", "dpdk", "--address", SERVER_IP, "--address", SERVER_IP6]
    for vdev in vdevs:
        arguments += ["--vdev", vdev]
    return arguments


def bring_up(namespace, interface):
    """Gives a client's interface its address. A tap's carrier comes a moment after its driver."""
    namespace.ip("address", "add", f"{CLIENT_IP}/24", "dev", interface)
    namespace.ip("link", "set", interface, "up")
    deadline = time.monotonic() + 5
    while "LOWER_UP" not in namespace.ip("-o", "link", "show", interface):
        assert time.monotonic() < deadline, f"{interface} has no carrier"
        time.sleep(0.01)


@contextlib.contextmanager
def net_tap(kind="net_tap"):
    """The clients are the kernel behind the tap."""
    with Namespace() as namespace:
        yield Place(kind, SERVER_IP, dpdk_arguments("net_tap0,iface=pssst0"), namespace, namespace,
                    interface="pssst0", after_start=lambda: bring_up(namespace, "pssst0"))


@contextlib.contextmanager
def veth(kind, vdevs, queues=1):
    """The server has one end of the pair, clients the other, each in its namespace. What the
    clients' kernel sends carries partial UDP checksums."""
    with Namespace() as server, Namespace() as clients:
        count = ["numrxqueues", queues, "numtxqueues", queues]
        server.ip("link", "add", "pssst0", *count, "type", "veth",
                  "peer", "name", "pssst1", *count, "netns", clients.name)
        server.ip("link", "set", "pssst0", "up")
        bring_up(clients, "pssst1")
        arguments = [*dpdk_arguments(*vdevs), "--no-verify-udp-checksum"]
        yield Place(kind, SERVER_IP, arguments, server, clients,
                    interface="pssst1", server_interface="pssst0")


def net_af_packet():
    return veth("net_af_packet", ["net_af_packet0,iface=pssst0"])


def net_af_xdp(queues=1):
    """One device a queue."""
    return veth("net_af_xdp", queues=queues, vdevs=[
        f"net_af_xdp{queue},iface=pssst0,start_queue={queue},queue_count=1"
        for queue in range(queues)
    ])


class Bridge:
    """dpdk-testpmd, carrying frames between a device that pssstd shares with it and a tap."""

    def __init__(self, namespace, vdev, folder):
        self._log = (Path(folder) / "bridge.log").open("w+")
        command = namespace.command(
            "stdbuf", "-oL", "dpdk-testpmd", "-l", "0,1", "--no-huge", "-m", "256", "--no-pci",
            "--no-shconf", "--vdev", vdev, "--vdev", "net_tap0,iface=pssst0", "--",
            "--forward-mode=io", "--auto-start", "--total-num-mbufs=8192", "--no-mlockall")
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=self._log,
                                         stderr=subprocess.STDOUT)

    def said(self):
        self._log.seek(0)
        return self._log.read()

    def wait_ready(self):
        deadline = time.monotonic() + 30
        while "Press enter to exit" not in self.said():
            assert self._process.poll() is None and time.monotonic() < deadline, self.said()
            time.sleep(0.05)

    def stop(self):
        self._process.kill()
        self._process.wait()
        self._log.close()


@contextlib.contextmanager
def bridged(kind, server_vdev, bridge_vdev):
    """Two processes with a device between them: pssstd at one end, a bridge to a tap at the other.
    The socket's folder stands in for {folder}."""
    with Namespace() as namespace, tempfile.TemporaryDirectory(prefix="pssst-test-") as folder, \
            contextlib.ExitStack() as cleanup:
        def start_bridge():
            bridge = Bridge(namespace, bridge_vdev.format(folder=folder), folder)
            cleanup.callback(bridge.stop)
            bridge.wait_ready()
            bring_up(namespace, "pssst0")
        yield Place(kind, SERVER_IP, dpdk_arguments(server_vdev.format(folder=folder)), namespace,
                    namespace, interface="pssst0", after_start=start_bridge,
                    # DPDK 22.11's memif driver can crash the side that polls when its peer comes
                    # and goes: they go together.
                    after_stop=cleanup.close)


def net_memif():
    return bridged("net_memif", "net_memif0,role=server,id=0,socket={folder}/memif.sock",
                   "net_memif0,role=client,id=0,socket={folder}/memif.sock")


def net_vhost():
    return bridged("net_vhost", "net_vhost0,iface={folder}/vhost.sock",
                   "net_virtio_user0,path={folder}/vhost.sock,queues=1")


KINDS = {
    "socket-ipv4": lambda: kernel_sockets("127.0.0.1"),
    "socket-ipv6": lambda: kernel_sockets("::1"),
    "net_tap": net_tap,
    "net_af_packet": net_af_packet,
    "net_af_xdp": net_af_xdp,
    "net_af_xdp-2-queues": lambda: net_af_xdp(queues=2),
    "net_memif": net_memif,
    "net_vhost": net_vhost,
}
NEEDS_ROOT = {kind for kind in KINDS if not kind.startswith("socket")}
