"""Frames by hand on a client's interface: sent as they are, received as they came."""

import contextlib
import errno
import socket
import struct
import time

from ports import CLIENT_IP

CLIENT_PORT = 4000
ALL = 3  # ETH_P_ALL, if_ether.h
_SOL_PACKET = 263  # socket.h
_PACKET_AUXDATA = 8  # if_packet.h
_AUXDATA = struct.Struct("=IIIHHHH")  # status, len, snaplen, mac, net, vlan_tci, vlan_tpid
_VLAN_VALID = 1 << 4
_SPACE = socket.CMSG_SPACE(_AUXDATA.size)


class Wire:
    """A raw socket on an interface of a namespace. What others tell a group (announcements) is
    passed over, unless it is asked for."""

    def __init__(self, namespace, interface):
        self.interface = interface
        self._socket = namespace.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(ALL))
        self._socket.bind((interface, ALL))
        self._socket.setsockopt(_SOL_PACKET, _PACKET_AUXDATA, 1)
        self.mac = self._socket.getsockname()[4].hex(":")

    def close(self):
        self._socket.close()

    def send(self, frame):
        self._socket.send(bytes(frame))

    def _receive(self, timeout, groups):
        """The next frame of others; the kernel hands its VLAN tag over beside it."""
        deadline = time.monotonic() + timeout
        while (left := deadline - time.monotonic()) > 0:
            self._socket.settimeout(left)
            try:
                frame, beside, _, (_, _, kind, *_) = self._socket.recvmsg(65536, _SPACE)
            except TimeoutError:
                break
            except OSError as error:
                if error.errno != errno.ENETDOWN:  # told once, when the interface goes down
                    raise
                continue
            if kind == socket.PACKET_OUTGOING or (frame[0] & 1 and not groups):
                continue
            for _, _, data in beside:
                status, _, _, _, _, tag, ether_type = _AUXDATA.unpack(data)
                if status & _VLAN_VALID:
                    frame = frame[:12] + struct.pack(">HH", ether_type, tag) + frame[12:]
            return frame
        return None

    def heard(self, seconds=0.05, groups=False):
        """What others sent within some seconds."""
        deadline = time.monotonic() + seconds
        frames = []
        while (frame := self._receive(deadline - time.monotonic(), groups)) is not None:
            frames.append(frame)
        return frames

    def ask(self, frame, timeout=5, groups=False):
        """The first frame of others after this one was sent."""
        self.heard(0)
        self.send(frame)
        answer = self._receive(timeout, groups)
        assert answer is not None, "no answer"
        return answer


@contextlib.contextmanager
def wire_at(place, udp_port=CLIENT_PORT):
    """On the clients' interface. A socket at the UDP port that frames come from keeps the clients'
    kernel from refusing replies to it."""
    with place.clients.socket(socket.AF_INET, socket.SOCK_DGRAM) as absorber, \
            contextlib.closing(Wire(place.clients, place.interface)) as wire:
        absorber.bind((CLIENT_IP, udp_port))
        yield wire


def mac_of(place, address):
    """What the clients' kernel took for the MAC address of a neighbour."""
    fields = place.clients.ip("neighbour", "show", address).split()
    return fields[fields.index("lladdr") + 1]


def eventually(condition, seconds=5):
    """Whether it comes true within some seconds."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.05)
    return True
