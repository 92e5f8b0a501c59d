"""A plain console: what the person types goes to the device, what it says to the screen."""

import os
import select
import sys
import termios
import tty
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from firmware_tools.errors import PortError
from firmware_tools.serial_port import LINE_ERRORS, close_port, open_port

LEAVE = b"\x1d"
_READ_S = 0.02


def talk(port: str) -> None:
    """Carry bytes both ways until Ctrl-] or the end of the input."""
    line = open_port(port)
    try:
        with _character_by_character():
            sys.stderr.write(f"Console of {port}; Ctrl-] ends it, `help` lists the words.\r\n")
            _carry(line)
    except LINE_ERRORS as error:
        raise PortError(f"{port}: lost while in use ({error})") from error
    finally:
        close_port(line)


def _carry(line: Any) -> None:
    """A port of another computer is no file to wait for, so the line is read with a short limit."""
    line.timeout = _READ_S
    keyboard = sys.stdin.fileno()
    while True:
        if said := line.read(line.in_waiting or 1):
            os.write(sys.stdout.fileno(), said)
        if select.select([keyboard], [], [], 0)[0]:
            typed = os.read(keyboard, 4096)
            if not typed or LEAVE in typed:
                return
            line.write(typed.replace(b"\r", b"\n"))


@contextmanager
def _character_by_character() -> Iterator[None]:
    """Take Enter, Ctrl-C and the rest as bytes for the device, where there is a terminal."""
    if not sys.stdin.isatty():
        yield
        return
    before = termios.tcgetattr(sys.stdin)
    tty.setraw(sys.stdin)
    try:
        yield
    finally:
        termios.tcsetattr(sys.stdin, termios.TCSADRAIN, before)
