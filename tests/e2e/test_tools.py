"""`pssst genkey`, `pubkey` and what all subcommands share, as people and scripts use them."""

import contextlib
import os
import re
import signal
import subprocess
import time

import peer
import pytest
from call_server import Server, pssst, silent
from pssstd import PSSST

# ---- keys -----------------------------------------------------------------------------------


def test_genkey_prints_a_fresh_key():
    keys = [pssst("genkey") for _ in range(5)]
    for status, stdout, stderr in keys:
        assert (status, stderr) == (0, "")
        assert re.fullmatch(rb"[0-9a-f]{64}\n", stdout)
    assert len({stdout for _, stdout, _ in keys}) == 5


@pytest.mark.parametrize("umask, warned", [(0o077, False), (0o027, True), (0o022, True),
                                           (0o007, True), (0o000, True)])
def test_genkey_warns_of_a_file_that_others_can_read(tmp_path, umask, warned):
    path = tmp_path / "server.key"
    fd = os.open(path, os.O_WRONLY | os.O_CREAT, 0o666 & ~umask)
    os.fchmod(fd, 0o666 & ~umask)
    with open(fd, "wb") as file:
        process = subprocess.run([PSSST, "genkey"], stdout=file, stderr=subprocess.PIPE)
    assert process.returncode == 0
    assert len(path.read_bytes()) == 65
    if warned:
        assert f"mode {0o666 & ~umask:04o}" in process.stderr.decode()
        assert f"chmod 600 {path}" in process.stderr.decode()
        assert "umask 077" in process.stderr.decode()
    else:
        assert process.stderr == b""


@pytest.mark.parametrize("command", ["genkey", "pubkey"])
def test_a_full_disk_is_an_error(command):
    with open("/dev/full", "wb") as full:
        process = subprocess.run([PSSST, command], stdout=full, stderr=subprocess.PIPE,
                                 input=b"01" * 32)
    assert process.returncode == 1
    assert process.stderr.decode() == (
        f"pssst {command}: standard output: cannot write: No space left on device\n")


def test_genkey_and_pubkey_in_a_pipe():
    for _ in range(10):
        private = pssst("genkey")[1]
        public = peer.public_key(bytes.fromhex(private.decode()))
        assert pssst("pubkey", stdin=private) == (0, public.hex().encode() + b"\n", "")


@pytest.mark.parametrize("private", [
    bytes(32), b"\xff" * 32, bytes(31) + b"\x80",
    # Alice's key of RFC 7748, section 6.1
    bytes.fromhex("77076d0a7318a57d3c16c17251b26645df4c4ed92ebc77c8d3e6e7ff0ef2d1b5"),
])  # fmt: skip
def test_pubkey_clamps(private):
    expected = peer.public_key(private).hex().encode() + b"\n"
    assert pssst("pubkey", stdin=private.hex().encode()) == (0, expected, "")


@pytest.mark.parametrize("form", ["{}", "{}\n", "{}\r\n", " \t{}\n\n"])
def test_pubkey_takes_white_space_and_either_case(form):
    text = "8F" * 32
    expected = peer.public_key(b"\x8f" * 32).hex().encode() + b"\n"
    assert pssst("pubkey", stdin=form.format(text).encode()) == (0, expected, "")


@pytest.mark.parametrize("stdin, complaint", [
    (b"", "no key, but nothing"),
    (b"\n", "no key, but nothing"),
    (b"0" * 63, "but 63 characters"),
    (b"0" * 65, "but 65 characters"),
    (b"0" * 64 + b"\n" + b"0" * 64, "but 129 characters"),
    (b"0" * 10000, "but more than 64 characters"),
    (b"0" * 63 + b"g", "no hexadecimal digit"),
    (b"0" * 63 + b"\0", "no hexadecimal digit"),
], ids=lambda value: f"{len(value)}" if isinstance(value, bytes) else None)  # fmt: skip
def test_pubkey_of_something_else(stdin, complaint):
    status, stdout, stderr = pssst("pubkey", stdin=stdin)
    assert (status, stdout) == (1, b"")
    assert stderr.startswith("pssst pubkey: standard input: ") and complaint in stderr
    assert "64 hexadecimal digits, as pssst genkey prints them" in stderr
    assert stderr.count("\n") == 1


# ---- command lines --------------------------------------------------------------------------


@pytest.mark.parametrize("arguments", [
    [], ["frob"], ["call"], ["call", "127.0.0.1"], ["call", "127.0.0.1", "7700"],
    ["call", "127.0.0.1", "0", "--server", "x"], ["call", "127.0.0.1", "http", "--server", "x"],
    ["call", "127.0.0.1", "7700", "--server", "x", "--repeat", "0"],
    ["call", "127.0.0.1", "7700", "a", "b", "--server", "x"], ["genkey", "--fast"],
    ["compat", "x"],
])  # fmt: skip
def test_a_wrong_command_line_is_status_2(arguments):
    status, stdout, stderr = pssst(*arguments)
    assert (status, stdout) == (2, b"")
    assert re.fullmatch(r"pssst[^\n]*: [^\n]+; see `pssst[a-z ]* --help`\n", stderr)


# ---- secrets --------------------------------------------------------------------------------


@contextlib.contextmanager
def running(*arguments):
    process = subprocess.Popen([PSSST, *map(str, arguments)], stdin=subprocess.PIPE,
                               stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


@pytest.mark.parametrize("arguments", [["pubkey"], ["compat"], ["call"]])
def test_no_core_is_dumped(arguments):
    with Server(silent) as server:
        if arguments == ["call"]:
            arguments = ["call", server.address, server.port, "x", "--server", server.key,
                         "--tries", 1, "--timeout", 10_000]
        with running(*arguments) as process:
            # Both limits: the soft one may be 0 before the program is there.
            limits = ""
            deadline = time.monotonic() + 5
            while not re.search(r"Max core file size +0 +0 ", limits):
                assert time.monotonic() < deadline, limits
                time.sleep(0.01)
                with open(f"/proc/{process.pid}/limits", encoding="ascii") as file:
                    limits = file.read()
            process.send_signal(signal.SIGABRT)
            process.wait(timeout=5)
            assert process.returncode == -signal.SIGABRT
