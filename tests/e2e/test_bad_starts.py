"""A start that cannot succeed ends at once: one line on standard error that says what is wrong,
nothing on standard output, status 1, or 2 where the command line itself is wrong."""

import os
import re
import shutil
import socket
import subprocess
import time

import peer
import pytest
from conftest import require_root
from hugepages import hugepages
from ports import KINDS, UDP_PORT
from pssstd import PSSSTD
from world import (UNPRIVILEGED_USER, Service, command, running, standard_services,
                   temporary_files)

ENDS_WITHIN = 10  # seconds


@pytest.fixture
def files():
    with temporary_files() as files:
        yield files


@pytest.fixture(params=["socket-ipv4", "net_tap"])
def any_place(request):
    if request.param != "socket-ipv4":
        require_root("makes a network namespace")
    with KINDS[request.param]() as place:
        yield place


@pytest.fixture
def socket_place():
    with KINDS["socket-ipv4"]() as place:
        yield place


@pytest.fixture
def tap_place():
    require_root("makes a network namespace")
    with KINDS["net_tap"]() as place:
        yield place


def refused(arguments, status, *parts):
    """Runs what must fail; every part, a regular expression, must be in its one line."""
    started = time.monotonic()
    result = subprocess.run(arguments, capture_output=True, text=True, timeout=60,
                            stdin=subprocess.DEVNULL)
    took = time.monotonic() - started
    assert result.returncode == status, result
    assert result.stdout == ""
    lines = result.stderr.splitlines()
    assert len(lines) == 1, result.stderr
    assert lines[0].startswith("pssstd: ")
    for part in parts:
        assert re.search(part, lines[0], re.IGNORECASE), (part, lines[0])
    assert took < ENDS_WITHIN


def echo(udp_port=UDP_PORT, private=None, options=""):
    return Service("echo", udp_port, private or peer.generate_private(), options)


# --- keys, services and clients: the same on every kind of port -----------------------------------

KEY_FILES = {
    "missing": (lambda path: path.unlink(), ["genkey", "no such file"]),
    "empty": (lambda path: path.write_text(""), ["empty", "64"]),
    "short": (lambda path: path.write_text("ab" * 31), ["short", "64"]),
    "long": (lambda path: path.write_text("ab" * 33), ["64"]),
    "no digits": (lambda path: path.write_text("zz" * 32), ["hexadecimal"]),
    "open to others": (lambda path: path.chmod(0o644), ["chmod 600 "]),
    "open to the group": (lambda path: path.chmod(0o640), ["chmod 600 "]),
    "a folder": (lambda path: (path.unlink(), path.mkdir(0o700)), ["not a regular file"]),
}


@pytest.mark.parametrize("name", KEY_FILES)
def test_key_file(any_place, files, name):
    spoil, parts = KEY_FILES[name]
    service = echo()
    arguments = command(any_place, files, [service])
    path = files.folder / f"echo-{UDP_PORT}.key"
    spoil(path)
    refused(arguments, 1, re.escape(str(path)), *parts)


def test_same_udp_port_twice(any_place, files):
    services = [echo(), Service("ack", UDP_PORT, peer.generate_private())]
    refused(command(any_place, files, services), 1, str(UDP_PORT))


def test_one_key_in_two_services_that_reply(any_place, files):
    key = peer.generate_private()
    services = [echo(private=key), Service("ack", UDP_PORT + 1, key)]
    refused(command(any_place, files, services), 1, f"{UDP_PORT}", "own key")


def test_a_key_of_server_and_client(any_place, files):
    service = echo()
    arguments = command(any_place, files, [service], clients=[service.public])
    refused(arguments, 1, "client", "new key")


def test_every_bad_line_of_the_clients_is_named(any_place, files):
    good = peer.public_key(peer.generate_private()).hex()
    lines = ["# Clients.", good, "12ab", "", good, "z" * 64, "00" * 32, "09" + "00" * 31, "ff" * 32]
    path = files.folder / "clients"
    path.write_text("\n".join(lines) + "\n")
    arguments = command(any_place, files, [echo()], "--clients", path)
    refused(arguments, 1, re.escape(str(path)), *(f"line {n}\\b" for n in (3, 5, 6, 7, 8, 9)))


def test_clients_file_missing(any_place, files):
    path = files.folder / "nobody"
    refused(command(any_place, files, [echo()], "--clients", path), 1, re.escape(str(path)))


@pytest.mark.parametrize("lcores, parts", [("4095", ["4095"]), ("0,99", ["99"])])
def test_lcore_that_does_not_exist(any_place, files, lcores, parts):
    refused(command(any_place, files, [echo()], lcores=lcores), 1, "CPU|lcore", *parts)


def test_lcore_that_this_process_may_not_use(any_place, files):
    if len(os.sched_getaffinity(0)) < 2:
        pytest.skip("has one CPU only")
    arguments = ["taskset", "--cpu-list", "0", *command(any_place, files, [echo()], lcores="1")]
    refused(arguments, 1, "CPU|lcore", "1")


def test_x25519_kernel_that_does_not_exist(any_place, files):
    arguments = command(any_place, files, [echo()], "--x25519-kernel", "abacus")
    refused(arguments, 1, "abacus", "x25519")


# --- the command line -----------------------------------------------------------------------------

