"""What a server that serves may still do: seen from outside, thread by thread."""

import os
import pwd
import subprocess
from pathlib import Path

import pytest
from conftest import require_root
from control import control_place
from http_client import get
from hugepages import await_free_pages, hugepages
from namespaces import Namespace
from ports import KINDS, NEEDS_ROOT, SERVER_IP, Place, dpdk_arguments
from pssstd import Pssstd
from world import UNPRIVILEGED_USER, command, standard_services, temporary_files, world_in

METRICS = "127.0.0.1:9477"
CAP_NET_ADMIN = 1 << 12
CAP_NET_BIND_SERVICE = 1 << 10
CAP_IPC_LOCK = 1 << 14
CAP_SYS_RESOURCE = 1 << 24


def threads(pid):
    """/proc/PID/task/*/status, each as a dictionary."""
    return [dict(line.split(":\t", 1) for line in path.read_text().splitlines() if ":\t" in line)
            for path in Path(f"/proc/{pid}/task").glob("*/status")]


def assert_dropped(pid, capabilities):
    uid = str(pwd.getpwnam(UNPRIVILEGED_USER).pw_uid)
    seen = threads(pid)
    assert seen
    # Where root may not raise the limit of locked memory, the server keeps the right to exceed it.
    own = int(dict(line.split(":\t", 1) for line in
                   Path("/proc/self/status").read_text().splitlines())["CapEff"], 16)
    if not own & CAP_SYS_RESOURCE:
        capabilities |= CAP_IPC_LOCK
    gid = pwd.getpwnam(UNPRIVILEGED_USER).pw_gid
    for status in seen:
        assert status["Uid"].split() == [uid] * 4
        assert status["Gid"].split() == [str(gid)] * 4
        assert {*map(int, status["Groups"].split())} == {*os.getgrouplist(UNPRIVILEGED_USER, gid)}
        for name in ("CapPrm", "CapEff"):
            assert int(status[name], 16) == capabilities, (name, status["Name"])
        for name in ("CapInh", "CapBnd", "CapAmb"):
            assert int(status[name], 16) == 0, (name, status["Name"])
        assert status["NoNewPrivs"].strip() == "1"
        assert status["Seccomp"].strip() == "2"


def environment_is_readable(pid):
    """By others of the same user, which a process that is kept out of core dumps does not allow."""
    reader = ["setpriv", "--reuid", UNPRIVILEGED_USER, "--clear-groups",
              "--bounding-set=-all", "cat", f"/proc/{pid}/environ"]
    return subprocess.run(reader, capture_output=True, timeout=10).returncode == 0


def assert_not_dumpable(pid):
    """Root owns what /proc tells of such a process, whoever it runs as."""
    assert Path(f"/proc/{pid}/environ").stat().st_uid == 0
    assert not environment_is_readable(pid)


def test_the_look_at_dumpability_can_fail():
    require_root("becomes another user")
    with subprocess.Popen(["setpriv", "--reuid", UNPRIVILEGED_USER, "--clear-groups",
                           "sh", "-c", "echo; exec sleep 60"], stdout=subprocess.PIPE) as sleeper:
        sleeper.stdout.readline()
        readable = environment_is_readable(sleeper.pid)
        sleeper.kill()
    assert readable


@pytest.mark.parametrize("kind", KINDS)
def test_every_thread_drops(kind):
    require_root("becomes another user")
    needs = CAP_NET_ADMIN if kind.startswith(("net_tap", "net_af_xdp")) else 0
    lcores = "0,1" if kind.startswith("socket") or "2-queues" in kind else "0"
    with KINDS[kind]() as place, control_place(UNPRIVILEGED_USER) as control, \
            world_in(place, "--user", UNPRIVILEGED_USER, "--control", control.path, "--metrics",
                     METRICS, lcores=lcores, owner=UNPRIVILEGED_USER) as world:
        assert_dropped(world.server.pid, needs)
        names = {status["Name"].strip() for status in threads(world.server.pid)}
        assert {"pssstd", "pssst-0", "pssst-control", "civetweb-master"} <= names
        assert_not_dumpable(world.server.pid)
        if lcores == "0,1":
            assert len(threads(world.server.pid)) >= 2
        assert world.call(b"dropped", "echo", True) == b"dropped"
        world.report()
        assert control.ask("health") == "ready\n"
        assert "refused" not in control.ask("reload")
        assert get(place.namespace, METRICS, "/metrics").status == 200
        world.server.stop()
        assert not control.path.exists()
        if place.server_interface:
            links = place.namespace.ip("-d", "link", "show", place.server_interface)
            assert "xdp" not in links
        elif kind == "net_tap":
            assert "pssst0" not in place.namespace.ip("-o", "link", "show")


@pytest.mark.parametrize("vdev", [
    "net_vhost0,iface={}/socket",
    "net_memif0,role=server,id=0,socket-abstract=no,socket={}/socket",
], ids=lambda vdev: vdev.partition("0")[0])
def test_no_socket_file_is_left(vdev):
    """In a folder that is the user's, the server takes away what it made there as root."""
    require_root("becomes another user")
    with temporary_files() as files, Namespace() as namespace:
        files.hand_to(UNPRIVILEGED_USER)
        place = Place("dpdk", SERVER_IP, dpdk_arguments(vdev.format(files.folder)), namespace,
                      namespace)
        with world_in(place, "--user", UNPRIVILEGED_USER) as world:
            assert (files.folder / "socket").is_socket()
            world.server.stop()
        assert list(files.folder.iterdir()) == []


def test_from_hugepages():
    require_root("sets the number of hugepages")
    with hugepages(192), KINDS["net_tap"]() as place:
        assert await_free_pages(192), "the kernel has no such hugepages to give"
        with world_in(place, "--hugepages", "--user", UNPRIVILEGED_USER) as world:
            assert_dropped(world.server.pid, CAP_NET_ADMIN)
            assert world.call(b"large") == b"large"
        assert await_free_pages(192)


@pytest.mark.parametrize("kind", ["socket-ipv4", "net_tap"])
def test_filtered_without_a_user(kind):
    """Who names no user still has no_new_privs and the filter."""
    if kind in NEEDS_ROOT:
        require_root("makes a network namespace")
    with KINDS[kind]() as place, world_in(place) as world:
        for status in threads(world.server.pid):
            assert status["NoNewPrivs"].strip() == "1" and status["Seccomp"].strip() == "2"


def test_no_filter_as_told():
    with KINDS["socket-ipv4"]() as place, world_in(place, "--no-seccomp") as world:
        for status in threads(world.server.pid):
            assert status["NoNewPrivs"].strip() == "1" and status["Seccomp"].strip() == "0"
        assert "no system call filter, as told" in world.server.said()


def test_low_port_keeps_the_right_to_bind():
    require_root("becomes another user")
    services = standard_services()
    for number, service in enumerate(services):
        service.udp_port = 700 + number
    with KINDS["socket-ipv4"]() as place, temporary_files() as files:
        server = Pssstd(command(place, files, services, "--user", UNPRIVILEGED_USER))
        server.wait_ready()
        assert_dropped(server.pid, CAP_NET_BIND_SERVICE)
        server.stop()


def test_unknown_user_is_fatal():
    require_root("becomes another user")
    with KINDS["socket-ipv4"]() as place, temporary_files() as files:
        server = Pssstd(command(place, files, standard_services(), "--user", "no-such-user"))
        assert server.wait() == 1
        assert "user no-such-user: no such user: create it" in server.said()
