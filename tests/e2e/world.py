"""A pssstd with its services, keys and clients, as most tests want it."""

import contextlib
import json
import os
import shutil
import socket
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import peer
from ports import UDP_PORT
from pssstd import PSSSTD, ROOT, Pssstd, assert_books, since

ACK_TEXT = b"understood"
UNPRIVILEGED_USER = "nobody"


def suite1_vectors():
    return json.loads((ROOT / "tests/vectors/suite1.json").read_text())


@dataclass
class Service:
    name: str
    udp_port: int
    private: bytes
    options: str = ""
    prefix: str = ""  # of the key file: says the suite

    @property
    def public(self):
        return peer.public_key(self.private)


def standard_services():
    """Each with a key of its own: one key, one reply function."""
    return [
        Service("echo", UDP_PORT, peer.generate_private()),
        Service("discard", UDP_PORT + 1, peer.generate_private()),
        Service("ack", UDP_PORT + 2, peer.generate_private(),
                f",reply={ACK_TEXT.decode()},reply-limit=1.5"),
    ]


class Files:
    """What pssstd reads: key files and the list of clients, in a folder of their own."""

    def __init__(self, folder):
        self.folder = Path(folder)

    def key(self, name, private, mode=0o600, prefix=""):
        path = self.folder / f"{name}.key"
        path.write_text(prefix + private.hex() + "\n")
        path.chmod(mode)
        return path

    def service(self, service):
        path = self.key(f"{service.name}-{service.udp_port}", service.private,
                        prefix=service.prefix)
        return ["--service",
                f"port={service.udp_port},handler={service.name},key={path}{service.options}"]

    def clients(self, publics):
        path = self.folder / "clients"
        path.write_text("".join(f"{public.hex()}\n" for public in publics))
        return ["--clients", str(path)]

    def hand_to(self, user):
        for path in (self.folder, *self.folder.iterdir()):
            shutil.chown(path, user)


@contextlib.contextmanager
def temporary_files():
    with tempfile.TemporaryDirectory(prefix="pssst-test-") as folder:
        yield Files(folder)


def command(place, files, services, *more, clients=(), lcores="0", idle="sleep",
            counters="json"):
    """The command line of a pssstd in its place."""
    words = [PSSSTD, *place.arguments, "--lcores", lcores, "--idle", idle, "--counters", counters]
    for service in services:
        words += files.service(service)
    if clients:
        words += files.clients(clients)
    return place.namespace.command(*words, *more)


@contextlib.contextmanager
def running(arguments, after_start=lambda: None, **popen):
    """A pssstd that is ready. If the body left it running it is stopped, and must then end well,
    with books that balance; if the body failed it is only ended."""
    server = Pssstd(arguments, **popen)
    try:
        server.wait_ready()
        after_start()
        yield server
        if server.process.poll() is None:
            server.stop()
    finally:
        if server.process.poll() is None:
            server.kill()


class World:
    """A place, a pssstd in it with the standard services, and an enrolled client."""

    def __init__(self, place, services, server, client_private):
        self.place = place
        self.services = {service.name: service for service in services}
        self.server = server
        self.client_private = client_private

    def client(self, service="echo", authenticated=False):
        return peer.Client(self.services[service].public,
                           self.client_private if authenticated else None)

    def socket(self, service="echo"):
        return self.place.socket(self.services[service].udp_port)

    def call(self, message, service="echo", authenticated=False):
        """The reply's message to one request, sent once: nothing may be lost here."""
        datagram, pending = self.client(service, authenticated).seal(message)
        with self.socket(service) as connected:
            connected.send(datagram)
            return pending.open(connected.recv(65536))

    def report(self):
        return self.server.settled_report()


@contextlib.contextmanager
def world_in(place, *more, services=None, environment=None, owner=None, **options):
    """`more` and `options` go to command(); `environment` is pssstd's, by default ours. Its files
    are `owner`'s, if that is not who we are."""
    services = services or standard_services()
    client_private = peer.generate_private()
    with temporary_files() as files:
        arguments = command(place, files, services, *more,
                            clients=[peer.public_key(client_private)], **options)
        if owner:
            files.hand_to(owner)
        with running(arguments, place.after_start, env=environment) as server:
            yield World(place, services, server, client_private)


def receive_all(connected, seconds):
    """What comes within some seconds."""
    received, deadline = [], time.monotonic() + seconds
    while (left := deadline - time.monotonic()) > 0:
        connected.settimeout(left)
        with contextlib.suppress(TimeoutError):
            received.append(connected.recv(65536))
    return received
