"""/metrics and /health of a real server: accepted by promtool, equal to the books, and enough for
what deploy/ has for Grafana and Prometheus."""

import contextlib
import json
import math
import re
import socket
import subprocess
import tempfile
import time
from pathlib import Path

import peer
import pytest
from conftest import require_root
from control import control_place
from http_client import get
from metrics import ADDRESS, scrape
from ports import KINDS
from pssstd import DATAGRAM_DROPS, FRAME_DROPS, PSSST, ROOT, drop_count
from telemetry_client import Telemetry
from traffic import TRAFFIC, make_traffic
from world import (
    UNPRIVILEGED_USER,
    command,
    running,
    standard_services,
    temporary_files,
    world_in,
)

RULES = ROOT / "deploy/prometheus/pssst-rules.yml"
RULES_TEST = ROOT / "deploy/prometheus/pssst-rules-test.yml"
DASHBOARD = ROOT / "deploy/grafana/pssst.json"


def promtool(*words, text=None):
    return subprocess.run(["promtool", *map(str, words)], input=text, capture_output=True,
                          text=True, timeout=60, check=False)


# Counters of a worker in the server's own report, and what they are called here.
WORKER_COUNTERS = {
    "frames": "pssst_frames_total",
    "datagrams": "pssst_datagrams_total",
    "answered": "pssst_frames_answered_total",
    "handed_to_kernel": "pssst_frames_handed_to_kernel_total",
    "replied": "pssst_replies_total",
    "answered_without_reply": "pssst_answered_without_reply_total",
    "pending": "pssst_pending_datagrams",
    "missed": "pssst_missed_total",
    "sent_for_kernel": "pssst_kernel_frames_sent_total",
    "kernel_lost": "pssst_kernel_frames_lost_total",
    "announced": "pssst_announcements_total",
    "captured": "pssst_captured_drops_total",
    "capture_missed": "pssst_capture_missed_total",
    "capture_unwritten": "pssst_capture_unwritten_total",
    "bytes_in": "pssst_received_bytes_total",
    "bytes_out": "pssst_sent_bytes_total",
    "over_rate_admitted": "pssst_over_rate_admitted_total",
    "replays": "pssst_replays_total",
    "proof_tables_built": "pssst_proof_tables_built_total",
    "bursts": "pssst_bursts_total",
    "lanes": "pssst_burst_lanes_total",
    "loops": "pssst_loops_total",
    "loops_busy": "pssst_busy_loops_total",
}
WORKER_PARTS = {
    "admitted_known": ("pssst_admitted_total", {"source": "known"}),
    "admitted_unknown": ("pssst_admitted_total", {"source": "unknown"}),
    "proofs_by_table": ("pssst_proofs_total", {"method": "table"}),
    "proofs_by_ladder": ("pssst_proofs_total", {"method": "ladder"}),
    "self_requests_right": ("pssst_self_requests_total", {"result": "right"}),
    "self_requests_wrong": ("pssst_self_requests_total", {"result": "wrong"}),
}
DEVICE_COUNTERS = {
    "link_up": "pssst_device_link_up",
    "received_packets": "pssst_device_received_packets_total",
    "received_bytes": "pssst_device_received_bytes_total",
    "sent_packets": "pssst_device_sent_packets_total",
    "sent_bytes": "pssst_device_sent_bytes_total",
    "missed": "pssst_device_missed_total",
    "errors_in": "pssst_device_receive_errors_total",
    "errors_out": "pssst_device_transmit_errors_total",
    "no_buffers": "pssst_device_no_buffers_total",
}


def expected_workers(report):
    for worker in report["workers"]:
        label = {"worker": worker["cpu"]}
        for name, metric in WORKER_COUNTERS.items():
            yield metric, label, worker[name]
        for name, (metric, part) in WORKER_PARTS.items():
            yield metric, label | part, worker[name]
        for reasons, kind in ((FRAME_DROPS, "frame"), (DATAGRAM_DROPS, "datagram")):
            for reason in reasons:
                yield ("pssst_drops_total", label | {"kind": kind, "reason": reason},
                       worker["drops"].get(reason, 0))


def expected_services(report):
    for service in report["services"]:
        label = {name: service[key] for name, key in
                 (("service", "name"), ("udp_port", "udp_port"), ("handler", "handler"))}
        yield "pssst_service_requests_total", label, service["requests"]
        yield ("pssst_service_authenticated_requests_total", label, service["authenticated"])
        yield "pssst_service_replies_total", label, service["replied"]
        for reason in DATAGRAM_DROPS:
            yield ("pssst_service_drops_total", label | {"reason": reason},
                   service["drops"].get(reason, 0))
        for key in service["keys"]:
            label = {"fingerprint": key["fingerprint"], "suite": key["suite"]}
            yield "pssst_service_key_info", label | {"service": service["name"]}, 1
            yield "pssst_key_requests_total", label, key["requests"]


