"""Clients from a store that changes, breaks and comes back while pssstd serves: who is revoked is
refused everywhere within a second, who is enrolled is served, and nobody else notices anything."""

import contextlib
import os
import subprocess
import sys
import time
from pathlib import Path

import peer
import pytest

from identity_world import A_SECOND, assert_all_answered, identity, load, store_world
from pssstd import BUILD, PSSST

P = 2**255 - 19


def drops_of(worker):
    return worker["drops"].get("client_revoked", 0)


# ---- changes ----------------------------------------------------------------------------------


def test_who_is_revoked_is_refused_within_a_second_and_nobody_else_ever(as_root):
    with store_world() as world:
        callers = world.new_callers(12)
        world.enrol(callers)
        victims, others = callers[:3], callers[3:]
        revoked_at = {}
        world.await_followed(lambda store: store["clients"] == len(callers))
        with load(world, seconds=30), world.calling(callers) as calling:
            for victim in victims:
                calling.rest([victim])
                begun = time.monotonic()
                identity("revoke", world.store, victim.name)
                revoked_at[victim.name] = begun, time.monotonic()
                time.sleep(A_SECOND + 0.2)
        for victim in victims:
            begun, done = revoked_at[victim.name]
            assert any(begun - 1 < reply < done for reply in victim.replies)
            assert max(victim.replies) < done + A_SECOND, max(victim.replies) - done
            assert victim.answered() < victim.sent - 30
        assert_all_answered(others)
        workers = world.server.settled_report()["workers"]
        assert len(workers) == 2
        assert all(drops_of(worker) > 0 for worker in workers), "each worker refused"


def test_nobody_who_is_enrolled_is_refused_while_others_come_and_go(as_root):
    with store_world() as world:
        stay = world.new_callers(8)
        world.enrol(stay)
        world.await_followed(lambda store: store["clients"] == len(stay))
        go = world.new_callers(20, first=100)
        with load(world, seconds=30), world.calling(stay):
            for caller in go:
                identity("enrol", world.store, caller.key, "--name", caller.name)
                identity("revoke", world.store, caller.key)
        assert_all_answered(stay)
        report = world.server.settled_report()
        assert report["clients"] == len(stay)
        assert report["store"]["sequence"] == len(stay) + 2 * len(go)
        assert report["store"]["change_delay_ms"] < 1000


def test_who_is_enrolled_is_served_within_a_second(as_root):
    with store_world() as world:
        late = world.new_callers(3)
        enrolled_at = {}
        with load(world, seconds=30), world.calling(late) as calling:
            for caller in late:
                calling.rest()
                identity("enrol", world.store, caller.key)
                enrolled_at[caller.name] = time.monotonic()
            time.sleep(2 * A_SECOND)
        for caller in late:
            delay = min(caller.replies) - enrolled_at[caller.name]
            assert -0.5 < delay < A_SECOND, delay
            # From then on without a gap.
            assert all(b - a < 0.5 for a, b in zip(caller.replies, caller.replies[1:]))


def test_times_are_kept_without_any_change(as_root):
    with store_world() as world:
        ends, begins = world.new_callers(2)
        now = int(time.time())
        identity("enrol", world.store, ends.key, "--not-after", now + 2)
        identity("enrol", world.store, begins.key, "--not-before", now + 4)
        world.await_followed(lambda store: store["clients"] == 2)
        started, clock = time.monotonic(), time.time()
        with world.calling([ends, begins]):
            time.sleep(now + 6 - time.time())
        # To the second inclusive, and from the second on, by a clock that may be a tick behind.
        end_of_one = started + (now + 3 - clock)
        start_of_other = started + (now + 4 - clock)
        assert end_of_one - 0.5 < max(ends.replies) < end_of_one + 0.3
        assert start_of_other - 0.01 < min(begins.replies) < start_of_other + 0.5


def test_aliases_of_an_enrolled_key_are_refused(as_root):
    """The same private key under another name for its public key: the proof would come out."""
    with store_world() as world:
        caller = world.new_callers(1)[0]
        world.enrol([caller])
        world.await_followed(lambda store: store["clients"] == 1)
        key = bytes.fromhex(caller.key)
        u = int.from_bytes(key, "little")
        aliases = [key[:31] + bytes([key[31] | 0x80]), pow(u, P - 2, P).to_bytes(32, "little")]

        def ask(public):
            client = peer.Client(world.service.public, caller.private)
            client._public = public
            datagram, pending = client.seal(b"it is me")
            with world.place.socket() as connected:
                connected.settimeout(0.5)
                connected.send(datagram)
                with contextlib.suppress(TimeoutError):
                    return pending.open(connected.recv(2048))

        assert ask(key) == b"it is me"
        for alias in aliases:
            assert ask(alias) is None
        drops = world.server.settled_report()["total"]["drops"]
        assert sum(count for name, count in drops.items() if name.startswith("client")) >= 1


