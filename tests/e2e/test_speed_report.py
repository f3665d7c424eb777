"""bench/report makes tables and pictures, and the plain server that it compares with speaks suite
1. What it measures is no test's business."""

import json
import os
import subprocess
import sys
import xml.etree.ElementTree as ElementTree

import peer
import pytest
from ports import HostNamespace, Place
from pssstd import BUILD, ROOT
from world import temporary_files

sys.path.append(str(ROOT / "bench"))
from reporting import targets  # noqa: E402

REPORT = ROOT / "bench/report"
BASELINE = BUILD / "bench/baseline/pssst_baseline"
SVG = "{http://www.w3.org/2000/svg}"


def report(out, *arguments):
    process = subprocess.run([REPORT, "--out", out, *arguments], text=True, timeout=300,
                             stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                             stderr=subprocess.PIPE, env={**os.environ, "PSSST_BUILD": str(BUILD)})
    assert process.returncode == 0, process.stderr
    return json.loads((out / "report.json").read_text()), (out / "report.md").read_text()


def assert_pictures(folder, text, *names):
    """They are shown, well-formed, without scripts, and have words in them."""
    assert sorted(path.name for path in folder.glob("*.svg")) == sorted(names)
    for name in names:
        assert f"]({name})" in text
        root = ElementTree.parse(folder / name).getroot()
        assert root.tag == f"{SVG}svg"
        assert not list(root.iter(f"{SVG}script"))
        assert any((element.text or "").strip() for element in root.iter(f"{SVG}text"))


def targets_by_state(results):
    measured = [row for row in results["targets"] if row["value"] is not None]
    assert all(row["must_reached"] in (True, False) for row in measured)
    return len(measured), len(results["targets"]) - len(measured)


def test_report_in_memory(tmp_path):
    results, text = report(tmp_path, "--quick", "--chapters", "1,2,7,8,9")
    contenders = results["x25519"]["contenders"]
    kernels = {entry["kernel"] for entry in contenders if "kernel" in entry}
    assert results["x25519"]["kernel"] in kernels and "portable" in kernels
    for kernel in kernels:
        lanes = [entry["lanes"] for entry in contenders if entry["name"] == kernel]
        assert lanes == [1, 2, 4, 8, 16, 32, 64]
    steps = results["x25519"]["step_instructions"]
    for kernel, limit in {"avx2": 1810, "avx512ifma": 1000}.items():
        assert kernel not in steps or 0 < steps[kernel] <= limit
    loads = results["pipeline"]["loads"]
    assert [(load["authenticated"], load["message_size"]) for load in loads] == [
        (authenticated, size) for authenticated in (False, True) for size in (22, 64, 256, 1200)]
    assert all(0 < load["of_ceiling"] < 2 for load in loads)
    assert [size["message_size"] for size in results["suite1"]["sizes"]] == [22, 64, 256, 1200]
    assert all(size["ticks_median"] > 0 for size in results["suite1"]["sizes"])
    x25519 = sum(function["share"] for function in results["profile"]["functions"]
                 if function["x25519"])
    assert 0.3 < x25519 < 1, "a profile that does not know its functions"
    check_suites(results)
    check_enrolled(results)
    pictures = ["x25519.svg", "pipeline.svg", "suites.svg"]
    if len(os.sched_getaffinity(0)) > 1:
        assert 0 < results["scaling"]["times"] < 4
        pictures.append("scaling.svg")
    assert_pictures(tmp_path, text, *pictures)
    for title in ("## 1. X25519 alone", "## 2. A worker in memory", "## 7. Two workers",
                  "## 8. Suite 0xF002 beside suite 1", "## 9. Enrolled clients"):
        assert title in text
    assert "## 3." not in text and "Made by `bench/report --quick" in text

    again = tmp_path / "again"
    assert report(again, "--from", tmp_path / "report.json") == (results, text)
    for picture in pictures:
        assert (again / picture).read_text() == (tmp_path / picture).read_text()


def check_enrolled(results):
    enrolled = results["enrolled"]
    assert enrolled["clients"] == 100_000
    alone, with_times, short, long = enrolled["loads"]
    assert 32 < alone["bytes_per_client"] and 64 < short["bytes_per_client"]
    assert with_times["bytes_per_client"] < 100 < long["bytes_per_client"]
    assert all(entry["ticks_median"] > 0 for entry in enrolled["lookups"] + enrolled["changes"])
    store = enrolled["store"]
    assert store["clients"] == 5_000 and store["file_bytes"] > 5_000 * 32
    assert min(store["seconds"], store["import_s"], store["import_cpu_s"]) > 0


