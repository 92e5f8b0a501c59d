"""One HTTP transfer that is measured: bytes and times, never the contents.

Runs as a task of its own beside the agent's others, which go on meanwhile. It ends by itself: with
the last byte, after `limit_ms`, or with `limit_bytes`; `close` ends it at once. Plain HTTP/1.1, one
connection. The same code on both Pythons.
"""
# MicroPython's StreamReader writes as well; the stubs describe CPython's.
# pyright: reportAttributeAccessIssue=false

import asyncio

from agent.compat import MICROPYTHON, const, monotonic_ms, wait_for_event

_PIECE_BYTES = const(4096)
_MAX_HEAD_LINES = const(64)
_OPEN_MS = const(10000)  # for a connection, and for the first byte of the answer
_HOST_UNKNOWN = (-2, -3, -5)  # of getaddrinfo
_NO_ROUTE = (101, 113)


class Transfer:
    """`sent_bytes` 0 fetches `path`, else so many are sent to it.

    While `status` is "" it runs; then that is a Status of TR-181, "Complete" when it ended as it
    should or by a limit. Times are up time in ms, 0 for what did not happen.
    """

    def __init__(self, dial, host, port, path, sent_bytes, limit_ms, limit_bytes) -> None:
        self.status = ""
        self.open_ms = self.opened_ms = 0  # the connection was asked for, and was there
        self.request_ms = self.begin_ms = self.end_ms = 0
        self.count = 0  # bytes of contents
        self._sock = self._writer = None
        self._limit = (limit_ms, limit_bytes)
        head = "%s %s HTTP/1.1\r\nHost: %s:%d\r\nConnection: close\r\n" % (
            "POST" if sent_bytes else "GET",
            path,
            host,
            port,
        )
        if sent_bytes:
            head += "Content-Length: %d\r\n" % sent_bytes
        self._head = (head + "\r\n").encode()
        self._sent_bytes = sent_bytes
        self._ended = asyncio.Event()
        self._watch = asyncio.create_task(self._bound())
        self._task = asyncio.create_task(self._run(dial, host, port))

    def close(self) -> None:
        """End it, whatever is under way."""
        self._task.cancel()
        self._watch.cancel()
        self._hang_up()

    async def _run(self, dial, host, port):
        try:
            self.open_ms = monotonic_ms()
            self._sock = await dial(host, port)
            self.opened_ms = monotonic_ms()
            reader, writer = await _streams(self._sock)
            self._writer = writer
            self.request_ms = monotonic_ms()
            writer.write(self._head)
            await writer.drain()
            if self._sent_bytes:
                await self._send(writer)
            else:
                await self._fetch(reader)
        except (OSError, ValueError, EOFError) as error:
            self._finish(self._why(error))
        finally:
            self._hang_up()
            self._ended.set()

    def _hang_up(self):
        if self._writer and not MICROPYTHON:
            self._writer.transport.abort()
        elif self._sock:
            self._sock.close()

    async def _bound(self):
        """The time limit, which a line that went dark does not keep by itself."""
        limit_ms = self._limit[0]
        if not await wait_for_event(self._ended, _OPEN_MS + limit_ms):
            self._finish("Error_Timeout" if self.begin_ms else "Error_NoResponse")
            self._task.cancel()

    async def _fetch(self, reader):
        code, size = await _answer_head(reader)
        if code != 200:
            self._finish("Error_TransferFailed")
            return
        piece = bytearray(_PIECE_BYTES)
        self.begin_ms = self.end_ms = monotonic_ms()
        while self.count < size and not self._is_over():
            got = await _read_into(reader, piece)
            if not got:
                break
            self.count += got
            self.end_ms = monotonic_ms()
        short = self.count < size and not self._is_over() and size != _UNKNOWN_SIZE
        self._finish("Error_TransferFailed" if short else "Complete")

    async def _send(self, writer):
        piece = bytes(_PIECE_BYTES)
        self.begin_ms = self.end_ms = monotonic_ms()
        while self.count < self._sent_bytes and not self._is_over():
            left = self._sent_bytes - self.count
            writer.write(piece if left >= _PIECE_BYTES else piece[:left])
            await writer.drain()
            self.count += min(left, _PIECE_BYTES)
            self.end_ms = monotonic_ms()
        self._finish("Complete")

    def _is_over(self):
        limit_ms, limit_bytes = self._limit
        return monotonic_ms() - self.begin_ms >= limit_ms or self.count >= limit_bytes

    def _finish(self, status):
        self.status = self.status or status

    def _why(self, error):
        number = error.args[0] if error.args and isinstance(error.args[0], int) else 0
        if self.begin_ms:
            return "Error_TransferFailed"
        if self.request_ms:
            return "Error_NoResponse"
        if number in _HOST_UNKNOWN:
            return "Error_CannotResolveHostName"
        return "Error_NoRouteToHost" if number in _NO_ROUTE else "Error_InitConnectionFailed"


_UNKNOWN_SIZE = 1 << 40  # an answer without Content-Length ends with the connection


async def _streams(sock):
    if MICROPYTHON:
        stream = asyncio.StreamReader(sock)
        return stream, stream
    return await asyncio.open_connection(sock=sock)


async def _read_into(reader, piece):
    if MICROPYTHON:
        return await reader.readinto(piece) or 0
    return len(await reader.read(len(piece)))


async def _answer_head(reader):
    """(status code, bytes of contents). Raises ValueError where it is no answer of HTTP."""
    words = (await reader.readline()).split(b" ")
    if len(words) < 2 or not words[0].startswith(b"HTTP/"):
        raise ValueError("not HTTP")
    size = _UNKNOWN_SIZE
    for _ in range(_MAX_HEAD_LINES):
        line = (await reader.readline()).strip()
        if not line:
            return int(words[1]), size
        name, _, value = line.partition(b":")
        if name.lower() == b"content-length":
            size = int(value)
    raise ValueError("head too long")