MISUSES = {
    "no service": ([], ["--service"]),
    "unknown option": (["--fast"], ["--fast"]),
    "unknown port": (["--port", "serial"], ["socket", "dpdk"]),
    "unknown idle mode": (["--idle", "nap"], ["spin", "sleep"]),
    "unknown form of counters": (["--counters", "xml"], ["text", "json"]),
    "option of the other port": (["--vdev", "net_tap0"], ["--vdev"]),
    "no list of CPUs": (["--lcores", "one"], ["--lcores"]),
    "the same CPU twice": (["--lcores", "0,0"], ["--lcores"]),
    "no address": (["--listen", "localhost"], ["--listen", "numeric"]),
    "DPDK without device": (["--port", "dpdk", "--address", "10.0.0.1"], ["--vdev"]),
    "DPDK without address": (["--port", "dpdk", "--vdev", "net_tap0"], ["--address"]),
    "unknown handler": (["--service", "port=1,handler=dance,key=k"], ["dance", "echo"]),
    "unknown policy": (["--service", "port=1,handler=echo,key=k,policy=maybe"], ["optional"]),
    "no UDP port": (["--service", "port=65536,handler=echo,key=k"], ["65536"]),
    "a reply for echo": (["--service", "port=1,handler=echo,key=k,reply=x"], ["reply", "ack"]),
    "a service without key": (["--service", "port=1,handler=echo"], ["key"]),
}


@pytest.mark.parametrize("name", MISUSES)
def test_misuse(name):
    words, parts = MISUSES[name]
    service = [] if "service" in " ".join(words) or not words else [
        "--service", "port=7700,handler=echo,key=server.key"]
    refused([PSSSTD, *service, *words], 2, *map(re.escape, parts))


def test_help_and_version():
    for option, part in (("--help", "--service"), ("--version", "pssstd ")):
        result = subprocess.run([PSSSTD, option], capture_output=True, text=True)
        assert result.returncode == 0 and result.stderr == "" and part in result.stdout


# --- kernel sockets -------------------------------------------------------------------------------

@pytest.mark.parametrize("shared", [False, True], ids=["plain", "with SO_REUSEPORT"])
@pytest.mark.parametrize("family, address", [(socket.AF_INET, "127.0.0.1"), (socket.AF_INET, ""),
                                             (socket.AF_INET6, "::")])
def test_udp_port_in_use(socket_place, files, family, address, shared):
    """Sharing by SO_REUSEPORT would split requests between two servers: noticed all the same."""
    if family == socket.AF_INET6:
        socket_place.arguments[-1] = "::"
    with socket_place.namespace.socket(family, socket.SOCK_DGRAM) as holder:
        holder.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, int(shared))
        holder.bind((address, UDP_PORT))
        refused(command(socket_place, files, [echo()]), 1, str(UDP_PORT), "taken")


def test_second_server_at_the_same_udp_port(socket_place, files):
    service = echo()
    arguments = command(socket_place, files, [service])
    with running(arguments) as server:
        refused(arguments, 1, str(UDP_PORT), "taken")
        assert server.report()["books_balance"]


def test_address_that_is_not_ours(socket_place, files):
    socket_place.arguments[-1] = "192.0.2.1"
    refused(command(socket_place, files, [echo()]), 1, "192.0.2.1")


def test_privileged_udp_port(socket_place, files):
    """An unprivileged user may not bind ports below 1024."""
    require_root("runs a server as another user")
    arguments = as_unprivileged(command(socket_place, files, [echo(udp_port=700)]), files)
    refused(arguments, 1, "700", "permission")


# --- DPDK -----------------------------------------------------------------------------------------

def as_unprivileged(arguments, files):
    """As a user without capabilities, with a pssstd that this user can reach."""
    binary = shutil.copy(PSSSTD, files.folder / "pssstd")
    files.hand_to(UNPRIVILEGED_USER)
    at = arguments.index(str(PSSSTD))
    return [*arguments[:at], "setpriv", "--reuid", UNPRIVILEGED_USER, "--regid", "nogroup",
            "--clear-groups", str(binary), *arguments[at + 1:]]


def with_vdev(place, vdev):
    place.arguments[place.arguments.index("--vdev") + 1] = vdev
    return place


@pytest.mark.parametrize("vdev, parts", [
    ("net_nosuch0", ["net_nosuch0"]),
    ("nonsense", ["nonsense"]),
    ("net_af_packet0,iface=nosuch0", ["nosuch0|net_af_packet0"]),
    ("net_af_xdp0,iface=nosuch0,start_queue=0,queue_count=1", ["nosuch0|net_af_xdp0"]),
])
def test_device_that_does_not_exist(tap_place, files, vdev, parts):
    refused(command(with_vdev(tap_place, vdev), files, [echo()]), 1, *parts)


def test_pci_device_that_does_not_exist(tap_place, files):
    at = tap_place.arguments.index("--vdev")
    tap_place.arguments[at:at + 2] = ["--pci", "0000:ff:1f.7"]
    refused(command(tap_place, files, [echo()]), 1, "0000:ff:1f.7")


def test_no_hugepages(tap_place, files):
    with hugepages(0):
        refused(command(tap_place, files, [echo()], "--hugepages"), 1, "hugepages", "nr_hugepages")


def test_no_permission_for_a_tap(tap_place, files):
    arguments = as_unprivileged(command(tap_place, files, [echo()]), files)
    refused(arguments, 1, "permi|CAP_NET_ADMIN")


def test_fewer_queues_than_workers(tap_place, files):
    if len(os.sched_getaffinity(0)) < 2:
        pytest.skip("has one CPU only")
    place = with_vdev(tap_place, "net_af_packet0,iface=lo")
    refused(command(place, files, [echo()], lcores="0,1"), 1, "queue")


def test_no_interface_is_left_after_a_failed_start(tap_place, files):
    """The worker refuses its kernel when the device is up already."""
    refused(command(tap_place, files, [echo()], "--x25519-kernel", "abacus"), 1, "abacus")
    assert "pssst0" not in tap_place.namespace.ip("-o", "link", "show")
