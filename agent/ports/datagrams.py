"""UDP to one address and port: `send` and `receive` raise OSError where nothing can be sent.

Connected, so that the kernel or the IP stack of a board drops what others send.
"""

import errno
import socket

_MAX_BYTES = 512


class Datagrams:
    """`family` and `address` as getaddrinfo gives them."""

    def __init__(self, family, address) -> None:
        self._sock = socket.socket(family, socket.SOCK_DGRAM)
        try:
            self._sock.setblocking(False)
            self._sock.connect(address)
        except OSError:
            self._sock.close()
            raise

    def send(self, data) -> None:
        self._sock.send(data)

    def receive(self) -> bytes | None:
        """The next datagram, or None while there is none. An ICMP refusal is none either."""
        try:
            return self._sock.recv(_MAX_BYTES)
        except OSError as error:
            if error.errno in (errno.EAGAIN, errno.ECONNREFUSED):
                return None
            raise

    def close(self) -> None:
        self._sock.close()
