"""Time that passes only when everybody waits: a day of an agent in minutes.

Nothing here reads or writes a socket: whatever happens is a call at a moment of virtual time.
"""

import asyncio
import selectors
from collections.abc import Coroutine
from typing import Any

from agent import compat


class _Waiting(selectors.SelectSelector):
    """Waits by moving the loop's clock on."""

    loop: "VirtualLoop"

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        if timeout is None:
            raise RuntimeError("everybody waits, and nothing is left to happen")
        self.loop.now_s += max(0.0, timeout)
        return []


class VirtualLoop(asyncio.SelectorEventLoop):
    """An event loop whose clock begins at zero and jumps to the next thing that is due."""

    def __init__(self) -> None:
        selector = _Waiting()
        self.now_s = 0.0
        super().__init__(selector)
        selector.loop = self

    def time(self) -> float:
        return self.now_s


class VirtualTime:
    """Runs a coroutine in virtual time, the agent's own clock included; a context manager."""

    def __init__(self) -> None:
        self.loop = VirtualLoop()
        self._ticks_ms = compat.ticks_ms

    def run(self, main: Coroutine[Any, Any, None]) -> None:
        self.loop.run_until_complete(main)

    def begin_boot(self) -> None:
        """The machine starts: its up time is zero."""
        vars(compat)["_since"][:] = [compat.ticks_ms(), 0]

    def __enter__(self) -> "VirtualTime":
        compat.ticks_ms = lambda: int(self.loop.now_s * 1000)
        self.begin_boot()
        return self

    def __exit__(self, *_: object) -> None:
        compat.ticks_ms = self._ticks_ms
        self.begin_boot()
        self.loop.close()
