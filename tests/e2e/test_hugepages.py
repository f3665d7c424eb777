"""DPDK's memory, from hugepages and without them."""

import json
import subprocess

import peer
import pytest
from conftest import require_root
from hugepages import await_free_pages, free_pages, hugepages
from ports import CLIENT_IP, KINDS, SERVER_IP, UDP_PORT, dpdk_arguments
from pssstd import BUILD, PSSST, PSSSTD
from world import running, temporary_files, world_in

PAGES = 192
LATER = "bench/server/echo_later.so"


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


def test_a_vhost_user_peer_reaches_more_than_eight_hugepages(tmp_path):
    """Its protocol has room for eight regions of memory, and a page can be one. At both ends much
    is held: replies that come later, and long queues."""
    require_root("sets the number of hugepages")
    subprocess.run(["ninja", "-C", BUILD, "--quiet", LATER], check=True)
    private = peer.generate_private()
    socket, public = tmp_path / "vhost.sock", tmp_path / "server.pub"
    public.write_text(peer.public_key(private).hex() + "\n")
    with hugepages(PAGES), temporary_files() as files:
        assert await_free_pages(PAGES), "the kernel has no such hugepages to give"
        command = [PSSSTD, *dpdk_arguments(f"net_vhost0,iface={socket},queues=1"), "--hugepages",
                   "--idle", "sleep", "--counters", "json", "--later-replies", "4096", "--service",
                   f"port={UDP_PORT},key={files.key('server', private)},handler=library,"
                   f"library={BUILD / LATER},in-flight=4096"]
        with running([str(word) for word in command]) as server:
            done = subprocess.run(
                [PSSST, "load", SERVER_IP, str(UDP_PORT), "--server", public, "--json", "--window",
                 "256", "--duration", "1", "--hugepages", "--queue-size", "4096", "--address",
                 CLIENT_IP, "--vdev", f"net_virtio_user0,path={socket},queue_size=4096"],
                capture_output=True, text=True, timeout=60)
            assert done.returncode == 0, done.stderr
            result = json.loads(done.stdout)
            assert result["answered"] > 1000 and result["lost"] == result["mismatches"] == 0
            assert server.settled_report()["later"]["answered"] >= result["answered"]