def expected_stages(report):
    for name, stage in report["stages"].items():
        metric, label = {
            "request": ("pssst_request_duration_seconds", {}),
            "queue": ("pssst_queue_duration_seconds", {}),
        }.get(name, ("pssst_stage_duration_seconds", {"stage": name}))
        yield metric + "_count", label, stage["count"]
        yield metric + "_sum", label, stage["seconds"]
        for bound, count in stage["buckets"]:
            yield metric + "_bucket", label | {"le": f"{bound:g}"}, count
        yield metric + "_bucket", label | {"le": "+Inf"}, stage["count"]


def expected_rest(report):
    for suite in report["suites"]:
        label = {"suite": suite["suite"]}
        yield "pssst_suite_requests_total", label, suite["requests"]
        yield "pssst_suite_authenticated_requests_total", label, suite["authenticated"]
        yield "pssst_suite_replies_total", label, suite["replied"]
    for name, result in (("found", "found"), ("multiplied", "computed")):
        yield "pssst_static_secrets_total", {"result": result}, report[f"static_secrets_{name}"]
    for device in report["devices"]:
        for name, metric in DEVICE_COUNTERS.items():
            yield metric, {"device": device["name"]}, int(device[name])
    for event, count in report["later"].items():
        if event != "awaited":
            yield "pssst_later_events_total", {"event": event}, count
    yield "pssst_later_awaited", {}, report["later"]["awaited"]
    yield "pssst_ready", {}, 1
    yield "pssst_health_problems", {}, 0
    yield "pssst_books_balanced", {}, int(report["books_balance"])
    yield "pssst_configuration_generation", {}, report["generation"]
    yield "pssst_clients", {}, report["clients"]
    yield ("pssst_build_info",
           {"version": report["version"], "x25519_kernel": report["x25519_kernel"]}, 1)


def expected(report):
    found = {}
    for part in (expected_workers, expected_services, expected_stages, expected_rest):
        for name, labels, value in part(report):
            found[name, frozenset((key, str(of)) for key, of in labels.items())] = value
    return found


def assert_ages_and_times(scraped, before, after):
    """What no counter of the report is. Returns the names."""
    for first, worker in zip(before["workers"], after["workers"], strict=True):
        label = {"worker": worker["cpu"]}
        seconds = scraped.value("pssst_worker_seconds_total", **label)
        busy = scraped.value("pssst_worker_busy_seconds_total", **label)
        assert 0 < busy < seconds < 120
        shares = sorted((first["busy_share"], worker["busy_share"]))
        assert shares[0] - 0.01 <= busy / seconds <= shares[1] + 0.01
        assert 0 <= scraped.value("pssst_self_request_age_seconds", **label) < 3
    for service in after["services"]:
        for key in service["keys"]:
            age = scraped.value("pssst_key_last_use_age_seconds", fingerprint=key["fingerprint"],
                                suite=key["suite"])
            assert 0 <= age < 60 if key["requests"] else math.isinf(age)
    return {"pssst_worker_seconds_total", "pssst_worker_busy_seconds_total",
            "pssst_self_request_age_seconds", "pssst_key_last_use_age_seconds"}


def assert_books_in(scraped):
    """The equations of the books, by the scrape alone."""
    assert scraped.sum("pssst_frames_total") == (
        scraped.sum("pssst_datagrams_total") + scraped.sum("pssst_frames_answered_total")
        + scraped.sum("pssst_frames_handed_to_kernel_total")
        + scraped.sum("pssst_drops_total", kind="frame"))
    assert scraped.sum("pssst_datagrams_total") == (
        scraped.sum("pssst_replies_total") + scraped.sum("pssst_answered_without_reply_total")
        + scraped.sum("pssst_pending_datagrams")
        + scraped.sum("pssst_drops_total", kind="datagram"))


