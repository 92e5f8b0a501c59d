"""The two kinds of serial port a board has.

A stable port is an adapter of its own, such as an FTDI cable: it stays while the board resets. A
vanishing one is the board's own USB (CDC): it goes with every reset and power cut, programs that
had it open get an error, and it comes back a while later under the other of two names.
"""

import asyncio
from collections.abc import Callable
from pathlib import Path

from hil_tests.simulated_board.pseudo_terminal import PseudoTerminal
from hil_tests.simulated_board.spec import BoardFolder

_ENUMERATION_S = 0.3
"""From the start of the board to the port on the host; a Linux host takes 0.2 to 1 s."""


class SerialPort:
    """Calls `on_input` with what a program writes into the port, whenever there is one."""

    def __init__(
        self, folder: BoardFolder, vanishing: bool, on_input: Callable[[bytes], None]
    ) -> None:
        self._folder = folder
        self._vanishing = vanishing
        self._on_input = on_input
        self._number = 1
        self._terminal: PseudoTerminal | None = None
        if not vanishing:
            self._terminal = PseudoTerminal(folder.serial_port, on_input)

    @property
    def path(self) -> Path:
        """Where the port is; where it was last while it is away."""
        if self._vanishing:
            return self._folder.usb_port(self._number)
        return self._folder.serial_port

    def write(self, data: bytes) -> None:
        if self._terminal is not None:
            self._terminal.write(data)

    async def appear(self) -> None:
        """The board has started."""
        if self._terminal is None:
            await asyncio.sleep(_ENUMERATION_S)
            self._number = 1 - self._number
            self._terminal = PseudoTerminal(self.path, self._on_input)

    async def vanish(self) -> None:
        """The board has stopped."""
        if self._vanishing:
            await self.close()

    async def close(self) -> None:
        terminal, self._terminal = self._terminal, None
        if terminal is not None:
            await terminal.close()
