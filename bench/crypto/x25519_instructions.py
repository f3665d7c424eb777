#!/usr/bin/python3
"""Counts the instructions of one X25519 multiplication: they do not depend on the machine's
neighbours. Needs valgrind and binutils, and bench/crypto/x25519_compare built.

Whole multiplications are counted by callgrind, each contender being run twice with a different
number of calls; the difference is what the calls cost. valgrind knows no AVX-512: kernels that need
it have no such figure. A ladder step's instructions are read off the compiled loop.
"""

import argparse
import json
import os
import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
BUILD = Path(os.environ.get("PSSST_BUILD", ROOT / "build")).resolve()
COMPARE = BUILD / "bench/crypto/x25519_compare"
LANES = (1, 2, 4, 8, 16, 32, 64)
OTHERS = ("OpenSSL EVP", "OpenSSL EVP_PKEY_derive alone", "libsodium")
CALLS = (1, 3)


def valgrind(arguments, *program):
    command = ["valgrind", *arguments, COMPARE, *map(str, program)]
    return subprocess.run(command, capture_output=True, text=True, timeout=300)


def list_kernels(*runner):
    """Lanes of a vector by kernel."""
    result = subprocess.run([*runner, COMPARE, "--list-kernels"], capture_output=True, text=True,
                            check=True)
    return {name: int(lanes) for name, lanes in map(str.split, result.stdout.splitlines())}


def count_calls(contender, kernel, lanes, calls):
    """Instructions of a whole run with so many calls."""
    result = valgrind(["--tool=callgrind", "--callgrind-out-file=/dev/null"], "--kernel", kernel,
                      "--lanes", lanes, "--only", contender, "--calls", calls)
    total = re.search(r"Collected : (\d+)", result.stderr)
    if result.returncode != 0 or not total:
        sys.exit(f"x25519_instructions: {contender}: {result.stderr}")
    return int(total.group(1))


def count_multiplication(contender, kernel, lanes):
    few, many = (count_calls(contender, kernel, lanes, calls) for calls in CALLS)
    return (many - few) / (CALLS[1] - CALLS[0]) / lanes


def count_step(kernel):
    """Instructions of the loop in the kernel's ladder steps; None if it has none of that name."""
    listing = subprocess.run(["objdump", "-d", "--no-show-raw-insn",
                              f"--disassemble=x25519_{kernel}_ladder_steps", COMPARE],
                             capture_output=True, text=True, check=True).stdout
    code = [(int(address, 16), text) for address, text in
            re.findall(r"^ *([0-9a-f]+):\s+(.*)$", listing, re.MULTILINE)]
    for place, (address, text) in enumerate(code):
        jump = re.match(r"j[a-z]+ +([0-9a-f]+)", text)
        if jump and int(jump.group(1), 16) < address:
            return sum(1 for other, _ in code[:place + 1] if other >= int(jump.group(1), 16))
    return None


def entries_of(kernel, vector_lanes, runs_under_valgrind):
    step = {"instructions_per_step_and_vector": count_step(kernel), "vector_lanes": vector_lanes}
    if not runs_under_valgrind:
        return [{"name": kernel, "lanes": vector_lanes, "instructions": None, **step}]
    return [{"name": name, "lanes": lanes, **step,
             "instructions": count_multiplication(name, kernel, lanes)}
            for name, lanes in [*((kernel, n) for n in LANES), (f"{kernel} check", LANES[-2])]]


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", action="store_true", help="JSON instead of a table")
    parser.add_argument("--steps", action="store_true", help="only the ladder steps: no valgrind")
    parser.add_argument("kernels", nargs="*", metavar="KERNEL", help="only these kernels")
    arguments = parser.parse_args()
    known = list_kernels()
    under_valgrind = {} if arguments.steps else list_kernels("valgrind", "-q", "--tool=none")
    kernels = arguments.kernels or list(known)
    if unknown := set(kernels) - set(known):
        sys.exit(f"x25519_instructions: this CPU does not run {', '.join(sorted(unknown))}")
    entries = [{"name": name, "lanes": 1,
                "instructions": count_multiplication(name, next(iter(under_valgrind)), 1)}
               for name in OTHERS if under_valgrind]
    for kernel in kernels:
        entries += entries_of(kernel, known[kernel], kernel in under_valgrind)
    if arguments.json:
        print(json.dumps(entries, indent=1))
        return
    print(f"{'':30}{'lanes':>6}{'instructions':>14}{'per step and vector':>21}")
    for entry in entries:
        whole, step = entry["instructions"], entry.get("instructions_per_step_and_vector")
        print(f"{entry['name']:30}{entry['lanes']:6}{f'{whole:,.0f}' if whole else '-':>14}"
              f"{f'{step:,}' if step else '':>21}")


if __name__ == "__main__":
    main()
