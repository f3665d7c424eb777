"""DPDK's telemetry: what it says of the server, and what is left of it."""

import tempfile
from pathlib import Path

import pytest
from conftest import require_root
from control import control_place
from ports import KINDS
from telemetry_client import Telemetry
from traffic import make_traffic
from world import world_in


@pytest.mark.parametrize("kind", ["net_tap", "net_memif"])
def test_dpdk_telemetry(kind):
    require_root("makes network namespaces")
    with tempfile.TemporaryDirectory(prefix="pssst-test-") as folder, KINDS[kind]() as place, \
            control_place() as control:
        with world_in(place, "--eal=--telemetry", "--control", control.path,
                      environment={"RUNTIME_DIRECTORY": folder}) as world:
            report = make_traffic(world)
            with Telemetry(f"{folder}/dpdk/rte/dpdk_telemetry.v2") as telemetry:
                assert telemetry.info["pid"] == world.server.pid
                assert {"/pssst/stats", "/pssst/services", "/pssst/health",
                        "/ethdev/stats"} <= set(telemetry.ask("/"))
                assert "Counters" in telemetry.ask("/help,/pssst/stats")["/pssst/stats"]
                stats = telemetry.ask("/pssst/stats")
                total = report["total"]
                for name in ("frames", "datagrams", "replied", "pending", "bytes_in", "drops",
                             "answered_without_reply"):
                    assert stats[name] == total[name], name
                assert stats["dropped"] == sum(total["drops"].values())
                assert stats["loops"] >= total["loops"] and stats["books_balance"] == 1
                services = telemetry.ask("/pssst/services")
                assert list(services) == ["0", "1", "2"]
                for place_of, service in enumerate(report["services"]):
                    told = services[str(place_of)]
                    for name in ("name", "udp_port", "handler", "requests", "authenticated",
                                 "replied"):
                        assert told[name] == service[name], name
                    assert told["dropped"] == sum(service["drops"].values())
                assert telemetry.ask("/pssst/health") == {"ready": 1, "problems": []}
                device = telemetry.ask("/ethdev/stats,0")
                assert device["ipackets"] == report["devices"][0]["received_packets"]
                control.ask("drain", "60")
                assert telemetry.ask("/pssst/health") == {"ready": 0, "problems": ["draining"]}
        assert not [*Path(folder).iterdir()], "it leaves its socket or folder behind"


def test_no_telemetry_unless_asked():
    require_root("makes network namespaces")
    with tempfile.TemporaryDirectory(prefix="pssst-test-") as folder, \
            KINDS["net_tap"]() as place, \
            world_in(place, environment={"RUNTIME_DIRECTORY": folder}) as world:
        assert world.call(b"hello") == b"hello"
        assert not [*Path(folder).rglob("dpdk_telemetry*")]
