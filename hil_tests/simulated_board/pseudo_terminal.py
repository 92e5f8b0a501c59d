"""The serial port of a board: a pseudo-terminal that outlives the machine behind it.

The bench holds the master side; programs open the slave through a symbolic link that stays the
same. Like a UART, the board talks whether or not somebody listens: while nobody has the port
open, what it says is dropped (the console log has it all).
"""

import asyncio
import os
import select
import tty
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

MAX_WAITING_BYTES = 262_144
_LOOK_FOR_LISTENER_S = 0.02


class PseudoTerminal:
    """Calls `on_input` with what a program writes into the port."""

    def __init__(self, link: Path, on_input: Callable[[bytes], None]) -> None:
        self._link = link
        self._on_input = on_input
        self._waiting = bytearray()
        self._listener_gone = asyncio.Event()
        self._master, slave = os.openpty()
        tty.setraw(slave)
        self._place_link(os.ttyname(slave))
        os.close(slave)
        os.set_blocking(self._master, False)
        self._task = asyncio.create_task(self._serve())

    def write(self, data: bytes) -> None:
        if len(self._waiting) + len(data) <= MAX_WAITING_BYTES:
            self._waiting += data
            self._flush()

    async def close(self) -> None:
        self._task.cancel()
        with suppress(asyncio.CancelledError):
            await self._task
        os.close(self._master)
        self._link.unlink(missing_ok=True)

    def _place_link(self, target: str) -> None:
        beside = self._link.with_name(self._link.name + ".new")
        beside.unlink(missing_ok=True)
        beside.symlink_to(target)
        beside.replace(self._link)

    async def _serve(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            if self._has_listener():
                self._listener_gone.clear()
                loop.add_reader(self._master, self._read)
                try:
                    await self._listener_gone.wait()
                finally:
                    loop.remove_reader(self._master)
                    loop.remove_writer(self._master)
            self._waiting.clear()
            await asyncio.sleep(_LOOK_FOR_LISTENER_S)

    def _has_listener(self) -> bool:
        poll = select.poll()
        poll.register(self._master, select.POLLIN)
        return not any(events & select.POLLHUP for _, events in poll.poll(0))

    def _read(self) -> None:
        try:
            data = os.read(self._master, 65536)
        except BlockingIOError:
            return
        except OSError:
            self._listener_gone.set()
            return
        self._on_input(data)

    def _flush(self) -> None:
        loop = asyncio.get_running_loop()
        if self._listener_gone.is_set() or not self._has_listener():
            self._waiting.clear()
            return
        try:
            sent = os.write(self._master, self._waiting)
            del self._waiting[:sent]
        except BlockingIOError:
            pass
        if self._waiting:
            loop.add_writer(self._master, self._flush)
        else:
            loop.remove_writer(self._master)
