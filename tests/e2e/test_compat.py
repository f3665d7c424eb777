"""`pssst compat` pipe to pipe with its Python counterpart, with itself, and with broken peers."""

import contextlib
import os
import select
import subprocess
import threading
import time
from pathlib import Path

import peer
import pytest
from compat_peer import Session, format_line, parse_line
from pssstd import PSSST

OURS = [str(PSSST), "compat"]
PYTHON = ["/usr/bin/python3", str(Path(__file__).with_name("compat_peer.py"))]
ROUNDS = 20
TIME_LIMIT = 20  # seconds; no round takes one


# ---- joined, pipe to pipe -------------------------------------------------------------------


def start(command, stdin, stdout):
    process = subprocess.Popen(command, stdin=stdin, stdout=stdout, stderr=subprocess.PIPE)
    os.close(stdin)
    os.close(stdout)
    return process


def finish(process):
    try:
        _, stderr = process.communicate(timeout=TIME_LIMIT)
    finally:
        process.kill()
    return process.returncode, stderr.decode()


def join(first, second):
    """Runs both, each one's output the other's input; the second starts once the first has spoken.
    (status, stderr) of each."""
    from_first, to_second = os.pipe()
    from_second, to_first = os.pipe()
    early = start(first, from_second, to_second)
    assert select.select([from_first], [], [], TIME_LIMIT)[0], "it says nothing unprompted"
    late = start(second, from_first, to_first)
    return finish(early), finish(late)


@pytest.mark.parametrize("first, second", [(OURS, PYTHON), (PYTHON, OURS), (OURS, OURS)],
                         ids=["ours-first", "python-first", "with-itself"])
def test_joined(first, second):
    for _ in range(ROUNDS):
        assert join(first, second) == ((0, ""), (0, ""))


# ---- peers that a test has in hand ----------------------------------------------------------


class Dialogue:
    """A `pssst compat` and our end of its pipes."""

    def __init__(self):
        self.process = subprocess.Popen(OURS, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                        stderr=subprocess.PIPE)
        self.session = Session()
        self.heard = []

    def say(self, *lines):
        """Lines are (tag, value), or bytes that are sent as they stand."""
        for line in lines:
            with contextlib.suppress(BrokenPipeError):  # its status tells why it has left
                self.process.stdin.write(line if isinstance(line, bytes) else format_line(*line))
                self.process.stdin.flush()

    def hear(self):
        """Its next line, or None at the end."""
        line = self.process.stdout.readline()
        if not line:
            return None
        assert line.endswith(b"\n")
        self.heard.append(parse_line(line[:-1]))
        return self.heard[-1]

    def hear_until(self, tag):
        """The right answers to all it says, up to and with the first line of that tag."""
        answers = []
        while (line := self.hear()) is not None:
            answers += self.session.handle(*line)
            if line[0] == tag:
                break
        return answers

    def leave(self):
        with contextlib.suppress(BrokenPipeError):
            self.process.stdin.close()

    def status(self):
        """(status, stderr) once it has ended."""
        try:
            self.process.wait(timeout=TIME_LIMIT)
        finally:
            self.process.kill()
        return self.process.returncode, self.process.stderr.read().decode()


@pytest.fixture
def dialogue():
    made = Dialogue()
    watchdog = threading.Timer(TIME_LIMIT, made.process.kill)  # whoever waits for it then fails
    watchdog.start()
    yield made
    watchdog.cancel()
    made.process.kill()
    made.process.wait()
    for stream in (made.process.stdin, made.process.stdout, made.process.stderr):
        with contextlib.suppress(BrokenPipeError):
            stream.close()


def converse(dialogue, spoil=lambda tag, value: [(tag, value)]):
    """A whole conversation in which `spoil` may replace each of our lines by any lines; it ends
    when the other side does, or, by None in place of a line, with our leaving."""

    def say(lines):
        for line in lines:
            for spoilt in spoil(*line):
                if spoilt is None:
                    dialogue.leave()
                    return False
                dialogue.say(spoilt)
        return True

    here = say(dialogue.session.greeting())
    while (line := dialogue.hear()) is not None:
        answers = dialogue.session.handle(*line)
        here = here and say(answers)
    return dialogue.status()


def replacing(tag, *replacement):
    """A spoiler: in place of our line of that tag come others; functions make them of its value."""

    def spoil(seen, value):
        if seen != tag:
            return [(seen, value)]
        return [line(value) if callable(line) else line for line in replacement]

    return spoil


