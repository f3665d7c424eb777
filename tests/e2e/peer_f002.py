"""PSSST suite 0xF002, client and server side, in Python: the second opinion on that suite.

Written from src/protocol/README.md, section 4, on python3-cryptography; shares nothing with the C++
beside it. Not constant time and not fast: for tests only. All keys, messages and datagrams are
bytes.
"""

import hashlib
import hmac
import os
import struct

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from peer import (FLAG_CLIENT_AUTH, FLAG_REPLY, KEY_SIZE, TAG_SIZE, BadReply, Refused, clamp,
                  is_canonical, is_small_order, multiply, public_key, public_key_fault)

SUITE = 0xF002
KID_SIZE = 4
ENC_OFFSET = 4 + KID_SIZE
SEALED_OFFSET = ENC_OFFSET + KEY_SIZE
BOX_SIZE = KEY_SIZE + TAG_SIZE
RID_SIZE = SNONCE_SIZE = 16
REPLY_HEADER_SIZE = 4 + RID_SIZE + SNONCE_SIZE
LENGTH_SIZE = 2
REQUEST_SIZE_MIN = SEALED_OFFSET + LENGTH_SIZE + TAG_SIZE
AUTH_REQUEST_SIZE_MIN = REQUEST_SIZE_MIN + BOX_SIZE
REPLY_SIZE_MIN = REPLY_HEADER_SIZE + LENGTH_SIZE + TAG_SIZE

KEM_ID = b"KEM" + struct.pack(">H", 0x0020)
HPKE_ID = b"HPKE" + struct.pack(">HHH", 0x0020, 0x0001, 0x0001)


def extract(salt, ikm):
    return hmac.digest(salt or bytes(32), ikm, "sha256")


def expand(prk, info, size):
    okm, block, counter = b"", b"", 1
    while len(okm) < size:
        block = hmac.digest(prk, block + info + bytes([counter]), "sha256")
        okm, counter = okm + block, counter + 1
    return okm[:size]


def labeled_extract(suite_id, salt, label, ikm):
    return extract(salt, b"HPKE-v1" + suite_id + label + ikm)


def labeled_expand(suite_id, prk, label, info, size):
    return expand(prk, struct.pack(">H", size) + b"HPKE-v1" + suite_id + label + info, size)


class Hpke:
    """HPKE base mode after its key schedule, for one sealing or opening."""

    def __init__(self, dh, enc, server_public, info):
        eae_prk = labeled_extract(KEM_ID, b"", b"eae_prk", dh)
        shared = labeled_expand(KEM_ID, eae_prk, b"shared_secret", enc + server_public, 32)
        context = (b"\0" + labeled_extract(HPKE_ID, b"", b"psk_id_hash", b"")
                   + labeled_extract(HPKE_ID, b"", b"info_hash", info))
        secret = labeled_extract(HPKE_ID, shared, b"secret", b"")
        self.key = labeled_expand(HPKE_ID, secret, b"key", context, 16)
        self.nonce = labeled_expand(HPKE_ID, secret, b"base_nonce", context, 12)
        self._exporter = labeled_expand(HPKE_ID, secret, b"exp", context, 32)

    def export(self, context, size):
        return labeled_expand(HPKE_ID, self._exporter, b"sec", context, size)

    def seal(self, plaintext, aad=b""):
        return AESGCM(self.key).encrypt(self.nonce, plaintext, aad)

    def open(self, sealed, aad=b""):
        return AESGCM(self.key).decrypt(self.nonce, sealed, aad)


def key_id(server_public, label):
    return hashlib.sha256(b"PSSST key id\0" + struct.pack(">H", SUITE) + server_public
                          + label).digest()[:KID_SIZE]


def request_info(flags, server_public, label):
    return (b"PSSST request\0" + struct.pack(">HH", flags, SUITE) + key_id(server_public, label)
            + label)


def make_body(message, padding=0):
    return struct.pack(">H", len(message)) + message + bytes(padding)


