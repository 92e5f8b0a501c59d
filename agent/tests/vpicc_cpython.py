"""A played card for the virtual reader of vsmartcard-vpcd, which is told of it over TCP.

Messages both ways are a length of two bytes, big endian, and so many bytes. One byte is a command
to the card (0 power off, 1 power on, 2 reset, 4 say your answer to reset), more are an APDU.
"""

import socket
import struct
import threading

PORT = 35963
_ANSWER_TO_RESET = b"\x04"


class VirtualCard:
    """In the reader from its making until `pull`."""

    def __init__(self, card):
        self._card = card
        self._line = socket.create_connection(("127.0.0.1", PORT), 10)
        self._line.settimeout(None)
        threading.Thread(target=self._serve, daemon=True).start()

    def pull(self):
        self._line.shutdown(socket.SHUT_RDWR)
        self._line.close()

    def _serve(self):
        stream = self._line.makefile("rb")
        while len(head := stream.read(2)) == 2:
            asked = stream.read(struct.unpack(">H", head)[0])
            if len(asked) > 1:
                said = self._card.respond(asked)
            elif asked == _ANSWER_TO_RESET:
                said = self._card.reset()
            else:
                continue
            self._line.sendall(struct.pack(">H", len(said)) + said)
