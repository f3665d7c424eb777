"""report.md: the figures as tables, each picture beside its table."""

from reporting.text import microseconds, percent, suite_name, thousands


TARGET_KERNEL = "avx2"
TAKEN = ("Taken: what the hypervisor took (steal), and the share of the time in which the server "
         "waited for its CPU because another process had it.")


def table(head, rows):
    lines = ["| " + " | ".join(head) + " |",
             "|" + "|".join("---" if place == 0 else "---:" for place in range(len(head))) + "|"]
    lines += ["| " + " | ".join(map(str, row)) + " |" for row in rows]
    return "\n".join(lines) + "\n"


def _steal(entry):
    return f"{entry['steal_percent']:.1f} %"


def _taken(entry):
    """What the hypervisor took of all CPUs, and other processes of the server's."""
    return f"{entry['steal_percent']:.1f} + {entry['waited_percent']:.1f} %"


def render_targets(results):
    marks = {True: "yes", False: "**no**", None: "-"}
    rows = []
    for row in results["targets"]:
        if row["value"] is None and not set(CHAPTERS) <= set(results["chapters"]):
            continue

        def show(value, form=row["form"]):
            return "-" if value is None else form.format(value)
        rows.append([row["what"], show(row["value"]), show(row["must"]),
                     marks[row["must_reached"]], show(row["want"]), marks[row["want_reached"]]])
    return table(["figure", "measured", "must", "", "want", ""], rows) + _kernel_note(results)


def _kernel_note(results):
    kernel = results.get("pipeline", {}).get("kernel", TARGET_KERNEL)
    if "avx512" not in kernel:
        return ""
    return (f"\nThe requests above, but those of suite 0xF002, were served by the kernel {kernel}; "
            f"what must be was set for {TARGET_KERNEL}, a slower one, beside which everything else "
            f"weighs less. Against that: `bench/report --x25519-kernel {TARGET_KERNEL}`.\n")


def _machine(results):
    machine = results["machine"]
    facts = [
        ["CPU", machine["cpu"] + (", virtual" if machine["virtual"] else "")],
        ["CPUs used", machine["cpus"]],
        ["kernel", machine["kernel"]], ["compiler", machine["compiler"]],
        ["DPDK", machine["dpdk"]], ["OpenSSL", machine["openssl"]],
        ["pssst", f"{machine['pssst']}, commit {machine['commit']}"],
        ["measured", machine["date"] + (", with short windows (--quick)" if results["quick"]
                                        else "")],
        ["taken by the hypervisor (steal)", f"{machine['steal_percent']:.1f} %"],
        ["load of the machine before", f"{machine['load_before']:.1f}"],
    ]
    for part in ("pipeline", "x25519"):
        if part in results:
            facts.insert(2, ["X25519 kernel chosen", results[part]["kernel"]])
            facts.insert(3, ["time stamp counter", f"{results[part]['tsc_hz'] / 1e9:.2f} GHz"])
            break
    return table(["", ""], facts).replace("---:", "---")


def _x25519(results):
    x25519 = results["x25519"]
    hz = x25519["tsc_hz"]
    rows = []
    for entry in x25519["contenders"]:
        if "against_multiply" in entry or (entry.get("kernel") and entry["lanes"] not in (
                1, 4, 8, 32, 64)):
            continue
        cycles = thousands(entry["core_cycles"]) if "core_cycles" in entry else "-"
        rows.append([entry["name"], entry["lanes"] if "kernel" in entry else "",
                     thousands(hz / entry["ticks_median"]), thousands(hz / entry["ticks_best"]),
                     cycles, f"{entry['against_openssl_evp']:.2f}"])
    return ("Multiplications a second on one core. The contenders take turns in windows of "
            f"{x25519['window_ms']:g} ms, {x25519['rounds']} each; core cycles are those of the "
            f"windows that nobody disturbed. {x25519['openssl']}, {x25519['libsodium']}; steal "
            f"{_steal(x25519)}.\n\n"
            + table(["", "lanes", "a second, median", "best", "core cycles each",
                     "times OpenSSL EVP"], rows))


