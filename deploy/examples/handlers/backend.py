#!/usr/bin/python3
"""A backend of the handler `forward`: counts each client's messages and answers with the number.

    backend.py /run/meters/backend.sock
    handler = "forward", backends = ["/run/meters/backend.sock"]

src/server/handler/forward_frame.hpp says what it is sent and what it sends."""

import collections
import contextlib
import os
import socket
import struct
import sys

REQUEST = struct.Struct("!4sBBHQ32s")  # magic, flags, metadata size, suite, token, client key
REPLY = struct.Struct("!4sB3xQ")       # magic, kind, token
AUTHENTICATED = 1
WITH_REPLY, WITHOUT_REPLY = 0, 1

seen = collections.Counter()


def answer(client, metadata, message):
    """The reply to a message, or None for no reply. `client` is a key, or None: anonymous."""
    seen[client] += 1
    return str(seen[client]).encode()


def serve(path):
    if os.path.exists(path):
        os.unlink(path)
    server = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    server.bind(path)
    while True:
        datagram, sender = server.recvfrom(4096)
        magic, flags, metadata_size, _, token, key = REQUEST.unpack_from(datagram)
        assert magic == b"PSF1"
        message_at = REQUEST.size + metadata_size
        reply = answer(key if flags & AUTHENTICATED else None,
                       datagram[REQUEST.size:message_at], datagram[message_at:])
        kind = WITHOUT_REPLY if reply is None else WITH_REPLY
        with contextlib.suppress(OSError):  # the server has gone
            server.sendto(REPLY.pack(magic, kind, token) + (reply or b""), sender)


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(f"usage: {sys.argv[0]} SOCKET")
    serve(sys.argv[1])
