"""Where the sources and the compile database are."""

import os
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
BUILD = Path(os.environ.get("PSSST_BUILD", ROOT / "build")).resolve()
FUZZ_BUILD = Path(os.environ.get("PSSST_FUZZ_BUILD", ROOT / "build-fuzz")).resolve()


@pytest.fixture(scope="session")
def compile_databases():
    paths = [build / "compile_commands.json" for build in (BUILD, FUZZ_BUILD)]
    missing = [str(path) for path in paths if not path.is_file()]
    assert not missing, f"not configured: {missing}; tests/run does that"
    return paths