def _pipeline(results):
    pipeline = results["pipeline"]
    rows = [["X25519 alone", "", thousands(pipeline["ceiling"]["per_second_median"]),
             thousands(pipeline["ceiling"]["per_second_best"]), "100 %"]]
    for load in pipeline["loads"]:
        rows.append(["authenticated" if load["authenticated"] else "anonymous",
                     load["message_size"], thousands(load["per_second_median"]),
                     thousands(load["per_second_best"]), percent(load["of_ceiling"])])
    return ("Requests a second by one worker whose frames come from memory: parsing, admission, "
            "X25519, open, dispatch, seal and the reply's frame, with "
            f"{thousands(pipeline['clients'])} clients. Kernel {pipeline['kernel']}, bursts of "
            f"{pipeline['burst_limit']}; the median of {pipeline['rounds']} windows of "
            f"{pipeline['window_ms']:g} ms CPU time each, in turns; steal {_steal(pipeline)}.\n\n"
            + table(["requests", "bytes", "a second, median", "best", "of X25519 alone"], rows)
            + "\n" + _suite1(results["suite1"]) + "\n" + _profile(results["profile"]))


def _profile(profile):
    functions = profile["functions"]
    x25519 = sum(function["share"] for function in functions if function["x25519"])
    others = [function for function in functions if not function["x25519"]][:8]
    return ("Where the worker's time goes, anonymous, 64 bytes, by samples of "
            f"{profile['seconds']:g} s; steal {_steal(profile)}.\n\n"
            + table(["function", "share"],
                    [["X25519, all its functions", percent(x25519)],
                     *([f"`{function['name']}`", percent(function["share"])]
                       for function in others)]))


def _suite1(suite1):
    rows = [[size["message_size"], thousands(size["ticks_median"]), thousands(size["ticks_best"]),
             thousands(size["openssl_ticks_median"]), f"{size['against_openssl']:.2f}"]
            for size in suite1["sizes"]]
    return ("Of this, what suite 1 costs besides X25519: derive, open and seal one request and its "
            f"reply, in TSC ticks, by pssst in bursts of {suite1['burst']} and by OpenSSL with all "
            f"contexts reused; steal {_steal(suite1)}.\n\n"
            + table(["bytes", "pssst, median", "best", "OpenSSL, median", "times"], rows))


def _paths(names):
    def render(results):
        capacity = results["network"]["capacity"]
        rows = [[capacity[name]["title"], thousands(capacity[name]["value"]),
                 thousands(max(capacity[name]["windows"])), percent(capacity[name]["loss"], 3),
                 _of_ceiling(results, capacity[name]["value"]),
                 f"{capacity[name]['lanes']:.1f}" if capacity[name]["lanes"] else "-",
                 _taken(capacity[name])]
                for name in names if name in capacity]
        return (f"Requests a second with {results['network']['window']} outstanding, messages of "
                "64 bytes, anonymous; one core for the server and one for `pssst load`. The "
                f"median of {results['settings']['rounds']} windows of "
                f"{results['settings']['window_s']:g} s in turns with those of the other "
                f"chapters. {TAKEN}\n\n"
                + table(["", "a second, median", "best", "lost", "of X25519 alone", "mean burst",
                         "taken"], rows))
    return render


def _of_ceiling(results, rate):
    if "pipeline" not in results:
        return "-"
    return percent(rate / results["pipeline"]["ceiling"]["per_second_median"])


def _latency(results):
    parts = []
    for latency in results["network"]["latency"].values():
        rows = [["one at a time", "", *(microseconds(latency["at_rest"][name]["value"])
                                        for name in ("p50", "p90", "p99", "p99_9")), "",
                 _taken(latency["at_rest"]["p50"])]]
        for entry in latency["by_share"]:
            rows.append([percent(entry["share"], 0), thousands(entry["rate"]),
                         *(microseconds(entry[name]["value"])
                           for name in ("p50", "p90", "p99", "p99_9")),
                         f"{entry['lost']} of {thousands(entry['sent'])}", _taken(entry["p50"])])
        long_run = latency["long_run"]
        parts.append(
            f"**{latency['title']}**, microseconds from when a request was due until its reply "
            "had come; p50 and p90 are medians of "
            f"{results['settings']['latency_rounds']} windows, the tails the best of them.\n\n"
            + table(["of capacity", "a second", "p50", "p90", "p99", "p99.9", "lost", "taken"],
                    rows)
            + f"\n{long_run['seconds']:g} s at 90 % of capacity: "
              f"{thousands(long_run['sent'])} sent, {long_run['lost']} lost, "
              f"{long_run['unsent']} not sent in time, {long_run['duplicates']} answered twice.\n")
    return "\n".join(parts)


