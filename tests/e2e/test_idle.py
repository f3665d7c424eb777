"""Idle workers: how busy they say they are, and what CPU time they use."""

import os
import time

import pytest
from conftest import require_root
from load import Load
from ports import KINDS
from world import world_in


def cpu_seconds(pid):
    with open(f"/proc/{pid}/stat") as file:
        fields = file.read().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


@pytest.mark.parametrize("idle", ["spin", "sleep"])
@pytest.mark.parametrize("kind", ["socket-ipv4", "net_tap"])
def test_busy_share(kind, idle):
    """CPU time tells nothing of a poller; its busy share does."""
    require_root("makes a network namespace")
    with KINDS[kind]() as place, world_in(place, idle=idle) as world:
        before, cpu_before = world.report()["total"], cpu_seconds(world.server.pid)
        time.sleep(1)
        resting, cpu_resting = world.report()["total"], cpu_seconds(world.server.pid)
        loops = resting["loops"] - before["loops"]
        assert loops > 50_000 if idle == "spin" else loops < 20_000
        assert idle == "spin" or cpu_resting - cpu_before < 0.3
        assert 0 <= resting["busy_share"] < 0.05
        with Load(world) as load:
            time.sleep(1)
        loaded = world.report()["total"]
        assert load.sent > 1000 and loaded["replied"] > 1000
        assert 5 * resting["busy_share"] + 0.1 < loaded["busy_share"] <= 1
        assert 0 < loaded["loops_busy"] <= loaded["loops"]
        assert loaded["bursts"] <= loaded["lanes"] <= loaded["datagrams"]


@pytest.mark.parametrize("kind", ["socket-ipv4", "net_tap"])
def test_sleeper_wakes_up(kind):
    """The first call after a rest is answered soon, not after a timeout."""
    require_root("makes a network namespace")
    with KINDS[kind]() as place, world_in(place, idle="sleep") as world:
        world.call(b"the address is resolved")
        for _ in range(5):
            time.sleep(0.2)
            started = time.monotonic()
            assert world.call(b"wake up") == b"wake up"
            assert time.monotonic() - started < 0.1
