"""The machine and its tools: the build, names and versions, what others take of the CPUs."""

import contextlib
import json
import os
import platform
import re
import subprocess
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
BUILD = Path(os.environ.get("PSSST_BUILD", ROOT / "build")).resolve()
TARGETS = ["src/server/pssstd", "src/tools/pssst", "bench/baseline/pssst_baseline",
           "bench/crypto/x25519_compare", "bench/protocol/suite1_bench",
           "bench/server/worker_bench", "bench/server/echo_at_once.so",
           "bench/server/echo_later.so", "bench/identity/table_bench", "tests/e2e/many_clients"]


def output(*command):
    """A command's output; what it says when it fails ends the report."""
    result = subprocess.run([str(word) for word in command], text=True, stdin=subprocess.DEVNULL,
                            stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    if result.returncode != 0:
        raise SystemExit(f"bench/report: {' '.join(map(str, command))}: "
                         f"{result.stdout}{result.stderr}")
    return result.stdout


def build():
    """The defaults are the release."""
    if not (BUILD / "build.ninja").is_file():
        output("meson", "setup", BUILD, ROOT)
    options = json.loads(output("meson", "introspect", "--buildoptions", BUILD))
    kind = next(option["value"] for option in options if option["name"] == "buildtype")
    if kind != "release":
        raise SystemExit(f"bench/report: {BUILD} is a {kind} build: set PSSST_BUILD to another")
    output("ninja", "-C", BUILD, *TARGETS)


def cpus():
    """(the server's CPU, the generator's). The same where there is but one."""
    allowed = sorted(os.sched_getaffinity(0))
    return allowed[0], allowed[-1]


def _cpu_model():
    text = Path("/proc/cpuinfo").read_text()
    fields = dict(re.findall(r"^(model name|cpu family|model|stepping)\s*: (.*)$", text,
                             re.MULTILINE))
    return (f"{fields.get('model name', 'unknown')} (family {fields.get('cpu family')}, model "
            f"{fields.get('model')}, stepping {fields.get('stepping')})")


def _version(*command):
    with contextlib.suppress(OSError, SystemExit):
        return output(*command).splitlines()[0].strip()
    return "unknown"


def describe():
    return {
        "cpu": _cpu_model(),
        "cpus": len(os.sched_getaffinity(0)),
        "virtual": "hypervisor" in Path("/proc/cpuinfo").read_text(),
        "kernel": f"{platform.system()} {platform.release()}",
        "compiler": _version("c++", "--version"),
        "dpdk": _version("pkg-config", "--modversion", "libdpdk"),
        "openssl": _version("openssl", "version"),
        "pssst": _version(BUILD / "src/server/pssstd", "--version"),
        "commit": _version("git", "-C", ROOT, "describe", "--always", "--dirty"),
        "date": time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime()),
        "load_before": os.getloadavg()[0],
    }


class Meter:
    """What the hypervisor took (steal), and other processes, while this context was entered."""

    def __enter__(self):
        self._before = self._read()
        return self

    def __exit__(self, *_):
        delta = [after - before for before, after in zip(self._before, self._read())]
        self.steal_percent = round(100 * delta[7] / max(1, sum(delta[:8])), 2)

    @staticmethod
    def _read():
        """Jiffies of all CPUs: user, nice, system, idle, iowait, irq, softirq, steal, ..."""
        return [int(word) for word in Path("/proc/stat").read_text().split("\n")[0].split()[1:]]


def ask_for_priority():
    """Before other processes, where we may: in our own scheduling group and among groups."""
    with contextlib.suppress(OSError):
        os.setpriority(os.PRIO_PROCESS, 0, -15)
    with contextlib.suppress(OSError):
        Path("/proc/self/autogroup").write_text("-15")
