"""The machine's hugepages: asked of the kernel, and given back."""

import contextlib
import time
from pathlib import Path

_COUNT = Path("/proc/sys/vm/nr_hugepages")


def free_pages():
    (line,) = [line for line in Path("/proc/meminfo").read_text().splitlines()
               if line.startswith("HugePages_Free")]
    return int(line.split()[1])


def await_free_pages(count, seconds=5):
    """True when as many are free: an AF_XDP socket gives its pages back some time after its process
    has ended."""
    deadline = time.monotonic() + seconds
    while free_pages() < count:
        if time.monotonic() > deadline:
            return False
        time.sleep(0.01)
    return True


@contextlib.contextmanager
def hugepages(count):
    before = _COUNT.read_text()
    _COUNT.write_text(str(count))
    try:
        yield
    finally:
        _COUNT.write_text(before)
