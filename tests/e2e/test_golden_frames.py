"""The golden frames of tests/net are what their script makes."""

import subprocess

from pssstd import ROOT

GOLDEN = ROOT / "tests/net/golden"


def test_made_by_the_script(tmp_path):
    subprocess.run([GOLDEN / "make.py", tmp_path], check=True, timeout=60)
    made = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    kept = {path.name: path.read_bytes() for path in GOLDEN.iterdir() if path.suffix != ".py"}
    assert made == kept and len(kept) == 3 * 9
