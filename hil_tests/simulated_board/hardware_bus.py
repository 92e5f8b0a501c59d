"""The bench's hand on the board's pins: lines of text over a loopback connection.

To the board: `powerfail`, `supply <mV>`, `card in`, `card out`, `fact <subject> <json>`. From the
board: `cut`, sent by its flash when it was told to lose power in the middle of an operation, and
`rules <json>`, what its filter of the customer's traffic shall do, `settings <json>`, what its
router shall keep of the customer's, `show <json>`, whether it serves and what its display shows.
"""

import asyncio
import json
import socket
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any


class HardwareBus:
    """Calls `greeting` for the lines a newly connected board is told, `on_cut` on its `cut`, and
    what `takers` has for the first word of any other line, with its value."""

    def __init__(
        self,
        greeting: Callable[[], list[str]],
        on_cut: Callable[[], None],
        takers: Mapping[str, Callable[[Any], None]],
    ) -> None:
        self._takers = takers
        self._greeting = greeting
        self._on_cut = on_cut
        self._boards: set[asyncio.StreamWriter] = set()
        self._server: asyncio.Server | None = None

    async def open(self) -> int:
        """Listen on a free loopback port and return it."""
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        port: int = self._server.sockets[0].getsockname()[1]
        return port

    def tell(self, line: str) -> None:
        for board in self._boards:
            board.write(line.encode() + b"\n")

    async def close(self) -> None:
        if self._server is not None:
            self._server.close()
        for board in self._boards:
            board.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connection: socket.socket = writer.get_extra_info("socket")
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._boards.add(writer)
        for line in self._greeting():
            writer.write(line.encode() + b"\n")
        with suppress(OSError, asyncio.CancelledError):
            while line_read := await reader.readline():
                if line_read == b"cut\n":
                    self._on_cut()
                    continue
                kind, _, value = line_read.partition(b" ")
                if kind.decode() in self._takers:
                    self._takers[kind.decode()](json.loads(value))
        self._boards.discard(writer)
        writer.close()
