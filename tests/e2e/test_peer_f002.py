"""The Python implementation of suite 0xF002 is right itself: on vectors that others made."""

import json

import peer
import peer_f002
import pytest
from pssstd import ROOT

VECTORS = json.loads((ROOT / "tests/vectors/suite_f002.json").read_text())
HPKE = json.loads((ROOT / "tests/vectors/hpke_base_x25519_aes128gcm.json").read_text())
# The file's words for the server's drop counters.
REASONS = {
    "short": "too_short", "suite": "suite", "reply flag": "reply_flag",
    "reserved": "reserved_flags", "length": "too_short_for_suite", "kid": "key_id",
    "enc not canonical": "dh_not_canonical", "small order": "dh_small_order",
    "box tag": "tag", "tag": "tag", "unknown client": "client_unknown",
    "client tag": "client_tag", "mlen": "message_length", "padding": "padding",
}  # fmt: skip


def from_hex(row):
    return {key: bytes.fromhex(value) for key, value in row.items()
            if isinstance(value, str) and key not in ("name", "reason")}


@pytest.mark.parametrize("row", HPKE, ids=range(len(HPKE)))
def test_hpke_alone(row):
    values = from_hex(row)
    dh = peer.multiply(values["skRm"], values["enc"])
    hpke = peer_f002.Hpke(dh, values["enc"], values["pkRm"], values["info"])
    assert hpke.seal(values["pt"], values["aad"]) == values["ct"]
    assert row["exports"]
    for export in row["exports"]:
        value = hpke.export(bytes.fromhex(export["context"]), export["L"])
        assert value == bytes.fromhex(export["value"])


@pytest.mark.parametrize("row", VECTORS["positive"], ids=range(len(VECTORS["positive"])))
def test_positive(row):
    values = from_hex(row)
    client = peer_f002.Client(values["server_public"], values["client_private"] or None,
                              values["label"])
    server = peer_f002.Server(values["server_private"], values["label"],
                              {values["client_public"]} - {b""})
    plain, _ = client.seal(values["message"], ephemeral=values["ephemeral_private"])
    padding = len(values["request"]) - len(plain)
    request, pending = client.seal(values["message"], padding, values["ephemeral_private"])
    assert request == values["request"]
    opened = server.open(request)
    assert opened.message == values["message"]
    assert (opened.client_key or b"") == values["client_public"]
    padding = len(values["reply"]) - len(values["reply_message"]) - peer_f002.REPLY_SIZE_MIN
    assert opened.reply(values["reply_message"], padding, values["snonce"]) == values["reply"]
    assert pending.open(values["reply"]) == values["reply_message"]


@pytest.mark.parametrize("row", VECTORS["negative_requests"],
                         ids=lambda row: row["name"].replace(" ", "_"))
def test_negative_request(row):
    context = VECTORS["negative_context"]
    server = peer_f002.Server(bytes.fromhex(context["server_private"]),
                              bytes.fromhex(row["label"]),
                              {bytes.fromhex(key) for key in context["enrolled"]})
    with pytest.raises(peer.Refused) as refused:
        server.open(bytes.fromhex(row["request"]))
    assert refused.value.reason == REASONS[row["reason"]]


@pytest.mark.parametrize("row", VECTORS["negative_replies"], ids=lambda row: row["name"])
def test_negative_reply_leaves_the_request_pending(row):
    context = from_hex(VECTORS["reply_context"])
    pending = peer_f002.Pending(peer.FLAG_CLIENT_AUTH, context["reply_secret"], context["rid"],
                                context["request"][-16:])
    with pytest.raises(peer.BadReply):
        pending.open(bytes.fromhex(row["reply"]))
    assert pending.open(context["good_reply"]) == context["message"]
    with pytest.raises(peer.BadReply):
        pending.open(context["good_reply"])
