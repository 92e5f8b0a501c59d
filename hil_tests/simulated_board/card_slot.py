"""The smart card slot of a simulated board: a played card at the end of a loopback connection.

Bytes are those of ISO/IEC 7816-3; a connection is a reset, and what the board writes comes back,
because I/O is one wire. Cards, their makers and their operating system are made up
(agent/tests/played_card.py).
"""

import asyncio
import socket
import time
from contextlib import suppress

from agent.tests.played_card import BOX_BYTES, STRANGER, CardEngine, PlayedCard
from hil_tests.errors import BoardRefusedError

CARD_KINDS = ("good", "other", "not-entitled", "wrong-pairing", "mute", "unknown")
_OTHERS_BOX = "99999999"
_YEAR_S = 365 * 86_400


def made_up_card(kind: str, box_serial: str, number: str = "") -> PlayedCard:
    """A card for the box with this serial number, or one that is wrong in the way of its kind.

    `number`: the card's own serial number, that of its kind when left out.
    """
    if kind not in CARD_KINDS:
        raise BoardRefusedError(f"there are cards {', '.join(CARD_KINDS)}, not {kind!r}")
    serial = number or {"other": "EX000002", "not-entitled": "EX000003"}.get(kind, "EX000001")
    card = PlayedCard(serial, box=_OTHERS_BOX if kind == "wrong-pairing" else _end_of(box_serial))
    now_s = int(time.time())
    card.expiry = now_s + _YEAR_S
    card.last_emm = now_s - 3600
    if kind == "not-entitled":
        card.entitled = False
    elif kind == "mute":
        card.atr = b""
    elif kind == "unknown":
        card.atr = STRANGER
    return card


class CardSlot:
    """Holds one card, in the slot or beside it."""

    def __init__(self, kind: str, box_serial: str, inserted: bool) -> None:
        self.kind = kind
        self.card = made_up_card(kind, box_serial)
        self._box_serial = box_serial
        self._inserted = inserted
        self._server: asyncio.Server | None = None
        self._readers: set[asyncio.StreamWriter] = set()

    async def open(self) -> int:
        """Listen on a free loopback port and return it."""
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        port: int = self._server.sockets[0].getsockname()[1]
        return port

    async def close(self) -> None:
        if self._server is not None:
            self._server.close()
        self._cut()

    def insert(self, kind: str | None, number: str = "") -> None:
        """Put in a card of this kind and number, or the one that was in last."""
        if kind is not None:
            self.card = made_up_card(kind, self._box_serial, number)
            self.kind = kind
        self._inserted = True
        self._cut()

    def remove(self) -> None:
        self._inserted = False
        self._cut()

    def refresh(self) -> int:
        """Entitlement messages for the card were broadcast: Unix seconds of that."""
        now_s = int(time.time())
        self.card.refresh(_end_of(self._box_serial), now_s)
        return now_s

    def _cut(self) -> None:
        for writer in self._readers:
            writer.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connection: socket.socket = writer.get_extra_info("socket")
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._readers.add(writer)
        engine = CardEngine(self.card) if self._inserted else None
        with suppress(OSError, asyncio.CancelledError):
            if engine is not None:
                writer.write(engine.start())
            while data := await reader.read(64):
                for byte in data:
                    writer.write(bytes((byte,)))
                    if engine is not None:
                        writer.write(engine.feed(byte))
        self._readers.discard(writer)
        writer.close()


def _end_of(serial: str) -> str:
    return serial[-BOX_BYTES:]
