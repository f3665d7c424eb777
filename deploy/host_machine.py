"""What deploy/host works on: the keys of the configuration file that concern the machine, and the
machine's files under a root."""

import errno
import json
import os
import re
import subprocess
import tomllib
from pathlib import Path

MARK = "# Written by deploy/host, which also removes it.\n"
# Root's own, and not in /var/lib/pssst: systemd gives that to the server's user, who could then
# choose what root writes back.
STATE = "var/lib/pssst-host"


class Fault(Exception):
    """What is wrong, and what to do."""


def say(what, text):
    print(f"  {what:<14} {text}", flush=True)


def parse_cpus(text):
    """{0, 2, 3} of "0,2-3". Raises ValueError."""
    cpus = set()
    for part in str(text).replace(" ", "").split(","):
        if not re.fullmatch(r"\d{1,5}(-\d{1,5})?", part):
            raise ValueError(f"'{part}' is no CPU and no range of CPUs")
        first, _, last = part.partition("-")
        cpus |= set(range(int(first), int(last or first) + 1))
    return cpus


def format_cpus(cpus):
    parts, rest = [], sorted(cpus)
    while rest:
        count = 1
        while count < len(rest) and rest[count] == rest[0] + count:
            count += 1
        parts.append(str(rest[0]) if count == 1 else f"{rest[0]}-{rest[count - 1]}")
        rest = rest[count:]
    return ",".join(parts)


class Config:
    """What the stages need of the server's configuration file."""

    def __init__(self, path):
        try:
            text = Path(path).read_bytes().decode()
            tree = tomllib.loads(text)
        except (OSError, ValueError) as error:
            raise Fault(f"{path}: {error}: name a configuration file of pssstd") from None
        self._path, self._tree = path, tree
        self.is_dpdk = self._get("port", "kind", str, "socket") == "dpdk"
        self.hugepages = self._get("dpdk", "hugepages", bool, False)
        self.memory_mb = self._get("dpdk", "memory_mb", int, 256)
        self.pci = self._get("dpdk", "pci", list, [])
        lcores = self._get("server", "lcores", (str, list), "")
        for address in self.pci:
            if not re.fullmatch(r"[0-9a-f]{4}:[0-9a-f]{2}:[0-9a-f]{2}\.[0-7]", str(address)):
                self._refuse("dpdk", "pci", f"'{address}' is no PCI address",
                             "write it like 0000:81:00.0 (lspci -D)")
        if not 16 <= self.memory_mb <= 1 << 20:
            self._refuse("dpdk", "memory_mb", f"{self.memory_mb} is out of range",
                         "from 16 to 1048576")
        try:
            text = ",".join(map(str, lcores)) if isinstance(lcores, list) else lcores
            self.lcores = parse_cpus(text) if text else set()
        except ValueError as error:
            self._refuse("server", "lcores", str(error), 'write it like "2-7"')

    def _refuse(self, table, key, what, remedy):
        raise Fault(f"{self._path}: [{table}] {key}: {what}: {remedy}")

    def _get(self, table, key, kind, default):
        section = self._tree.get(table, {})
        if not isinstance(section, dict):
            self._refuse(table, key, f"{table} is no table", f"write [{table}] on a line")
        value = section.get(key, default)
        if not isinstance(value, kind) or (kind is int and isinstance(value, bool)):
            self._refuse(table, key, "has the wrong type", "see deploy/pssstd.toml")
        return value


class Host:
    """The machine's files, those to be changed through here alone: a dry run changes none."""

    def __init__(self, root, dry_run):
        self.root, self.dry_run = Path(root), dry_run

    def path(self, name):
        return self.root / name

    def read(self, name):
        """None: there is no such file."""
        try:
            return self.path(name).read_text().strip()
        except (FileNotFoundError, NotADirectoryError):
            return None
        except OSError as error:
            raise Fault(f"/{name}: {error.strerror}: run as root") from None

    def _change(self, stage, text, action):
        say(stage, f"would {text}" if self.dry_run else text)
        if self.dry_run:
            return
        try:
            action()
        except OSError as error:
            raise Fault(f"cannot {text}: {error.strerror}: run as root, on a kernel and file "
                        "system that allow it") from error

    def write_kernel(self, stage, name, value):
        """Into a file of /proc or /sys."""
        self._change(stage, f"write {value} to /{name}",
                     lambda: self.path(name).write_text(f"{value}\n"))

    def offer_kernel(self, stage, name, value):
        """The same; false if the kernel refuses the value."""
        try:
            self.write_kernel(stage, name, value)
        except Fault as fault:
            if getattr(fault.__cause__, "errno", None) not in (errno.EIO, errno.EINVAL):
                raise
            return False
        return True

    def write_file(self, stage, name, text):
        """A file of our own, whole or not at all."""
        def replace():
            path = self.path(name)
            path.parent.mkdir(parents=True, exist_ok=True)
            new = path.with_name(f".{path.name}.new")
            new.write_text(text)
            os.replace(new, path)
        found = self.path(name)
        if found.exists() and not found.read_text().startswith(MARK):
            raise Fault(f"/{name} is there and not from deploy/host: move it away")
        if not found.exists() or found.read_text() != text:
            self._change(stage, f"write /{name}: {text.removeprefix(MARK).strip()}", replace)

    def remove_file(self, stage, name):
        path = self.path(name)
        if path.exists() and path.read_text().startswith(MARK):
            self._change(stage, f"remove /{name}", path.unlink)

    def driverctl(self, stage, *words):
        """The root's own, so that a trial root's devices are never looked for on this machine."""
        def call():
            program = self.path("usr/sbin/driverctl")
            if not program.exists():
                raise Fault("driverctl is not installed: apt-get install driverctl")
            result = subprocess.run([program, *words], stdin=subprocess.DEVNULL, text=True,
                                    stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
            if result.returncode != 0:
                raise Fault(f"driverctl {' '.join(words)} failed: {result.stdout.strip()}: see "
                            "dmesg")
        self._change(stage, f"driverctl {' '.join(words)}", call)

    def before(self, stage):
        """What was before the first init; {} if there was none."""
        text = self.read(f"{STATE}/{stage}.json")
        try:
            kept = json.loads(text) if text else {}
        except ValueError:
            kept = None
        if not isinstance(kept, dict):
            raise Fault(f"/{STATE}/{stage}.json is damaged: put back by hand what it says, then "
                        "remove it")
        return kept

    def keep(self, stage, before):
        """On the disk before anything is changed."""
        if self.dry_run or before == self.before(stage):
            return
        folder = self.path(STATE)
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        new = folder / f".{stage}.new"
        with new.open("w") as file:
            json.dump(before, file, indent=1)
            file.flush()
            os.fsync(file.fileno())
        os.replace(new, folder / f"{stage}.json")

    def forget(self, stage):
        if self.dry_run:
            return
        self.path(f"{STATE}/{stage}.json").unlink(missing_ok=True)
        folder = self.path(STATE)
        if folder.exists() and not any(folder.iterdir()):
            folder.rmdir()

    def online(self):
        return parse_cpus(self.read("sys/devices/system/cpu/online") or "0")