def test_the_unspoilt_conversation(dialogue):
    assert converse(dialogue) == (0, "")
    assert sorted(tag for tag, _ in dialogue.heard) == sorted(
        ["SERVER_KEY", "CLIENT_KEY", "PLAINTEXT", "REQUEST", "REQUEST_AUTH", "REPLY", "REPLY_AUTH",
         "DONE"])


def flip_last_bit(tag):
    return lambda value: (tag, value[:-1] + bytes([value[-1] ^ 1]))


STRANGER = peer.public_key(peer.generate_private())
BROKEN = {
    "a reply with a wrong tag":
        (replacing("REPLY", flip_last_bit("REPLY")), "REPLY: does not open"),
    "an authenticated reply with a wrong tag":
        (replacing("REPLY_AUTH", flip_last_bit("REPLY_AUTH")), "REPLY_AUTH: does not open"),
    "the replies exchanged":
        (replacing("REPLY", lambda value: ("REPLY_AUTH", value)), "REPLY_AUTH: does not open"),
    "a request with a wrong tag":
        (replacing("REQUEST", flip_last_bit("REQUEST")), "REQUEST: does not open"),
    "an anonymous request called authenticated":
        (replacing("REQUEST", lambda value: ("REQUEST_AUTH", value)), "REQUEST_AUTH: is anonymous"),
    "an authenticated request called anonymous":
        (replacing("REQUEST_AUTH", lambda value: ("REQUEST", value)), "REQUEST: has a client key"),
    "another client key":
        (replacing("CLIENT_KEY", ("CLIENT_KEY", STRANGER)), "REQUEST_AUTH: does not open"),
    "a client key of small order":
        (replacing("CLIENT_KEY", ("CLIENT_KEY", bytes(32))), "CLIENT_KEY: "),
    "a server key on the twist":
        (replacing("SERVER_KEY", ("SERVER_KEY", b"\2" + bytes(31))), "SERVER_KEY: "),
    "a short server key": (replacing("SERVER_KEY", ("SERVER_KEY", bytes(31))), "SERVER_KEY: "),
    "another plaintext":
        (replacing("PLAINTEXT", ("PLAINTEXT", b"\7" * 64)), "its message is not the PLAINTEXT"),
    "no client key": (replacing("CLIENT_KEY"), "REQUEST_AUTH: came before CLIENT_KEY"),
    "no plaintext": (replacing("PLAINTEXT"), "came before PLAINTEXT"),
    "a line of another kind":
        (replacing("CLIENT_KEY", b"Hello world!\n"), "not a line of the form"),
    "an empty line": (replacing("CLIENT_KEY", b"\n"), "not a line of the form"),
    "an unknown tag": (replacing("CLIENT_KEY", ("CLIENT", bytes(32))), "unknown tag"),
    "bytes that are no text": (replacing("CLIENT_KEY", b"\xff\x00:\x1b[2J\n"), "not hexadecimal"),
    "half a byte": (replacing("CLIENT_KEY", b"CLIENT_KEY:012\n"), "not hexadecimal"),
    "upper case": (replacing("PLAINTEXT", b"PLAINTEXT:ABCDEF\n"), "not in lower case"),
    "CR LF": (replacing("PLAINTEXT", b"PLAINTEXT:abcdef\r\n"), "not hexadecimal"),
    "a line without an end": (replacing("PLAINTEXT", b"0" * 20000), "a line is too long"),
    "half a line": (replacing("PLAINTEXT", b"PLAINTEXT:00", None), "ends within a line"),
    "the server key twice":
        (replacing("SERVER_KEY", lambda v: ("SERVER_KEY", v), lambda v: ("SERVER_KEY", v)),
         "SERVER_KEY: came twice"),
    "a reply twice":
        (replacing("REPLY", lambda v: ("REPLY", v), lambda v: ("REPLY", v)),
         "REPLY: does not open"),
    "a done with a value": (replacing("DONE", ("DONE", b"\0")), "DONE: has a value"),
    "leaving at once": (replacing("SERVER_KEY", None), "left before it had replied"),
    "leaving before the requests": (replacing("REQUEST", None), "left before it had replied"),
    "leaving before the replies": (replacing("REPLY", None), "left before it had replied"),
}


