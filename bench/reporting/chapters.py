"""All that is measured, in order."""

import os
import sys
from dataclasses import asdict, dataclass

import namespaces
from reporting import fire, in_memory, machine, network


@dataclass
class Settings:
    """How long everything takes."""

    kernel: str = ""              # empty: the best
    rounds: int = 9               # windows of a figure
    x25519_rounds: int = 31
    x25519_window_ms: float = 2
    clients: int = 1000           # in memory
    enrolled: int = 10_000_000
    stored: int = 1_000_000
    pipeline_rounds: int = 45
    pipeline_window_ms: float = 10
    profile_s: float = 10
    scaling_window_ms: float = 200
    window_s: float = 1.0         # over a network
    latency_rounds: int = 5
    latency_window_s: float = 1.5
    loss_s: float = 10.0
    fire_rounds: int = 5
    fire_window_s: float = 1.0
    fire_times: tuple = (0, 1, 2, 5, 10)  # junk, times capacity
    ways_rounds: int = 31
    ways_window_ms: float = 50


def quick_settings():
    return Settings(rounds=3, x25519_rounds=5, x25519_window_ms=1, clients=256, enrolled=100_000,
                    stored=5_000, pipeline_rounds=7, pipeline_window_ms=3, profile_s=1, scaling_window_ms=20,
                    window_s=0.4, latency_rounds=2, latency_window_s=0.4, loss_s=1.0,
                    fire_rounds=2, fire_window_s=0.4, fire_times=(0, 5), ways_rounds=3,
                    ways_window_ms=20)


def _say(text):
    print(f"bench/report: {text}", file=sys.stderr, flush=True)


def run_all(arguments):
    chapters = arguments.chapters
    settings = quick_settings() if arguments.quick else Settings()
    settings.kernel = arguments.x25519_kernel
    results = {"machine": machine.describe(), "quick": arguments.quick, "chapters": chapters,
               "settings": asdict(settings)}
    over_network = [chapter for chapter in chapters if chapter in network.BY_CHAPTER]
    if (over_network or 10 in chapters) and os.geteuid() != 0:
        raise SystemExit("bench/report: chapters 3 to 6 and 10 make network namespaces and "
                         "devices: run it as root, or only --chapters 1,2,7,8,9,11")
    machine.ask_for_priority()
    with machine.Meter() as meter:
        if 1 in chapters:
            _say("X25519 alone")
            results["x25519"] = in_memory.measure_x25519(settings)
        if 2 in chapters:
            _say("a worker in memory")
            results["suite1"] = in_memory.measure_suite1(settings)
            results["pipeline"] = in_memory.measure_pipeline(settings)
            results["profile"] = in_memory.measure_profile(settings)
        if 7 in chapters:
            _say("workers side by side")
            results["scaling"] = in_memory.measure_scaling(settings)
        if 8 in chapters:
            _say("suite 0xF002 beside suite 1")
            results["suites"] = in_memory.measure_suites(settings)
        if 9 in chapters:
            _say("enrolled clients")
            results["enrolled"] = in_memory.measure_enrolled(settings)
        if 10 in chapters:
            _say("hostile datagrams in memory")
            results["fire"] = {"in_memory": in_memory.measure_fire(settings),
                               **fire.measure(settings, _say)}
        if 11 in chapters:
            _say("ways to answer")
            results["ways"] = in_memory.measure_ways(settings)
        if over_network:
            namespaces.remove_left_behind()
            try:
                results["network"] = network.measure(over_network, settings, _say)
            finally:
                namespaces.remove_left_behind()
    results["machine"]["steal_percent"] = meter.steal_percent
    return results
