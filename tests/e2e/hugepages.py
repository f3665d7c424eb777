"""The machine's hugepages: asked of the kernel, and given back."""

import contextlib
from pathlib import Path

_COUNT = Path("/proc/sys/vm/nr_hugepages")


def free_pages():
    (line,) = [line for line in Path("/proc/meminfo").read_text().splitlines()
               if line.startswith("HugePages_Free")]
    return int(line.split()[1])


@contextlib.contextmanager
def hugepages(count):
    before = _COUNT.read_text()
    _COUNT.write_text(str(count))
    try:
        yield
    finally:
        _COUNT.write_text(before)