def read_body(body):
    """The message; ValueError with "message_length" or "padding"."""
    (size,) = struct.unpack(">H", body[:LENGTH_SIZE])
    message, padding = body[LENGTH_SIZE:LENGTH_SIZE + size], body[LENGTH_SIZE + size:]
    if len(message) != size:
        raise ValueError("message_length")
    if any(padding):
        raise ValueError("padding")
    return message


class ClientSecrets:
    """What an authenticated request derives from HPKE's context and the static secret."""

    def __init__(self, hpke, static_secret, client_public):
        self.prk = extract(hpke.export(b"PSSST client", 32), static_secret + client_public)
        okm = expand(self.prk, b"PSSST client request", 76)
        self.key, self.nonce = okm[:16], okm[16:28]
        self.reply_secret, self.rid = okm[28:60], okm[60:]


def reply_secrets(hpke):
    """(rs, rid) of an anonymous request."""
    okm = hpke.export(b"PSSST reply", KEY_SIZE + RID_SIZE)
    return okm[:KEY_SIZE], okm[KEY_SIZE:]


class ReplyKeys:
    """What one reply is sealed with."""

    def __init__(self, reply_secret, snonce, request_tag):
        okm = expand(reply_secret, b"PSSST reply" + snonce + request_tag, 28)
        self.key, self.nonce = okm[:16], okm[16:]


class Pending:
    """A request that waits for its reply."""

    def __init__(self, flags, reply_secret, rid, request_tag):
        self._header = struct.pack(">HH", flags | FLAG_REPLY, SUITE)
        self._secret, self.rid, self._tag = reply_secret, rid, request_tag
        self.settled = False
        self.keys = None  # ReplyKeys of the reply that was opened last

    def open(self, datagram):
        """The reply's message. Raises BadReply, after which the good reply is still accepted."""
        if self.settled:
            raise BadReply("already answered")
        if len(datagram) < REPLY_SIZE_MIN:
            raise BadReply("too short")
        if datagram[:4] != self._header:
            raise BadReply("header")
        if datagram[4:4 + RID_SIZE] != self.rid:
            raise BadReply("rid")
        snonce = datagram[4 + RID_SIZE:REPLY_HEADER_SIZE]
        self.keys = ReplyKeys(self._secret, snonce, self._tag)
        try:
            body = AESGCM(self.keys.key).decrypt(self.keys.nonce, datagram[REPLY_HEADER_SIZE:],
                                                 datagram[:REPLY_HEADER_SIZE])
            message = read_body(body)
        except InvalidTag:
            raise BadReply("tag") from None
        except ValueError as error:
            raise BadReply(str(error)) from None
        self.settled = True
        return message


class Client:
    """Seals requests to one server, anonymously or with a private key of its own."""

    def __init__(self, server_public, client_private=None, label=b""):
        fault = public_key_fault(server_public)
        if fault:
            raise ValueError(f"server key: {fault}")
        self._server_public, self._label = bytes(server_public), label
        self._public = self._static_secret = None
        if client_private is not None:
            self._public = public_key(client_private)
            self._static_secret = multiply(client_private, server_public)
            if self._static_secret is None:
                raise ValueError("the two keys give a zero shared secret")

    def claim(self, client_public):
        """Says to be somebody else from now on, without their key."""
        self._public = client_public

    def seal(self, message, padding=0, ephemeral=None):
        """(datagram, Pending) under a fresh ephemeral key; `ephemeral` only for vectors."""
        e = clamp(ephemeral if ephemeral is not None else os.urandom(KEY_SIZE))
        flags = 0 if self._public is None else FLAG_CLIENT_AUTH
        enc = public_key(e)
        info = request_info(flags, self._server_public, self._label)
        hpke = Hpke(multiply(e, self._server_public), enc, self._server_public, info)
        header = struct.pack(">HH", flags, SUITE) + key_id(self._server_public, self._label) + enc
        body = make_body(message, padding)
        if self._public is None:
            datagram, (secret, rid) = header + hpke.seal(body), reply_secrets(hpke)
        else:
            box = hpke.seal(self._public)
            mine = ClientSecrets(hpke, self._static_secret, self._public)
            datagram = header + box + AESGCM(mine.key).encrypt(mine.nonce, body, box)
            secret, rid = mine.reply_secret, mine.rid
        return datagram, Pending(flags, secret, rid, datagram[-TAG_SIZE:])


