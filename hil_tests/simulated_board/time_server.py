"""The time server that a simulated board reaches under any name: a loopback UDP port.

It tells the host's time, or answers as a server out of order or somebody on the way does. While
the board's network is away it does not answer.
"""

import asyncio
import time
from collections.abc import Callable
from typing import Any

from agent.tests.time_answers import answer
from hil_tests.errors import BoardRefusedError

_COOKIE = slice(40, 48)
_NTP_PACKET_BYTES = 48
_CHANGES: dict[str, dict[str, Any]] = {
    "deny": {"stratum": 0, "reference": b"DENY"},
    "unsynchronized": {"leap": 3},
}


class TimeServer(asyncio.DatagramProtocol):
    """`mode`: good, silent, deny (kiss-o'-death), unsynchronized, forged (answers to questions
    nobody asked); `offset_ms` is what it adds to the time it tells."""

    MODES = ("good", "silent", "deny", "unsynchronized", "forged")

    def __init__(self, is_reachable: Callable[[], bool]) -> None:
        self.asked = 0
        self._is_reachable = is_reachable
        self._mode = "silent"
        self._offset_ms = 0
        self._transport: asyncio.DatagramTransport | None = None

    async def open(self) -> int:
        """Listen on a free loopback port and return it."""
        loop = asyncio.get_running_loop()
        self._transport, _ = await loop.create_datagram_endpoint(
            lambda: self, local_addr=("127.0.0.1", 0)
        )
        port: int = self._transport.get_extra_info("sockname")[1]
        return port

    def close(self) -> None:
        if self._transport is not None:
            self._transport.close()

    def behave(self, mode: str, offset_ms: int) -> None:
        """Raises BoardRefusedError for a mode there is none of."""
        if mode not in self.MODES:
            raise BoardRefusedError(f"time server modes are {', '.join(self.MODES)}, not {mode!r}")
        self._mode, self._offset_ms = mode, offset_ms

    def datagram_received(self, data: bytes, addr: Any) -> None:
        if len(data) != _NTP_PACKET_BYTES or not self._is_reachable():
            return
        self.asked += 1
        if self._mode != "silent" and self._transport is not None:
            self._transport.sendto(self._answer(data[_COOKIE]), addr)

    def _answer(self, cookie: bytes) -> bytes:
        now_ms = time.time_ns() // 1_000_000 + self._offset_ms
        if self._mode == "forged":
            cookie = bytes(8)
        return answer(cookie, now_ms, **_CHANGES.get(self._mode, {}))
