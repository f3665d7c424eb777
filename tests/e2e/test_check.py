"""`pssst check FILE`: everything that is wrong with a configuration file, and nothing else."""

import os
import re
import subprocess

import pytest
from check_folder import make_folder
from pssstd import PSSST, PSSSTD, ROOT
from wrong_files import SERVICE, WRONG_FILES

ENVIRONMENT = {name: value for name, value in os.environ.items()
               if name not in ("CREDENTIALS_DIRECTORY", "STATE_DIRECTORY")}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return make_folder(tmp_path_factory.mktemp("check"))


def run(folder, text, *words, command=(PSSST, "check"), environment=ENVIRONMENT):
    (folder / "pssstd.toml").write_text(text)
    return subprocess.run([*command, *words], cwd=folder, env=environment, capture_output=True,
                          text=True, timeout=20, stdin=subprocess.DEVNULL)


def check(folder, text, **options):
    result = run(folder, text, "pssstd.toml", **options)
    # Records are named by where they really are.
    return result.returncode, result.stdout, result.stderr.replace(f"{folder.resolve()}/", "")


def contents(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir() if path.is_file()}


@pytest.mark.parametrize("name", WRONG_FILES)
def test_wrong_file(folder, name):
    text, expected = WRONG_FILES[name]
    status, printed, said = check(folder, text)
    assert said.splitlines() == [f"pssstd.toml:{line}" for line in expected]
    assert (status, printed) == (1, "")


def test_the_table_is_long_and_each_fault_says_what_would_be_right():
    assert len(WRONG_FILES) >= 40
    for _, expected in WRONG_FILES.values():
        assert expected
        for line in expected:
            assert line.count(": ") >= 2, line


GOOD_FILES = {
    "the least": (SERVICE, "1 service, 1 key, at kernel sockets: UDP 7700 echo"),
    "two services": (
        SERVICE + SERVICE.replace("7700", "7701").replace("server.key", "f002.key")
        .replace("echo", "time"),
        "2 services, 2 keys, at kernel sockets: UDP 7700 echo, 7701 time"),
    "two keys": (
        SERVICE.replace('"server.key"', '"server.key", "f002.key"'),
        "1 service, 2 keys, at kernel sockets: UDP 7700 echo"),
    "DPDK": (
        '[port]\nkind = "dpdk"\n[dpdk]\npci = ["0000:81:00.0"]\naddresses = ["10.0.0.1"]\n'
        + SERVICE,
        "1 service, 1 key, at DPDK: UDP 7700 echo"),
    "a suite 1 key that two services have, of which one replies": (
        SERVICE + SERVICE.replace("7700", "7701").replace("echo", "discard"),
        "2 services, 2 keys, at kernel sockets: UDP 7700 echo, 7701 discard"),
}


@pytest.mark.parametrize("name", GOOD_FILES)
def test_good_file(folder, name):
    text, expected = GOOD_FILES[name]
    before = contents(folder)
    assert check(folder, text) == (0, f"pssstd.toml: good: {expected}\n", "")
    assert contents(folder) == before | {"pssstd.toml": text.encode()}, "something was written"


def test_the_examples_are_good(folder):
    (folder / "state").mkdir()
    environment = ENVIRONMENT | {"CREDENTIALS_DIRECTORY": str(folder),
                                 "STATE_DIRECTORY": str(folder / "state")}
    manual = (ROOT / "deploy/man/pssstd.toml.5.scd.in").read_text()
    examples = [(ROOT / "deploy/pssstd.toml").read_text(),
                *re.findall(r"^```\n(.*?)^```", manual, re.MULTILINE | re.DOTALL)]
    assert len(examples) == 3
    for text in examples:
        # The server's own key is enrolled in the folder's list.
        text = text.replace('file = "clients"', 'file = "others"')
        (folder / "others").write_text("# Nobody yet.\n")
        status, printed, said = check(folder, text, environment=environment)
        assert (status, said) == (0, ""), text
        assert printed.startswith("pssstd.toml: good: 1 service, 1 key, at ")


@pytest.mark.parametrize("words", [[], ["a", "b"], ["--fast", "a"]])
def test_misuse(folder, words):
    result = run(folder, SERVICE, *words)
    assert result.returncode == 2 and result.stdout == ""
    assert "pssst check --help" in result.stderr


def test_a_file_that_is_not_there(folder):
    result = run(folder, SERVICE, "nowhere.toml")
    assert (result.returncode, result.stdout) == (1, "")
    assert result.stderr == ("nowhere.toml: cannot open the configuration file: No such file or "
                             "directory: pssstd.toml(5) tells how to write one\n")


def test_pssstd_says_the_same(folder):
    for name in ("many faults", "not TOML: a value without quotes"):
        _, _, said = check(folder, WRONG_FILES[name][0])
        result = run(folder, WRONG_FILES[name][0], "--config", "pssstd.toml", command=(PSSSTD,))
        assert result.returncode == 2
        assert result.stderr == "".join(f"pssstd: {line}\n" for line in said.splitlines())
