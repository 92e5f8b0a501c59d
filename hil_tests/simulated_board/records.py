"""What the bench writes down about a board: its console, and every action with its time."""

import json
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any


class ConsoleLog:
    """Everything the board said, each line with the bench's time (UTC) at its first byte."""

    def __init__(self, path: Path) -> None:
        self._file = path.open("ab", buffering=0)
        self._line = bytearray()
        self._stamp = b""

    def write(self, data: bytes) -> None:
        for piece in data.splitlines(keepends=True):
            if not self._line:
                self._stamp = _stamp()
            self._line += piece
            if piece.endswith(b"\n"):
                self.end_line()

    def end_line(self) -> None:
        """Write down the line as far as it came."""
        if self._line:
            self._file.write(self._stamp + b" " + bytes(self._line).rstrip(b"\r\n") + b"\n")
            self._line.clear()

    def close(self) -> None:
        self.end_line()
        self._file.close()


class ActionLog:
    """One JSON object per line for each thing the bench did or saw; `at` is Unix time."""

    def __init__(self, path: Path) -> None:
        self._file = path.open("a", buffering=1)

    def note(self, action: str, **values: Any) -> dict[str, Any]:
        """Write one action down and return it."""
        entry = {"action": action, "at": time.time(), **values}
        self._file.write(json.dumps(entry) + "\n")
        return entry

    def close(self) -> None:
        self._file.close()


def _stamp() -> bytes:
    return datetime.now(UTC).isoformat(timespec="milliseconds").encode()
