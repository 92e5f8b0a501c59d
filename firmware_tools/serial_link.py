"""Asks a device on its serial line, and finds back into step after noise.

Each attempt carries an id of its own and an empty line before it, so that half a line left over
on the device's side cannot swallow it. Lines that are not the answer to this very attempt (what
people read, late answers, noise) are passed over. Source: FORMATS.md, "Console frame v1".
"""

import errno
import itertools
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any

import serial

from agent.errors import FrameError
from agent.wire.frame import ERROR, OK, LineSplitter, decode_frame, encode_frame
from firmware_tools.errors import DeviceRefusedError, NoAnswerError, PortBusyError, PortError

BAUD = 115_200
_READ_S = 0.05
_SHOWN_NOISE_BYTES = 80


@dataclass(frozen=True, slots=True)
class Patience:
    """How long to wait for one answer, and how often to ask."""

    answer_s: float
    attempts: int


ORDINARY = Patience(3.0, 3)
_BY_VERB: Mapping[str, Patience] = {
    "hello": Patience(1.5, 6),
    "new_key": Patience(60.0, 2),
    "commit": Patience(20.0, 2),
    "status": Patience(2.0, 3),
    "reboot": Patience(3.0, 1),
}


class SerialLink:
    """One open port, locked against other programs; a context manager.

    Raises PortError when the port cannot be opened and PortBusyError when another has it.
    """

    def __init__(self, port: Path | str) -> None:
        self.port = str(port)
        self._line = open_port(self.port)
        self._ids = itertools.count(time.monotonic_ns() % 100_000)
        self._splitter = LineSplitter()
        self._noise = b""

    def request(
        self,
        verb: str,
        arguments: Mapping[str, Any] | None = None,
        patience: Patience | None = None,
    ) -> dict[str, Any]:
        """Return what the device answers.

        Raises DeviceRefusedError when it answers with an error, NoAnswerError when it is silent.
        """
        patience = _BY_VERB.get(verb, ORDINARY)
        with self._port_errors():
            for _ in range(patience.attempts):
                ident = str(next(self._ids))
                self._line.write(b"\n" + encode_frame(ident, verb, dict(arguments or {})))
                answer = self._wait_for(ident, patience.answer_s)
                if answer is not None:
                    return answer
        raise NoAnswerError(f"{self.port}: no answer to {verb!r}{self._heard()}")

    def close(self) -> None:
        self._line.close()

    def __enter__(self) -> "SerialLink":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def _wait_for(self, ident: str, answer_s: float) -> dict[str, Any] | None:
        """Return the answer to `ident`, or None when it did not come or the request was garbled."""
        deadline = time.monotonic() + answer_s
        while time.monotonic() < deadline:
            for line in self._splitter.feed(self._line.read(self._line.in_waiting or 1)):
                heard, word, value = self._decoded(line)
                if heard == "0" and value.get("code") == "crc":
                    return None
                if heard == ident and word == OK:
                    return value
                if heard == ident and word == ERROR:
                    raise _refusal(value)
        return None

    def _decoded(self, line: bytes | None) -> tuple[str, str, dict[str, Any]]:
        if line is None:
            return "", "", {}
        try:
            return decode_frame(line[line.rfind(b"~") :] if b"~" in line else line)
        except FrameError:
            self._noise = line[-_SHOWN_NOISE_BYTES:]
            return "", "", {}

    def _heard(self) -> str:
        if not self._noise:
            return "; nothing was heard at all"
        return f"; last heard: {self._noise.decode(errors='replace')!r}"

    @contextmanager
    def _port_errors(self) -> Iterator[None]:
        try:
            yield
        except (serial.SerialException, OSError) as error:
            raise PortError(f"{self.port}: lost while in use ({error})") from error


def open_port(port: str) -> serial.Serial:
    try:
        line = serial.Serial(port, BAUD, timeout=_READ_S, write_timeout=5, exclusive=True)
        line.reset_input_buffer()
    except (serial.SerialException, OSError, ValueError) as error:
        if getattr(error, "errno", None) in (errno.EBUSY, errno.EAGAIN):
            raise PortBusyError(f"{port}: another program uses it") from error
        if "exclusively lock" in str(error):
            raise PortBusyError(f"{port}: another program uses it") from error
        raise PortError(f"{port}: cannot be opened ({_reason(error)})") from error
    return line


def _reason(error: Exception) -> str:
    number = getattr(error, "errno", None)
    if number == errno.ENOENT:
        return "there is no such port"
    if number == errno.EACCES:
        return "not allowed; add yourself to the group 'dialout'"
    return str(error)


def _refusal(value: Mapping[str, Any]) -> DeviceRefusedError:
    code = str(value.get("code", "unknown"))
    next_step = value.get("next")
    return DeviceRefusedError(
        code, f"the device says {code}: {value.get('message', '')}", next_step or None
    )
