"""A figure: windows, and what they come down to."""

import statistics


def median_figure(windows, **more):
    return {"value": statistics.median(windows), "windows": list(windows), **more}


def best_figure(windows, **more):
    """Of times: the least."""
    return {"value": min(windows), "windows": list(windows), **more}