def check_suites(results):
    kernels = results["suites"]["kernels"]
    assert kernels[0]["kernel"] == results["pipeline"]["kernel"]
    if any(entry.get("kernel") == "avx2" for entry in results["x25519"]["contenders"]):
        assert kernels[-1]["kernel"] == "avx2"
    for entry in kernels:
        loads = entry["loads"]
        assert [(load["suite"], load["authenticated"]) for load in loads] == [
            (suite, authenticated) for suite in (1, 0xf002) for authenticated in (False, True)]
        assert all(load["ticks_median"] > 0 for load in loads)
        assert all(load["ticks_above_suite1"] == 0 for load in loads[:2])
        assert all(load["of_anonymous"] == 1 for load in loads[::2])
        # What a client that calls again is spared is not timed.
        assert all(load["static_secrets_multiplied"] == 0 for load in loads)


@pytest.mark.usefixtures("as_root")
def test_report_over_a_network(tmp_path):
    results, text = report(tmp_path, "--quick", "--chapters", "5")
    capacity = results["network"]["capacity"]
    assert list(capacity) == ["baseline", "socket"]
    for path in capacity.values():
        assert len(path["windows"]) == 3 and min(path["windows"]) > 0
        assert path["verified"] > 0
    assert targets_by_state(results)[0] == 1
    assert_pictures(tmp_path, text, "paths.svg")
    assert "## 5. What one would write otherwise" in text


@pytest.mark.usefixtures("as_root")
def test_report_under_fire(tmp_path):
    results, text = report(tmp_path, "--quick", "--chapters", "10")
    fire = results["fire"]
    assert [(curve["sources"], curve["protected"]) for curve in fire["curves"]] == [
        ("prefixes", True), ("prefixes", False), ("spoofed", True), ("spoofed", False)]
    for curve in fire["curves"]:
        at_rest, attacked = curve["points"]
        assert (at_rest["times"], attacked["times"]) == (0, 5)
        assert at_rest["hostile_of_capacity"] == 0 < attacked["hostile_of_capacity"]
        assert 0 <= attacked["goodput"]["value"] <= 1
    drops = fire["in_memory"]["drops"]
    assert len(drops) == 5 and all(0 < drop["of_x25519"] < 0.5 for drop in drops)
    assert 0.5 < fire["in_memory"]["protected_of_open"] < 2
    assert targets_by_state(results)[0] == 4
    assert_pictures(tmp_path, text, "fire.svg")
    assert "## 10. Under fire" in text


def test_report_of_the_ways_to_answer(tmp_path):
    results, text = report(tmp_path, "--quick", "--chapters", "11")
    ways = results["ways"]["ways"]
    assert [way["name"] for way in ways] == ["built in", "library, at once", "library, later",
                                             "forward"]
    assert ways[0]["of_echo"] == 1
    assert all(0 < way["of_echo"] < 2 and way["per_second_median"] > 0 for way in ways)
    neighbours = results["ways"]["neighbours"]
    cpus = [True] if len(os.sched_getaffinity(0)) == 1 else [False, True]
    assert [(entry["name"], entry["shares_cpu"]) for entry in neighbours] == [
        (name, shares) for shares in cpus
        for name in ("discard", "forward, answering", "forward, stalled, awaited",
                     "forward, stalled, given up")]
    for entry in neighbours:
        assert entry["offered"] > 0 and entry["taken_per_second"] <= entry["offered_per_second"]
        assert 0 < entry["of_undisturbed"] < 2
        assert (entry["replied_per_second"] > 0) == (entry["name"] == "forward, answering")
    assert targets_by_state(results)[0] == 1
    assert_pictures(tmp_path, text, "ways.svg")
    assert "## 11. Ways to answer" in text


@pytest.mark.parametrize("rates, expected", [
    ((0.95, 0.97), True), ((0.97, 0.95), True), ((0.949, 1), False), ((1, 0.949), False)])
def test_the_worst_of_stalled_backends_is_judged(rates, expected):
    neighbours = [{"name": "forward, answering", "of_undisturbed": 0.5},
                  *({"name": "forward, stalled, so", "of_undisturbed": rate} for rate in rates)]
    assert judged({"ways": {"neighbours": neighbours}}) == {
        "another service's rate beside a stalled backend, of its rate without": (expected, None)}


