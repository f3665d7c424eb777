"""A pssstd whose handlers are not built in, and calls of its services."""

import contextlib
import select
import time

import peer
import peer_f002
from ports import UDP_PORT
from pssstd import BUILD, PSSSTD, ROOT
from world import running

LIBRARIES = BUILD / "tests/server/libraries"
EXAMPLES = BUILD / "deploy/examples/handlers"
EXAMPLE_SOURCES = ROOT / "deploy/examples/handlers"
REPLY_LIMIT = "reply-limit=3"


class Called:
    """One service of suite 0xF002, as its callers know it."""

    def __init__(self, files, place, number=0):
        self.place, self.udp_port = place, UDP_PORT + number
        self.private = peer.generate_private()
        self.key = files.key(f"service-{number}", self.private, prefix="f002:")
        self.client = peer_f002.Client(peer.public_key(self.private), None)

    def option(self, fields):
        """The --service that serves it."""
        return ["--service", f"port={self.udp_port},key={self.key},{REPLY_LIMIT},{fields}"]

    def socket(self):
        return self.place.socket(self.udp_port)

    def ask(self, *messages, patience=5):
        """Sends all at once; the replies in the order of their requests, None where none came."""
        pending, replies = {}, [None] * len(messages)
        with self.socket() as connected:
            for number, message in enumerate(messages):
                datagram, waiting = self.client.seal(message)
                pending[waiting.rid] = (number, waiting)
                connected.send(datagram)
            until = time.monotonic() + patience
            while pending and (left := until - time.monotonic()) > 0:
                if not select.select([connected], [], [], left)[0]:
                    break
                reply = connected.recv(65536)
                number, waiting = pending.pop(reply[4:4 + peer_f002.RID_SIZE])
                replies[number] = waiting.open(reply)
        return replies

    def call(self, message, patience=5):
        return self.ask(message, patience=patience)[0]


@contextlib.contextmanager
def serving(place, *options, lcores="0", **popen):
    """A pssstd with these options, which must end well."""
    words = [PSSSTD, *place.arguments, "--lcores", lcores, "--idle", "sleep", "--counters", "json"]
    for option in options:
        words += option
    with running(place.namespace.command(*words), place.after_start, **popen) as server:
        yield server
