"""A minute of everything at once, good and hostile, with reloads, scrapes and an operator who asks:
memory stays flat, no worker allocates, which a library counts that is preloaded into pssstd
(allocation_counter.cpp)."""

import concurrent.futures
import contextlib
import os
import re
import struct
import subprocess
import time

from conftest import require_root
from control import control_place
from http_client import get
from ports import KINDS
from pssstd import BUILD, PSSST
from world import world_in

SECONDS = 60
SETTLED = 10            # seconds after which memory must not grow
GROWTH_MAX = 512        # kB, in the rest of the time
PLACES = 256
COUNTER = BUILD / "tests/e2e/liballocation_counter.so"
METRICS = "127.0.0.1:9477"
KINDS_SOAKED = ["socket-ipv4", "net_af_packet"]


@contextlib.contextmanager
def counted(folder):
    """Adds the counter to the environment of what is started meanwhile; yields its file."""
    path = folder / "allocations"
    path.write_bytes(bytes(16 * PLACES))
    yield path, {**os.environ, "LD_PRELOAD": str(COUNTER), "PSSST_ALLOCATIONS": str(path)}


def allocations(path, pid):
    """{thread's name and id: allocations so far} of the threads that live."""
    counts = {}
    for thread, count in struct.iter_unpack("=QQ", path.read_bytes()):
        with contextlib.suppress(FileNotFoundError):
            name = open(f"/proc/{pid}/task/{thread}/comm", encoding="ascii").read().strip()
            counts[f"{name} {thread}"] = count
    return counts


def resident_kb(pid):
    status = open(f"/proc/{pid}/status", encoding="ascii").read()
    return int(re.search(r"VmRSS:\s+(\d+) kB", status).group(1))


def generate_load(world, folder):
    """Anonymous and authenticated requests, junk among them, for SECONDS."""
    clients = folder / "client.keys"
    clients.write_text(world.client_private.hex() + "\n")
    clients.chmod(0o600)
    target = world.services["echo"]
    words = [PSSST, "load", world.place.host, target.udp_port, "--server", target.public.hex(),
             "--rate", 4000, "--duration", SECONDS, "--clients", clients, "--authenticated", 0.5,
             "--size", "22:3,64:5,1200:1", "--hostile", "junk:1,truncated:1,small-order:1,replay:1",
             "--hostile-rate", 1000, "--json"]
    return subprocess.Popen(world.place.clients.command(*map(str, words)),
                            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True)


def operate(world, control):
    """Everything that is asked of a running server."""
    assert "refused" not in control.ask("reload")
    assert control.ask("health") == "ready\n"
    control.keys()
    assert get(world.place.namespace, METRICS, "/metrics").status == 200
    assert get(world.place.namespace, METRICS, "/health").status == 200


def soak(kind, folder):
    with counted(folder) as (path, environment), KINDS[kind]() as place, \
            control_place() as control, \
            world_in(place, "--control", control.path, "--metrics", METRICS,
                     environment=environment) as world:
        pid = world.server.pid
        load = generate_load(world, folder)
        until = time.monotonic() + SETTLED
        while time.monotonic() < until:
            # Each thread that answers HTTP has a heap of its own, which its first scrapes fill.
            for _ in range(10):
                operate(world, control)
            time.sleep(1)
        memory, counts = resident_kb(pid), allocations(path, pid)
        workers = [name for name in counts if re.match(r"pssst-\d+ ", name)]
        assert len(workers) == 1, counts
        assert all(counts[name] > 0 for name in workers), "the counter does not count"
        while load.poll() is None:
            world.server.report()
            operate(world, control)
            time.sleep(1)
        assert load.wait() == 0
        after = allocations(path, pid)
        assert {name: after[name] for name in workers} == {name: counts[name] for name in workers}
        assert resident_kb(pid) - memory <= GROWTH_MAX
        report = world.report()
        assert report["generation"] > SECONDS // 2
        total = report["total"]
        assert total["replied"] > 1000 * SECONDS
        assert total["drops"]["tag"] > 0 and total["drops"]["dh_small_order"] > 0


def test_a_minute_of_load_allocates_nothing(tmp_path):
    """Both kinds of port at once: the test takes a minute, not two."""
    require_root("makes network namespaces")
    folders = [tmp_path / kind for kind in KINDS_SOAKED]
    for folder in folders:
        folder.mkdir()
    with concurrent.futures.ThreadPoolExecutor() as pool:
        for done in [pool.submit(soak, *both) for both in zip(KINDS_SOAKED, folders)]:
            done.result()
