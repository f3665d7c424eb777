"""Private keys stay where they belong."""

import base64
import os
import shutil
import signal
import subprocess
from pathlib import Path

import pytest
from conftest import require_root
from ports import KINDS
from pssstd import PSSSTD, Pssstd
from world import UNPRIVILEGED_USER, command, standard_services, temporary_files, world_in


@pytest.mark.parametrize("kind", ["socket-ipv4", "net_tap"])
@pytest.mark.parametrize("counters", ["json", "text"])
def test_keys_are_shown_nowhere(kind, counters):
    """Not in what other processes may see, not in anything that is printed."""
    require_root("makes a network namespace")
    services = standard_services()
    with KINDS[kind]() as place, world_in(place, services=services, counters=counters) as world:
        world.call(b"hello", authenticated=True)
        shown = b"".join(Path(f"/proc/{world.server.pid}", name).read_bytes()
                         for name in ("cmdline", "environ", "status", "maps", "comm"))
        world.server.process.send_signal(signal.SIGTERM)
        assert world.server.wait() == 0
        shown += "".join(world.server.stdout + world.server.stderr).encode()
    assert b"pssstd: ready" in shown and b"datagrams" in shown
    for private in [*(service.private for service in services), world.client_private]:
        for spelling in (private, private.hex().encode(), private.hex().upper().encode(),
                         private[:16].hex().encode(), base64.b64encode(private)):
            assert spelling not in shown


@pytest.fixture
def public_binary(tmp_path_factory):
    """pssstd where an unprivileged user may run it, wherever the build is."""
    folder = tmp_path_factory.mktemp("bin")
    for each in (folder, folder.parent, folder.parent.parent):
        each.chmod(each.stat().st_mode | 0o011)
    return shutil.copy(PSSSTD, folder / "pssstd")


def test_its_memory_is_closed_to_its_own_user(public_binary):
    """PR_SET_DUMPABLE 0: the files in /proc belong to root, and ptrace(2) is refused."""
    require_root("runs a server as another user")
    with KINDS["socket-ipv4"]() as place, temporary_files() as files:
        arguments = command(place, files, standard_services())
        arguments[arguments.index(str(PSSSTD))] = str(public_binary)
        files.hand_to(UNPRIVILEGED_USER)
        as_user = ["setpriv", "--reuid", UNPRIVILEGED_USER, "--clear-groups", "--no-new-privs"]
        at = arguments.index(str(public_binary))
        server = Pssstd(arguments[:at] + as_user + arguments[at:]).wait_ready()
        try:
            assert os.stat(f"/proc/{server.pid}/mem").st_uid == 0
            look = subprocess.run([*as_user, "cat", f"/proc/{server.pid}/maps"],
                                  capture_output=True)
            assert look.returncode != 0 and look.stdout == b""
        finally:
            server.stop()
