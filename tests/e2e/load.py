"""More requests than a server can answer, from a thread."""

import contextlib
import threading


class Load:
    """Sends the same good requests over and over, as fast as it can; requests may be replayed."""

    def __init__(self, world, service="echo", distinct=200, size=64):
        client = world.client(service)
        self._datagrams = [client.seal(bytes(size))[0] for _ in range(distinct)]
        self._socket = world.socket(service)
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self.sent = 0

    def _run(self):
        self._socket.setblocking(False)
        while not self._stop.is_set():
            for datagram in self._datagrams:
                # A full socket buffer, or nobody and no route there any more: on it goes.
                with contextlib.suppress(OSError):
                    self._socket.send(datagram)
                    self.sent += 1
            with contextlib.suppress(OSError):
                while True:
                    self._socket.recv(65536)

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._stop.set()
        self._thread.join()
        self._socket.close()
