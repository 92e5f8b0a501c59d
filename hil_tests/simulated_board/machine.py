"""The computer on the board: one process, started when power comes, killed when it goes.

It is the MicroPython machine with the board's heap, or CPython where there is no such machine.
The process dies with the bench (Linux parent-death signal), also when that is killed.
"""

import asyncio
import ctypes
import importlib.util
import json
import os
import signal
import socket
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from hil_tests.simulated_board.spec import BoardFolder, BoardSpec

SETTINGS_NAME = "SIMULATED_BOARD"
"""Environment variable: the machine's arguments may not be longer than 255 bytes."""

_PR_SET_PDEATHSIG = 1
_REPOSITORY = Path(__file__).resolve().parents[2]
_MICROPYTHON = "import sys; from micropython_unix import main; sys.exit(main())"
_ROM_MACHINE = str(Path(__file__).with_name("rom_machine.py"))
_libc = ctypes.CDLL(None)


def has_micropython() -> bool:
    """Tell whether this computer has the MicroPython machine."""
    return importlib.util.find_spec("micropython_unix") is not None


def micropython_command(heap_bytes: int, rom_image: Path | None) -> list[str]:
    """Return what starts the MicroPython machine, with a ROM image or without."""
    program = ["-c", _MICROPYTHON] if rom_image is None else ["-P", _ROM_MACHINE, str(rom_image)]
    heap = f"heapsize={heap_bytes}"
    return [sys.executable, *program, "-X", heap, "-c", "import start"]


class Machine:
    """Calls `on_output` with what the machine says on its serial line."""

    def __init__(
        self, spec: BoardSpec, folder: BoardFolder, on_output: Callable[[bytes], None]
    ) -> None:
        self.runtime = "micropython" if has_micropython() and not spec.cpython else "cpython"
        self._spec = spec
        self._folder = folder
        self._on_output = on_output
        self._process: asyncio.subprocess.Process | None = None
        self._line: socket.socket | None = None

    @property
    def pid(self) -> int | None:
        return self._process.pid if self._process else None

    async def start(self, settings: dict[str, Any]) -> None:
        """Start the machine; `settings` reach the board's own code."""
        near, far = socket.socketpair()
        near.setblocking(False)
        far.setblocking(self.runtime == "cpython")
        with far:
            self._process = await asyncio.create_subprocess_exec(
                *self._command(),
                stdin=far.fileno(),
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.STDOUT,
                cwd=self._folder.machine_code if self.runtime == "micropython" else _REPOSITORY,
                env={**os.environ, SETTINGS_NAME: json.dumps({**settings, **self._own_settings()})},
                preexec_fn=_die_with_parent,
            )
        self._line = near

    async def run_to_end(self) -> int:
        """Pass on the machine's output until it ends; return its exit code."""
        process = self._process
        assert process is not None, "started before"
        assert process.stdout is not None, "its output is a pipe"
        while data := await process.stdout.read(4096):
            self._on_output(data)
        code = await process.wait()
        self._process = None
        if self._line is not None:
            self._line.close()
            self._line = None
        return code

    def kill(self) -> None:
        """Take the power away: SIGKILL. Quiet when it is off."""
        if self._process is not None and self._process.returncode is None:
            self._process.send_signal(signal.SIGKILL)

    def type(self, data: bytes) -> None:
        """Put bytes on the serial line; those that do not fit are lost, as in a UART."""
        if self._line is not None:
            try:
                self._line.send(data)
            except OSError:
                return

    def _command(self) -> list[str]:
        if self.runtime == "cpython":
            return [sys.executable, "-m", "hil_tests.simulated_board.vm.start_cpython"]
        rom = self._folder.rom_image.resolve() if self._spec.rom else None
        return micropython_command(self._spec.heap_bytes, rom)

    def _own_settings(self) -> dict[str, Any]:
        return {
            "factory": self._spec.factory_data(),
            "image": str(self._folder.flash_image.resolve()),
            "files": str(self._folder.files.resolve()),
            "flash_timings": self._spec.flash_timings,
            "agent_main": self._spec.agent_main,
        }


def _die_with_parent() -> None:
    _libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
