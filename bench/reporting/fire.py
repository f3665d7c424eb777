"""Chapter 10: what an attack leaves of the service, protections on and off."""

import contextlib
import statistics
import tempfile

import hugepages
from reporting import paths
from reporting.figures import median_figure

GOOD_SHARE = 0.3                  # of capacity
SOURCES = {
    "prefixes": ("from other prefixes", "198.18.0.0/15"),
    "spoofed": ("spoofed over the whole space", "0.0.0.0/0"),
}
WINDOW = 256
HUGEPAGES = 480                   # of 2 MB: three DPDK processes, 256 MB each
ANSWERED_OR_NOT = (0, 3)          # what `pssst load` ends with


def _attack(path, capacity, times, prefix, settings):
    words = ["--rate", int(GOOD_SHARE * capacity)]
    if times > 0:
        words += ["--hostile", "junk:1", "--hostile-rate", int(times * capacity),
                  "--source-prefix", prefix]
    return path.load(*words, duration=settings.fire_window_s, accepted=ANSWERED_OR_NOT)


def _point(times, runs, capacity):
    """Goodput is of what was sent: a generator that others kept from its CPU is none of the
    server's doing."""
    return {"times": times,
            "goodput": median_figure([run["answered"] / max(1, run["sent"]) for run in runs]),
            "hostile_of_capacity": statistics.median(run["hostile_sent_per_s"]
                                                     for run in runs) / capacity,
            "unsent": sum(run["unsent"] for run in runs), "sent": sum(run["sent"] for run in runs),
            **paths.taken(runs)}


def _measure_paths(protected, opened, settings, say):
    runs = [protected.load("--window", WINDOW, duration=settings.window_s)
            for _ in range(settings.fire_rounds)]
    capacity = statistics.median(run["answered_per_s"] for run in runs)
    curves = []
    for name, (title, prefix) in SOURCES.items():
        say(f"junk {title}, up to {settings.fire_times[-1]} times {capacity:,.0f}/s")
        points = {path.name: [] for path in (protected, opened)}
        for times in settings.fire_times:
            of_path = {path.name: [] for path in (protected, opened)}
            for _ in range(settings.fire_rounds):
                for path in (protected, opened):
                    of_path[path.name].append(_attack(path, capacity, times, prefix, settings))
            for path, of_times in of_path.items():
                points[path].append(_point(times, of_times, capacity))
        curves += [{"sources": name, "title": title, "protected": path == protected.name,
                    "points": of_path} for path, of_path in points.items()]
    return {"capacity": median_figure([run["answered_per_s"] for run in runs],
                                      **paths.taken(runs)),
            "good_share": GOOD_SHARE, "curves": curves}


def measure(settings, say):
    with contextlib.ExitStack() as cleanup:
        with contextlib.suppress(OSError):  # without: DPDK makes do with other memory
            cleanup.enter_context(hugepages.hugepages(HUGEPAGES))
        keys = paths.Keys(cleanup.enter_context(
            tempfile.TemporaryDirectory(prefix="pssst-bench-")))
        protected, opened = (cleanup.enter_context(paths.under_fire(settings, keys, is_protected))
                             for is_protected in (True, False))
        return _measure_paths(protected, opened, settings, say)
