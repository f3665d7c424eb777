"""Runs a ROM image on a machine that bochs emulates, without a screen or disks."""

import pathlib
import subprocess
import tempfile

# Emulated time passes by instructions. At the lowest rate (ips) a character leaves COM1 after the
# fewest. Panics, a triple fault for one, end the emulation.
CONFIGURATION = """\
config_interface: textconfig
display_library: term
cpu: model={cpu}, ips=1000000, reset_on_triple_fault=0
memory: guest=32, host=32
romimage: file=rom
optramimage1: file=requests, address={address:#x}
com1: enabled=1, mode=file, dev=com1
log: log
panic: action=fatal
"""


# Bochs keeps RAM in blocks and loads an image as if the following ones lay behind its first.
MEMORY_MAX = 128 * 1024


class BochsError(Exception):
    pass


def run(bochs, rom, memory, address, cpu, limit_s):
    """The lines that the program in `rom` prints on COM1 until it writes "end" there. `memory` is
    what it finds at `address`, a multiple of MEMORY_MAX; at most that many bytes."""
    if len(memory) > MEMORY_MAX or address % MEMORY_MAX:
        raise ValueError(f'{len(memory)} bytes at {address:#x}')
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        # Bochs reads whole sectors.
        (folder / 'requests').write_bytes(memory + bytes(-len(memory) % 512))
        (folder / 'rom').write_bytes(pathlib.Path(rom).read_bytes())
        (folder / 'bochsrc').write_text(CONFIGURATION.format(cpu=cpu, address=address))
        # Debian's bochs has its debugger built in, which waits for a command.
        (folder / 'debugger').write_text('continue\n')
        try:
            subprocess.run([bochs, '-q', '-f', 'bochsrc', '-rc', 'debugger'], cwd=folder,
                           env={'PATH': '/usr/bin:/bin', 'TERM': 'vt100'}, timeout=limit_s,
                           stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                           stderr=subprocess.DEVNULL, check=False)
        except subprocess.TimeoutExpired as error:
            raise BochsError(f'no end after {limit_s} s') from error
        return _finished(folder / 'com1', folder / 'log')


def _finished(com1, log):
    lines = com1.read_text('ascii').splitlines() if com1.exists() else []
    if not lines or lines[-1] != 'end':
        log_lines = log.read_text('utf-8', 'replace').splitlines() if log.exists() else ()
        panics = [line for line in log_lines if '>>PANIC<<' in line]
        raise BochsError('\n'.join(['the program did not reach its end:', *lines[-5:], *panics]))
    return lines[:-1]
