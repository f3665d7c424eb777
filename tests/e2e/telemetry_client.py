"""DPDK's telemetry, asked as dpdk-telemetry.py does."""

import json
import socket


class Telemetry:
    def __init__(self, path):
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self._socket.settimeout(10)
        self._socket.connect(str(path))
        self.info = json.loads(self._socket.recv(1024))

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._socket.close()

    def ask(self, command):
        """The answer, without the name of the command that is around it."""
        self._socket.send(command.encode())
        reply = json.loads(self._socket.recv(self.info["max_output_len"]))
        return reply[command.partition(",")[0]]
