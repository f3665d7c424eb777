#!/usr/bin/python3
"""The Python counterpart of `pssst compat`: one side of the compatibility programs' line protocol,
client and server at once, over standard input and output."""

import os
import select
import signal
import sys
import time

import peer

DRAIN_TIME = 2.0  # seconds that the other side may take to finish after it has answered us


class Mismatch(Exception):
    """Something that did not check out."""


def format_line(tag, value):
    return f"{tag}:{value.hex()}\n".encode()


def parse_line(line):
    """(tag, value) of b"TAG:hex" without its end."""
    tag, colon, text = line.decode("ascii", "replace").partition(":")
    if not colon or text != text.lower() or len(text.split()) > 1:
        raise Mismatch(f"not TAG:lowercasehex: {line!r}")
    try:
        return tag, bytes.fromhex(text)
    except ValueError:
        raise Mismatch(f"not hexadecimal: {line!r}") from None


class Session:
    """The protocol without the I/O: lines are (tag, value)."""

    def __init__(self):
        self.client_private = peer.generate_private()
        self.plaintext = os.urandom(64)
        self.peer_clients = set()
        self.server = peer.Server(peer.generate_private(), enrolled=self.peer_clients)
        self.peer_plaintext = None
        self.waiting = {}
        self.served = set()
        self.answered = set()
        self.done_sent = False
        self.peer_done = False

    def greeting(self):
        return [("SERVER_KEY", self.server.public_key),
                ("CLIENT_KEY", peer.public_key(self.client_private)),
                ("PLAINTEXT", self.plaintext)]

    def handle(self, tag, value):
        """The lines to send for one that has come. Raises Mismatch."""
        if tag == "SERVER_KEY":
            return self._ask(value)
        if tag == "CLIENT_KEY":
            self.peer_clients.add(value)
        elif tag == "PLAINTEXT":
            self.peer_plaintext = value
        elif tag in ("REQUEST", "REQUEST_AUTH"):
            return self._serve(tag, value)
        elif tag in ("REPLY", "REPLY_AUTH"):
            return self._check_reply(tag, value)
        elif tag == "DONE" and not value:
            self.peer_done = True
        else:
            raise Mismatch(f"unknown line {tag}")
        return []

    def _ask(self, server_key):
        lines = []
        for tag, reply_tag, private in (("REQUEST", "REPLY", None),
                                        ("REQUEST_AUTH", "REPLY_AUTH", self.client_private)):
            client = peer.Client(server_key, private)
            datagram, self.waiting[reply_tag] = client.seal(self.plaintext)
            lines.append((tag, datagram))
        return lines

    def _serve(self, tag, datagram):
        try:
            request = self.server.open(datagram)
        except peer.Refused as refused:
            raise Mismatch(f"{tag}: {refused}") from None
        if request.message != self.peer_plaintext:
            raise Mismatch(f"{tag}: not the plaintext")
        if (request.client_key is not None) != (tag == "REQUEST_AUTH"):
            raise Mismatch(f"{tag}: client key {request.client_key}")
        self.served.add(tag)
        reply_tag = tag.replace("REQUEST", "REPLY")
        return [(reply_tag, request.reply(request.message[::-1]))] + self._done()

    def _check_reply(self, tag, datagram):
        try:
            message = self.waiting[tag].open(datagram)
        except (KeyError, peer.BadReply) as fault:
            raise Mismatch(f"{tag}: {fault!r}") from None
        if message != self.plaintext[::-1]:
            raise Mismatch(f"{tag}: not the plaintext reversed")
        self.answered.add(tag)
        return self._done()

    def _done(self):
        if self.done_sent or len(self.served) < 2 or len(self.answered) < 2:
            return []
        self.done_sent = True
        return [("DONE", b"")]


def read_lines(session):
    """Lines from standard input, until the session is over or nothing more is to come."""
    buffer = b""
    deadline = None
    while not (len(session.answered) == 2 and session.peer_done):
        if len(session.answered) == 2 and deadline is None:
            deadline = time.monotonic() + DRAIN_TIME
        if b"\n" not in buffer:
            left = None if deadline is None else max(0.0, deadline - time.monotonic())
            if not select.select([0], [], [], left)[0]:
                return
            chunk = os.read(0, 4096)
            if not chunk:
                if not session.answered:
                    raise Mismatch("the other side left before it had replied")
                return
            buffer += chunk
            continue
        line, buffer = buffer.split(b"\n", 1)
        yield parse_line(line)


def send(lines):
    for tag, value in lines:
        try:
            os.write(1, format_line(tag, value))
        except BrokenPipeError:  # it has left; what it has written can still be read
            pass


def main():
    signal.signal(signal.SIGPIPE, signal.SIG_IGN)
    session = Session()
    send(session.greeting())
    try:
        for tag, value in read_lines(session):
            send(session.handle(tag, value))
    except Mismatch as mismatch:
        sys.exit(f"compat_peer: {mismatch}")


if __name__ == "__main__":
    main()