def test_a_servers_own_key_is_no_clients(as_root):
    with store_world() as world:
        identity("enrol", world.store, world.service.public.hex())
        caller = world.new_callers(1)[0]
        caller.private = world.service.private
        world.await_followed(lambda store: store["clients"] == 1)
        with world.calling([caller]):
            time.sleep(0.5)
        assert caller.answered() == 0


# ---- a million --------------------------------------------------------------------------------


def p99_ms(result):
    return result["latency_ns"]["p99"] / 1e6


def threads(process):
    """(id, name) of each."""
    return [(int(task.name), (task / "comm").read_text().strip())
            for task in Path(f"/proc/{process.pid}/task").iterdir()]


def isolate(process, name):
    """The thread of this name has its CPU to itself, as on a machine that isolates it: what else
    runs here, the import not least, must not stand before it."""
    thread = next(thread for thread, its_name in threads(process) if its_name == name)
    os.sched_setscheduler(thread, os.SCHED_FIFO, os.sched_param(10))


def clock_of_its_own():
    """A command's prefix: what measures waits for nobody either, and takes no worker's CPU."""
    others = sorted(os.sched_getaffinity(0))[1:] or [0]
    return ["chrt", "--fifo", 20, "taskset", "--cpu-list", ",".join(map(str, others))]


def test_workers_keep_their_cpus(as_root):
    """What follows the store, and all that this server does beside serving, runs elsewhere."""
    allowed = os.sched_getaffinity(0)
    if len(allowed) == 1:
        pytest.skip("one CPU")
    cpu = min(allowed)
    with store_world(lcores=str(cpu)) as world:
        found = {name: os.sched_getaffinity(thread)
                 for thread, name in threads(world.server.process)}
        assert found.pop(f"pssst-{cpu}") == {cpu}
        assert "pssst-clients" in found and "pssstd" in found
        assert all(cpus == allowed - {cpu} for cpus in found.values()), found


def test_a_million_keys_are_imported_while_it_serves(as_root, tmp_path):
    keys = tmp_path / "keys"
    with keys.open("wb") as file:
        subprocess.run([BUILD / "tests/e2e/many_clients", "1000000"], stdout=file, check=True,
                       timeout=60)
    cpu = min(os.sched_getaffinity(0))
    with store_world(lcores=str(cpu)) as world:
        isolate(world.server.process, f"pssst-{cpu}")
        callers = world.new_callers(4)
        victim = callers[-1]
        world.enrol(callers)
        world.await_followed(lambda store: store["clients"] == len(callers))
        measured = {"seconds": 200, "prefix": clock_of_its_own()}
        with world.calling(callers[:-1]), load(world, **measured) as before:
            time.sleep(8)
        with world.calling(callers[:-1]) as calling, load(world, **measured) as during:
            begun = time.monotonic()
            process = subprocess.Popen([PSSST, "identity", "import", world.store, keys],
                                       stderr=subprocess.PIPE, text=True)
            while world.followed()["clients"] < 100_000:
                assert process.poll() is None
                time.sleep(0.1)
            # In the midst of it all.
            with world.calling([victim]) as victims:
                victims.rest([victim])
                identity("revoke", world.store, victim.name)
                revoked_at = time.monotonic()
                time.sleep(A_SECOND + 0.5)
            said = process.communicate(timeout=200)[1]
            took = time.monotonic() - begun
            assert process.returncode == 0, said
            assert "1,000,000 added" in said
            store = world.await_followed(lambda store: store["clients"] == 1_000_004, A_SECOND)
            assert store["table_bytes"] / store["clients"] < 100
            calling.rest()
        print(f"{took:.1f} s; p99 {p99_ms(before):.3f} ms before, {p99_ms(during):.3f} ms during")
        assert p99_ms(during) <= max(2 * p99_ms(before), 1)
        assert took < 150
        assert_all_answered(callers[:-1])
        assert max(victim.replies) < revoked_at + A_SECOND


# ---- how it starts, and how long it trusts what it has ------------------------------------------


