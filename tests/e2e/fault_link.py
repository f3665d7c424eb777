"""A link between two interfaces that loses, doubles, reorders, spoils and cuts frames, by seed."""

import contextlib
import heapq
import random
import socket
import threading
from collections import Counter

from wire import ALL

FAULTS = ("lost", "doubled", "delayed", "spoilt", "cut")
SHARE = 0.02           # of each fault
FRAMES_DELAYED = 40    # at most so many frames overtake one that is delayed
ETHERNET_HEADER = 14   # less than that no interface sends


class FaultLink:
    """Carries frames between two interfaces of a namespace, both ways, from a thread each. What
    happens to the nth frame of a direction depends on the seed alone."""

    def __init__(self, namespace, interfaces, seed):
        self.faults = Counter()
        self.carried = 0
        self._stop = threading.Event()
        self._cleanup = contextlib.ExitStack()
        ends = [self._open(namespace, interface) for interface in interfaces]
        self._threads = [
            threading.Thread(target=self._carry, daemon=True,
                             args=(here, there, random.Random(f"{seed} {i}")))
            for i, (here, there) in enumerate([ends, ends[::-1]])]

    def _open(self, namespace, interface):
        end = namespace.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(ALL))
        self._cleanup.callback(end.close)
        end.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 22)
        end.bind((interface, ALL))
        end.settimeout(0.1)
        return end

    def __enter__(self):
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_):
        self._stop.set()
        for thread in self._threads:
            thread.join()
        self._cleanup.close()

    def _carry(self, here, there, dice):
        delayed, number = [], 0  # (the frame that it goes out with, its own number, the frame)
        while not self._stop.is_set():
            try:
                frame, (_, _, kind, *_) = here.recvfrom(65536)
            except TimeoutError:
                continue
            if kind == socket.PACKET_OUTGOING:
                continue
            number += 1
            for copy in self._strike(frame, dice):
                if copy is frame and dice.random() < SHARE:
                    self.faults["delayed"] += 1
                    heapq.heappush(
                        delayed, (number + dice.randint(1, FRAMES_DELAYED), number, frame))
                else:
                    self._send(there, copy)
            while delayed and delayed[0][0] <= number:
                self._send(there, heapq.heappop(delayed)[2])

    def _send(self, there, frame):
        self.carried += 1
        with contextlib.suppress(OSError):  # a queue that is full loses it: that is a link, too
            there.send(frame)

    def _strike(self, frame, dice):
        """The frame, or what has become of it."""
        fault = dice.choices((*FAULTS, None), [SHARE, SHARE, 0, SHARE, SHARE, 1 - 4 * SHARE])[0]
        if fault is not None:
            self.faults[fault] += 1
        if fault == "lost":
            return []
        if fault == "doubled":
            return [frame, bytes(frame)]
        if fault == "spoilt":
            spoilt = bytearray(frame)
            spoilt[dice.randrange(len(spoilt))] ^= 1 << dice.randrange(8)
            return [bytes(spoilt)]
        if fault == "cut":
            return [frame[:dice.randint(ETHERNET_HEADER, len(frame) - 1)]]
        return [frame]
