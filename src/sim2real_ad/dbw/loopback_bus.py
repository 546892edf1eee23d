"""A CAN bus between processes of one machine, where the kernel has no SocketCAN: UDP multicast over loopback.

python-can's own `udp_multicast` is not used: with hop limit 0 its data stays on the machine, but it joins the group on
the default interface, which tells the network of it (IGMP), and it listens on every interface. Here the socket sends
over loopback, joins there alone, and takes nothing that comes from elsewhere.
"""

from __future__ import annotations

import os
import select
import socket
import struct
import time
from typing import Any

import can

IP_MULTICAST_ALL = 49
"""linux/in.h; the socket module does not name it. 0: only groups that this socket joined, on the interface it did."""

LOOPBACK = socket.inet_aton("127.0.0.1")

DATAGRAM = struct.Struct("!4s8sIB8s")
"""Magic, sender, id, length, data."""

MAGIC = b"S2RC"


class LoopbackBus(can.BusABC):
    """A python-can bus of standard data frames. What it sent does not come back; foreign datagrams are skipped."""

    def __init__(self, channel: str, port: int, **kwargs: Any) -> None:
        """Join a group (an IPv4 address of 239.0.0.0/8) on a port. Raises can.CanInitializationError."""
        self.channel_info = f"loopback multicast {channel}:{port}"
        self._destination = (channel, port)
        self._sender = os.urandom(8)
        try:
            self._socket = _confined_socket(channel, port)
        except OSError as error:
            raise can.CanInitializationError(f"{self.channel_info}: {error.strerror}", error.errno) from error
        super().__init__(channel=channel, **kwargs)

    def send(self, msg: can.Message, timeout: float | None = None) -> None:
        """Send a standard data frame. Raises can.CanOperationError."""
        data = bytes(msg.data)
        if msg.is_extended_id or msg.is_remote_frame or msg.is_fd or len(data) > 8:
            raise can.CanOperationError(f"{self.channel_info}: only standard data frames can be sent")
        datagram = DATAGRAM.pack(MAGIC, self._sender, msg.arbitration_id, len(data), data)
        try:
            self._socket.sendto(datagram, self._destination)
        except OSError as error:
            raise can.CanOperationError(f"{self.channel_info}: {error.strerror}", error.errno) from error

    def fileno(self) -> int:
        """Return the socket's descriptor, to wait for."""
        return self._socket.fileno()

    def shutdown(self) -> None:
        """Leave the group and close."""
        super().shutdown()
        self._socket.close()

    def _recv_internal(self, timeout: float | None) -> tuple[can.Message | None, bool]:
        """Return the next message. What is skipped on the way, as this socket's own, is no end of what is there."""
        try:
            while select.select([self._socket], [], [], timeout)[0]:
                message = self._message(self._socket.recv(DATAGRAM.size + 1))
                if message is not None:
                    return message, False
                timeout = 0.0
        except (OSError, ValueError) as error:
            raise can.CanOperationError(f"{self.channel_info}: {error}", getattr(error, "errno", None)) from error
        return None, False

    def _message(self, datagram: bytes) -> can.Message | None:
        if len(datagram) != DATAGRAM.size:
            return None
        magic, sender, can_id, length, data = DATAGRAM.unpack(datagram)
        if magic != MAGIC or sender == self._sender or can_id > 0x7FF or length > 8:
            return None
        return can.Message(timestamp=time.time(), arbitration_id=can_id, data=data[:length], is_extended_id=False)


def _confined_socket(group: str, port: int) -> socket.socket:
    """Return a bound socket whose multicast leaves and enters by loopback alone."""
    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    try:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        sock.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_TTL, 0)
        sock.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_IF, LOOPBACK)
        sock.setsockopt(socket.IPPROTO_IP, IP_MULTICAST_ALL, 0)
        # Bound to the group, the socket takes no unicast.
        sock.bind((group, port))
        sock.setsockopt(socket.IPPROTO_IP, socket.IP_ADD_MEMBERSHIP, socket.inet_aton(group) + LOOPBACK)
        sock.setblocking(False)
    except OSError:
        sock.close()
        raise
    return sock
