"""The totals: what counts as passed, failed and skipped, and when the whole run has failed."""

import os
import subprocess
import sys

import pytest
from conftest import ROOT

GOOGLETEST = """<testsuites><testsuite name="pssst.base.Hex">
  <testcase name="Decodes" status="run" classname="Hex" />
  <testcase name="IsFast" status="run" classname="Hex">
    <skipped message="hex_test.cpp:9&#x0A;needs AVX2"><![CDATA[hex_test.cpp:9]]></skipped>
  </testcase>
  <testcase name="DISABLED_Old" status="notrun" classname="Hex" />
</testsuite></testsuites>"""
PYTEST = """<testsuites><testsuite name="pytest">
  <testcase classname="test_calls" name="test_echo[tap]" />
  <testcase classname="test_calls" name="test_echo[veth]">
    <skipped type="pytest.skip" message="needs root: makes a network namespace">x.py:1</skipped>
  </testcase>
</testsuite></testsuites>"""
FAILED = """<testsuite><testcase classname="a" name="b"><failure message="no"/></testcase>
  <testcase classname="a" name="c"><error message="at setup"/></testcase></testsuite>"""


@pytest.fixture
def totals(tmp_path):
    def run(*stages, ci="false"):
        arguments = []
        for index, (stage, status, text) in enumerate(stages):
            path = tmp_path / f"{index}.xml"
            if text is not None:
                path.write_text(text)
            arguments.append(f"{stage}:{status}:{path}")
        result = subprocess.run([sys.executable, ROOT / "tests/totals.py", *arguments], text=True,
                                capture_output=True, env={**os.environ, "CI": ci})
        return result.returncode, result.stdout.splitlines()
    return run


def test_sums_all_runners(totals):
    status, output = totals(("unit", 0, GOOGLETEST), ("e2e", 0, PYTEST))
    assert status == 0
    assert output == [
        "skipped  unit: Hex.IsFast: needs AVX2",
        "skipped  unit: Hex.DISABLED_Old: disabled in its source",
        "skipped  e2e: test_calls.test_echo[veth]: needs root: makes a network namespace",
        "2 passed, 0 failed, 3 skipped",
    ]


def test_skips_for_want_of_root_fail_in_ci(totals):
    status, output = totals(("unit", 0, GOOGLETEST), ("e2e", 0, PYTEST), ci="true")
    assert status == 1
    assert output[-1] == "2 passed, 1 failed, 2 skipped"


def test_failures_and_errors_count(totals):
    status, output = totals(("unit", 1, FAILED), ("e2e", 0, PYTEST))
    assert status == 1
    assert output[-1] == "1 passed, 2 failed, 1 skipped"


@pytest.mark.parametrize("stage, line", [
    (("unit", 0, None), "0 passed, 1 failed, 0 skipped"),
    (("unit", 0, "<testsuites"), "0 passed, 1 failed, 0 skipped"),
    (("unit", 0, "<testsuites/>"), "0 passed, 1 failed, 0 skipped"),
    (("asan", 1, '<testsuite><testcase name="a"/></testsuite>'), "1 passed, 1 failed, 0 skipped"),
])
def test_a_stage_that_did_not_finish_fails(totals, stage, line):
    status, output = totals(stage)
    assert status == 1
    assert output[-1] == line


def test_no_stage_at_all_fails(totals):
    assert totals()[0] == 1
