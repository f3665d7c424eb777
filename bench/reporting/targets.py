"""What the figures should be, and whether they are."""

from dataclasses import dataclass
from typing import Callable, Optional


@dataclass
class Target:
    what: str
    must: float
    want: Optional[float]
    value: Callable  # of the results; LookupError where that was not measured
    form: str = "{:.2f}"
    smaller_is_better: bool = False


def _contender(results, name, lanes):
    return next(entry for entry in results["x25519"]["contenders"]
                if (entry["name"], entry["lanes"]) == (name, lanes))


def _best_avx2(results, lanes, name, best=max):
    """Of the kernels of AVX2, one of which takes a fifth lane along."""
    figures = [entry[name] for entry in results["x25519"]["contenders"]
               if (entry["name"], entry["lanes"]) in (("avx2", lanes), ("avx2_mulx", lanes))]
    return best(figures)


def _load(results, authenticated):
    return next(load for load in results["pipeline"]["loads"]
                if (load["authenticated"], load["message_size"]) == (authenticated, 64))


def _suite_f002(results, authenticated):
    """By avx2 where SHA-NI hashes: what is asked is asked of these."""
    suites = results["suites"]
    if suites["sha256"] != "sha_ni":
        raise LookupError("another SHA-256")
    loads = next(entry["loads"] for entry in suites["kernels"] if entry["kernel"] == "avx2")
    return next(load for load in loads
                if (load["suite"], load["authenticated"]) == (0xf002, authenticated))


def _step(kernel):
    return lambda results: results["x25519"]["step_instructions"][kernel]


def _capacity(results, path):
    return results["network"]["capacity"][path]["value"]


def _against_baseline(path):
    return lambda results: _capacity(results, path) / _capacity(results, "baseline")


def _loss(results):
    run = results["network"]["latency"]["vhost"]["long_run"]
    return (run["lost"] + run["unsent"]) / (run["sent"] + run["unsent"])


def _tail_against_burst(results):
    latency = results["network"]["latency"]["vhost"]
    burst_ns = 1e9 * results["pipeline"]["burst_limit"] / latency["capacity"]
    (at_70,) = [entry for entry in latency["by_share"] if entry["share"] == 0.7]
    return at_70["p99"]["value"] / burst_ns


def _goodput(sources, times):
    def value(results):
        (curve,) = [curve for curve in results["fire"]["curves"]
                    if curve["sources"] == sources and curve["protected"]]
        (point,) = [point for point in curve["points"] if point["times"] == times]
        return point["goodput"]["value"]
    return value


def _dearest_drop(results):
    """Of those that the headers tell."""
    return max(drop["of_x25519"] for drop in results["fire"]["in_memory"]["drops"]
               if drop["what"] != "junk from a prefix over its rate")


def _beside_a_stalled_backend(results):
    """The worst, wherever threads run."""
    return min(entry["of_undisturbed"] for entry in results["ways"]["neighbours"]
               if "stalled" in entry["name"])


