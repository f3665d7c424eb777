"""Chapters 1, 2, 7 to 9, 11 and a part of 10: what needs no network."""

import json
import os
import statistics
import tempfile
import time
from dataclasses import replace
from pathlib import Path

from server import worker_profile

from reporting.machine import BUILD, ROOT, Meter, cpus, output

COMPARE = BUILD / "bench/crypto/x25519_compare"
INSTRUCTIONS = ROOT / "bench/crypto/x25519_instructions.py"
SUITE1_BENCH = BUILD / "bench/protocol/suite1_bench"
MANY_CLIENTS = BUILD / "tests/e2e/many_clients"
PSSST = BUILD / "src/tools/pssst"
TABLE_BENCH = BUILD / "bench/identity/table_bench"
WORKER_BENCH = BUILD / "bench/server/worker_bench"


def _measure(*command):
    with Meter() as meter:
        result = json.loads(output(*command))
    return {**result, "steal_percent": meter.steal_percent}


def measure_x25519(settings):
    result = _measure(COMPARE, "--json", "--cpu", cpus()[0], "--rounds", settings.x25519_rounds,
                      "--window", settings.x25519_window_ms)
    steps = json.loads(output(INSTRUCTIONS, "--steps", "--json"))
    result["step_instructions"] = {entry["name"]: entry["instructions_per_step_and_vector"]
                                   for entry in steps}
    return result


def measure_suite1(settings):
    return _measure(SUITE1_BENCH, "--cpu", cpus()[0], "--rounds", settings.x25519_rounds,
                    "--window", settings.x25519_window_ms)


def _worker_bench(settings, what, window_ms, rounds, used):
    arguments = ["--rounds", rounds, "--window", window_ms, "--clients", settings.clients,
                 "--cpus", *used]
    if settings.kernel:
        arguments += ["--x25519-kernel", settings.kernel]
    return _measure(WORKER_BENCH, what, *arguments)


def measure_pipeline(settings):
    return _worker_bench(settings, "pipeline", settings.pipeline_window_ms,
                         settings.pipeline_rounds, [cpus()[0]])


def measure_suites(settings):
    return _worker_bench(settings, "suites", settings.pipeline_window_ms,
                         settings.pipeline_rounds, [cpus()[0]])


def measure_fire(settings):
    """By avx2, of which it is said what hostile datagrams may cost. In long windows: a worker's
    memory of sources is in no cache when its turn begins."""
    kernel = settings.kernel
    if not kernel and "avx2" in Path("/proc/cpuinfo").read_text().split():
        kernel = "avx2"
    return _worker_bench(replace(settings, kernel=kernel), "fire", settings.scaling_window_ms,
                         settings.rounds, [cpus()[0]])


def measure_enrolled(settings):
    result = _measure(TABLE_BENCH, "--cpu", cpus()[0], "--clients", settings.enrolled,
                      "--rounds", settings.x25519_rounds, "--window", settings.x25519_window_ms)
    result["store"] = measure_store(settings)
    return result


def measure_store(settings):
    """A file of keys becomes a store, as an operator makes it, and the store a table."""
    with tempfile.TemporaryDirectory(prefix="pssst-bench-") as folder:
        keys, store = Path(folder, "keys"), Path(folder, "clients.db")
        keys.write_text(output(MANY_CLIENTS, settings.stored))
        before, begun = os.times(), time.monotonic()
        output(PSSST, "identity", "import", store, keys)
        after, ended = os.times(), time.monotonic()
        cpu_s = (after.children_user - before.children_user
                 + after.children_system - before.children_system)
        return {"import_s": ended - begun, "import_cpu_s": cpu_s,
                "file_bytes": store.stat().st_size,
                **_measure(TABLE_BENCH, "--cpu", cpus()[0], "--store", store)}


def measure_ways(settings):
    return _worker_bench(settings, "ways", settings.ways_window_ms, settings.ways_rounds,
                         [cpus()[0]])


def measure_profile(settings):
    with Meter() as meter:
        profile = worker_profile.sample(settings.profile_s, settings.kernel)
    return {"seconds": settings.profile_s, "steal_percent": meter.steal_percent, "functions": [
        {"name": name, "share": share, "x25519": x25519}
        for name, share, x25519 in worker_profile.shares_of(profile)]}


def measure_scaling(settings):
    used = sorted(set(cpus()))
    if len(used) < 2:
        return {"impossible": "one CPU"}
    result = _worker_bench(settings, "scaling", settings.scaling_window_ms, settings.rounds, used)
    rounds = result["scaling"]
    result["alone"] = statistics.median(rate for one in rounds for rate in one["alone"])
    result["together"] = statistics.median(sum(one["together"]) for one in rounds)
    result["times"] = statistics.median(
        sum(one["together"]) / statistics.mean(one["alone"]) for one in rounds)
    return result
