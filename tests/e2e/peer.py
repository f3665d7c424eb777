"""PSSST suite 1, client and server side, in Python: the end-to-end tests' second opinion.

Written from the protocol's description on python3-cryptography; shares nothing with the C++ beside
it. Not constant time and not fast: for tests only. All keys, messages and datagrams are bytes.

    packet = flags u16 BE | suite u16 BE = 1 | dh 32 | ciphertext n | tag 16
    okm    = SHA-256(dh || shared);  AES-128-GCM key = okm[0:16]
    nonce  = okm[16:24] || "RQST" for requests, okm[24:32] || "RPLY" for replies
    AAD    = the four header bytes
"""

import hashlib
import hmac
import os
import socket
import struct
import time

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

FLAG_REPLY = 0x8000
FLAG_CLIENT_AUTH = 0x4000
SUITE = 1
KEY_SIZE = 32
HEADER_SIZE = 4
CIPHERTEXT_OFFSET = HEADER_SIZE + KEY_SIZE
TAG_SIZE = 16
OVERHEAD_SIZE = CIPHERTEXT_OFFSET + TAG_SIZE
PROOF_SIZE = 2 * KEY_SIZE
DATAGRAM_SIZE_MAX = 1472

P = 2**255 - 19
PRIME_ORDER = 2**252 + 27742317777372353535851937790883648493
ORDER_8 = (
    325606250916557431795983626356110631294008115727848805560023387167927233504,
    39382357235489614581723060781553021112529911719440698176882885853963445705823,
)
SMALL_ORDER = frozenset((0, 1, P - 1) + ORDER_8)


class Refused(Exception):
    """A request that is not accepted. `reason` is the name of the server's drop counter."""

    def __init__(self, reason):
        super().__init__(reason)
        self.reason = reason


class BadReply(Exception):
    """A reply that is not accepted; the pending request stays pending."""


# ---- X25519 (RFC 7748) ----------------------------------------------------------------------


def clamp(private):
    """The scalar's 32 bytes as RFC 7748, section 5, decodes them."""
    scalar = bytearray(private)
    scalar[0] &= 248
    scalar[31] &= 127
    scalar[31] |= 64
    return bytes(scalar)


def multiply(private, point):
    """X25519(private, point); None when the result is zero."""
    key = X25519PrivateKey.from_private_bytes(clamp(private))
    try:
        return key.exchange(X25519PublicKey.from_public_bytes(bytes(point)))
    except ValueError:  # how the library reports an all-zero result
        return None


def generate_private():
    return os.urandom(KEY_SIZE)


def public_key(private):
    key = X25519PrivateKey.from_private_bytes(clamp(private))
    return key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)


def is_canonical(point):
    return int.from_bytes(point, "little") < P


def is_small_order(point):
    return int.from_bytes(point, "little") in SMALL_ORDER


def _ladder(scalar, u):
    """The projective (x, z) of scalar * u by the Montgomery ladder, without clamping."""
    x2, z2, x3, z3 = 1, 0, u, 1
    for bit in range(scalar.bit_length() - 1, -1, -1):
        swap = scalar >> bit & 1
        if swap:
            x2, z2, x3, z3 = x3, z3, x2, z2
        a, b, c, d = x2 + z2, x2 - z2, x3 + z3, x3 - z3
        aa, bb, da, cb = a * a % P, b * b % P, d * a % P, c * b % P
        x3, z3 = (da + cb) ** 2 % P, u * (da - cb) ** 2 % P
        e = aa - bb
        x2, z2 = aa * bb % P, e * (aa + 121665 * e) % P
        if swap:
            x2, z2, x3, z3 = x3, z3, x2, z2
    return x2 % P, z2 % P