TARGETS = [
    Target("X25519 on AVX2, burst of 32, against OpenSSL EVP, times", 4.3, 4.7,
           lambda results: _best_avx2(results, 32, "against_openssl_evp")),
    Target("X25519 on AVX2, burst of 64, core cycles each (targets are of Zen 3)", 29800, 28000,
           lambda results: _best_avx2(results, 64, "core_cycles", min), "{:,.0f}", True),
    Target("avx2, instructions per ladder step and vector", 1810, 1789, _step("avx2"), "{:,.0f}",
           True),
    Target("avx512ifma, instructions per ladder step and vector", 1000, 850, _step("avx512ifma"),
           "{:,.0f}", True),
    Target("avx2, burst of 8, against its own burst of 32", 0.95, None,
           lambda results: _contender(results, "avx2", 8)["against_own_burst"]),
    Target("mulx, one lane, against EVP_PKEY_derive alone, times", 1.2, 1.35,
           lambda results: _contender(results, "mulx", 1)["against_openssl_derive"]),
    Target("avx2, check against multiply, both on bursts of 32", 1.0, 1.02,
           lambda results: _contender(results, "avx2 check", 32)["against_multiply"]),
    Target("derive, open and seal, 64 B, TSC ticks", 700, None,
           lambda results: next(size["ticks_median"] for size in results["suite1"]["sizes"]
                                if size["message_size"] == 64), "{:,.0f}", True),
    Target("in memory, anonymous 64 B, of the X25519 ceiling", 0.93, 0.96,
           lambda results: _load(results, False)["of_ceiling"], "{:.1%}"),
    Target("in memory, largest function outside X25519, of a worker's time", 0.03, None,
           lambda results: max(function["share"] for function in results["profile"]["functions"]
                               if not function["x25519"]), "{:.1%}", True),
    Target("in memory, authenticated against anonymous, 64 B", 0.62, 0.70,
           lambda results: _load(results, True)["of_anonymous"]),
    Target("through vhost-user, of the in-memory figure", 0.92, 0.97,
           lambda results: (_capacity(results, "vhost")
                            / _load(results, False)["per_second_median"]), "{:.1%}"),
    Target("kernel sockets, against the plain server, times", 3.0, 4.0,
           _against_baseline("socket")),
    Target("through vhost-user, against the plain server, times", 4.0, 5.0,
           _against_baseline("vhost")),
    Target("two workers against one, times", 1.93, 1.99,
           lambda results: results["scaling"]["times"], "{:.3f}"),
    Target("suite 0xF002 on AVX2 with SHA-NI, anonymous 64 B, TSC ticks above suite 1", 5000, None,
           lambda results: _suite_f002(results, False)["ticks_above_suite1"], "{:,.0f}", True),
    Target("suite 0xF002 on AVX2 with SHA-NI, authenticated against anonymous, 64 B", 0.93, None,
           lambda results: _suite_f002(results, True)["of_anonymous"], "{:.3f}"),
    Target("enrolled clients, bytes each with not-before and not-after", 100, 64,
           lambda results: results["enrolled"]["loads"][1]["bytes_per_client"], "{:.0f}", True),
    *(Target(f"goodput at 30 % of capacity, junk from other prefixes at {times} times", must, None,
             _goodput("prefixes", times), "{:.1%}")
      for times, must in ((2, 0.99), (5, 0.97), (10, 0.95))),
    Target("the same, junk spoofed over the whole space at 5 times", 0.90, None,
           _goodput("spoofed", 5), "{:.1%}"),
    Target("junk that headers tell, the dearest, of an X25519", 0.02, None, _dearest_drop, "{:.2%}",
           True),
    Target("good requests with all protections on, no attack, against off", 0.99, None,
           lambda results: results["fire"]["in_memory"]["protected_of_open"], "{:.2%}"),
    Target("another service's rate beside a stalled backend, of its rate without", 0.95, None,
           _beside_a_stalled_backend, "{:.2%}"),
    Target("loss at 90 % of capacity, through vhost-user", 0.0, None, _loss, "{:.4%}", True),
    Target("p99 at 70 % of capacity, against the time of a full burst, times", 3.0, 2.0,
           _tail_against_burst, smaller_is_better=True),
]


def judge(results):
    """A row for each target; `value` is None where its chapters were not measured."""
    rows = []
    for target in TARGETS:
        try:
            value = target.value(results)
        except (LookupError, StopIteration, ValueError):
            value = None

        def reached(limit, value=value, target=target):
            if value is None or limit is None:
                return None
            return value <= limit if target.smaller_is_better else value >= limit
        rows.append({"what": target.what, "value": value, "must": target.must,
                     "want": target.want, "form": target.form,
                     "must_reached": reached(target.must), "want_reached": reached(target.want)})
    return rows
