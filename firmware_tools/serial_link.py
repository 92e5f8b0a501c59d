"""Asks a device on its serial line, and finds back into step after noise.

Each attempt carries an id of its own and an empty line before it, so that half a line left over
on the device's side cannot swallow it. Lines that are not the answer to this very attempt (what
people read, late answers, noise) are passed over. Source: FORMATS.md, "Console frame v1".

A verb that takes long is watched meanwhile: a device answers in turn, so an answer to a question
that was asked later tells that the request is lost, as by a restart, and it is sent again at once.

A port that vanishes while its board restarts is opened again, under whatever name it has then.
"""

import itertools
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any

from agent.errors import FrameError
from agent.wire.frame import ERROR, OK, LineSplitter, decode_frame, encode_frame
from firmware_tools.errors import DeviceRefusedError, NoAnswerError, PortError
from firmware_tools.serial_port import LINE_ERRORS, close_port, open_again, open_port

BACK_S = 15.0
"""How long a port may be away: a board restarts and USB takes it up anew."""
_SHOWN_NOISE_BYTES = 80


@dataclass(frozen=True, slots=True)
class Patience:
    """How long to wait for one answer, how often to ask, and how often to look meanwhile whether
    the device forgot it (0 for never)."""

    answer_s: float
    attempts: int
    look_s: float = 0.0


ORDINARY = Patience(3.0, 3)
_BY_VERB: Mapping[str, Patience] = {
    "hello": Patience(1.5, 6),
    "new_key": Patience(30.0, 3, 1.0),  # two multiplications on P-256 in plain Python
    "commit": Patience(20.0, 3, 1.0),
    "status": Patience(2.0, 3),
    "reboot": Patience(3.0, 1),
}


class SerialLink:
    """One open port, locked against other programs; a context manager.

    `port` is a name as in serial_port.py. `wrap` may put something of its own between this link
    and each line that is opened. Raises PortError when the port cannot be opened and PortBusyError
    when another has it.
    """

    def __init__(self, port: Path | str, wrap: Callable[[Any], Any] | None = None) -> None:
        self.port = str(port)
        self._wrap = wrap or (lambda line: line)
        self._line = self._wrap(open_port(self.port))
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

        Raises DeviceRefusedError when it answers with an error, NoAnswerError when it is silent,
        PortError when the port vanishes and does not come back.
        """
        patience = patience or _BY_VERB.get(verb, ORDINARY)
        lost: Exception | None = None
        forgotten = True
        for _ in range(patience.attempts):
            if not forgotten and patience.look_s:
                break  # it was silent to everything: it would be again
            ident = str(next(self._ids))
            try:
                if lost is not None:
                    self._open_again()
                lost = None
                self._line.write(b"\n" + encode_frame(ident, verb, dict(arguments or {})))
                forgotten, answer = self._wait_for(ident, patience)
            except LINE_ERRORS as error:
                lost = error
                continue
            if answer is not None:
                return answer
        if lost is not None:
            raise PortError(f"{self.port}: lost while in use ({lost})") from lost
        raise NoAnswerError(f"{self.port}: no answer to {verb!r}{self._heard()}")

    def send(self, data: bytes) -> None:
        """Put bytes on the line as they are, such as what a person types. Raises PortError."""
        try:
            self._line.write(data)
        except LINE_ERRORS as error:
            raise PortError(f"{self.port}: lost while in use ({error})") from error

    def close(self) -> None:
        close_port(self._line)

    def __enter__(self) -> "SerialLink":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def _wait_for(self, ident: str, patience: Patience) -> tuple[bool, dict[str, Any] | None]:
        """Return (whether the device is there but has no such request, the answer to `ident`)."""
        looks: set[str] = set()
        began = look_at = time.monotonic()
        while (now := time.monotonic()) < began + patience.answer_s:
            if patience.look_s and now >= look_at + patience.look_s:
                look_at = now
                looks.add(look := str(next(self._ids)))
                self._line.write(b"\n" + encode_frame(look, "status", {}))
            for line in self._splitter.feed(self._line.read(self._line.in_waiting or 1)):
                heard, word, value = self._decoded(line)
                if heard in looks or (heard == "0" and value.get("code") == "crc"):
                    return True, None
                if heard == ident and word == OK:
                    return False, value
                if heard == ident and word == ERROR:
                    raise _refusal(value)
        return False, None

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

    def _open_again(self) -> None:
        self.close()
        self._line = self._wrap(open_again(self.port, BACK_S))
        self._splitter = LineSplitter()


def _refusal(value: Mapping[str, Any]) -> DeviceRefusedError:
    code = str(value.get("code", "unknown"))
    next_step = value.get("next")
    return DeviceRefusedError(
        code, f"the device says {code}: {value.get('message', '')}", next_step or None
    )