@pytest.mark.parametrize("kind", ["socket-ipv4", "net_tap"])
def test_equal_to_the_books_and_accepted_by_promtool(kind):
    require_root("makes network namespaces")
    lcores = "0,1" if kind.startswith("socket") else "0"
    with KINDS[kind]() as place, \
            world_in(place, "--metrics", ADDRESS, lcores=lcores) as world:
        before = make_traffic(world)
        scraped = scrape(world.place)
        after = world.report()
        assert before["total"]["datagrams"] == after["total"]["datagrams"] == TRAFFIC
        assert drop_count(after["total"], DATAGRAM_DROPS) == 3
        low, high = expected(before), expected(after)
        others = assert_ages_and_times(scraped, before, after)
        # Each number is there once, and each series there has a number here.
        assert {key for key in scraped.samples if key[0] not in others} == set(high)
        for key, value in high.items():
            # Exactly, but for what workers count on their own (loops, self-requests), and for the
            # last digit of what is not whole.
            last_digit = 0 if isinstance(value, int) else 1e-15
            assert (low[key] * (1 - last_digit) <= scraped.samples[key]
                    <= value * (1 + last_digit)), key
        same = [key for key, value in high.items() if low[key] == value]
        assert len(same) > 0.8 * len(high)
        assert_books_in(scraped)
        assert scraped.sum("pssst_service_requests_total") == 6
        assert scraped.sum("pssst_key_requests_total") == 6
        assert scraped.sum("pssst_suite_requests_total") == 6
        assert scraped.value("pssst_request_duration_seconds_count") >= 5
        checked = promtool("check", "metrics", text=scraped.text)
        assert (checked.returncode, checked.stdout, checked.stderr) == (0, "", "")


def test_promtool_would_complain():
    checked = promtool("check", "metrics",
                       text="# HELP a_count A.\n# TYPE a_count gauge\na_count 1\n")
    assert checked.returncode != 0 and "a_count" in checked.stdout + checked.stderr


def metric_names(expressions):
    return {name for expression in expressions
            for name in re.findall(r"\bpssst_\w+", re.sub(r'"[^"]*"', '""', expression))}


def rule_expressions():
    text = RULES.read_text()
    blocks = re.findall(r"^        expr: (.*?)(?=^        (?:for|labels):)", text,
                        re.MULTILINE | re.DOTALL)
    return [re.sub(r"\s+", " ", block.removeprefix(">-")).strip() for block in blocks]


def dashboard_expressions():
    dashboard = json.loads(DASHBOARD.read_text())
    expressions = [target["expr"] for panel in dashboard["panels"]
                   for target in panel.get("targets", [])]
    expressions += [annotation["expr"] for annotation in dashboard["annotations"]["list"]]
    return expressions + [variable["definition"] for variable in dashboard["templating"]["list"]
                          if variable["type"] == "query"]


@contextlib.contextmanager
def store_server():
    """A server whose clients are in a store of pssst identity: one, and one that is revoked."""
    with KINDS["socket-ipv4"]() as place, temporary_files() as files:
        store = files.folder / "clients.db"
        keys = [peer.public_key(peer.generate_private()).hex() for _ in range(2)]
        for words in (["enrol", store, keys[0]], ["enrol", store, keys[1]],
                      ["revoke", store, keys[1]]):
            subprocess.run([PSSST, "identity", *words], check=True, capture_output=True, timeout=60)
        words = command(place, files, standard_services(), "--metrics", ADDRESS,
                        "--identities", store)
        with running(words) as server:
            yield place, server


def test_a_stores_numbers():
    with store_server() as (place, server):
        deadline = time.monotonic() + 10
        while (report := server.report())["store"]["sequence"] < 3 or not report["store"]["loaded"]:
            assert time.monotonic() < deadline, report["store"]
            time.sleep(0.05)
        scraped, store = scrape(place), report["store"]
        assert scraped.value("pssst_clients") == report["clients"]
        assert (store["clients"], store["revoked"]) == (2, 1)
        for name in ("clients", "table_bytes", "sequence", "records_loaded"):
            assert scraped.value(f"pssst_store_{name}") == store[name], name
        assert scraped.value("pssst_store_clients_revoked") == store["revoked"]
        assert scraped.value("pssst_store_loads_total") == store["loads"] == 1
        assert scraped.value("pssst_store_loaded") == 1
        assert scraped.sum("pssst_store_alarm") == scraped.value("pssst_store_refusing") == 0
        checked = promtool("check", "metrics", text=scraped.text)
        assert (checked.returncode, checked.stdout, checked.stderr) == (0, "", "")


def test_what_rules_and_dashboard_ask_for_is_there():
    """Over DPDK, which has devices, and of a server with a store."""
    require_root("makes network namespaces")
    with KINDS["net_tap"]() as place, world_in(place, "--metrics", ADDRESS) as world:
        make_traffic(world)
        names = scrape(place).names()
    with store_server() as (place, _):
        names |= scrape(place).names()
    in_rules, in_dashboard = metric_names(rule_expressions()), metric_names(dashboard_expressions())
    assert len(in_rules) > 10 and len(in_dashboard) > 30
    assert in_rules <= names, in_rules - names
    assert in_dashboard <= names, in_dashboard - names
    # And the dashboard shows whatever there is, but for what it shows in other words.
    rest = names - in_dashboard - {name for name in names if name.endswith(("_sum", "_count"))}
    assert rest <= {"pssst_busy_loops_total"}


