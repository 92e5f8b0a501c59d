"""Finds and opens the port a device hangs on, however it is named.

- a path, such as `/dev/ttyUSB0`, or a pattern of paths, such as `/dev/ttyACM*`, that fits one port;
- `usb:<serial number of the adapter or board>`: found anew each time, whatever name it was given;
- `rfc2217://<host>:<port>`: a serial port of another computer (RFC 2217).

A port of USB-CDC vanishes while its board restarts, and may come back under another name: name it
by `usb:` or by a pattern, and whoever loses the port asks for it again.
"""

import errno
import glob
import time
import warnings
from contextlib import suppress
from typing import Any

import serial
from serial.tools import list_ports

from firmware_tools.errors import PortBusyError, PortError

try:
    from termios import error as _TerminalError
except ImportError:  # Windows
    _TerminalError = OSError  # type: ignore[misc,assignment]

BAUD = 115_200
LINE_ERRORS = (serial.SerialException, OSError, _TerminalError)
"""What a port in use raises when it is gone."""

_USB = "usb:"
_READ_S = 0.05
_LOOK_S = 0.1


def find_port(name: str) -> str:
    """The path or URL to open for `name`. Raises PortError when there is none, or more than one."""
    if name.startswith(_USB):
        wanted = name.removeprefix(_USB)
        found = [port.device for port in list_ports.comports() if port.serial_number == wanted]
    elif "://" not in name and "*" in name:
        found = sorted(glob.glob(name))
    else:
        return name
    if len(found) == 1:
        return found[0]
    if found:
        raise PortError(f"{name}: fits {', '.join(found)}", "Name one of them.")
    raise PortError(f"{name}: there is no such port now; there are {_ports_there_are()}")


def open_port(name: str) -> Any:
    """The open line: pyserial's Serial. Raises PortBusyError and PortError."""
    port = find_port(name)
    try:
        line = _open_url(port) if "://" in port else _open_device(port)
        line.reset_input_buffer()
    except (*LINE_ERRORS, ValueError) as error:
        if getattr(error, "errno", None) in (errno.EBUSY, errno.EAGAIN):
            raise PortBusyError(f"{name}: another program uses it") from error
        if "exclusively lock" in str(error):
            raise PortBusyError(f"{name}: another program uses it") from error
        raise PortError(f"{name}: cannot be opened ({_reason(error)})") from error
    return line


def open_again(name: str, within_s: float) -> Any:
    """Open a port that has just vanished, as soon as it is back. Raises PortError when it is not.

    Right after it is back, udev has often not yet given it to the user: that is waited for as well.
    """
    deadline = time.monotonic() + within_s
    while True:
        try:
            return open_port(name)
        except PortBusyError:
            raise
        except PortError as error:
            if time.monotonic() > deadline:
                raise PortError(f"{name}: vanished and did not come back; {error}") from error
            time.sleep(_LOOK_S)


def close_port(line: Any) -> None:
    """Close a line that may be gone. pyserial 3.5 leaves a socket open that the other side left."""
    connection = getattr(line, "_socket", None)
    with suppress(*LINE_ERRORS):
        line.close()
    if connection is not None:
        connection.close()


def _open_device(port: str) -> Any:
    return serial.Serial(port, BAUD, timeout=_READ_S, write_timeout=5, exclusive=True)


def _open_url(port: str) -> Any:
    with warnings.catch_warnings():  # pyserial 3.5 names its threads in the old way
        warnings.simplefilter("ignore", DeprecationWarning)
        line = serial.serial_for_url(port, BAUD, timeout=_READ_S, do_not_open=True)
        try:
            line.open()
        except BaseException:
            close_port(line)
            raise
        return line


def _ports_there_are() -> str:
    ports = (
        f"{port.device} ({_USB}{port.serial_number})" if port.serial_number else port.device
        for port in list_ports.comports()
    )
    return ", ".join(sorted(ports)) or "none at all"


def _reason(error: Exception) -> str:
    number = getattr(error, "errno", None)
    if number == errno.ENOENT:
        return "there is no such port"
    if number == errno.EACCES:
        return "not allowed; add yourself to the group 'dialout'"
    return str(error)
