"""What happened on the bench, with the bench's time: console lines, actions, supply, events.

A line that is recorded is read all the time by a thread, so that what a board says is stamped when
it says it, and not when somebody asks.
"""

import threading
import time
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

from firmware_tools.serial_port import LINE_ERRORS, close_port

_READ_S = 0.05
_MAX_LINE_BYTES = 2048
_MARKS = ("soft reboot", "rst:0x", "Brownout", "Guru Meditation", "Traceback", "ended with exit")
"""What in a board's words tells of a restart or a crash (MicroPython, ESP-IDF, the bench's own)."""


class Kind(StrEnum):
    SAID = "said"  # a line of the board
    SENT = "sent"  # a line to the board
    MARK = "mark"  # a line of the board that tells of a restart or a crash
    ACTION = "action"  # what the bench did
    STATE = "state"  # the board is `off`, `starting` or `answers`
    EVENT = "event"  # an entry of the board's journal, when it was first seen
    SUPPLY = "supply"  # what the bench set, in millivolts
    MEASURED = "measured"  # what the board said of its supply, in millivolts
    PORT = "port"  # the port appeared or vanished


OFF, STARTING, ANSWERS = "off", "starting", "answers"


@dataclass(frozen=True, slots=True)
class Entry:
    """`at` is Unix time; `value` millivolts where the kind says so."""

    at: float
    kind: Kind
    text: str
    value: int | None = None


class Record:
    """What happened to one board, in order of time as far as one clock can tell."""

    def __init__(self) -> None:
        self._entries: list[Entry] = []
        self._turn = threading.Lock()

    def note(
        self, kind: Kind, text: str, value: int | None = None, at: float | None = None
    ) -> None:
        with self._turn:
            self._entries.append(Entry(time.time() if at is None else at, kind, text, value))

    def between(self, since: float, until: float) -> list[Entry]:
        with self._turn:
            found = [entry for entry in self._entries if since <= entry.at <= until]
        return sorted(found, key=lambda entry: entry.at)

    def last_before(self, at: float, kind: Kind) -> Entry | None:
        with self._turn:
            found = [entry for entry in self._entries if entry.at < at and entry.kind is kind]
        return max(found, key=lambda entry: entry.at, default=None)


def as_log(entries: Iterable[Entry]) -> str:
    """One line for each entry, with its time (UTC) and kind."""
    return "".join(f"{_stamp(entry.at)} {entry.kind:<8} {_said(entry)}\n" for entry in entries)


def _said(entry: Entry) -> str:
    return entry.text if entry.value is None else f"{entry.text} {entry.value} mV".strip()


def _stamp(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).isoformat(timespec="milliseconds")


class RecordedLine:
    """A pyserial line whose traffic is recorded; has what SerialLink uses of one."""

    def __init__(self, line: Any, record: Record) -> None:
        self._line = line
        self._record = record
        self._heard = bytearray()
        self._news = threading.Condition()
        self._lost: Exception | None = None
        self._open = True
        self._said = _Lines(record, Kind.SAID)
        self._name = str(line.port).rpartition("/")[2]
        record.note(Kind.PORT, f"{self._name} opened")
        self._thread = threading.Thread(target=self._listen, daemon=True)
        self._thread.start()

    @property
    def in_waiting(self) -> int:
        with self._news:
            return len(self._heard)

    def read(self, size: int) -> bytes:
        """Up to `size` bytes that were heard; raises what the line raised when it was lost."""
        with self._news:
            self._news.wait_for(lambda: self._heard or self._lost, _READ_S)
            if not self._heard and self._lost is not None:
                raise self._lost
            data = bytes(self._heard[:size])
            del self._heard[:size]
            return data

    def write(self, data: bytes) -> None:
        for text in _printable(data).splitlines():
            self._record.note(Kind.SENT, text)
        self._line.write(data)

    def close(self) -> None:
        self._open = False
        self._thread.join(2)
        close_port(self._line)

    def _listen(self) -> None:
        try:
            while self._open:
                data = self._line.read(self._line.in_waiting or 1)
                if data:
                    self._said.feed(data)
                    with self._news:
                        self._heard += data
                        self._news.notify_all()
        except LINE_ERRORS as error:
            self._record.note(Kind.PORT, f"{self._name} vanished")
            with self._news:
                self._lost = error
                self._news.notify_all()


class _Lines:
    """Cuts what comes into lines, each with the time of its first byte."""

    def __init__(self, record: Record, kind: Kind) -> None:
        self._record = record
        self._kind = kind
        self._line = bytearray()
        self._began_at = 0.0

    def feed(self, data: bytes) -> None:
        for piece in data.splitlines(keepends=True):
            if not self._line:
                self._began_at = time.time()
            self._line += piece
            if piece.endswith((b"\n", b"\r")) or len(self._line) > _MAX_LINE_BYTES:
                self._end()

    def _end(self) -> None:
        text = _printable(bytes(self._line)).strip()
        self._line.clear()
        if text:
            kind = Kind.MARK if any(mark in text for mark in _MARKS) else self._kind
            self._record.note(kind, text, at=self._began_at)


def _printable(data: bytes) -> str:
    text = data.decode(errors="backslashreplace")
    return "".join(sign if sign.isprintable() or sign == "\n" else " " for sign in text)
