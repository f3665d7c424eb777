"""DPDK's memory from hugepages, as many as the test asks the kernel for, and gives back."""

import contextlib
from pathlib import Path

import pytest
from conftest import require_root
from ports import KINDS
from world import world_in

COUNT = Path("/proc/sys/vm/nr_hugepages")
PAGES = 192


def free_pages():
    (line,) = [line for line in Path("/proc/meminfo").read_text().splitlines()
               if line.startswith("HugePages_Free")]
    return int(line.split()[1])


@contextlib.contextmanager
def hugepages(count):
    before = COUNT.read_text()
    COUNT.write_text(str(count))
    try:
        yield
    finally:
        COUNT.write_text(before)


@pytest.mark.parametrize("kind", ["net_tap", "net_af_packet", "net_af_xdp"])
def test_memory_from_hugepages(kind):
    require_root("sets the number of hugepages")
    with hugepages(PAGES), KINDS[kind]() as place:
        assert free_pages() >= PAGES, "the kernel has no such hugepages to give"
        with world_in(place, "--hugepages") as world:
            assert free_pages() < PAGES
            assert world.call(b"large", authenticated=True) == b"large"
        assert free_pages() >= PAGES


def test_memory_without_hugepages():
    require_root("makes a network namespace")
    with hugepages(0), KINDS["net_tap"]() as place, world_in(place, "--memory", "128") as world:
        assert world.call(b"small") == b"small"
