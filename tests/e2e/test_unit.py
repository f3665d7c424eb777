"""The systemd unit and its drop-ins: systemd takes them and finds them tight; and within what they
allow, as far as that can be had without systemd, pssstd serves on each kind of port.

    test_unit.py CALLS FAMILIES COMMAND...

runs a command behind the unit's system call filter."""

import contextlib
import ctypes
import errno
import functools
import os
import re
import resource
import shutil
import socket
import subprocess
import sys
from pathlib import Path

import pytest
from conftest import require_root
from peer import Client
from ports import KINDS, UDP_PORT
from pssstd import PSSSTD
from world import UNPRIVILEGED_USER, command, running, standard_services, temporary_files

DEPLOY = Path(__file__).resolve().parents[2] / "deploy"
UNIT = DEPLOY / "pssstd.service"
DROP_INS = DEPLOY / "pssstd.service.d"

# What `systemd-analyze security` says of the unit with each drop-in, of 10 (systemd 252).
EXPOSURE = {None: 1.5, "nic": 1.6, "exception": 1.9, "tap": 1.9, "af_xdp": 2.3}
EVERY_KIND = pytest.mark.parametrize("kind", EXPOSURE, ids=lambda kind: kind or "no drop-in")


def settings(kind):
    """{name: values} of the unit's [Service] with a drop-in; an empty one forgets those before."""
    found = {}
    for path in [UNIT] + ([DROP_INS / f"{kind}.conf"] if kind else []):
        section = path.read_text().partition("[Service]\n")[2].partition("\n[Install]")[0]
        for name, value in re.findall(r"^(\w+)=(.*)$", section, re.MULTILINE):
            found[name] = found.get(name, []) + [value] if value else []
    return found


def words(service, name):
    return [word for value in service.get(name, []) for word in value.split()]


def installed(folder, kind):
    """A copy whose programs exist, with at most one drop-in."""
    unit = folder / "pssstd.service"
    text = UNIT.read_text()
    programs = set(re.findall(r"^Exec\w+=(\S+)", text, re.MULTILINE))
    assert programs == {"/usr/local/bin/pssstd", "/usr/local/bin/pssst"}
    for program in programs:
        there = folder / Path(program).name
        there.write_text("#!/bin/sh\n")
        there.chmod(0o755)
        text = text.replace(f"={program} ", f"={there} ")
    unit.write_text(text)
    if kind:
        (folder / "pssstd.service.d").mkdir()
        shutil.copy(DROP_INS / f"{kind}.conf", folder / "pssstd.service.d")
    return unit


def analyze(unit, *arguments):
    return subprocess.run(["systemd-analyze", *arguments, str(unit)], text=True, timeout=60,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                          env={**os.environ, "SYSTEMD_UNIT_PATH": f"{unit.parent}:"})


@EVERY_KIND
def test_systemd_takes_it(tmp_path, kind):
    result = analyze(installed(tmp_path, kind), "verify", "--man=no")
    assert (result.returncode, result.stdout) == (0, "")


@EVERY_KIND
def test_what_systemd_does_not_know_would_be_found(tmp_path, kind):
    """So that a misspelt directive cannot pass as one that holds."""
    unit = installed(tmp_path, kind)
    path = unit.parent / f"pssstd.service.d/{kind}.conf" if kind else unit
    path.write_text(path.read_text().replace("[Service]\n", "[Service]\nNoNewPrivilege=yes\n"))
    assert "NoNewPrivilege" in analyze(unit, "verify", "--man=no").stdout


@EVERY_KIND
def test_exposure(tmp_path, kind):
    """Not more than what is written down, and the figure is of this unit with this drop-in."""
    unit = installed(tmp_path, kind)
    def at(threshold):
        return analyze(unit, "security", "--offline=true", "--no-pager",
                       f"--threshold={threshold}")
    allowed = at(round(EXPOSURE[kind] * 10))
    assert allowed.returncode == 0, allowed.stdout
    assert f"{EXPOSURE[kind]} OK" in allowed.stdout
    assert at(round(EXPOSURE[kind] * 10) - 1).returncode != 0


def test_the_user_is_the_one_that_sysusers_makes(tmp_path):
    (tmp_path / "etc").mkdir()
    subprocess.run(["systemd-sysusers", f"--root={tmp_path}", DEPLOY / "sysusers.d/pssst.conf"],
                   check=True, capture_output=True, timeout=10)
    name, _, uid, _, _, home, shell = (tmp_path / "etc/passwd").read_text().strip().split(":")
    service = settings(None)
    assert [name] == service["User"] == service["Group"] == service["StateDirectory"]
    assert (home, shell) == ("/var/lib/pssst", "/usr/sbin/nologin") and 0 < int(uid) < 1000
    assert f'GROUP="{name}"' in (DEPLOY / "udev/70-pssst-vfio.rules").read_text()


@functools.cache
def system_call_groups():
    """{"@name": members} as this machine's systemd has them."""
    groups = {}
    for line in subprocess.run(["systemd-analyze", "syscall-filter"], check=True, text=True,
                               capture_output=True, timeout=10).stdout.splitlines():
        if line.startswith("@"):
            members = groups[line.strip()] = []
        elif line.startswith("    ") and not line.strip().startswith("#"):
            members.append(line.strip())
    return groups


def system_calls(service):
    def members(word):
        if not word.startswith("@"):
            return {word}
        return set().union(*map(members, system_call_groups()[word]))
    return set().union(*map(members, words(service, "SystemCallFilter")))


