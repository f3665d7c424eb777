"""clang-format on every C++ file of ours, clang-tidy on those that are not tests (there, what it
says is of GoogleTest's macros): one test case a file."""

import hashlib
import json
import os
import subprocess
from concurrent.futures import ThreadPoolExecutor

import pytest
import rules
import source_text
from conftest import BUILD, ROOT

CPP = [str(path) for path in source_text.all_files(ROOT)
       if path.suffix in source_text.CPP_SUFFIXES]
# Headers are checked through the sources that include them.
SOURCES = [path for path in CPP if path.endswith(".cpp") and not path.startswith("tests/")]
# Two are namesakes of bugprone-reserved-identifier. The third takes two fifths of the time of all,
# on other people's headers; it is left to editors.
CHECKS = "-cert-dcl37-c,-cert-dcl51-cpp,-performance-unnecessary-value-param"
PASSED = BUILD / "tidy-passed"
# What GCC knows and clang takes for an error.
GCC_ARGUMENTS = (" -fno-gnu-unique",)


def with_own_headers(path, found=None):
    """The source and all headers of ours that it reaches."""
    found = set() if found is None else found
    if path not in found:
        found.add(path)
        for _, _, target in rules.includes((ROOT / path).read_text()):
            for folder in ("src", "include"):
                if (ROOT / folder / target).is_file():
                    with_own_headers(f"{folder}/{target}", found)
    return found


class Tidy:
    """Runs clang-tidy on a source, or remembers that it passed as it is now: with these headers of
    ours, compiled in this way, under these checks."""

    def __init__(self, database):
        entries = json.loads(database.read_text())
        for entry in entries:
            for argument in GCC_ARGUMENTS:
                entry["command"] = entry["command"].replace(argument, "")
        self._commands = {os.path.realpath(os.path.join(entry["directory"], entry["file"])):
                          entry["command"] for entry in entries}
        version = subprocess.run(["clang-tidy", "--version"], check=True, capture_output=True)
        self._common = version.stdout + (ROOT / ".clang-tidy").read_bytes() + CHECKS.encode()
        PASSED.mkdir(exist_ok=True)
        (PASSED / database.name).write_text(json.dumps(entries))

    def _fingerprint(self, path):
        digest = hashlib.sha256(self._common)
        digest.update(self._commands.get(str(ROOT / path), "").encode())
        for file in sorted(with_own_headers(path)):
            digest.update(file.encode() + (ROOT / file).read_bytes())
        return PASSED / digest.hexdigest()

    def __call__(self, path):
        """What is wrong, or "" if nothing is."""
        passed = self._fingerprint(path)
        if passed.exists():
            return ""
        result = subprocess.run(["clang-tidy", "-p", PASSED, "--quiet", f"--checks={CHECKS}", path],
                                cwd=ROOT, text=True, stdout=subprocess.PIPE,
                                stderr=subprocess.PIPE)
        if result.returncode == 0:
            passed.touch()
            return ""
        return result.stdout or result.stderr or f"status {result.returncode}"


@pytest.fixture(scope="session")
def tidied(compile_databases):
    """All files at once on all cores, the longest first; each test case then waits for its own."""
    tidy = Tidy(compile_databases[0])
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
    assert tidied[path].result() == ""
