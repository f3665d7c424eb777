"""clang-format on every C++ file of ours, clang-tidy on those that are not tests (there, what it
says is of GoogleTest's macros): one test case a file."""

import os
import subprocess
from concurrent.futures import ThreadPoolExecutor

import pytest
import source_text
from conftest import BUILD, ROOT

CPP = [str(path) for path in source_text.all_files(ROOT)
       if path.suffix in source_text.CPP_SUFFIXES]
# Headers are checked through the sources that include them.
SOURCES = [path for path in CPP if path.endswith(".cpp") and not path.startswith("tests/")]


def tidy(path):
    # This check takes two fifths of the time of all, on other people's headers: left to editors.
    command = ["clang-tidy", "-p", BUILD, "--quiet",
               "--checks=-performance-unnecessary-value-param", path]
    return subprocess.run(command, cwd=ROOT, text=True, stdout=subprocess.PIPE,
                          stderr=subprocess.DEVNULL)


@pytest.fixture(scope="session")
def tidied(compile_databases):
    """All files at once on all cores, the longest first; each test case then waits for its own."""
    by_size = sorted(SOURCES, key=lambda path: -(ROOT / path).stat().st_size)
    with ThreadPoolExecutor(len(os.sched_getaffinity(0))) as pool:
        yield {path: pool.submit(tidy, path) for path in by_size}


@pytest.mark.parametrize("path", CPP)
def test_format(path):
    result = subprocess.run(["clang-format", "--dry-run", "-Werror", path], cwd=ROOT, text=True,
                            stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    assert result.returncode == 0, result.stdout


@pytest.mark.parametrize("path", SOURCES)
def test_tidy(path, tidied):
    result = tidied[path].result()
    assert result.returncode == 0, result.stdout
