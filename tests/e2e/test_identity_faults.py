"""What may happen to the store's file while pssstd serves: it serves on, by the last good table,
says why, and goes on when the file is good again."""

import contextlib
import os
import shutil
import sqlite3
import subprocess
import sys
import time

import pytest
from identity_world import A_SECOND, assert_all_answered, identity, store_world
from pssstd import BUILD
from world import UNPRIVILEGED_USER


def truncate(world):
    copy = world.store.with_suffix(".copy")
    shutil.copy(world.store, copy)
    os.truncate(world.store, 5000)
    yield "truncated"
    shutil.copyfile(copy, world.store)  # in place, byte by byte


def empty(world):
    copy = world.store.with_suffix(".copy")
    shutil.copy(world.store, copy)
    os.truncate(world.store, 0)
    yield "truncated"
    copy.rename(world.store)


def tear(world):
    """Pages in the middle are something else."""
    copy = world.store.with_suffix(".copy")
    shutil.copy(world.store, copy)
    with world.store.open("r+b") as file:
        file.seek(4096)
        file.write(b"\x5a" * (world.store.stat().st_size - 4096))
    yield "truncated"
    copy.rename(world.store)


def delete(world):
    copy = world.store.with_suffix(".copy")
    shutil.copy(world.store, copy)
    world.store.unlink()
    yield "gone"
    copy.rename(world.store)


def replace_by_junk(world):
    copy = world.store.with_suffix(".copy")
    shutil.copy(world.store, copy)
    junk = world.store.with_suffix(".junk")
    junk.write_text("key,name\n")
    junk.rename(world.store)
    yield "not_a_database"
    copy.rename(world.store)


def replace_by_another_database(world):
    copy = world.store.with_suffix(".copy")
    shutil.copy(world.store, copy)
    other = world.store.with_suffix(".other")
    with contextlib.closing(sqlite3.connect(other)) as database:
        database.execute("CREATE TABLE t (i)")
    other.rename(world.store)
    yield "not_a_database"
    copy.rename(world.store)


def forbid(world):
    world.store.chmod(0)
    yield "unreadable"
    world.store.chmod(0o600)


def forbid_the_folder(world):
    world.store.parent.chmod(0)
    yield "unreadable"
    world.store.parent.chmod(0o755)


def lock(world):
    with contextlib.closing(sqlite3.connect(world.store, isolation_level=None)) as database:
        database.execute("BEGIN EXCLUSIVE")
        begun = time.monotonic()
        yield "locked"
        time.sleep(max(0, begun + 10 - time.monotonic()))
        database.execute("COMMIT")


KILLED_WRITER = """
import os, sqlite3, sys
database = sqlite3.connect(sys.argv[1], isolation_level=None)
database.execute("PRAGMA cache_size = 1")
database.execute("BEGIN IMMEDIATE")
for i in range(2000):
    database.execute("INSERT INTO client (key) VALUES (randomblob(32))")
os.kill(os.getpid(), 9)
"""


def kill_a_writer(world):
    """In the midst of writing pages: what it leaves has to be rolled back by somebody who may."""
    subprocess.run([sys.executable, "-c", KILLED_WRITER, world.store], timeout=60)
    assert world.store.with_name(world.store.name + "-journal").exists()
    yield "unreadable"
    identity("list", world.store)


FAULTS = [truncate, empty, tear, delete, replace_by_junk, replace_by_another_database, forbid,
          forbid_the_folder, lock, kill_a_writer]


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.__name__)
def test_it_serves_on_and_recovers(as_root, fault):
    with store_world("--user", UNPRIVILEGED_USER, owner=UNPRIVILEGED_USER) as world:
        callers = world.new_callers(6)
        world.enrol(callers)
        world.await_followed(lambda store: store["clients"] == len(callers))
        victim = callers[-1]
        with world.calling(callers) as calling:
            steps = fault(world)
            followed = world.await_alarm(next(steps))
            assert followed["clients"] == len(callers)
            assert str(world.store) in followed["alarm_text"]
            calling.rest(callers)
            assert next(steps, None) is None
            shutil.chown(world.store, UNPRIVILEGED_USER)
            world.await_alarm("none")
            # It goes on as if nothing had been.
            identity("revoke", world.store, victim.name)
            revoked_at = time.monotonic()
            time.sleep(A_SECOND + 0.2)
        assert_all_answered(callers[:-1])
        assert max(victim.replies) < revoked_at + A_SECOND
        assert any("the last good table stays" in line for line in world.server.stderr)
        assert any("the store is followed again" in line for line in world.server.stderr)


def test_another_store_takes_the_place_of_the_first(as_root):
    with store_world() as world:
        first, second = world.new_callers(3), world.new_callers(3, first=10)
        both = world.new_callers(2, first=20)
        world.enrol(first + both)
        world.await_followed(lambda store: store["clients"] == 5)
        other = world.store.with_suffix(".other")
        identity("import", other, stdin="".join(f"{caller.key}\n" for caller in second + both))
        with world.calling(first + second + both) as calling:
            calling.rest(first + both)
            other.rename(world.store)
            replaced_at = time.monotonic()
            time.sleep(A_SECOND + 0.5)
        assert_all_answered(both)
        for caller in first:
            assert max(caller.replies) < replaced_at + A_SECOND
        for caller in second:
            assert replaced_at < min(caller.replies) < replaced_at + A_SECOND
        store = world.followed()
        assert (store["clients"], store["loads"], store["alarm"]) == (5, 2, "none")


@pytest.fixture
def small_disk(tmp_path):
    disk = tmp_path / "disk"
    disk.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=2m,mode=755", "pssst-test", disk],
                   check=True)
    yield disk
    subprocess.run(["umount", disk], check=True)


def test_a_full_disk_keeps_a_writer_from_writing_and_nobody_from_being_served(as_root, small_disk):
    with store_world(folder=small_disk) as world:
        callers = world.new_callers(4)
        world.enrol(callers)
        world.await_followed(lambda store: store["clients"] == len(callers))
        filler = small_disk / "filler"
        keys = subprocess.run([BUILD / "tests/e2e/many_clients", "2000"], capture_output=True,
                              text=True, timeout=20).stdout
        with world.calling(callers) as calling:
            free = os.statvfs(small_disk)
            filler.write_bytes(bytes((free.f_bavail - 8) * free.f_frsize))
            said = identity("import", world.store, stdin=keys, status=1)
            assert "make room" in said and " 0 added" in said
            calling.rest(callers)
            assert world.followed()["alarm"] == "none"
            assert world.followed()["clients"] == len(callers)
            assert sorted(os.listdir(small_disk)) == ["clients.db", "filler"]
            filler.unlink()
            identity("import", world.store, stdin=keys)
            world.await_followed(lambda store: store["clients"] == len(callers) + 2000, A_SECOND)
        assert_all_answered(callers)
