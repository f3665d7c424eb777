"""Manual pages and completion know every option and subcommand that the commands have."""

import re
import subprocess

import pytest
from pssstd import BUILD, PSSST, PSSSTD, ROOT

COMPLETION = ROOT / "deploy/completion/pssst.bash"


def help_of(*words):
    return subprocess.run([*map(str, words), "--help"], check=True, capture_output=True, text=True,
                          timeout=10).stdout


def options_in(text):
    """The terms of the lines that describe an option."""
    found = set()
    for line in text.split("\nExamples:")[0].splitlines():
        match = re.match(r" {2,6}((?:-\w, )?--?\w[\w-]*)", line)
        if match:
            found |= set(match.group(1).split(", "))
    return found


def subcommands(*above):
    _, _, block = help_of(PSSST, *above).partition("Subcommands:\n")
    return re.findall(r"^  (\w+)", block.split("\n\n")[0], re.MULTILINE)


def every_subcommand(*above):
    for name in subcommands(*above):
        yield *above, name
        yield from every_subcommand(*above, name)


EVERY_COMMAND = pytest.mark.parametrize(
    "command", [(PSSSTD,)] + [(PSSST, *words) for words in every_subcommand()],
    ids=lambda command: "-".join(command[1:]) or command[0].name)


def manual(page):
    """The page as `man` shows it, without its bold and underlined letters."""
    text = (BUILD / "deploy" / page).read_text()
    return text.replace("\\-", "-").replace("\\fB", "").replace("\\fI", "").replace("\\fR", "")


@EVERY_COMMAND
def test_every_option_is_in_the_manual(command):
    page = manual("pssstd.8" if command[0] == PSSSTD else "pssst.1")
    if len(command) > 1:
        assert re.search(rf'^\.SS "?{" ".join(command[1:])}"?$', page, re.MULTILINE)
    options = options_in(help_of(*command))
    assert {"--help", "--version"} <= options
    missing = [option for option in options
               if not re.search(rf"(?<![\w-]){re.escape(option)}(?![\w-])", page)]
    assert not missing


def test_every_key_of_the_configuration_is_in_the_manual():
    page = manual("pssstd.toml.5")
    example = (ROOT / "deploy/pssstd.toml").read_text()
    section = None
    for line in example.splitlines():
        if re.fullmatch(r"#?\[+[\w.]+\]+", line):
            section = page.index(f'.SS {line.removeprefix("#")}\n', section)
        elif key := re.match(r"#?(\w+) = ", line):
            assert re.search(rf"^{key.group(1)} = ", page[section:], re.MULTILINE), line
    assert section


def complete(*words):
    """What Tab offers behind these words."""
    script = f"""source {COMPLETION}
COMP_WORDS=("$@"); COMP_CWORD=$((${{#COMP_WORDS[@]}} - 1))
_pssst_complete "$1" "${{COMP_WORDS[COMP_CWORD]}}" "${{COMP_WORDS[COMP_CWORD - 1]}}"
printf '%s\\n' "${{COMPREPLY[@]}}"
"""
    done = subprocess.run(["bash", "-c", script, "complete", *map(str, words)], check=True,
                          capture_output=True, text=True, timeout=10, cwd=ROOT)
    return done.stdout.split()


@EVERY_COMMAND
def test_every_option_is_completed(command):
    assert set(complete(*command, "-")) == options_in(help_of(*command))


def test_subcommands_values_and_files_are_completed():
    assert complete(PSSST, "") == subcommands()
    assert complete(PSSST, "gen") == ["genkey"]
    assert complete(PSSST, "identity", "") == subcommands("identity")
    assert complete(PSSST, "identity", "list", "--state", "r") == ["revoked"]
    assert complete(PSSST, "identity", "list", "meson.b") == ["meson.build"]
    assert complete(PSSST, "genkey", "--suite", "") == ["1", "0xf002"]
    assert complete(PSSSTD, "--idle", "s") == ["spin", "sleep"]
    assert complete(PSSST, "call", "--server", "meson.b") == ["meson.build"]
    assert complete(PSSST, "nothing", "--x") == []
