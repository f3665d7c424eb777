#!/usr/bin/python3
"""Sums the JUnit files of all stages into one line of totals.

usage: totals.py STAGE:STATUS:FILE...

STATUS is what the stage's runner exited with, FILE its JUnit file; a stage with several files is
named several times. Lists skips and failures by name, and ends with the line
"N passed, N failed, N skipped". Exits 1 if anything failed. A stage also counts as one failure if
it left no JUnit file, if the file names no test, or if its runner failed although no test did (a
sanitizer's report at exit, say).

With CI=true a test that was skipped because it needs root or namespaces has failed: such skips
begin with "needs root" or "needs namespaces".
"""

import os
import re
import sys
import xml.etree.ElementTree as ElementTree
from dataclasses import dataclass, field
from pathlib import Path

PRIVILEGE = re.compile(r"\bneeds (root|namespaces)\b")


@dataclass
class Totals:
    passed: int = 0
    failed: list = field(default_factory=list)
    skipped: list = field(default_factory=list)

    def add(self, other):
        self.passed += other.passed
        self.failed += other.failed
        self.skipped += other.skipped

    def line(self):
        return f"{self.passed} passed, {len(self.failed)} failed, {len(self.skipped)} skipped"


def reason_of(element):
    """The message of a <skipped> or <failure>: pytest has it as an attribute, with the place in the
    text; GoogleTest as both, with the place in front."""
    lines = (element.get("message") or element.text or "").strip().splitlines()
    lines = [line.strip() for line in lines if line.strip()]
    if len(lines) > 1 and re.fullmatch(r"\S+:\d+", lines[0]):
        lines = lines[1:]
    return lines[0] if lines else "no reason given"


def count_case(case, totals, stage, in_ci):
    name = f"{stage}: {case.get('classname', '')}.{case.get('name', '')}"
    bad = [child for child in case if child.tag in ("failure", "error")]
    skips = [child for child in case if child.tag == "skipped"]
    if bad:
        totals.failed.append((name, reason_of(bad[0])))
    elif skips and in_ci and PRIVILEGE.search(reason_of(skips[0])):
        totals.failed.append((name, f"must not be skipped in CI: {reason_of(skips[0])}"))
    elif skips:
        totals.skipped.append((name, reason_of(skips[0])))
    elif case.get("status") == "notrun":
        totals.skipped.append((name, "disabled in its source"))
    else:
        totals.passed += 1


def sum_file(path, stage, in_ci):
    totals = Totals()
    for case in ElementTree.parse(path).iter("testcase"):
        count_case(case, totals, stage, in_ci)
    return totals


def sum_stage(stage, status, paths, in_ci):
    totals = Totals()
    for path in paths:
        try:
            one = sum_file(path, stage, in_ci)
        except (OSError, ElementTree.ParseError) as error:
            totals.failed.append((stage, f"did not finish: {error}"))
            continue
        if not (one.passed or one.failed or one.skipped):
            totals.failed.append((stage, f"no test in {path}"))
        totals.add(one)
    if status != 0 and not totals.failed:
        totals.failed.append((stage, f"ended with status {status} although no test failed"))
    return totals


def main(arguments):
    in_ci = os.environ.get("CI") == "true"
    stages = {}
    for argument in arguments:
        stage, status, path = argument.split(":", 2)
        stages.setdefault(stage, (int(status), []))[1].append(Path(path))
    totals = Totals()
    for stage, (status, paths) in stages.items():
        totals.add(sum_stage(stage, status, paths, in_ci))
    for title, entries in (("skipped", totals.skipped), ("failed", totals.failed)):
        for name, reason in entries:
            print(f"{title}  {name}: {reason}")
    print(totals.line())
    return 1 if totals.failed or not stages else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
