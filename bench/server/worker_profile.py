#!/usr/bin/python3
"""Where the time of a worker goes: in memory, anonymous requests of 64 bytes, full load. Samples of
bench/server/worker_bench, by function. Functions of a library that has no symbols count as one.

usage: worker_profile.py [SECONDS [KERNEL]]
"""

import json
import os
import re
import signal
import subprocess
import sys
from collections import Counter
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
BUILD = Path(os.environ.get("PSSST_BUILD", ROOT / "build")).resolve()
WORKER_BENCH = BUILD / "bench/server/worker_bench"


def sample(seconds, kernel):
    command = [WORKER_BENCH, "profile", "--rounds", "1", "--window", str(1000 * seconds)]
    if kernel:
        command += ["--x25519-kernel", kernel]
    return json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)


def name_places(places):
    """Samples by function."""
    functions = Counter()
    for file in {place["file"] for place in places}:
        inside = [place for place in places if place["file"] == file]
        if file == "?":
            functions["?"] += sum(place["count"] for place in inside)
            continue
        offsets = "".join(f"{place['offset']:#x}\n" for place in inside)
        listing = subprocess.run(["addr2line", "-f", "-C", "-e", file], input=offsets, check=True,
                                 capture_output=True, text=True).stdout.splitlines()
        for place, name in zip(inside, listing[::2]):
            functions[name if name != "??" else f"({Path(file).name})"] += place["count"]
    return functions


def short_name(name):
    """Without arguments, types and what stands in every name."""
    name = name.replace("(anonymous namespace)::", "")
    name = re.sub(r"^(?:[\w:]+ )?(.+?)[<(].*", r"\1", name) if not name.startswith("(") else name
    return name.removeprefix("pssst::")


def is_x25519(name):
    return re.search(r"x25519|ladders|ProjectivePoint|FieldElement|multiply_four", name) is not None


def shares_of(profile):
    """[(function, share of the time, whether it is part of X25519)], largest first."""
    functions = name_places(profile["places"])
    total = sum(functions.values())
    return [(short_name(name), count / total, is_x25519(name))
            for name, count in functions.most_common()]


def main():
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)
    seconds = float(sys.argv[1]) if len(sys.argv) > 1 else 10
    profile = sample(seconds, sys.argv[2] if len(sys.argv) > 2 else "")
    print(f"{profile['cpu_name']}, kernel {profile['kernel']}")
    shares = shares_of(profile)
    print(f"{sum(share for _, share, x25519 in shares if x25519):8.2%}  X25519 in all")
    for name, share, x25519 in shares[:25]:
        print(f"{share:8.2%}  {name}{' (X25519)' if x25519 else ''}")


if __name__ == "__main__":
    main()
