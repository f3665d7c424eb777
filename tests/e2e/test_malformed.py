"""Every row of the suite 1 vectors over the wire: what must be refused meets silence and one
counter, and the next good request is answered."""

import json

import peer
import pytest
from conftest import require_root
from ports import KINDS, NEEDS_ROOT, UDP_PORT
from pssstd import ROOT, assert_books, since
from world import Service, command, receive_all, running, suite1_vectors, temporary_files

VECTORS = suite1_vectors()
DROP_REASONS = json.loads((ROOT / "tests/vectors/suite1_drop_reasons.json").read_text())["requests"]
KINDS_TESTED = ("socket-ipv4", "net_tap")
# Of each server key the rows that need it; each key gets one server on each kind of port.
ROWS = [(kind, key, row)
        for kind in KINDS_TESTED
        for key in sorted({row["server_private"] for row in
                           VECTORS["positive"] + VECTORS["negative_requests"]})
        for row in VECTORS["positive"] + VECTORS["negative_requests"]
        if row["server_private"] == key]
ENROLLED = sorted({row["client_public"] for row in VECTORS["positive"] if row["client_public"]})


@pytest.fixture(scope="module")
def vector_server(request):
    """An echo service with one of the vectors' keys, and the vectors' clients enrolled."""
    kind, key = request.param
    if kind in NEEDS_ROOT:
        require_root("makes network namespaces and devices")
    service = Service("echo", UDP_PORT, bytes.fromhex(key))
    clients = [public for public in map(bytes.fromhex, ENROLLED) if public != service.public]
    with KINDS[kind]() as place, temporary_files() as files:
        arguments = command(place, files, [service], clients=clients)
        with running(arguments, place.after_start) as server:
            yield place, server, peer.Client(service.public)


def send_then_call(place, client, datagram):
    """Sends `datagram`, then a good request by the same socket. What was answered to the first; the
    second must be answered. One worker answers in order, so what comes comes before."""
    with place.socket() as connected:
        connected.send(datagram)
        good, pending = client.seal(b"good")
        connected.send(good)
        received = [connected.recv(65536)]
        while received[-1][4:36] != good[4:36]:
            received.append(connected.recv(65536))
        received += receive_all(connected, 0.02)
    replies = [reply for reply in received if reply[4:36] != good[4:36]]
    (answer,) = [reply for reply in received if reply[4:36] == good[4:36]]
    assert pending.open(answer) == b"good"
    return replies


@pytest.mark.parametrize(
    "vector_server, row", [((kind, key), row) for kind, key, row in ROWS],
    indirect=["vector_server"], scope="module",
    ids=[f"{kind}-{row['id']}" for kind, key, row in ROWS])
def test_row(vector_server, row):
    place, server, client = vector_server
    before = server.settled_report()
    assert_books(before)
    replies = send_then_call(place, client, bytes.fromhex(row["request"]))
    after = server.settled_report()
    assert_books(after)
    counts, drops = since(before["total"], after["total"])
    reason = DROP_REASONS[row["id"]]["drop"] if "expected" in row else "none"
    assert counts["datagrams"] == 2
    if reason == "none":
        assert len(replies) == 1 and not drops and counts["replied"] == 2
        assert len(replies[0]) == len(bytes.fromhex(row["request"])) - (
            peer.PROOF_SIZE if row["request"].startswith("4") else 0)
        if row.get("plaintext") == row.get("reply_plaintext", ""):
            assert replies[0].hex() == row["reply"]  # what echo says here, others said before
    else:
        assert replies == []
        assert drops == {reason: 1} and counts["replied"] == 1


def test_every_row_has_its_reason():
    assert {row["id"] for row in VECTORS["negative_requests"]} == set(DROP_REASONS)

