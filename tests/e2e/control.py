"""`pssst ctl`, as an operator calls it, and a pssstd with a control socket."""

import contextlib
import json
import shutil
import subprocess
import tempfile
from pathlib import Path

from pssstd import PSSST


class Control:
    """The control socket of one pssstd."""

    def __init__(self, path):
        self.path = Path(path)

    def run(self, *words, prefix=()):
        """The finished process, whatever became of it."""
        command = [*prefix, PSSST, "ctl", "--socket", self.path, *words]
        return subprocess.run([*map(str, command)], capture_output=True, text=True, timeout=60,
                              check=False)

    def ask(self, *words):
        """What it says; it must succeed."""
        done = self.run(*words)
        assert done.returncode == 0, (words, done.stdout, done.stderr)
        return done.stdout

    def stats(self):
        return json.loads(self.ask("stats", "--json"))

    def keys(self):
        return json.loads(self.ask("keys", "--json"))


@contextlib.contextmanager
def control_place(user=None):
    """A control socket's path, in a folder of its server's user."""
    with tempfile.TemporaryDirectory(prefix="pssst-control-") as folder:
        Path(folder).chmod(0o755)
        if user:
            shutil.chown(folder, user)
        yield Control(Path(folder) / "control")
