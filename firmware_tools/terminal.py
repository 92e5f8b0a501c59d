"""A plain console: what the person types goes to the device, what it says to the screen."""

import os
import select
import sys
import termios
import tty
from collections.abc import Iterator
from contextlib import contextmanager

from firmware_tools.errors import PortError
from firmware_tools.serial_link import open_port

LEAVE = b"\x1d"


def talk(port: str) -> None:
    """Carry bytes both ways until Ctrl-] or the end of the input."""
    line = open_port(port)
    try:
        with _character_by_character():
            sys.stderr.write(f"Console of {port}; Ctrl-] ends it, `help` lists the words.\r\n")
            _carry(line.fileno())
    except OSError as error:
        raise PortError(f"{port}: lost while in use ({error})") from error
    finally:
        line.close()


def _carry(device: int) -> None:
    keyboard = sys.stdin.fileno()
    while True:
        ready, _, _ = select.select([device, keyboard], [], [])
        if device in ready:
            os.write(sys.stdout.fileno(), os.read(device, 4096))
        if keyboard in ready:
            typed = os.read(keyboard, 4096)
            if not typed or LEAVE in typed:
                return
            os.write(device, typed.replace(b"\r", b"\n"))


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
