"""How it ends, and that it starts again."""

import resource
import signal
import time

import peer
import pytest
from conftest import require_root
from load import Load
from ports import KINDS, NEEDS_ROOT
from pssstd import Pssstd, assert_books
from world import command, running, standard_services, temporary_files, world_in


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGINT], ids=lambda how: how.name)
@pytest.mark.parametrize("kind", ["socket-ipv4", "net_tap", "net_af_packet", "net_af_xdp"])
def test_stop_under_load(kind, how):
    """The burst under way is finished, counters are printed, the books balance, status 0."""
    require_root("makes network namespaces and devices")
    with KINDS[kind]() as place, world_in(place) as world:
        world.call(b"reachable")
        with Load(world):
            time.sleep(0.5)
            started = time.monotonic()
            report = world.server.stop(how)
            assert time.monotonic() - started < 5
        assert report["total"]["replied"] > 100
        drops = set(report["total"]["drops"])
        assert drops <= {"queue_full", "shutdown", "transmit", "arp_ignored"}


def test_two_workers_stop_under_load():
    require_root("makes a network namespace")
    with KINDS["net_af_xdp-2-queues"]() as place, world_in(place, lcores="0,1") as world:
        world.call(b"reachable")
        with Load(world), Load(world), Load(world), Load(world):
            time.sleep(0.5)
            report = world.server.stop()
        assert len(report["workers"]) == 2
        assert report["total"]["replied"] > 100


@pytest.mark.parametrize("kind", KINDS)
def test_killed_and_started_again(kind):
    """What a killed server leaves (a socket, an XDP program, shared memory) hinders no new one."""
    if kind in NEEDS_ROOT:
        require_root("makes network namespaces and devices")
    lcores = "0,1" if "2-queues" in kind else "0"
    with KINDS[kind]() as place, temporary_files() as files:
        services = standard_services()
        arguments = command(place, files, services, lcores=lcores)
        with running(arguments, place.after_start) as first:
            call_once(place, services[0])
            first.kill()
        place.after_stop()
        with running(arguments, place.after_start) as second:
            call_once(place, services[0])
            assert_books(second.settled_report())


def call_once(place, service):
    datagram, pending = peer.Client(service.public).seal(b"hello")
    with place.socket() as connected:
        connected.send(datagram)
        assert pending.open(connected.recv(65536)) == b"hello"


def test_stopped_twice_and_before_any_call():
    """A second signal while it ends changes nothing."""
    with KINDS["socket-ipv4"]() as place, world_in(place) as world:
        world.server.process.send_signal(signal.SIGTERM)
        world.server.process.send_signal(signal.SIGTERM)
        assert world.server.wait() == 0


def test_nothing_is_left_of_a_tap():
    require_root("makes a network namespace")
    with KINDS["net_tap"]() as place:
        with world_in(place) as world:
            world.call(b"hello")
            assert "pssst0" in place.namespace.ip("-o", "link", "show")
        assert "pssst0" not in place.namespace.ip("-o", "link", "show")


def test_no_xdp_program_is_left():
    require_root("makes network namespaces")
    with KINDS["net_af_xdp"]() as place:
        with world_in(place) as world:
            world.call(b"hello")
            assert "xdp" in place.namespace.ip("-o", "link", "show", place.server_interface)
        assert "xdp" not in place.namespace.ip("-o", "link", "show", place.server_interface)


def test_no_core_dump(tmp_path):
    """An aborted server leaves no memory image behind, whatever limits it was started with."""
    tmp_path.chmod(0o777)

    def unlimited_cores():
        hard = resource.getrlimit(resource.RLIMIT_CORE)[1]
        resource.setrlimit(resource.RLIMIT_CORE, (hard, hard))

    with KINDS["socket-ipv4"]() as place, temporary_files() as files:
        arguments = command(place, files, standard_services())
        server = Pssstd(arguments, cwd=tmp_path, preexec_fn=unlimited_cores).wait_ready()
        limits = open(f"/proc/{server.pid}/limits").read()
        (core_line,) = [line for line in limits.splitlines() if line.startswith("Max core file")]
        assert core_line.split()[4:6] == ["0", "0"]
        server.process.send_signal(signal.SIGABRT)
        assert server.wait() == -signal.SIGABRT
        assert list(tmp_path.iterdir()) == []