@pytest.mark.parametrize("name", BROKEN)
def test_broken_peers(dialogue, name):
    spoil, complaint = BROKEN[name]
    status, stderr = converse(dialogue, spoil)
    assert status == 1
    assert stderr.startswith("pssst compat: ") and stderr.endswith("\n")
    assert stderr[:-1].isprintable(), "one line, and nothing that a terminal would act on"
    assert complaint in stderr


def test_a_reply_that_is_not_reversed(dialogue):
    opened = dialogue.session.server.open
    dialogue.session.server.open = lambda datagram: NotReversed(opened(datagram))
    status, stderr = converse(dialogue)
    assert (status, stderr) == (
        1, "pssst compat: REPLY: its message is not the own PLAINTEXT reversed\n")


class NotReversed:
    """A request that is replied to with its message as it came."""

    def __init__(self, request):
        self.message, self.client_key = request.message, request.client_key
        self._request = request

    def reply(self, message):
        return self._request.reply(message[::-1])


# ---- what is no failure ---------------------------------------------------------------------


def test_a_peer_that_leaves_after_one_reply(dialogue):
    assert converse(dialogue, replacing("REPLY_AUTH", None)) == (0, "")


def test_a_peer_that_leaves_without_done(dialogue):
    assert converse(dialogue, replacing("DONE", None)) == (0, "")


def test_a_request_twice_gets_the_same_reply_twice(dialogue):
    def twice(tag, value):
        return [(tag, value)] * (2 if tag == "REQUEST" else 1)

    dialogue.session._check_reply = lambda tag, value: []
    assert converse(dialogue, twice) == (0, "")
    replies = [value for tag, value in dialogue.heard if tag == "REPLY"]
    assert len(replies) == 2 and replies[0] == replies[1]


def test_a_peer_whose_client_key_comes_after_ours(dialogue):
    """It asks at once, and accepts keys that come late."""
    server_key, client_key, plaintext = dialogue.session.greeting()
    dialogue.say(server_key)
    requests = [line for line in dialogue.hear_until("REQUEST_AUTH") if "REQUEST" in line[0]]
    replies = [dialogue.session.handle(*line)[0] for line in dialogue.heard if "REQUEST" in line[0]]
    dialogue.say(plaintext, client_key, *requests, *replies)
    dialogue.hear_until("DONE")
    dialogue.say(("DONE", b""))
    assert dialogue.status() == (0, "")


def test_done_waits_for_the_requests_of_the_peer(dialogue):
    dialogue.say(*dialogue.session.greeting())
    answers = dialogue.hear_until("REQUEST_AUTH")
    dialogue.say(*(line for line in answers if "REPLY" in line[0]))
    early = select.select([dialogue.process.stdout], [], [], 0.2)[0]
    assert not early, "it has answered nothing yet"
    dialogue.say(*(line for line in answers if "REQUEST" in line[0]))
    assert [dialogue.hear()[0] for _ in range(3)] == ["REPLY", "REPLY_AUTH", "DONE"]
    dialogue.say(("DONE", b""))
    assert dialogue.status() == (0, "")


@pytest.mark.parametrize("chatty", [False, True], ids=["silent", "chatty"])
def test_a_peer_that_never_finishes_has_two_seconds(dialogue, chatty):
    """Not even one whose lines never run dry has more."""
    dialogue.say(*dialogue.session.greeting())
    answers = dialogue.hear_until("REQUEST_AUTH")
    dialogue.say(*answers)
    dialogue.hear_until("DONE")
    begin = time.monotonic()
    listener = threading.Thread(target=dialogue.process.stdout.read)
    listener.start()
    requests = b"".join(format_line(*line) for line in answers if line[0] == "REQUEST") * 100
    while dialogue.process.poll() is None and time.monotonic() < begin + 10:
        if chatty:
            dialogue.say(requests)
        else:
            time.sleep(0.02)
    elapsed = time.monotonic() - begin
    assert dialogue.status() == (0, "")
    assert 1.5 < elapsed < 5
    listener.join()


def test_a_peer_that_reads_no_more(dialogue):
    """SIGPIPE is ignored: what it has left is still read and judged."""
    dialogue.say(*dialogue.session.greeting())
    answers = dialogue.hear_until("REQUEST_AUTH")
    dialogue.process.stdout.close()
    dialogue.say(*answers)
    dialogue.leave()
    assert dialogue.status() == (0, "")