def public_key_fault(key):
    """None for a key that may be enrolled or called, else what is wrong with it."""
    u = int.from_bytes(key, "little")
    if u >= P:
        return "not canonical"
    if u in SMALL_ORDER:
        return "small order"
    if u == 9:
        return "base point"
    if pow(u * (u * u + 486662 * u + 1), (P - 1) // 2, P) != 1:
        return "on the twist"
    if _ladder(PRIME_ORDER, u)[1] != 0:
        return "not of prime order"
    return None


# ---- packets --------------------------------------------------------------------------------


class _Keys:
    """What dh and the shared secret give for one transaction."""

    def __init__(self, dh, shared):
        okm = hashlib.sha256(dh + shared).digest()
        self._aead = AESGCM(okm[0:16])
        self._request_nonce = okm[16:24] + b"RQST"
        self._reply_nonce = okm[24:32] + b"RPLY"
        self.dh = dh

    def seal(self, flags, plaintext):
        header = struct.pack(">HH", flags, SUITE)
        nonce = self._reply_nonce if flags & FLAG_REPLY else self._request_nonce
        return header + self.dh + self._aead.encrypt(nonce, plaintext, header)

    def open(self, datagram):
        """Raises InvalidTag."""
        header = datagram[:HEADER_SIZE]
        flags = struct.unpack(">H", header[:2])[0]
        nonce = self._reply_nonce if flags & FLAG_REPLY else self._request_nonce
        return self._aead.decrypt(nonce, datagram[CIPHERTEXT_OFFSET:], header)


class Pending:
    """A request that waits for its reply."""

    def __init__(self, keys, flags):
        self._keys = keys
        self._reply_flags = flags | FLAG_REPLY
        self.settled = False

    def open(self, datagram):
        """The reply's message. Raises BadReply, after which the good reply is still accepted."""
        if self.settled:
            raise BadReply("already answered")
        if len(datagram) < OVERHEAD_SIZE:
            raise BadReply("too short")
        flags, suite = struct.unpack(">HH", datagram[:HEADER_SIZE])
        if suite != SUITE:
            raise BadReply("suite")
        if flags != self._reply_flags:
            raise BadReply("flags")
        if datagram[HEADER_SIZE:CIPHERTEXT_OFFSET] != self._keys.dh:
            raise BadReply("dh")
        try:
            message = self._keys.open(datagram)
        except InvalidTag:
            raise BadReply("tag") from None
        self.settled = True
        return message


class Client:
    """Seals requests to one server, anonymously or with a private key of its own."""

    def __init__(self, server_public, client_private=None):
        fault = public_key_fault(server_public)
        if fault:
            raise ValueError(f"server key: {fault}")
        self._server_public = bytes(server_public)
        self._private = client_private
        self._static_shared = None
        if client_private is not None:
            self._public = public_key(client_private)
            self._static_shared = multiply(client_private, server_public)
            if self._static_shared is None:
                raise ValueError("the two keys give a zero shared secret")

    def seal(self, message, ephemeral=None):
        """(datagram, Pending) under a fresh ephemeral key; `ephemeral` only for tests that want
        two datagrams under one."""
        e = clamp(ephemeral if ephemeral is not None else os.urandom(KEY_SIZE))
        if self._private is None:
            flags, dh, proof = 0, public_key(e), b""
            shared = multiply(e, self._server_public)
        else:
            flags, dh, proof = FLAG_CLIENT_AUTH, multiply(e, self._public), self._public + e
            shared = multiply(e, self._static_shared)
        keys = _Keys(dh, shared)
        return keys.seal(flags, proof + message), Pending(keys, flags)


class Request:
    """A request that a server has accepted; `client_key` is None for an anonymous one."""

    def __init__(self, keys, flags, message, client_key):
        self._keys = keys
        self._flags = flags
        self.dh = keys.dh
        self.message = message
        self.client_key = client_key

    def reply(self, message):
        """The sealed reply. Never reply to one request with two different messages."""
        return self._keys.seal(self._flags | FLAG_REPLY, message)


class Server:
    """Opens requests to one private key. `enrolled` holds client public keys (anything with `in`);
    `policy` is "optional", "anonymous" or "required"."""

    def __init__(self, private, enrolled=(), policy="optional"):
        self._private = private
        self._enrolled = enrolled
        self._policy = policy
        self.public_key = public_key(private)

    def _admit(self, datagram):
        if len(datagram) < HEADER_SIZE:
            raise Refused("too_short")
        flags, suite = struct.unpack(">HH", datagram[:HEADER_SIZE])
        if suite != SUITE:
            raise Refused("suite")
        if flags & FLAG_REPLY:
            raise Refused("reply_flag")
        if flags & ~FLAG_CLIENT_AUTH:
            raise Refused("reserved_flags")
        if len(datagram) < OVERHEAD_SIZE + (PROOF_SIZE if flags else 0):
            raise Refused("too_short_for_suite")
        if flags and self._policy == "anonymous":
            raise Refused("policy_authenticated")
        if not flags and self._policy == "required":
            raise Refused("policy_anonymous")
        dh = datagram[HEADER_SIZE:CIPHERTEXT_OFFSET]
        if not is_canonical(dh):
            raise Refused("dh_not_canonical")
        if is_small_order(dh):
            raise Refused("dh_small_order")
        return flags, dh

    def _prove(self, dh, payload):
        if len(payload) < PROOF_SIZE:
            raise Refused("proof_too_short")
        client_key, e = payload[:KEY_SIZE], payload[KEY_SIZE:PROOF_SIZE]
        if client_key not in self._enrolled:
            raise Refused("client_unknown")
        proof = multiply(e, client_key)
        if proof is None:
            raise Refused("proof_zero")
        if not hmac.compare_digest(proof, dh):
            raise Refused("proof_mismatch")
        return client_key

    def open(self, datagram):
        """The accepted Request. Raises Refused."""
        flags, dh = self._admit(datagram)
        shared = multiply(self._private, dh)
        if shared is None:
            raise Refused("shared_secret_zero")
        keys = _Keys(dh, shared)
        try:
            payload = keys.open(datagram)
        except InvalidTag:
            raise Refused("tag") from None
        if not flags:
            return Request(keys, flags, payload, None)
        client_key = self._prove(dh, payload)
        return Request(keys, flags, payload[PROOF_SIZE:], client_key)


# ---- UDP ------------------------------------------------------------------------------------


def open_socket(host, port, source=None):
    """A UDP socket connected to (host, port), IPv4 or IPv6; `source` is an (address, port) to bind,
    port 0 for any."""
    family, kind, proto, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_DGRAM)[0]
    sock = socket.socket(family, kind, proto)
    try:
        if source is not None:
            sock.bind(source)
        sock.connect(address)
    except OSError:
        sock.close()
        raise
    return sock