class Request:
    """A request that a server has accepted; `client_key` is None for an anonymous one."""

    def __init__(self, flags, message, client_key, reply_secret, rid, request_tag):
        self._header = struct.pack(">HH", flags | FLAG_REPLY, SUITE) + rid
        self._secret, self._tag = reply_secret, request_tag
        self.message, self.client_key = message, client_key

    def reply(self, message, padding=0, snonce=None):
        """The sealed reply; `snonce` only for vectors."""
        snonce = snonce if snonce is not None else os.urandom(SNONCE_SIZE)
        keys = ReplyKeys(self._secret, snonce, self._tag)
        header = self._header + snonce
        return header + AESGCM(keys.key).encrypt(keys.nonce, make_body(message, padding), header)


class Server:
    """Opens requests to one private key under one label. `enrolled` holds client public keys;
    `policy` is "optional", "anonymous" or "required"."""

    def __init__(self, private, label=b"", enrolled=(), policy="optional"):
        self._private, self._label = private, label
        self._enrolled, self._policy = enrolled, policy
        self.public_key = public_key(private)

    def _admit(self, datagram):
        if len(datagram) < 4:
            raise Refused("too_short")
        flags, suite = struct.unpack(">HH", datagram[:4])
        if suite != SUITE:
            raise Refused("suite")
        if flags & FLAG_REPLY:
            raise Refused("reply_flag")
        if flags & ~FLAG_CLIENT_AUTH:
            raise Refused("reserved_flags")
        if len(datagram) < (AUTH_REQUEST_SIZE_MIN if flags else REQUEST_SIZE_MIN):
            raise Refused("too_short_for_suite")
        if flags and self._policy == "anonymous":
            raise Refused("policy_authenticated")
        if not flags and self._policy == "required":
            raise Refused("policy_anonymous")
        if datagram[4:ENC_OFFSET] != key_id(self.public_key, self._label):
            raise Refused("key_id")
        enc = datagram[ENC_OFFSET:SEALED_OFFSET]
        if not is_canonical(enc):
            raise Refused("dh_not_canonical")
        if is_small_order(enc):
            raise Refused("dh_small_order")
        return flags, enc

    def open(self, datagram):
        """The accepted Request. Raises Refused."""
        flags, enc = self._admit(datagram)
        dh = multiply(self._private, enc)
        if dh is None:
            raise Refused("shared_secret_zero")
        hpke = Hpke(dh, enc, self.public_key, request_info(flags, self.public_key, self._label))
        sealed, client_key = datagram[SEALED_OFFSET:], None
        try:
            if not flags:
                body, (secret, rid) = hpke.open(sealed), reply_secrets(hpke)
            else:
                box = sealed[:BOX_SIZE]
                client_key = hpke.open(box)
        except InvalidTag:
            raise Refused("tag") from None
        if flags:
            if client_key not in self._enrolled:
                raise Refused("client_unknown")
            mine = ClientSecrets(hpke, multiply(self._private, client_key), client_key)
            try:
                body = AESGCM(mine.key).decrypt(mine.nonce, sealed[BOX_SIZE:], box)
            except InvalidTag:
                raise Refused("client_tag") from None
            secret, rid = mine.reply_secret, mine.rid
        try:
            message = read_body(body)
        except ValueError as error:
            raise Refused(str(error)) from None
        return Request(flags, message, client_key, secret, rid, datagram[-TAG_SIZE:])
