#!/usr/bin/python3
"""Counts the instructions of one X25519 multiplication, by callgrind: they do not depend on the
machine's neighbours. Needs valgrind, and bench/crypto/x25519_compare built.

Each contender is run twice with a different number of calls; the difference is what the calls cost.
valgrind knows neither AVX-512 nor what a CPU hides from it: kernels that need that are left out.
"""

import argparse
import json
import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
BUILD = Path(os.environ.get("PSSST_BUILD", ROOT / "build")).resolve()
COMPARE = BUILD / "bench/crypto/x25519_compare"
LANES = (1, 2, 4, 8, 16, 32, 64)
OTHERS = ("OpenSSL EVP", "OpenSSL EVP_PKEY_derive alone", "libsodium")
CALLS = (1, 3)
FULL_STEPS = 251  # of a ladder whose last three bits are doublings only


def valgrind(arguments, *program):
    command = ["valgrind", *arguments, COMPARE, *map(str, program)]
    return subprocess.run(command, capture_output=True, text=True, timeout=300)


def kernels_under_valgrind():
    """Lanes of a vector by kernel."""
    result = valgrind(["-q", "--tool=none"], "--list-kernels")
    return {name: int(lanes) for name, lanes in map(str.split, result.stdout.splitlines())}


def count(contender, kernel, lanes, calls):
    """(all instructions, those in functions that are a kernel's ladder steps)."""
    with tempfile.NamedTemporaryFile(prefix="pssst-callgrind-") as out:
        result = valgrind(["--tool=callgrind", f"--callgrind-out-file={out.name}"],
                          "--kernel", kernel, "--lanes", lanes, "--only", contender,
                          "--calls", calls)
        total = re.search(r"Collected : (\d+)", result.stderr)
        if result.returncode != 0 or not total:
            sys.exit(f"x25519_instructions: {contender}: {result.stderr}")
        listing = subprocess.run(["callgrind_annotate", "--threshold=100", out.name],
                                 capture_output=True, text=True, check=True).stdout
    steps = sum(int(number.replace(",", ""))
                for number in re.findall(r"^ *([\d,]+) .*:x25519_\w+_ladder_steps\b", listing,
                                         re.MULTILINE))
    return int(total.group(1)), steps


def measure(contender, kernel, lanes, vector_lanes=1):
    few, many = (count(contender, kernel, lanes, calls) for calls in CALLS)
    calls = CALLS[1] - CALLS[0]
    vectors = -(-lanes // vector_lanes)
    entry = {"name": contender, "lanes": lanes,
             "instructions": (many[0] - few[0]) / calls / lanes}
    if many[1] > few[1]:
        entry["instructions_per_step_and_vector"] = (
            (many[1] - few[1]) / calls / vectors / FULL_STEPS)
    return entry


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", action="store_true", help="JSON instead of a table")
    parser.add_argument("kernels", nargs="*", metavar="KERNEL", help="only these kernels")
    arguments = parser.parse_args()
    known = kernels_under_valgrind()
    kernels = arguments.kernels or list(known)
    if unknown := set(kernels) - set(known):
        sys.exit(f"x25519_instructions: valgrind does not run {', '.join(sorted(unknown))}")
    entries = [measure(name, kernels[0], 1) for name in OTHERS]
    for kernel in kernels:
        entries += [measure(kernel, kernel, lanes, known[kernel]) for lanes in LANES]
        entries.append(measure(f"{kernel} check", kernel, LANES[-2], known[kernel]))
    if arguments.json:
        print(json.dumps(entries, indent=1))
        return
    print(f"{'':30}{'lanes':>6}{'instructions':>14}{'per step and vector':>21}")
    for entry in entries:
        step = entry.get("instructions_per_step_and_vector")
        print(f"{entry['name']:30}{entry['lanes']:6}{entry['instructions']:14,.0f}"
              f"{f'{step:,.0f}' if step else '':>21}")


if __name__ == "__main__":
    main()
