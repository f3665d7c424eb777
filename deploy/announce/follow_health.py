"""Follows a server's health endpoint, slowly up and quickly down: what announces an anycast address
asks here when to announce and when to withdraw it."""

import argparse
import re
import signal
import socket
import sys
import time
from dataclasses import dataclass


def probe(host, port, path, timeout):
    """None if the server is ready (status 200), else what is wrong. Takes `timeout` seconds at
    most, however slowly the answer drips."""
    end = time.monotonic() + timeout
    answer = b""
    try:
        with socket.create_connection((host, port), timeout) as connection:
            connection.sendall(f"GET {path} HTTP/1.0\r\nHost: {host}\r\n\r\n".encode())
            while b"\n" not in answer and len(answer) < 1024:
                left = end - time.monotonic()
                if left <= 0:
                    return "no answer in time"
                connection.settimeout(left)
                some = connection.recv(1024)
                if not some:
                    break
                answer += some
    except TimeoutError:
        return "no answer in time"
    except OSError as error:
        return error.strerror or str(error)
    status = re.match(rb"HTTP/1\.[01] (\d{3})[ \r]", answer)
    if not status:
        return "no answer in HTTP"
    return None if status[1] == b"200" else f"status {status[1].decode()}"


@dataclass
class Damper:
    """Down at the `fall`-th bad answer in a row; up once all answers were good for `hold` seconds.
    Each time it goes down again within `calm` seconds of going up doubles that, to `hold_max`: a
    server that flaps takes its routers along ever less often."""

    hold: float
    hold_max: float
    calm: float
    fall: int
    up: bool | None = None  # None: nothing is known yet

    def __post_init__(self):
        self.wait = self.hold
        self._good_since = None
        self._bad = 0
        self._up_since = None

    def take(self, good, now):
        """True: announce; False: withdraw; None: as it is."""
        if good:
            self._bad = 0
            if self._good_since is None:
                self._good_since = now
            if self.up or now - self._good_since < self.wait:
                return None
            self.up, self._up_since = True, now
            return True
        self._good_since = None
        self._bad += 1
        if self._bad < self.fall or self.up is False:
            return None
        if self.up and self._up_since is not None:
            flapped = now - self._up_since < self.calm
            self.wait = min(self.wait * 2, self.hold_max) if flapped else self.hold
        self.up = False
        return False


def parser(description):
    """The options that every announcer has."""
    made = argparse.ArgumentParser(description=description)
    made.add_argument("--health", default="http://127.0.0.1:9477/health", metavar="URL",
                      help="of the server. Default: %(default)s")
    made.add_argument("--interval", type=seconds, default=1, metavar="S",
                      help="between questions, and the most an answer may take. Default: 1")
    made.add_argument("--fall", type=int, default=2, metavar="N",
                      help="bad answers in a row that withdraw. Default: 2")
    made.add_argument("--hold", type=seconds, default=10, metavar="S",
                      help="of good answers before it announces; doubled by flapping. Default: 10")
    made.add_argument("--hold-max", type=seconds, default=600, metavar="S",
                      help="to which it is doubled. Default: 600")
    made.add_argument("--calm", type=seconds, default=300, metavar="S",
                      help="up for so long is no flapping. Default: 300")
    return made


def seconds(text):
    value = float(text)
    if not 0 < value < 1e6:
        raise ValueError
    return value


def split_url(url):
    """(host, port, path)"""
    match = re.fullmatch(r"http://(\[[\da-fA-F:.]+\]|[\w.-]+):(\d{1,5})(/[\x21-\x7e]*)", url)
    if not match or int(match[2]) > 65535:
        sys.exit(f"--health {url}: not like http://127.0.0.1:9477/health")
    return match[1].strip("[]"), int(match[2]), match[3]


def say(text):
    print(text, file=sys.stderr, flush=True)


class Ended(Exception):
    """By a signal."""


def follow(arguments, announce, withdraw, pause=time.sleep):
    """Until a signal ends it; then it withdraws, for nobody watches any more. `pause` sleeps."""
    def end(*_):
        raise Ended
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, end)
    place = split_url(arguments.health)
    damper = Damper(arguments.hold, arguments.hold_max, arguments.calm, arguments.fall)
    try:
        while True:
            began = time.monotonic()
            wrong = probe(*place, arguments.interval)
            verdict = damper.take(wrong is None, time.monotonic())
            if verdict:
                say(f"{arguments.health} was good for {damper.wait:g} s: announcing")
                announce()
            elif verdict is False:
                say(f"{arguments.health}: {wrong}: withdrawing; back after {damper.wait:g} s of "
                    "good answers")
                withdraw()
            pause(max(0, began + arguments.interval - time.monotonic()))
    except Ended:
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, signal.SIG_IGN)
        say("ended: withdrawing")
        withdraw()
