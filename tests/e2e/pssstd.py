"""A running `pssstd`: started, asked for its counters, stopped; and its books, recomputed."""

import contextlib
import json
import os
import queue
import re
import signal
import subprocess
import threading
import time
from collections import Counter
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
BUILD = Path(os.environ.get("PSSST_BUILD", ROOT / "build")).resolve()
PSSSTD = BUILD / "src/server/pssstd"
PSSST = BUILD / "src/tools/pssst"

READY_WITHIN = 30  # seconds; a DPDK start takes one or two
STOPPED_WITHIN = 10


def _drop_names(macro):
    """The counter names of one of the two lists of drop reasons."""
    text = (ROOT / "include/pssst/drop_reason.hpp").read_text()
    block = re.search(rf"#define {macro}\(X\)(.*?[^\\])\n", text, re.DOTALL).group(1)
    return re.findall(r'X\(\w+, "(\w+)"', block)


FRAME_DROPS = _drop_names("PSSST_FRAME_DROPS")
DATAGRAM_DROPS = _drop_names("PSSST_DATAGRAM_DROPS")


def drop_count(total, names):
    return sum(total["drops"].get(name, 0) for name in names)


def unbalanced(total):
    """What does not add up in one set of counters, or None."""
    frames = (total["datagrams"] + total["answered"] + total["handed_to_kernel"]
              + drop_count(total, FRAME_DROPS))
    datagrams = (total["replied"] + total["answered_without_reply"] + total["pending"]
                 + drop_count(total, DATAGRAM_DROPS))
    unknown = set(total["drops"]) - set(FRAME_DROPS) - set(DATAGRAM_DROPS)
    if unknown:
        return f"drop reasons in no list: {unknown}"
    if total["frames"] != frames:
        return f"frames {total['frames']}, accounted for {frames}: {total}"
    if total["datagrams"] != datagrams:
        return f"datagrams {total['datagrams']}, accounted for {datagrams}: {total}"
    return None


def assert_books(report):
    """The total balances, by our sums and by the server's word, and is the sum of the workers."""
    assert unbalanced(report["total"]) is None
    assert report["books_balance"] is True
    for name in ("frames", "datagrams", "replied", "answered", "pending"):
        assert sum(worker[name] for worker in report["workers"]) == report["total"][name], name


class Pssstd:
    """One process. Its output is read all the time, so it never waits for us."""

    running = []  # those not yet stopped, for the end of a test session

    def __init__(self, command, **popen):
        self.process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                        stderr=subprocess.PIPE, text=True, **popen)
        self.running.append(self)
        self.stdout, self.stderr = [], []
        self._reports = queue.Queue()
        self._ready = threading.Event()
        self._readers = [threading.Thread(target=self._read_stdout, daemon=True),
                         threading.Thread(target=self._read_stderr, daemon=True)]
        for reader in self._readers:
            reader.start()

    def _read_stdout(self):
        for line in self.process.stdout:
            self.stdout.append(line)
            with contextlib.suppress(ValueError):
                self._reports.put(json.loads(line))

    def _read_stderr(self):
        for line in self.process.stderr:
            self.stderr.append(line)
            if line.startswith("pssstd: ready"):
                self._ready.set()
        self._ready.set()  # nothing more will come

    @property
    def pid(self):
        return self.process.pid

    def wait_ready(self):
        self._ready.wait(READY_WITHIN)
        assert any(line.startswith("pssstd: ready") for line in self.stderr), self.said()
        return self

    def said(self):
        return "".join(self.stderr) or "(nothing on stderr)"

    def report(self):
        """The counters now, as one report."""
        self.process.send_signal(signal.SIGUSR1)
        try:
            return self._reports.get(timeout=5)
        except queue.Empty:
            raise AssertionError(f"no counters on SIGUSR1; {self.said()}") from None

    def settled_report(self):
        """The counters once nothing is under way: frames in flight between two cores may make one
        reading differ from the next, a moment later they do not."""
        deadline = time.monotonic() + 3
        report = self.report()
        while True:
            time.sleep(0.01)
            earlier, report = report, self.report()
            same = earlier["total"]["frames"] == report["total"]["frames"]
            if same and not report["total"]["pending"] and not unbalanced(report["total"]):
                return report
            if time.monotonic() > deadline:
                assert_books(report)
                raise AssertionError(f"traffic does not end, or stays pending: {report['total']}")

    def stop(self, how=signal.SIGTERM):
        """Asks it to end, and returns the counters that it printed last."""
        self.process.send_signal(how)
        status = self.wait()
        assert status == 0, f"status {status} after {how!r}; {self.said()}"
        report = None
        while not self._reports.empty():
            report = self._reports.get()
        assert report is not None, "no counters at the end"
        assert_books(report)
        assert report["total"]["pending"] == 0
        return report

    def wait(self, timeout=STOPPED_WITHIN):
        try:
            status = self.process.wait(timeout)
        except subprocess.TimeoutExpired:
            self.kill()
            raise AssertionError(f"still runs after {timeout} s; {self.said()}") from None
        for reader in self._readers:
            reader.join(5)
        if self in self.running:
            self.running.remove(self)
        return status

    def kill(self):
        self.process.kill()
        self.process.wait()
        if self in self.running:
            self.running.remove(self)


def since(before, after):
    """What happened between two reports' totals; drops apart, those that are not zero."""
    gone = {name: value - before[name] for name, value in after.items()
            if isinstance(value, int) and not isinstance(value, bool)}
    drops = Counter(after["drops"])
    drops.subtract(before["drops"])
    return gone, {name: count for name, count in drops.items() if count}
