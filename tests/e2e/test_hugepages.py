"""DPDK's memory, from hugepages and without them."""

import pytest
from conftest import require_root
from hugepages import await_free_pages, free_pages, hugepages
from ports import KINDS
from world import world_in

PAGES = 192


@pytest.mark.parametrize("kind", ["net_tap", "net_af_packet", "net_af_xdp"])
def test_memory_from_hugepages(kind):
    require_root("sets the number of hugepages")
    with hugepages(PAGES), KINDS[kind]() as place:
        assert await_free_pages(PAGES), "the kernel has no such hugepages to give"
        with world_in(place, "--hugepages") as world:
            assert free_pages() < PAGES
            assert world.call(b"large", authenticated=True) == b"large"
        assert await_free_pages(PAGES)


def test_memory_without_hugepages():
    require_root("makes a network namespace")
    with hugepages(0), KINDS["net_tap"]() as place, world_in(place, "--memory", "128") as world:
        assert world.call(b"small") == b"small"
