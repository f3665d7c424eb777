"""Half a minute over a bad link for each IP version, by two seeds: every reply that arrives is
right, and the books balance at both ends."""

import contextlib
import json
import subprocess

import pytest
from fault_link import FAULTS, FaultLink
from namespaces import Namespace
from ports import CLIENT_IP, CLIENT_IP6, SERVER_IP, SERVER_IP6, Place, dpdk_arguments
from pssstd import PSSST, assert_books
from wire import Wire
from world import world_in

pytestmark = pytest.mark.usefixtures("as_root")

SECONDS = 30
RATE = 1000  # requests a second: what the link carries without falling behind
SERVER_MAC = "02:00:00:00:77:02"


@contextlib.contextmanager
def bad_link(seed):
    """A client, a bad link, and the place of a server behind it."""
    with Namespace() as server, Namespace() as middle, Namespace() as clients:
        for namespace, own, other, mac in ((server, "pssst0", "link0", SERVER_MAC),
                                           (clients, "pssst1", "link1", "02:00:00:00:77:01")):
            namespace.ip("link", "add", own, "address", mac, "type", "veth",
                         "peer", "name", other, "netns", middle.name)
            # As on a wire: checksums are whole when a frame is spoilt.
            namespace.run("ethtool", "-K", own, "tx", "off")
            middle.run("ethtool", "-K", other, "tx", "off")
            namespace.ip("link", "set", own, "up")
            middle.ip("link", "set", other, "up")
        with clients.entered(), open("/proc/sys/net/ipv6/conf/pssst1/disable_ipv6", "w") as file:
            file.write("0")
        for address, prefix, peer in ((CLIENT_IP, 24, SERVER_IP), (CLIENT_IP6, 64, SERVER_IP6)):
            nodad = ["nodad"] if ":" in address else []
            clients.ip("address", "add", f"{address}/{prefix}", "dev", "pssst1", *nodad)
            # No checksum protects ARP: one spoilt answer, believed, would end the test.
            clients.ip("neighbour", "add", peer, "lladdr", SERVER_MAC, "dev", "pssst1")
        arguments = dpdk_arguments("net_af_packet0,iface=pssst0")
        place = Place("net_af_packet", SERVER_IP, arguments, server, clients, interface="pssst1")
        with FaultLink(middle, ["link0", "link1"], seed) as link:
            yield place, link


def load(world, host, folder):
    """The generator's result; it exits with 1 if a reply was wrong."""
    keys = folder / "client.keys"
    keys.write_text(world.client_private.hex() + "\n")
    keys.chmod(0o600)
    target = world.services["echo"]
    words = [PSSST, "load", host, target.udp_port, "--server", target.public.hex(), "--json",
             "--rate", RATE, "--duration", SECONDS, "--verify", "all", "--clients", keys,
             "--authenticated", 0.5, "--size", "0:1,64:5,700:2,1200:1", "--timeout", 500]
    done = subprocess.run(world.place.clients.command(*map(str, words)), stdin=subprocess.DEVNULL,
                          capture_output=True, text=True, timeout=SECONDS + 60)
    assert done.returncode == 0, (done.stdout, done.stderr)
    return json.loads(done.stdout)


@pytest.mark.parametrize("host, seed", [(SERVER_IP, 20), (SERVER_IP6, 26)])
def test_every_reply_is_right(host, seed, tmp_path):
    with bad_link(seed) as (place, link), world_in(place) as world, \
            contextlib.closing(Wire(place.clients, place.interface)) as wire:
        result = load(world, host, tmp_path)
        wire.heard(0.5)  # what is under way arrives
        report = world.report()
        assert_books(report)
        total = report["total"]
        assert result["mismatches"] == 0 and result["books_balance"] is True
        assert result["verified"] >= result["answered"] > 0.8 * SECONDS * RATE
        # Every fault happened, and was met: doubles were answered twice, the rest was dropped.
        assert all(link.faults[fault] > 100 for fault in FAULTS), link.faults
        assert result["lost"] > 0 and result["duplicates"] > 0
        assert {"udp_checksum", "frame_truncated"} <= set(total["drops"]), total
        # What is not protected by a checksum was dropped or harmless; nothing reached the keys.
        assert "tag" not in total["drops"] and "proof_mismatch" not in total["drops"], total
        assert total["replied"] == total["datagrams"] - sum(
            total["drops"].get(name, 0) for name in ("too_short", "transmit"))
