"""The pictures: SVG by pygal, without scripts, legible on paper and on a screen."""

import math
import xml.etree.ElementTree as ElementTree

import pygal
from pygal.style import Style
from reporting.text import microseconds, suite_name, thousands

SVG_NAMESPACE = "http://www.w3.org/2000/svg"
ElementTree.register_namespace("", SVG_NAMESPACE)
ElementTree.register_namespace("xlink", "http://www.w3.org/1999/xlink")

COLOURS = ("#1f5f8b", "#d9822b", "#4c9f70", "#9b4f96", "#b0413e", "#6b7280", "#c9a227", "#2aa198")
GREY = "#9aa3ad"
STYLE = {
    "background": "#ffffff", "plot_background": "#ffffff", "foreground": "#333b44",
    "foreground_strong": "#111827", "foreground_subtle": "#9aa3ad", "opacity": ".9",
    "opacity_hover": "1", "transition": "0s", "guide_stroke_dasharray": "1,3",
    "major_guide_stroke_dasharray": "1,3", "font_family": "Helvetica, Arial, sans-serif",
    "title_font_size": 17, "label_font_size": 13, "major_label_font_size": 13,
    "value_font_size": 13, "value_label_font_size": 13, "legend_font_size": 13,
    "stroke_width": 2.5,
}


def _options(title, colours=COLOURS, **more):
    return {"title": title, "style": Style(colors=colours, **STYLE), "js": [], "no_prefix": False,
            "width": 900, "height": 480, "legend_at_bottom": True, "legend_box_size": 12,
            "truncate_legend": -1, "truncate_label": -1, "pretty_print": False,
            "margin": 18, **more}


def _x25519(results):
    """Rate by lanes; what knows no lanes is a level line."""
    x25519 = results["x25519"]
    hz = x25519["tsc_hz"]
    multiplies = [entry for entry in x25519["contenders"] if "against_multiply" not in entry
                  and entry.get("kernel") != "avx2_readable"]  # what avx2 is tested against
    lanes = sorted({entry["lanes"] for entry in multiplies})
    chart = pygal.Line(**_options(
        "X25519 a second on one core, by requests side by side", x_title="lanes filled",
        value_formatter=thousands, zero=0, include_x_axis=True))
    chart.y_labels = _even_labels(max(hz / entry["ticks_median"] for entry in multiplies))
    chart.x_labels = [str(n) for n in lanes]
    for kernel in dict.fromkeys(entry["kernel"] for entry in multiplies if "kernel" in entry):
        rates = {entry["lanes"]: hz / entry["ticks_median"] for entry in multiplies
                 if entry.get("kernel") == kernel}
        chart.add(kernel, [rates.get(n) for n in lanes])
    for entry in multiplies:
        if "kernel" not in entry:
            chart.add(entry["name"], [hz / entry["ticks_median"]] * len(lanes), show_dots=False,
                      stroke_style={"width": 1.5, "dasharray": "6, 4"})
    return "x25519.svg", chart


def _pipeline(results):
    pipeline = results["pipeline"]
    sizes = list(dict.fromkeys(load["message_size"] for load in pipeline["loads"]))
    chart = pygal.Bar(**_options(
        "Requests a second by one worker in memory", colours=(GREY, *COLOURS),
        x_title="bytes of a message", value_formatter=thousands, print_values=True, zero=0,
        print_values_position="top", rounded_bars=2))
    chart.x_labels = [str(size) for size in sizes]
    chart.y_labels = _even_labels(1.1 * pipeline["ceiling"]["per_second_median"])
    chart.add(f"X25519 alone ({pipeline['kernel']})",
              [pipeline["ceiling"]["per_second_median"]] * len(sizes))
    for authenticated, name in ((False, "anonymous"), (True, "client-authenticated")):
        chart.add(name, [load["per_second_median"] for load in pipeline["loads"]
                         if load["authenticated"] == authenticated])
    return "pipeline.svg", chart


def _even_labels(largest, about=5):
    """0, 20,000, 40,000: some five labels up to the largest value."""
    step = 10 ** math.floor(math.log10(largest / about))
    step *= next(factor for factor in (1, 2, 5, 10) if largest / (step * factor) <= about + 2)
    return [step * place for place in range(int(largest / step) + 1)]


def _log_labels(values):
    """10, 20, 50, 100: as far as the values reach, and one beyond."""
    low, high = min(values), max(values)
    labels = [factor * 10 ** power for power in range(8) for factor in (1, 2, 5)]
    below = max((label for label in labels if label <= low), default=labels[0])
    above = min((label for label in labels if label >= high), default=labels[-1])
    return [label for label in labels if below <= label <= above]


def _paths(results):
    """Everything that answers requests, slowest first, by one core."""
    bars = [(path["title"], path["value"]) for path in results["network"]["capacity"].values()]
    if "pipeline" in results:
        anonymous = results["pipeline"]["loads"][1]
        bars += [("pssstd's worker, in memory", anonymous["per_second_median"]),
                 ("X25519 alone", results["pipeline"]["ceiling"]["per_second_median"])]
    bars.sort(key=lambda bar: bar[1])
    kernel = f", kernel {results['pipeline']['kernel']}" if "pipeline" in results else ""
    chart = pygal.HorizontalBar(**_options(
        f"Requests a second on one core, messages of 64 bytes{kernel}", colours=(COLOURS[0],),
        show_legend=False, value_formatter=thousands, print_values=True, rounded_bars=2,
        print_values_position="center", zero=0, height=110 + 52 * len(bars)))
    chart.y_labels = _even_labels(bars[-1][1])
    chart.x_labels = [name for name, _ in bars]
    colours = {"a plain": COLOURS[1], "X25519 ": GREY}
    chart.add("", [{"value": rate, "color": colours.get(name[:7], COLOURS[0])}
                   for name, rate in bars])
    return "paths.svg", chart