def confined(arguments, files, kind, without=()):
    """pssstd as the unit's user, with the unit's capabilities, system calls, socket families,
    less those named in `without`."""
    service = settings(kind)
    binary = shutil.copy(PSSSTD, files.folder / "pssstd")
    files.hand_to(UNPRIVILEGED_USER)
    capabilities = [name.removeprefix("CAP_").lower()
                    for name in words(service, "AmbientCapabilities") if name not in without]
    _, limit = resource.getrlimit(resource.RLIMIT_MEMLOCK)
    if kind == "af_xdp" and limit != resource.RLIM_INFINITY:
        # A container may forbid what LimitMEMLOCK gives; this lifts that limit, and nothing else.
        capabilities.append("ipc_lock")
    assert (words(service, "AmbientCapabilities") == words(service, "CapabilityBoundingSet"))
    names = ",".join(["-all", *(f"+{name}" for name in capabilities)])
    at = arguments.index(str(PSSSTD))
    assert service["NoNewPrivileges"] == ["yes"]
    return [*arguments[:at], "env", f"RUNTIME_DIRECTORY={files.folder}",
            sys.executable, __file__, ",".join(system_calls(service) - set(without)),
            ",".join(set(words(service, "RestrictAddressFamilies")) - set(without)),
            "setpriv", "--reuid", UNPRIVILEGED_USER, "--regid", "nogroup", "--clear-groups",
            "--no-new-privs", "--inh-caps", names, "--ambient-caps", names,
            "--bounding-set", names, binary, *arguments[at + 1:]]


PORT_OF = {None: "socket-ipv4", "tap": "net_tap", "af_xdp": "net_af_xdp"}


@contextlib.contextmanager
def serving(kind, without=()):
    services = standard_services()
    with KINDS[PORT_OF[kind]]() as place, temporary_files() as files:
        arguments = confined(command(place, files, services), files, kind, without)
        with running(arguments, place.after_start) as server:
            yield place, services[0], server


@pytest.mark.parametrize("kind", PORT_OF, ids=lambda kind: kind or "no drop-in")
def test_serves_within_the_limits(kind):
    require_root("becomes another user")
    with serving(kind) as (place, service, server):
        assert service.udp_port == UDP_PORT
        status = Path(f"/proc/{server.pid}/status").read_text()
        assert "Seccomp:\t2" in status and "NoNewPrivs:\t1" in status
        with place.socket() as client_socket:
            datagram, pending = Client(service.public).seal(b"within the limits")
            client_socket.send(datagram)
            assert pending.open(client_socket.recv(2048)) == b"within the limits"


@pytest.mark.parametrize("kind, without", [
    ("tap", "CAP_NET_ADMIN"),
    ("af_xdp", "CAP_NET_ADMIN"),
    ("af_xdp", "CAP_NET_RAW"),
    ("af_xdp", "CAP_SYS_ADMIN"),
    ("af_xdp", "AF_XDP"),
    ("af_xdp", "AF_NETLINK"),
    ("af_xdp", "bpf"),
    (None, "AF_INET"),
])
def test_nothing_is_allowed_that_is_not_needed(kind, without):
    require_root("becomes another user")
    with pytest.raises(AssertionError, match="pssstd: "), serving(kind, without={without}):
        pass


class Condition(ctypes.Structure):
    _fields_ = [("argument", ctypes.c_uint), ("comparison", ctypes.c_int),
                ("first", ctypes.c_uint64), ("second", ctypes.c_uint64)]


class Filter:
    """What is not allowed answers EPERM."""

    ALLOW, FAIL = 0x7fff0000, 0x00050000 | errno.EPERM
    EQUAL, MASKED_EQUAL = 4, 7

    def __init__(self):
        self._library = ctypes.CDLL("libseccomp.so.2")
        self._library.seccomp_init.restype = ctypes.c_void_p
        self._context = ctypes.c_void_p(self._library.seccomp_init(ctypes.c_uint32(self.FAIL)))

    def allow(self, name, *condition):
        number = self._library.seccomp_syscall_resolve_name(name.encode())
        if number < 0:
            return  # of another architecture
        conditions = (Condition * 1)(Condition(*condition)) if condition else None
        result = self._library.seccomp_rule_add_array(
            self._context, ctypes.c_uint32(self.ALLOW), number, len(conditions or ()), conditions)
        assert result == 0, (name, result)

    def load(self):
        assert self._library.seccomp_load(self._context) == 0


def confine(calls, families):
    """Neither is there memory that may be written and executed, as MemoryDenyWriteExecute says."""
    write, execute = 2, 4
    with_conditions = {"socket", "mmap", "mprotect", "pkey_mprotect"}
    tight = Filter()
    for call in set(calls) - with_conditions:
        tight.allow(call)
    for family in families:
        number = {"AF_XDP": 44}.get(family) or getattr(socket, family)
        tight.allow("socket", 0, Filter.EQUAL, number, 0)
    for call in with_conditions - {"socket"}:
        tight.allow(call, 2, Filter.MASKED_EQUAL, execute, 0)
    tight.allow("mmap", 2, Filter.MASKED_EQUAL, execute | write, execute)
    tight.load()


if __name__ == "__main__":
    confine(sys.argv[1].split(","), sys.argv[2].split(","))
    os.execvp(sys.argv[3], sys.argv[3:])