def test_report_refuses_chapters_that_there_are_not(tmp_path):
    process = subprocess.run([REPORT, "--out", tmp_path, "--chapters", "12"], text=True,
                             stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    assert process.returncode == 2 and "chapters are 1 to 11" in process.stderr


def judged(results):
    return {row["what"]: (row["must_reached"], row["want_reached"])
            for row in targets.judge(results) if row["value"] is not None}


@pytest.mark.parametrize("socket, expected", [
    (29, (False, False)), (30, (True, False)), (39, (True, False)), (40, (True, True))])
def test_larger_is_better(socket, expected):
    capacity = {"baseline": {"value": 10}, "socket": {"value": socket}}
    assert judged({"network": {"capacity": capacity}}) == {
        "kernel sockets, against the plain server, times": expected}


@pytest.mark.parametrize("lost, unsent, expected", [
    (0, 0, True), (1, 0, False), (0, 1, False)])
def test_any_loss_is_too_much(lost, unsent, expected):
    long_run = {"sent": 10 ** 6, "lost": lost, "unsent": unsent}
    assert judged({"network": {"latency": {"vhost": {"long_run": long_run}}}}) == {
        "loss at 90 % of capacity, through vhost-user": (expected, None)}


@pytest.mark.parametrize("p99_ns, expected", [
    (2_000_000, (True, True)), (3_000_000, (True, False)), (3_000_001, (False, False))])
def test_smaller_is_better(p99_ns, expected):
    """A burst of 32 at 32,000 a second takes a millisecond."""
    latency = {"capacity": 32_000, "by_share": [{"share": 0.7, "p99": {"value": p99_ns}}]}
    results = {"network": {"latency": {"vhost": latency}}, "pipeline": {"burst_limit": 32}}
    assert judged(results) == {
        "p99 at 70 % of capacity, against the time of a full burst, times": expected}


@pytest.mark.parametrize("kernel, sha256, ticks, ratio, expected", [
    ("avx2", "sha_ni", 5000, 0.93, [True, True]),
    ("avx2", "sha_ni", 5001, 0.929, [False, False]),
    ("avx2", "ipsec_mb", 5000, 0.93, []), ("avx512ifma", "sha_ni", 5000, 0.93, [])])
def test_suite_f002_is_judged_on_avx2_with_sha_ni(kernel, sha256, ticks, ratio, expected):
    loads = [{"suite": 1, "authenticated": False, "of_anonymous": 1, "ticks_above_suite1": 0},
             {"suite": 1, "authenticated": True, "of_anonymous": 0.7, "ticks_above_suite1": 0},
             {"suite": 0xf002, "authenticated": False, "of_anonymous": 1,
              "ticks_above_suite1": ticks},
             {"suite": 0xf002, "authenticated": True, "of_anonymous": ratio,
              "ticks_above_suite1": -3000}]
    results = {"suites": {"sha256": sha256, "kernels": [{"kernel": kernel, "loads": loads}]}}
    assert [must for must, _ in judged(results).values()] == expected


@pytest.fixture
def baseline():
    """(a client's socket, the server's public key)."""
    subprocess.run(["ninja", "-C", BUILD, "--quiet", "bench/baseline/pssst_baseline"], check=True)
    private = peer.generate_private()
    here = HostNamespace()
    place = Place("baseline", "127.0.0.1", [], here, here)
    with temporary_files() as files, place.socket(free_udp_port()) as connected:
        command = [BASELINE, "--port", str(connected.getpeername()[1]), "--key",
                   files.key("server", private)]
        process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
        try:
            assert process.stderr.readline() == "pssst_baseline: ready\n"
            yield connected, peer.public_key(private)
        finally:
            process.kill()
            process.communicate()


def free_udp_port():
    with HostNamespace().socket(2, 2) as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def test_plain_server_answers(baseline):
    connected, public = baseline
    client = peer.Client(public, None)
    for size in (0, 1, 64, 1200, 1420):
        message = os.urandom(size)
        datagram, pending = client.seal(message)
        connected.send(datagram)
        assert pending.open(connected.recv(65536)) == message


def test_plain_server_is_silent_to_what_is_wrong(baseline):
    connected, public = baseline
    good, pending = peer.Client(public, None).seal(b"hello")
    authenticated, _ = peer.Client(public, peer.generate_private()).seal(b"hello")
    flipped = bytes([*good[:-1], good[-1] ^ 1])
    for wrong in (b"", good[:3], good[:51], flipped, b"\x80" + good[1:], b"\0\0\0\2" + good[4:],
                  good[:4] + bytes(32) + good[36:], authenticated):
        connected.send(wrong)
    connected.send(good)
    assert pending.open(connected.recv(65536)) == b"hello"
