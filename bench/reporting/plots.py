"""The pictures: SVG by pygal, without scripts, legible on paper and on a screen."""

import pygal
from pygal.style import Style
from reporting.text import microseconds, thousands

COLOURS = ("#1f5f8b", "#d9822b", "#4c9f70", "#9b4f96", "#b0413e", "#6b7280", "#c9a227", "#2aa198")
GREY = "#9aa3ad"
STYLE = {
    "background": "#ffffff", "plot_background": "#ffffff", "foreground": "#333b44",
    "foreground_strong": "#111827", "foreground_subtle": "#9aa3ad", "opacity": ".9",
    "opacity_hover": "1", "transition": "0s", "guide_stroke_dasharray": "1,3",
    "major_guide_stroke_dasharray": "1,3", "font_family": "Helvetica, Arial, sans-serif",
    "title_font_size": 19, "label_font_size": 13, "major_label_font_size": 13,
    "value_font_size": 13, "value_label_font_size": 13, "legend_font_size": 13,
    "stroke_width": 2.5,
}


def _options(title, colours=COLOURS, **more):
    return {"title": title, "style": Style(colors=colours, **STYLE), "js": [], "no_prefix": False,
            "width": 900, "height": 480, "legend_at_bottom": True, "legend_box_size": 12,
            "truncate_legend": -1, "truncate_label": -1, "show_minor_y_labels": False,
            "pretty_print": False, "margin": 18, **more}


def _x25519(results):
    """Rate by lanes; what knows no lanes is a level line."""
    x25519 = results["x25519"]
    hz = x25519["tsc_hz"]
    multiplies = [entry for entry in x25519["contenders"] if "against_multiply" not in entry]
    lanes = sorted({entry["lanes"] for entry in multiplies})
    chart = pygal.Line(**_options(
        "X25519 a second on one core, by requests side by side", x_title="lanes filled",
        value_formatter=thousands, min_scale=6, range=None, zero=0, include_x_axis=True))
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
    chart.add(f"X25519 alone ({pipeline['kernel']})",
              [pipeline["ceiling"]["per_second_median"]] * len(sizes))
    for authenticated, name in ((False, "anonymous"), (True, "client-authenticated")):
        chart.add(name, [load["per_second_median"] for load in pipeline["loads"]
                         if load["authenticated"] == authenticated])
    return "pipeline.svg", chart


def _paths(results):
    """Everything that answers requests, slowest first, by one core."""
    bars = [(path["title"], path["value"]) for path in results["network"]["capacity"].values()]
    if "pipeline" in results:
        anonymous = results["pipeline"]["loads"][1]
        bars += [("pssstd's worker, in memory", anonymous["per_second_median"]),
                 ("X25519 alone", results["pipeline"]["ceiling"]["per_second_median"])]
    bars.sort(key=lambda bar: bar[1])
    chart = pygal.HorizontalBar(**_options(
        "Requests a second on one core, messages of 64 bytes", colours=(COLOURS[0],),
        show_legend=False, value_formatter=thousands, print_values=True, rounded_bars=2,
        print_values_position="center", zero=0, height=110 + 52 * len(bars)))
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
        for percentile in ("p50", "p90", "p99", "p99_9"):
            points = [latency["at_rest"], *latency["by_share"]]
            chart.add(percentile.replace("_", "."),
                      [point[percentile]["value"] / 1000 for point in points])
        yield f"latency-{name}.svg", chart


def _scaling(results):
    scaling = results["scaling"]
    chart = pygal.Bar(**_options(
        f"Two workers do {scaling['times']:.2f} times what one does", show_legend=False,
        value_formatter=thousands, print_values=True, zero=0, width=520, height=360,
        rounded_bars=2, print_values_position="center"))
    chart.x_labels = ["one worker", "two workers"]
    chart.add("", [scaling["alone"], scaling["together"]])
    return "scaling.svg", chart


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
    names = {}
    for chapter, charts in drawn.items():
        for name, chart in charts:
            chart.render_to_file(str(folder / name))
        names[chapter] = [name for name, _ in charts]
    return names
