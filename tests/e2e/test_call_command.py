"""`pssst call` as people and scripts use it, against a server in Python."""

import os
import pty
import re
import socket
import subprocess
import time

import peer
import pytest
from call_server import TIME_LIMIT, Server, answering_from, dh_values, silent
from pssstd import PSSST


@pytest.mark.parametrize("size", [0, 1, 15, 16, 17, 64, 512, 1300, 1420])
def test_call_prints_the_reply_byte_for_byte(size):
    message = bytes(range(256)) * 6
    with Server(lambda request: [request.reply(request.message[::-1])]) as server:
        assert server.call(stdin=message[:size]) == (0, message[:size][::-1], "")
        assert [request.message for request in server.requests] == [message[:size]]
        assert server.requests[0].client_key is None


@pytest.mark.parametrize("message", [
    "hello", "", " ", "two words", "-", "+", "++", "[1,2]", "{a}", '"quoted"', "'q'", "a=b", "%s%n",
    "\\n", "a\nb", "call", "grüße", "#", "@file", "a,b",
])  # fmt: skip
def test_call_sends_its_argument_as_it_stands(message):
    with Server() as server:
        assert server.call(message, stdin=b"not this") == (0, message.encode(), "")


@pytest.mark.parametrize("message", ["-1", "--help", "-x", "--"])
def test_call_sends_what_looks_like_an_option_after_two_dashes(message):
    with Server() as server:
        assert server.call("--", message) == (0, message.encode(), "")


def test_call_ends_the_line_on_a_terminal():
    near, far = pty.openpty()
    with Server() as server:
        subprocess.run([PSSST, "call", server.address, str(server.port), "hello", "--server",
                        server.key], stdout=far, timeout=TIME_LIMIT, check=True)
    os.close(far)
    with open(near, "rb", buffering=0) as terminal:
        assert terminal.read(100) == b"hello\r\n"


def test_call_takes_the_key_from_a_file(tmp_path):
    with Server() as server:
        path = tmp_path / "server.pub"
        path.write_text(server.key + "\n")
        assert server.call("hello", key=path) == (0, b"hello", "")


def test_call_as_a_client(tmp_path):
    private = peer.generate_private()
    path = tmp_path / "client.key"
    path.write_text(private.hex() + "\n")
    path.chmod(0o600)
    with Server(enrolled={peer.public_key(private)}) as server:
        assert server.call("hello", "--client-key", path) == (0, b"hello", "")
        assert server.requests[0].client_key == peer.public_key(private)
        message = b"\0" * 1356
        assert server.call("--client-key", path, stdin=message) == (0, message, "")
        status, _, stderr = server.call("--client-key", path, stdin=message + b"\0")
        assert status == 1 and "at most 1356 bytes" in stderr


def test_call_in_hexadecimal():
    with Server() as server:
        assert server.call("00fF10", "--hex") == (0, b"00ff10\n", "")
        assert server.call("--hex", stdin=b" 00ff10\n") == (0, b"00ff10\n", "")
        assert server.call("", "--hex") == (0, b"\n", "")
        assert server.call("00" * 1420, "--hex") == (0, b"00" * 1420 + b"\n", "")
        for bad in ("0", "0g", "00 11", "0x00"):
            status, stdout, stderr = server.call(bad, "--hex")
            assert (status, stdout) == (1, b"") and "MESSAGE: not hexadecimal" in stderr
        assert len(server.datagrams) == 4


def test_call_with_too_long_a_message():
    with Server() as server:
        for status, stdout, stderr in (server.call(stdin=b"x" * 1421),
                                       server.call(stdin=b"x" * 100_000),
                                       server.call("x" * 1421),
                                       server.call("--no-reply", "x" * 1421),
                                       server.call("00" * 1421, "--hex"),
                                       server.call("--hex", stdin=b"00" * 1421),
                                       server.call("--hex", stdin=b"00" * 100_000)):
            assert (status, stdout) == (1, b"")
            assert "a message has at most 1420 bytes" in stderr and stderr.count("\n") == 1
        assert server.datagrams == []


