"""A minute of everything at once, good and hostile: memory stays flat, no worker allocates, which
a library counts that is preloaded into pssstd (allocation_counter.cpp)."""

import concurrent.futures
import contextlib
import os
import re
import struct
import subprocess
import time

from conftest import require_root
from ports import KINDS
from pssstd import BUILD, PSSST
from world import world_in

SECONDS = 60
SETTLED = 10            # seconds after which memory must not grow
GROWTH_MAX = 512        # kB, in the rest of the time
PLACES = 256
COUNTER = BUILD / "tests/e2e/liballocation_counter.so"
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


def soak(kind, folder):
    with counted(folder) as (path, environment), KINDS[kind]() as place, \
            world_in(place, environment=environment) as world:
        pid = world.server.pid
        load = generate_load(world, folder)
        time.sleep(SETTLED)
        memory, counts = resident_kb(pid), allocations(path, pid)
        workers = [name for name in counts if re.match(r"pssst-\d+ ", name)]
        assert len(workers) == 1, counts
        assert all(counts[name] > 0 for name in workers), "the counter does not count"
        while load.poll() is None:
            world.server.report()
            time.sleep(1)
        assert load.wait() == 0
        after = allocations(path, pid)
        assert {name: after[name] for name in workers} == {name: counts[name] for name in workers}
        assert resident_kb(pid) - memory <= GROWTH_MAX
        total = world.report()["total"]
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
