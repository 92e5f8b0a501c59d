"""The contacts of the simulated board's card slot: a loopback connection that carries bytes.

Connecting is power, clock and reset; closing takes them away. I/O is one wire: what is written
comes back. Loaded for one reading of the card alone.
"""

import socket

from agent.ports.card import CardLine

_HOST = "127.0.0.1"


class SocketLine(CardLine):
    """The slot at a port of the bench."""

    def __init__(self, port):
        self._port = port
        self._socket = None

    def activate(self, baud):
        line = socket.socket()
        self._socket = line
        line.connect(socket.getaddrinfo(_HOST, self._port)[0][-1])
        line.setblocking(False)

    def set_speed(self, baud, odd):
        pass  # bytes have no speed here

    def deactivate(self):
        if self._socket:
            self._socket.close()
            self._socket = None

    def write(self, data):
        try:
            self._socket.send(data)
        except OSError:
            return  # pulled: nothing comes back

    def read(self):
        try:
            data = self._socket.recv(1)
        except OSError:
            return None  # nothing yet, or pulled: silence both
        return data[0] if data else None
