"""`pssst` as a command, and a server in Python that misbehaves as told for `pssst call`."""

import socket
import subprocess
import threading
import time

import peer
from pssstd import PSSST

TIME_LIMIT = 20  # seconds; no command takes that long


def pssst(*arguments, stdin=b""):
    """(status, stdout as bytes, stderr as text) of the finished command."""
    process = subprocess.run([PSSST, *map(str, arguments)], input=stdin, capture_output=True,
                             timeout=TIME_LIMIT)
    return process.returncode, process.stdout, process.stderr.decode()


def echo(request):
    return [request.reply(request.message)]


class Server:
    """A PSSST server on the loopback interface that behaves as told: `behave` is given each opened
    request and returns the datagrams to send; floats among them are seconds to sleep."""

    def __init__(self, behave=echo, address="127.0.0.1", enrolled=()):
        self._peer = peer.Server(peer.generate_private(), enrolled=enrolled)
        self._behave = behave
        family = socket.AF_INET6 if ":" in address else socket.AF_INET
        self._socket = socket.socket(family, socket.SOCK_DGRAM)
        self._socket.bind((address, 0))
        self._socket.settimeout(0.02)
        self._stopping = False
        self._thread = threading.Thread(target=self._run)
        self.address, self.port = self._socket.getsockname()[:2]
        self.key = self._peer.public_key.hex()
        self.datagrams = []
        self.requests = []
        self.refused = []

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._stopping = True
        self._thread.join()
        self._socket.close()

    def _run(self):
        while not self._stopping:
            try:
                datagram, source = self._socket.recvfrom(65536)
            except TimeoutError:
                continue
            request = self._open(datagram)
            self.datagrams.append(datagram)
            if request is None:
                continue
            for step in self._behave(request):
                if isinstance(step, float):
                    time.sleep(step)
                else:
                    self._socket.sendto(step, source)

    def _open(self, datagram):
        try:
            self.requests.append(self._peer.open(datagram))
            return self.requests[-1]
        except peer.Refused as refused:
            self.refused.append(refused.reason)
            return None

    def call(self, *arguments, host=None, key=None, stdin=b""):
        """`pssst call` of this server, unless host or key say otherwise."""
        return pssst("call", host or self.address, self.port,
                     "--server", self.key if key is None else key, *arguments, stdin=stdin)

    def wait_for(self, count):
        """The datagrams, once that many have come and been opened; fewer after five seconds."""
        deadline = time.monotonic() + 5
        while len(self.datagrams) < count and time.monotonic() < deadline:
            time.sleep(0.01)
        return self.datagrams


def silent(request):
    return []


def answering_from(number, behave=echo):
    """Silent to all requests before that one, counted from 1."""
    seen = []

    def behaviour(request):
        seen.append(request)
        return behave(request) if len(seen) >= number else []

    return behaviour


def dh_values(server):
    return {request.dh for request in server.requests}
