"""Tool lines of the serial console: one word and one JSON value, told apart from noise by a CRC.

`~<id> <word> <json>*<crc>\n`, see FORMATS.md, "Console frame v1". The same both ways; `word` is a
verb on the way in and `ok` or `error` on the way out.
"""

import json
from binascii import crc32

from agent.errors import FrameError

MAX_LINE_BYTES = 2048
MAX_ID_BYTES = 16
MARK = b"~"
OK = "ok"
ERROR = "error"


def encode_frame(ident: str, word: str, value: object) -> bytes:
    """One whole line, its newline included. Raises FrameError when it would be too long."""
    body = ("%s %s %s" % (ident, word, json.dumps(value))).encode()
    line = b"~%s*%08x\n" % (body, crc32(body))
    if len(line) > MAX_LINE_BYTES:
        raise FrameError("too long", len(line))
    return line


def decode_frame(line: bytes) -> tuple[str, str, dict[str, object]]:
    """Return (id, word, arguments) of a line, with or without its newline.

    No JSON at all stands for no arguments. Raises FrameError with "crc", "too long" or "format".
    """
    line = line.strip()
    if len(line) > MAX_LINE_BYTES:
        raise FrameError("too long", len(line))
    star = len(line) - 9
    body = line[1:star]
    if star < 1 or line[:1] != MARK or line[star : star + 1] != b"*":
        raise FrameError("format", "no frame")
    if line[star + 1 :] != b"%08x" % crc32(body):
        raise FrameError("crc", "expected over %d bytes" % len(body))
    try:
        parts = body.decode().split(" ", 2)
        value = json.loads(parts[2]) if len(parts) == 3 and parts[2] else {}
    except (ValueError, RuntimeError) as error:  # RuntimeError: nested too deep
        raise FrameError("format", "not JSON text") from error
    ident = parts[0]
    if len(parts) < 2 or not ident or len(ident) > MAX_ID_BYTES or not parts[1]:
        raise FrameError("format", "no id or verb")
    if not isinstance(value, dict):
        raise FrameError("format", "not a JSON object")
    return ident, parts[1], value


class LineSplitter:
    """Cuts a stream of bytes into lines; what is longer than a line may be is thrown away.

    Never holds more than MAX_LINE_BYTES, whatever comes.
    """

    def __init__(self) -> None:
        self._line = bytearray()
        self._skipping = False

    def feed(self, data: bytes) -> list[bytes | None]:
        """The lines that `data` completes, without newline; None for one that was too long."""
        lines: list[bytes | None] = []
        for byte in data:
            if byte in (10, 13):
                if self._skipping:
                    lines.append(None)
                elif self._line:
                    lines.append(bytes(self._line))
                self._line = bytearray()
                self._skipping = False
            elif not self._skipping:
                self._line.append(byte)
                if len(self._line) >= MAX_LINE_BYTES:
                    self._line = bytearray()
                    self._skipping = True
        return lines