@pytest.mark.skipif(not socket.has_ipv6, reason="this Python has no IPv6")
def test_call_over_ipv6():
    with Server(address="::1") as server:
        assert server.call("hello") == (0, b"hello", "")
        assert server.call("hello", "-6") == (0, b"hello", "")
        status, _, stderr = server.call("hello", "-4")
        assert status == 1 and stderr.startswith("pssst call: ::1: cannot resolve the host: ")


def test_call_by_name():
    with Server() as server:
        assert server.call("hello", "-4", host="localhost") == (0, b"hello", "")
        status, _, stderr = server.call("hello", "-6")
        assert status == 1 and "IPv4 was ruled out" in stderr


# ---- tries and time -------------------------------------------------------------------------


def test_an_unanswered_call_ends_in_time():
    with Server(silent) as server:
        begin = time.monotonic()
        status, stdout, stderr = server.call("hello", "--timeout", 150, "--tries", 3)
        elapsed = time.monotonic() - begin
        assert (status, stdout) == (3, b"")
        assert 0.45 <= elapsed < 4
        assert stderr.startswith(
            f"pssst call: 127.0.0.1:{server.port}: no reply in 3 tries of 150 ms: ")
        assert "bad repl" not in stderr and stderr.count("\n") == 1
        assert len(server.requests) == 3 and len(dh_values(server)) == 3


def test_the_time_limit_is_a_second_and_three_tries():
    with Server(silent) as server:
        begin = time.monotonic()
        status, _, stderr = server.call("hello")
        assert status == 3 and "3 tries of 1000 ms" in stderr
        assert 3 <= time.monotonic() - begin < 6


def test_a_retry_is_a_fresh_request():
    with Server(answering_from(2)) as server:
        assert server.call("hello", "--timeout", 200, "--tries", 20) == (0, b"hello", "")
        assert len(server.requests) >= 2
        assert len(dh_values(server)) == len(server.requests)
        assert {request.message for request in server.requests} == {b"hello"}


def test_a_late_reply_still_counts():
    def late(request):
        return [0.3, request.reply(b"late")] if request is server.requests[0] else []

    with Server(late) as server:
        begin = time.monotonic()
        assert server.call("hello", "--timeout", 200, "--tries", 20) == (0, b"late", "")
        assert time.monotonic() - begin >= 0.3


def bad_replies(request):
    good = request.reply(b"good")
    return [b"", b"\x80", good[:51], b"\x40" + good[1:], good[:3] + b"\2" + good[4:],
            good[:4] + bytes(32) + good[36:], good[:-1] + bytes([good[-1] ^ 1]), os.urandom(60)]


def test_bad_replies_do_not_use_up_the_request():
    with Server(lambda request: [*bad_replies(request), 0.1, request.reply(b"good")]) as server:
        assert server.call("hello", "--tries", 1, "--timeout", 5000) == (0, b"good", "")


def test_bad_replies_are_counted_when_nothing_else_comes():
    with Server(bad_replies) as server:
        status, stdout, stderr = server.call("hello", "--tries", 1, "--timeout", 500)
        assert (status, stdout) == (3, b"")
        assert "no reply in 1 try of 500 ms; 8 bad replies ignored (last: " in stderr


def test_a_flood_of_bad_replies_does_not_move_the_deadline():
    with Server(lambda request: [os.urandom(60)] * 50_000) as server:
        begin = time.monotonic()
        status, _, stderr = server.call("hello", "--tries", 1, "--timeout", 200)
        assert status == 3 and "bad replies ignored" in stderr
        assert time.monotonic() - begin < 4


def test_nobody_listens():
    with Server() as server:
        pass
    status, stdout, stderr = server.call("hello", "--timeout", 100, "--tries", 2)
    assert (status, stdout) == (3, b"")
    assert "no reply in 2 tries of 100 ms: nobody listens there" in stderr


def test_a_wrong_server_key_is_silence():
    stranger = peer.public_key(peer.generate_private()).hex()
    with Server() as server:
        status, stdout, stderr = server.call("hello", "--timeout", 100, "--tries", 1, key=stranger)
        assert (status, stdout) == (3, b"") and "check address and --server" in stderr
        assert server.refused == ["tag"]