def receive_until(sock, deadline):
    """The next datagram, or None once time.monotonic() has passed `deadline`. An ICMP error is no
    answer: waiting goes on."""
    while True:
        left = deadline - time.monotonic()
        if left <= 0:
            return None
        sock.settimeout(left)
        try:
            return sock.recv(65536)
        except (TimeoutError, ConnectionRefusedError):
            continue


def call(host, port, client, message, timeout=1.0, tries=3, source=None):
    """The message of the reply. Each try is a fresh request; bad replies are passed over. Raises
    TimeoutError when no try is answered within `timeout` seconds."""
    with open_socket(host, port, source) as sock:
        pending = []
        for _ in range(tries):
            datagram, waiting = client.seal(message)
            pending.append(waiting)
            try:
                sock.send(datagram)
            except ConnectionRefusedError:  # the ICMP answer to the try before
                sock.send(datagram)
            deadline = time.monotonic() + timeout
            while (reply := receive_until(sock, deadline)) is not None:
                for waiting in pending:
                    try:
                        return waiting.open(reply)
                    except BadReply:
                        continue
    raise TimeoutError(f"no reply from {host} port {port} in {tries} tries of {timeout} s")


def send_raw(host, port, datagram, timeout=0.3, source=None):
    """Sends bytes as they are; the answer, or None after `timeout` seconds of silence."""
    with open_socket(host, port, source) as sock:
        sock.send(datagram)
        return receive_until(sock, time.monotonic() + timeout)