def _latency(results):
    """Percentiles by load: one chart a path."""
    for name, latency in results["network"]["latency"].items():
        chart = pygal.Line(**_options(
            f"Latency by load: {latency['title']}", x_title="of capacity", logarithmic=True,
            y_title="microseconds", value_formatter=lambda value: microseconds(1000 * value)))
        chart.x_labels = ["one at a time",
                          *(f"{entry['share']:.0%}" for entry in latency["by_share"])]
        points = [latency["at_rest"], *latency["by_share"]]
        lines = {percentile: [point[percentile]["value"] / 1000 for point in points]
                 for percentile in ("p50", "p90", "p99", "p99_9")}
        chart.y_labels = _log_labels([value for line in lines.values() for value in line])
        for percentile, line in lines.items():
            chart.add(percentile.replace("_", "."), line)
        yield f"latency-{name}.svg", chart


def _scaling(results):
    scaling = results["scaling"]
    chart = pygal.Bar(**_options(
        f"Two workers do {scaling['times']:.2f} times what one does", show_legend=False,
        value_formatter=thousands, print_values=True, zero=0, width=520, height=360,
        rounded_bars=2, print_values_position="center"))
    chart.x_labels = ["one worker", "two workers"]
    chart.y_labels = _even_labels(scaling["together"])
    chart.add("", [scaling["alone"], scaling["together"]])
    return "scaling.svg", chart


def _suites(results):
    suites = results["suites"]
    kernels = suites["kernels"]
    chart = pygal.Bar(**_options(
        f"Requests a second by one worker in memory, {suites['message_size']} bytes",
        x_title="X25519 kernel", value_formatter=thousands, print_values=True, zero=0,
        print_values_position="top", rounded_bars=2))
    chart.x_labels = [entry["kernel"] for entry in kernels]
    chart.y_labels = _even_labels(1.1 * max(load["per_second_median"] for entry in kernels
                                            for load in entry["loads"]))
    for loads in zip(*(entry["loads"] for entry in kernels)):
        kind = "client-authenticated" if loads[0]["authenticated"] else "anonymous"
        chart.add(f"suite {suite_name(loads[0]['suite'])}, {kind}",
                  [load["per_second_median"] for load in loads])
    return "suites.svg", chart


def _fire(results):
    """Goodput by how much junk there is."""
    fire = results["fire"]
    chart = pygal.Line(**_options(
        f"What an attack leaves: good requests at {fire['good_share']:.0%} of capacity",
        x_title="random junk, times capacity", y_title="good requests answered",
        range=(0, 1), include_x_axis=True, value_formatter=lambda share: f"{share:.1%}"))
    chart.y_labels = [place / 10 for place in range(0, 11, 2)]
    chart.x_labels = [str(point["times"]) for point in fire["curves"][0]["points"]]
    for curve in fire["curves"]:
        dashes = {} if curve["protected"] else {"stroke_style": {"width": 2, "dasharray": "6, 4"}}
        chart.add(f"{curve['title']}, protections {'on' if curve['protected'] else 'off'}",
                  [point["goodput"]["value"] for point in curve["points"]], **dashes)
    return "fire.svg", chart


def _ways(results):
    ways = results["ways"]["ways"]
    chart = pygal.Bar(**_options(
        "Requests a second by one worker in memory, by who answers", colours=(COLOURS[0],),
        show_legend=False, value_formatter=thousands, print_values=True, zero=0, height=360,
        rounded_bars=2, print_values_position="center"))
    chart.x_labels = [way["name"] for way in ways]
    chart.y_labels = _even_labels(1.1 * max(way["per_second_median"] for way in ways))
    chart.add("", [way["per_second_median"] for way in ways])
    return "ways.svg", chart


def _to_svg(chart, name):
    """The same text for the same figures: pygal's scripts, comments and random names left out."""
    chart.uuid = name.removesuffix(".svg")
    root = ElementTree.fromstring(chart.render())  # the parser drops comments
    for parent in list(root.iter()):
        for script in parent.findall(f"{{{SVG_NAMESPACE}}}script"):
            parent.remove(script)
    return ElementTree.tostring(root, encoding="unicode") + "\n"


def draw_all(results, folder):
    """Writes the pictures of what was measured; their names by chapter."""
    drawn = {}
    if "x25519" in results:
        drawn[1] = [_x25519(results)]
    if "pipeline" in results:
        drawn[2] = [_pipeline(results)]
    if "network" in results:
        drawn[5 if 5 in results["chapters"] else results["chapters"][-1]] = [_paths(results)]
        drawn[6] = list(_latency(results))
    if "times" in results.get("scaling", {}):
        drawn[7] = [_scaling(results)]
    if "suites" in results:
        drawn[8] = [_suites(results)]
    if "fire" in results:
        drawn[10] = [_fire(results)]
    if "ways" in results:
        drawn[11] = [_ways(results)]
    names = {}
    for chapter, charts in drawn.items():
        for name, chart in charts:
            (folder / name).write_text(_to_svg(chart, name))
        names[chapter] = [name for name, _ in charts]
    return names