# ---- --no-reply and --repeat ----------------------------------------------------------------


def test_no_reply_sends_and_leaves():
    with Server(silent) as server:
        begin = time.monotonic()
        assert server.call("hello", "--no-reply", "--timeout", 10_000) == (0, b"", "")
        assert time.monotonic() - begin < 2
        server.wait_for(1)
        assert [request.message for request in server.requests] == [b"hello"]


def test_no_reply_repeated():
    with Server(silent) as server:
        status, stdout, stderr = server.call("hello", "--no-reply", "--repeat", 20)
        assert (status, stdout) == (0, b"")
        assert re.fullmatch(r"20 sent, \d+\.\d/s\n", stderr)
        assert len(server.wait_for(20)) == 20


def test_repeat_prints_the_reply_once_and_what_it_measured():
    with Server() as server:
        status, stdout, stderr = server.call("hello", "--repeat", 50)
        assert (status, stdout) == (0, b"hello")
        found = re.fullmatch(r"50 calls, 50 answered, (\d+\.\d)/s, "
                             r"p50 (\d+\.\d{3}) ms, p99 (\d+\.\d{3}) ms\n", stderr)
        assert found
        rate, p50, p99 = map(float, found.groups())
        assert rate > 0 and 0 < p50 <= p99
        assert len(dh_values(server)) == 50


def test_repeat_tells_of_unanswered_calls():
    with Server(answering_from(3)) as server:
        status, stdout, stderr = server.call("hello", "--repeat", 4, "--tries", 1,
                                             "--timeout", 300)
        assert (status, stdout) == (3, b"hello")
        assert "4 calls, 2 answered, " in stderr and "no reply in 1 try of 300 ms" in stderr


# ---- errors ---------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def idle_server():
    with Server() as server:
        yield server
        assert server.datagrams == [], "an error is found before anything is sent"


def test_bad_server_keys(idle_server, tmp_path):
    short, twist = tmp_path / "short", tmp_path / "twist"
    short.write_text("00ff\n")
    twist.write_text("02" + "00" * 31)
    for key, complaint in ((tmp_path / "none", "cannot open: No such file or directory"),
                           (short, "not 64 hexadecimal digits but 4 characters"),
                           (twist, "not a usable public key"),
                           ("00" * 32, "not a usable public key"),
                           ("ff" * 32, "not a usable public key"),
                           (tmp_path, "cannot read: Is a directory"),
                           ("", "cannot open")):
        status, stdout, stderr = idle_server.call("hello", key=key)
        assert (status, stdout) == (1, b""), key
        assert stderr.startswith("pssst call: ") and complaint in stderr
        assert stderr.count("\n") == 1


def test_bad_client_keys(idle_server, tmp_path):
    private = peer.generate_private().hex()
    path = tmp_path / "client.key"
    path.write_text(private)
    for mode in (0o644, 0o640, 0o606):
        path.chmod(mode)
        status, _, stderr = idle_server.call("hello", "--client-key", path)
        assert status == 1 and f"chmod 600 {path}" in stderr and private not in stderr
    status, _, stderr = idle_server.call("hello", "--client-key", tmp_path / "none")
    assert status == 1 and f"{tmp_path}/none: cannot open" in stderr
    status, _, stderr = idle_server.call("hello", "--client-key", private)
    assert status == 1 and "never stands on a command line" in stderr and private not in stderr


def test_an_unknown_host(idle_server):
    status, stdout, stderr = idle_server.call("hello", host="no such host")
    assert (status, stdout) == (1, b"")
    assert stderr.startswith("pssst call: no such host: cannot resolve the host: ")


def test_a_reply_that_cannot_be_printed():
    with Server() as server, open("/dev/full", "wb") as full:
        process = subprocess.run(
            [PSSST, "call", server.address, str(server.port), "hello", "--server", server.key],
            stdout=full, stderr=subprocess.PIPE, timeout=TIME_LIMIT)
        assert process.returncode == 1
        assert b"standard output: cannot write: No space left on device" in process.stderr