def configuration(*lines):
    def write(world):
        world.files.key("server", world.service.private)
        text = "\n".join(["[socket]", 'addresses = ["127.0.0.1"]', "[server]", 'lcores = "0"',
                          'counters = "json"', "[identity]", f'store = "{world.store}"', *lines,
                          "[[service]]", f"udp_port = {world.service.udp_port}",
                          'handler = "echo"', 'keys = ["server.key"]', ""])
        path = world.files.folder / "pssstd.toml"
        path.write_text(text)
        return world.place.namespace.command(BUILD / "src/server/pssstd", "--config", path)
    return write


def test_what_is_too_old_is_refused_if_it_is_to_be(as_root):
    refuse = configuration('stale = "refuse"', 'stale_after = "2s"')
    with store_world(arguments=refuse) as world:
        caller, = callers = world.new_callers(1)
        world.enrol(callers)
        world.await_followed(lambda store: store["clients"] == 1)
        away = world.store.with_suffix(".away")
        with load(world, seconds=30), world.calling(callers) as calling:
            calling.rest(callers)
            world.store.rename(away)
            gone_at = time.monotonic()
            world.await_followed(lambda store: store["refusing"], seconds=5)
            refused_at = time.monotonic()
            assert 1.5 < refused_at - gone_at < 3.5
            time.sleep(0.5)
            assert max(caller.replies) < refused_at + 0.3
            away.rename(world.store)
            world.await_followed(lambda store: not store["refusing"])
            calling.rest(callers)
        drops = world.server.settled_report()["total"]["drops"]
        assert drops["clients_unavailable"] == caller.sent - caller.answered()
        assert any("too old, nobody is served" in line for line in world.server.stderr)


def started_beside_a_lock(world, words):
    """(seconds until it was ready, while another process has the store locked for two)."""
    locker = subprocess.Popen(
        [sys.executable, "-c", "import sqlite3, sys, time\n"
         "database = sqlite3.connect(sys.argv[1], isolation_level=None)\n"
         "database.execute('BEGIN EXCLUSIVE'); print('locked', flush=True); time.sleep(2)",
         world.store], stdout=subprocess.PIPE, text=True)
    assert locker.stdout.readline() == "locked\n"
    begun = time.monotonic()
    world.beside = locker
    world.begun = begun
    return words


@pytest.mark.parametrize("start, ready", [("loaded", False), ("at-once", True)])
def test_it_serves_when_it_is_told_to(as_root, start, ready):
    write = configuration(f'start = "{start}"')
    callers = []

    def enrol_and_lock(world):
        callers.extend(world.new_callers(1))
        world.enrol(callers)
        return started_beside_a_lock(world, write(world))

    with store_world(arguments=enrol_and_lock) as world:
        assert (time.monotonic() - world.begun < 1.5) == ready
        if ready:
            with world.place.socket() as connected:
                datagram, pending = peer.Client(world.service.public).seal(b"anonymous")
                connected.send(datagram)
                assert pending.open(connected.recv(2048)) == b"anonymous"
            assert not world.followed()["loaded"]
        assert world.beside.wait(timeout=10) == 0
        world.await_followed(lambda store: store["loaded"] and store["alarm"] == "none")
        with world.calling(callers):
            time.sleep(0.5)
        assert_all_answered(callers)


@pytest.mark.parametrize("content, reason", [
    (None, "No such file or directory"), ("", "the store is truncated"),
    ("key\n", "not a SQLite database")])
def test_without_a_store_it_does_not_start(as_root, tmp_path, content, reason):
    key = tmp_path / "server.key"
    key.write_text(peer.generate_private().hex())
    key.chmod(0o600)
    store = tmp_path / "clients.db"
    if content is not None:
        store.write_text(content)
    done = subprocess.run([BUILD / "src/server/pssstd", "--listen", "127.0.0.1", "--service",
                           f"port=7790,handler=echo,key={key}", "--identities", store],
                          capture_output=True, text=True, timeout=20)
    assert done.returncode == 1
    assert reason in done.stderr and str(store) in done.stderr


def test_a_check_reads_the_store_as_the_server_would(tmp_path):
    key = tmp_path / "server.key"
    key.write_text(peer.generate_private().hex())
    key.chmod(0o600)
    path = tmp_path / "pssstd.toml"
    path.write_text('[identity]\nstore = "clients.db"\n[[service]]\nudp_port = 7700\n'
                    'handler = "echo"\nkeys = ["server.key"]\n')

    def check():
        return subprocess.run([PSSST, "check", path], capture_output=True, text=True, timeout=20)

    assert check().returncode == 1
    assert "[identity] store: " in check().stderr and "No such file" in check().stderr
    identity("import", tmp_path / "clients.db", stdin="")
    assert check().returncode == 0
