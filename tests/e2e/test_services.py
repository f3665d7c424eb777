"""Several services at one UDP port, told apart by the address that was called; and a service with
two keys that requests do not tell apart."""

import contextlib
import socket

import peer
import pytest
from conftest import on_ports, require_root
from namespaces import Namespace
from ports import KINDS, UDP_PORT, Place
from world import Service, World, command, running, temporary_files

FIRST, SECOND, OTHER = "10.78.0.1", "10.78.0.2", "10.78.0.3"


def call(namespace, address, server_public, message, timeout=5):
    """The reply's message, or None if none comes."""
    datagram, pending = peer.Client(server_public, None).seal(message)
    with namespace.socket(socket.AF_INET, socket.SOCK_DGRAM) as connected:
        connected.connect((address, UDP_PORT))
        connected.settimeout(timeout)
        connected.send(datagram)
        with contextlib.suppress(TimeoutError):
            return pending.open(connected.recv(65536))
    return None


def test_addresses_tell_services_apart():
    require_root("makes a network namespace")
    with Namespace() as namespace, temporary_files() as files:
        for address in (FIRST, SECOND, OTHER):
            namespace.ip("address", "add", f"{address}/32", "dev", "lo")
        place = Place("socket", FIRST, ["--port", "socket", "--listen", "0.0.0.0"], namespace,
                      namespace)
        services = [
            Service("echo", UDP_PORT, peer.generate_private(), f",name=one,address={FIRST}"),
            Service("ack", UDP_PORT, peer.generate_private(),
                    f",reply=two,name=two,address={SECOND}"),
            Service("discard", UDP_PORT, peer.generate_private(), ",name=rest"),
        ]
        keys = {}
        words = []
        for service in services:
            path = files.key(service.name, service.private)
            keys[service.name] = service.public
            words += ["--service",
                      f"port={UDP_PORT},handler={service.name},key={path}{service.options}"]
        with running(command(place, files, [], *words)) as server:
            assert call(namespace, FIRST, keys["echo"], b"hello") == b"hello"
            assert call(namespace, SECOND, keys["ack"], b"hello") == b"two"
            assert call(namespace, OTHER, keys["discard"], b"hello", timeout=0.2) is None
            # Each has its own key, and no other's.
            assert call(namespace, SECOND, keys["echo"], b"hello", timeout=0.2) is None
            report = server.settled_report()
            counts = {service["name"]: service for service in report["services"]}
            assert [counts[name]["requests"] for name in ("one", "two", "rest")] == [1, 1, 1]
            assert counts["two"]["drops"] == {"tag": 1}
            assert counts["one"]["addresses"] == [FIRST]


def two_keys(files, *more):
    """[private keys], and the --service of an echo that tries both."""
    privates = [peer.generate_private() for _ in range(2)]
    paths = [files.key(f"key-{i}", private) for i, private in enumerate(privates)]
    text = f"port={UDP_PORT},handler=echo,key={paths[0]},key={paths[1]}"
    return privates, ["--service", ",".join([text, *more])]


@pytest.mark.parametrize("kind", ["socket-ipv4", "net_af_packet"])
def test_a_second_key_is_tried(kind):
    require_root("makes network namespaces")
    with KINDS[kind]() as place, temporary_files() as files:
        privates, words = two_keys(files, "second-key=try")
        with running(command(place, files, [], *words), place.after_start) as server:
            for private in privates:
                public = peer.public_key(private)
                assert call(place.clients, place.host, public, b"hello") == b"hello"
            stranger = peer.public_key(peer.generate_private())
            assert call(place.clients, place.host, stranger, b"hello", timeout=0.2) is None
            report = server.settled_report()
            service = report["services"][0]
            assert [key["requests"] for key in service["keys"]] == [1, 1]
            assert service["drops"] == {"tag": 1}


def test_two_keys_are_refused_unless_both_are_to_be_tried():
    require_root("makes a network namespace")
    with Namespace() as namespace, temporary_files() as files:
        place = Place("socket", "127.0.0.1", ["--port", "socket", "--listen", "127.0.0.1"],
                      namespace, namespace)
        _, words = two_keys(files)
        with pytest.raises(AssertionError, match="second_key|two keys of suite 1"):
            with running(command(place, files, [], *words)):
                pass


@on_ports("socket-ipv4")
class TestSelfRequests:
    def test_come_back_right(self, world: World):
        report = world.report()
        assert all(worker["self_requests_right"] > 0 for worker in report["workers"])
        assert all(worker["self_requests_wrong"] == 0 for worker in report["workers"])
        assert all(0 <= worker["self_request_age_seconds"] < 5 for worker in report["workers"])
