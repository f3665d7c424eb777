"""The rules of rules.py, on our own tree."""

import json
import subprocess
from collections import Counter

import rules
from conftest import BUILD, ROOT


def test_floors():
    assert not rules.check_floors(ROOT)


def test_sizes():
    assert not rules.check_sizes(ROOT)


def test_words():
    assert not rules.check_words(ROOT)


def test_suppressions():
    assert not rules.check_suppressions(ROOT)


def test_mirror():
    assert not rules.check_mirror(ROOT)


def test_everything_is_built(compile_databases):
    assert not rules.check_built(ROOT, compile_databases)


def test_unit_test_names_are_unique(compile_databases):
    """Meson names a test's report after the test alone: namesakes would overwrite each other's."""
    listing = subprocess.run(["meson", "introspect", "--tests", BUILD],
                             check=True, capture_output=True, text=True)
    names = Counter(test["name"] for test in json.loads(listing.stdout))
    assert [name for name, count in names.items() if count > 1] == []


def test_packages_are_sorted():
    lines = [line for line in (ROOT / "deploy/packages").read_text().splitlines()
             if not line.startswith("#")]
    assert lines == sorted(set(lines))