def _scaling(results):
    scaling = results["scaling"]
    if "impossible" in scaling:
        return f"Not measured: {scaling['impossible']}.\n"
    return ("In memory, anonymous, 64 bytes, each worker pinned to its CPU: alone, and both at "
            f"once; medians of {scaling['rounds']} rounds; steal {_steal(scaling)}.\n\n"
            + table(["", "a second"], [["one worker", thousands(scaling["alone"])],
                                       ["two workers", thousands(scaling["together"])],
                                       ["times", f"{scaling['times']:.3f}"]]))


def _suites(results):
    suites = results["suites"]
    rows = []
    for entry in suites["kernels"]:
        for load in entry["loads"]:
            rows.append([entry["kernel"], suite_name(load["suite"]),
                         "authenticated" if load["authenticated"] else "anonymous",
                         thousands(load["per_second_median"]), thousands(load["per_second_best"]),
                         thousands(load["ticks_median"]), thousands(load["ticks_above_suite1"]),
                         f"{load['of_anonymous']:.3f}"])
    multiplied = sum(load["static_secrets_multiplied"] for entry in suites["kernels"]
                     for load in entry["loads"])
    return ("Requests by one worker in memory as in chapter 2, messages of "
            f"{suites['message_size']} bytes, with {thousands(suites['clients'])} clients of each "
            f"suite; SHA-256 by {suites['sha256']}. For clients that were seen before: the proofs "
            "of suite 1 have their tables, the static secrets of suite 0xF002 are at hand "
            f"({multiplied:,} were multiplied meanwhile). The median of {suites['rounds']} windows "
            f"of {suites['window_ms']:g} ms CPU time each, all in turns; what is compared is "
            f"compared within a turn; steal {_steal(suites)}.\n\n"
            + table(["kernel", "suite", "requests", "a second, median", "best",
                     "TSC ticks each, median", "above suite 1", "of anonymous"], rows))


def _enrolled(results):
    enrolled = results["enrolled"]
    ms = 1000 / enrolled["tsc_hz"]
    copies = " and ".join(f"{1000 * ms * entry['ticks_median']:,.0f} µs with "
                          f"{entry['shards']:,} shards" for entry in enrolled["shard_copies"])
    unannounced = enrolled["load_unannounced"]
    return (f"The table of {enrolled['clients']:,} clients, loaded from memory; bytes are what the "
            "process grew by. A table that is not told how many are to come takes "
            f"{unannounced['seconds']:.1f} s with times. Steal {_steal(enrolled)}.\n\n"
            + table(["a client", "bytes", "seconds to load all"],
                    [[entry["kind"], f"{entry['bytes_per_client']:.1f}", f"{entry['seconds']:.1f}"]
                     for entry in enrolled["loads"]])
            + _store(enrolled["store"])
            + f"\nLooking up {enrolled['burst']} clients at once, cold: keys of which none was "
            "asked for lately.\n\n"
            + table(["burst", "TSC ticks, median", "best"],
                    [[entry["what"], thousands(entry["ticks_median"]),
                      thousands(entry["ticks_best"])] for entry in enrolled["lookups"]])
            + "\nChanging it while it is read. Another design, which copies the shard that a "
            f"change is in, would take {copies}, at least.\n\n"
            + table(["change", "TSC ticks, median"],
                    [[entry["what"], thousands(entry["ticks_median"])]
                     for entry in enrolled["changes"]]))


def _store(store):
    size = f"{store['file_bytes'] / 2**20:,.0f} MiB"
    return (f"\nA store of {store['clients']:,} keys alone, {size}: `pssst identity import` "
            f"writes it in {store['import_s']:.1f} s ({store['import_cpu_s']:.1f} s of CPU), a server "
            f"loads it in {store['seconds']:.2f} s and then takes {store['bytes_per_client']:.0f} "
            f"bytes a client, SQLite's own included. Steal {_steal(store)}.\n")


def _fire_paths(fire):
    rows = []
    for curve in fire["curves"]:
        state = "on" if curve["protected"] else "off"
        rows += [[curve["title"], state, point["times"], f"{point['hostile_of_capacity']:.1f}",
                  percent(point["goodput"]["value"]),
                  percent(min(point["goodput"]["windows"])), _taken(point)]
                 for point in curve["points"]]
    capacity = fire["capacity"]
    return (f"Good requests at {percent(fire['good_share'], 0)} of a capacity of "
            f"{thousands(capacity['value'])} a second, and random junk of a valid form at so many "
            "times that capacity, through vhost-user: goodput is the share of the good requests "
            "sent that was answered. All protections on: known sources first, limits of source "
            "prefixes, a replay window; or all off: one queue. One core for the server, one for "
            "both kinds of traffic; medians of windows that take turns. "
            f"{TAKEN}\n\n"
            + table(["junk", "protections", "times capacity", "sent", "goodput", "least", "taken"],
                    rows))


