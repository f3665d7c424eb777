"""Chapters 3 to 6: real processes, one core for the server and one for the generator."""

import contextlib
import statistics
import tempfile

from reporting import paths
from reporting.paths import taken
from reporting.figures import best_figure, median_figure

BY_CHAPTER = {3: ["vhost"], 4: ["socket", "af_packet", "af_xdp"], 5: ["baseline", "socket"],
              6: ["socket", "vhost"]}
SHARES = (0.1, 0.5, 0.7, 0.9)
PERCENTILES = ("p50", "p90", "p99", "p99_9", "max")
WINDOW = 256  # requests outstanding: four full bursts of the widest kernel


def measure_capacity(path_list, settings):
    """Requests a second as fast as a window of outstanding ones allows; paths take turns."""
    runs = {path.name: [] for path in path_list}
    for _ in range(settings.rounds):
        for path in path_list:
            runs[path.name].append(path.load("--window", WINDOW, duration=settings.window_s))
    result = {}
    for path in path_list:
        of_path = runs[path.name]
        sent = sum(run["sent"] for run in of_path)
        result[path.name] = median_figure(
            [run["answered_per_s"] for run in of_path], **taken(of_path), title=path.title,
            lanes=statistics.mean(run["lanes"] for run in of_path),
            loss=sum(run["lost"] for run in of_path) / max(1, sent),
            verified=sum(run["verified"] for run in of_path))
    return result


def _latency_at(path, rate, settings):
    """Percentiles in ns, open loop; the tails' best of some windows, as p50 and p90 are their
    median."""
    runs = [path.load_at(rate, settings.latency_window_s) for _ in range(settings.latency_rounds)]
    figures = {}
    for name in PERCENTILES:
        windows = [run["latency_ns"][name] for run in runs if run["latency_ns"]]
        figure = median_figure if name in ("p50", "p90") else best_figure
        figures[name] = figure(windows, **taken(runs))
    best = min((run for run in runs if run["latency_ns"]), key=lambda run: run["latency_ns"]["p99"])
    return {"rate": rate, **figures, "curve": best["latency_curve_ns"],
            "lost": sum(run["lost"] for run in runs), "unsent": sum(run["unsent"] for run in runs),
            "sent": sum(run["sent"] for run in runs)}


def measure_latency(path, capacity, settings):
    at_rest = [path.load("--window", 1, duration=settings.latency_window_s)
               for _ in range(settings.latency_rounds)]
    result = {
        "title": path.title, "capacity": capacity,
        "at_rest": {name: best_figure([run["latency_ns"][name] for run in at_rest],
                                      **taken(at_rest)) for name in PERCENTILES},
        "by_share": [{"share": share, **_latency_at(path, share * capacity, settings)}
                     for share in SHARES],
    }
    long_run = path.load_at(0.9 * capacity, settings.loss_s)
    result["long_run"] = {name: long_run[name] for name in ("sent", "lost", "unsent", "late",
                                                            "duplicates", "steal_percent",
                                                            "waited_percent")}
    result["long_run"]["seconds"] = settings.loss_s
    return result


def measure(chapters, settings, say):
    """{"capacity": by path, "latency": by path} of what the chapters need."""
    names = {name for chapter in chapters for name in BY_CHAPTER.get(chapter, ())}
    with contextlib.ExitStack() as cleanup:
        keys = paths.Keys(cleanup.enter_context(
            tempfile.TemporaryDirectory(prefix="pssst-bench-")))
        started = []
        for name, make in paths.ALL.items():
            if name in names:
                say(f"starting {name}")
                started.append(cleanup.enter_context(make(settings, keys)))
        say("capacity: " + ", ".join(path.title for path in started))
        capacity = measure_capacity(started, settings)
        latency = {}
        for path in started if 6 in chapters else ():
            if path.name in BY_CHAPTER[6]:
                say(f"latency: {path.title}")
                latency[path.name] = measure_latency(path, capacity[path.name]["value"], settings)
    return {"capacity": capacity, "latency": latency, "window": WINDOW}