def test_rules():
    for words in (["check", "rules", RULES], ["test", "rules", RULES_TEST]):
        done = promtool(*words)
        assert done.returncode == 0, done.stdout + done.stderr
    # Every alert is tested, to fire and not to.
    alerts = re.findall(r"- alert: (\w+)", RULES.read_text())
    tested = RULES_TEST.read_text()
    assert len(alerts) == len(set(alerts)) > 10
    for alert in alerts:
        assert re.search(rf"alertname: {alert}\n +exp_alerts:\n", tested), alert


def test_the_dashboards_queries_are_promql(tmp_path):
    """As recording rules, since promtool reads no dashboards."""
    queries = [expression for expression in dashboard_expressions()
               if not expression.startswith("label_values")]
    rules = [{"record": f"test:query:{number}", "expr": query}
             for number, query in enumerate(
                 re.sub(r"\$__(rate_)?interval", "1m", query).replace("$job", ".*").replace(
                     "$instance", ".*") for query in queries)]
    assert not any("$" in rule["expr"] for rule in rules)
    path = tmp_path / "queries.yml"
    path.write_text(json.dumps({"groups": [{"name": "dashboard", "rules": rules}]}))
    done = promtool("check", "rules", path)
    assert done.returncode == 0, done.stdout + done.stderr
    assert f"{len(rules)} rules found" in done.stdout


def test_the_dashboards_panels_have_their_places():
    panels = json.loads(DASHBOARD.read_text())["panels"]
    assert len({panel["id"] for panel in panels}) == len(panels)
    taken = set()
    for panel in panels:
        place = panel["gridPos"]
        assert 0 <= place["x"] and place["x"] + place["w"] <= 24
        cells = {(x, y) for x in range(place["x"], place["x"] + place["w"])
                 for y in range(place["y"], place["y"] + place["h"])}
        assert not cells & taken, panel["title"]
        taken |= cells
        assert panel["type"] == "row" or (panel["description"] and panel["targets"])
        for target in panel.get("targets", []):
            assert 'job=~"$job",instance=~"$instance"' in target["expr"]
            assert target["datasource"]["uid"] == "${datasource}"


def test_health_turns():
    with KINDS["socket-ipv4"]() as place, control_place() as control, \
            world_in(place, "--metrics", ADDRESS, "--control", control.path) as world:
        health = get(place.namespace, ADDRESS, "/health")
        assert (health.status, health.text) == (200, "ready\n")
        head = get(place.namespace, ADDRESS, "/health", method="HEAD")
        assert (head.status, head.text) == (200, "")
        assert get(place.namespace, ADDRESS, "/other").status == 404
        assert get(place.namespace, ADDRESS, "/health", method="POST").status == 405
        control.ask("drain", "60")
        health = get(place.namespace, ADDRESS, "/health")
        assert (health.status, health.text) == (503, "draining\n")
        assert health.headers["Content-Type"].startswith("text/plain")
        scraped = scrape(world.place)
        assert scraped.value("pssst_ready") == 0 and scraped.value("pssst_health_problems") == 1
        assert world.call(b"still here") == b"still here"


@pytest.mark.parametrize("address, complaint", [
    (ADDRESS, "Address already in use"),
    ("nonsense", "not an address and a TCP port"),
    ("192.0.2.99:9477", "Cannot assign requested address"),
])
def test_a_bad_address_is_told(address, complaint):
    with KINDS["socket-ipv4"]() as place, temporary_files() as files, \
            place.namespace.socket(socket.AF_INET, socket.SOCK_STREAM) as taken:
        host, _, port = ADDRESS.rpartition(":")
        taken.bind((host, int(port)))
        taken.listen()
        words = command(place, files, standard_services(), "--metrics", address)
        done = subprocess.run([*map(str, words)], capture_output=True, text=True, timeout=30,
                              check=False)
        assert done.returncode == 1 and complaint in done.stderr, done.stderr


def test_scraped_and_asked_as_another_user():
    """What serves under the filter and without privileges answers all the same."""
    require_root("becomes another user")
    with tempfile.TemporaryDirectory(prefix="pssst-test-") as folder, KINDS["net_tap"]() as place:
        with world_in(place, "--user", UNPRIVILEGED_USER, "--metrics", ADDRESS,
                      "--eal=--telemetry", environment={"RUNTIME_DIRECTORY": folder}) as world:
            make_traffic(world)
            for _ in range(10):
                assert scrape(world.place).value("pssst_ready") == 1
                with Telemetry(f"{folder}/dpdk/rte/dpdk_telemetry.v2") as telemetry:
                    assert telemetry.ask("/pssst/health")["ready"] == 1
