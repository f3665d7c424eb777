"""One HTTP request inside a namespace."""

import http.client
import socket
from dataclasses import dataclass


@dataclass
class Answer:
    status: int
    headers: dict
    text: str


def get(namespace, address, path, method="GET"):
    """`address`: "127.0.0.1:9477"."""
    host, _, port = address.rpartition(":")
    connection = http.client.HTTPConnection(host, int(port), timeout=10)
    connection.sock = namespace.socket(socket.AF_INET, socket.SOCK_STREAM)
    connection.sock.settimeout(10)
    connection.sock.connect((host, int(port)))
    try:
        connection.request(method, path)
        answer = connection.getresponse()
        return Answer(answer.status, dict(answer.headers), answer.read().decode())
    finally:
        connection.close()
