"""A figure: windows, and what they come down to."""

import statistics


def median_figure(windows, steal_percent, **more):
    return {"value": statistics.median(windows), "windows": list(windows),
            "steal_percent": steal_percent, **more}


def best_figure(windows, steal_percent, best=min, **more):
    return {"value": best(windows), "windows": list(windows), "steal_percent": steal_percent,
            **more}
