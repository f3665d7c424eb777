"""The README's guide to handlers, done as it is written: files, commands, what they print."""

import contextlib
import os
import re
import signal
import subprocess
import time

import pytest
from namespaces import Namespace
from pssstd import BUILD, ROOT, Pssstd

PATIENCE = 60    # seconds; compilers take some
STARTED_WITHIN = 10
FILE = re.compile(r"`(?P<name>[\w.]+)`[^`\n]*:\n\n```\w+\n(?P<text>.*?)\n```\n", re.DOTALL)
BLOCK = re.compile(r"(?:^    .*\n)+", re.MULTILINE)


def section(title):
    text = (ROOT / "README.md").read_text()
    return re.search(rf"^## {title}\n(.*?)^## ", text, re.DOTALL | re.MULTILINE).group(1)


def steps(text):
    """(name, text) of each file and (command, its output) of each command, in their order."""
    found = []
    for match in FILE.finditer(text):
        found.append((match.start(), "file", match["name"], match["text"] + "\n"))
    fenced = [(match.start(), match.end()) for match in FILE.finditer(text)]
    for match in BLOCK.finditer(text):
        if any(begin <= match.start() < end for begin, end in fenced):
            continue
        for command in re.split(r"^    \$ ", match.group(), flags=re.MULTILINE)[1:]:
            line, _, output = command.partition("\n")
            found.append((match.start(), "command", line, re.sub(r"^    ", "", output,
                                                                 flags=re.MULTILINE)))
    return [step[1:] for step in sorted(found, key=lambda step: step[0])]


class Terminals:
    """One shell, whose variables last, and others for what goes on running."""

    def __init__(self, namespace, folder, home):
        self.namespace, self.folder = namespace, folder
        self.environment = {**os.environ, "HOME": str(home)}
        self.servers, self.others = [], []

    def run(self, line):
        """(what it prints, its exit status)"""
        # "export" lasts.
        script = f"{line}\nstatus=$?\nenv -0 > '{self.folder}/.environment'\nexit $status"
        done = subprocess.run(self.namespace.command("bash", "-c", script), cwd=self.folder,
                              env=self.environment, stdin=subprocess.DEVNULL, text=True,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=PATIENCE)
        entries = (self.folder / ".environment").read_bytes().split(b"\0")
        self.environment = dict(entry.decode().split("=", 1) for entry in entries if entry)
        return done.stdout, done.returncode

    def serve(self, line):
        server = Pssstd(self.namespace.command("bash", "-c", f"exec {line}"), cwd=self.folder,
                        env=self.environment)
        self.servers.append(server)
        server.wait_ready()

    def leave_running(self, line, until):
        self.others.append(subprocess.Popen(
            self.namespace.command("bash", "-c", f"exec {line}"), cwd=self.folder,
            env=self.environment, stdin=subprocess.DEVNULL))
        deadline = time.monotonic() + STARTED_WITHIN
        while not (self.folder / until).exists():
            assert self.others[-1].poll() is None and time.monotonic() < deadline, line
            time.sleep(0.01)

    def close(self):
        for server in self.servers:
            with contextlib.suppress(ProcessLookupError):
                server.process.send_signal(signal.SIGTERM)
        for other in self.others:
            other.kill()
            other.wait()
        for server in self.servers:
            assert server.wait() == 0, server.said()


@pytest.fixture
def terminals(as_root, tmp_path):
    """~/pssst is this repository, built."""
    place = tmp_path / "home/pssst"
    place.mkdir(parents=True)
    (place / "build").symlink_to(BUILD)
    (place / "include").symlink_to(ROOT / "include")
    folder = tmp_path / "handler"
    folder.mkdir()
    with Namespace() as namespace:
        terminals = Terminals(namespace, folder, place.parent)
        try:
            yield terminals
        finally:
            terminals.close()


def test_the_guide_to_handlers(terminals):
    guide = section("Write a handler")
    done = steps(guide)
    files = [name for kind, name, _ in done if kind == "file"]
    assert files == ["shout.c", "shout.toml", "shout.cpp", "count.py", "count.toml"]
    assert guide.count("```") == 2 * len(files), "a file whose name is not found"
    printed = 0
    for kind, what, text in done:
        if kind == "file":
            (terminals.folder / what).write_text(text)
        elif what.startswith("pssstd "):
            terminals.serve(what)
        elif what == "python3 count.py":
            terminals.leave_running(what, until="count.sock")
        else:
            output, status = terminals.run(what)
            assert output.rstrip("\n") == text.rstrip("\n"), what
            assert status == (1 if "suite1.toml:" in text else 0), (what, output)
            printed += bool(text.strip())
    assert printed == 7, "commands whose output the guide tells"
    assert len(terminals.servers) == 2


def test_the_guide_warns():
    guide = " ".join(section("Write a handler").replace("\n> ", "\n").split())
    for words in ("runs inside the server", "address space", "private keys", "behind [`forward`]"):
        assert words in guide