def _fire(results):
    fire = results["fire"]
    memory = fire["in_memory"]
    rows = [[drop["what"], thousands(drop["ticks_median"]), percent(drop["of_x25519"], 2)]
            for drop in memory["drops"]]
    good = [["all on", memory["protected"]], ["all off", memory["open"]]]
    return (_fire_paths(fire)
            + "\nWhat hostile datagrams cost that are dropped before a multiplication: receiving, "
            "parsing and dropping by a worker in memory, each from a /24 of its own where nothing "
            "else is said. An X25519 takes "
            f"{thousands(memory['ceiling']['ticks_median'])} ticks with the kernel "
            f"{memory['kernel']}; steal {_steal(memory)}.\n\n"
            + table(["datagram", "TSC ticks, median", "of an X25519"], rows)
            + "\nWhat the protections cost good requests while nobody attacks: "
            f"{percent(memory['protected_of_open'], 2)} of the rate is left.\n\n"
            + table(["protections", "a second, median", "best"],
                    [[name, thousands(entry["per_second_median"]),
                      thousands(entry["per_second_best"])] for name, entry in good]))


def _neighbour(entry):
    of_offered = [thousands(entry[f"{name}_per_second"]) for name in ("taken", "replied")]
    return [entry["name"], "the worker's" if entry["shares_cpu"] else "another",
            thousands(entry["per_second_median"]), percent(entry["of_undisturbed"]),
            f"{entry['offered']:,}", thousands(entry["offered_per_second"]), *of_offered]


def _ways(results):
    ways = results["ways"]
    return ("Requests of suite 0xF002 by one worker in memory as in chapter 2, anonymous, messages "
            "of 64 bytes, each answered with itself: by built-in echo, by a library in the burst, "
            "by a library's thread, and by another process over a Unix socket, which here is a "
            f"thread. The median of {ways['rounds']} windows of {ways['window_ms']:g} ms in turns, "
            "by the worker's CPU time; what is compared is compared within a turn; steal "
            f"{_steal(ways)}.\n\n"
            + table(["answered by", "a second, median", "best", "of built-in echo"],
                    [[way["name"], thousands(way["per_second_median"]),
                      thousands(way["per_second_best"]), percent(way["of_echo"])]
                     for way in ways["ways"]])
            + "\nTwo services on one worker, half of the requests for each. The one is built-in "
            "echo, whose rate stands here; the other discards, or is forwarded to a backend that "
            "answers or that is there and reads nothing. Of that one a worker awaits so many "
            "replies as it may, and drops the rest; once it is given up, all. Where the threads of "
            "handlers and backends have no CPU but the worker's, time is that of all of them.\n\n"
            + table(["the other service", "threads' CPU", "echo a second", "of that beside discard",
                     "messages offered to the other", "a second", "taken a second",
                     "answered a second"], [_neighbour(entry) for entry in ways["neighbours"]]))


CHAPTERS = {
    1: ("X25519 alone", "x25519", _x25519),
    2: ("A worker in memory", "pipeline", _pipeline),
    3: ("Through DPDK", "network", _paths(["vhost"])),
    4: ("Through a kernel", "network", _paths(["socket", "af_packet", "af_xdp"])),
    5: ("What one would write otherwise", "network", _paths(["baseline", "socket", "vhost"])),
    6: ("Latency", "network", _latency),
    7: ("Two workers", "scaling", _scaling),
    8: ("Suite 0xF002 beside suite 1", "suites", _suites),
    9: ("Enrolled clients", "enrolled", _enrolled),
    10: ("Under fire", "fire", _fire),
    11: ("Ways to answer", "ways", _ways),
}


def render(results, pictures):
    """`pictures` are file names by chapter."""
    parts = ["# How fast pssst is here\n", _machine(results), render_targets(results)]
    for number, (title, part, chapter) in CHAPTERS.items():
        if number not in results["chapters"] or part not in results:
            continue
        parts.append(f"## {number}. {title}\n")
        parts += [f"![{title}]({picture})\n" for picture in pictures.get(number, ())]
        parts.append(chapter(results))
    command = "bench/report" + (" --quick" if results["quick"] else "")
    if results["settings"]["kernel"]:
        command += f" --x25519-kernel {results['settings']['kernel']}"
    parts.append(f"Made by `{command}`.\n")
    return "\n".join(parts)
