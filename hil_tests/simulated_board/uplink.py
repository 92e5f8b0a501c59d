"""The board's way into the network: carries its connections, or lets them go dark.

The board sends `<host>:<port>\\n` first; then bytes are carried both ways. Three kinds of trouble:

- unplugged: bytes stop both ways, nothing is closed, nothing is lost; when plugged they flow on
  (as TCP would have it), and a connection that ended meanwhile ends then;
- dark: the board has lost power. Its connections carry nothing any more, for ever, and the far
  end sees no FIN: it finds out by its own keep-alive, or when the board comes back;
- refused: dialling fails, and open connections are reset.
"""

import asyncio
import time
from contextlib import suppress

_DARK_LIMIT_S = 900.0
_HELLO_S = 5.0
_MAX_HELLO_BYTES = 300
_PIECE_BYTES = 65_536

Reader = asyncio.StreamReader
Writer = asyncio.StreamWriter


class Uplink:
    """One network socket in the wall; `open` gives the loopback port that the board dials."""

    def __init__(self) -> None:
        self._flowing = asyncio.Event()
        self._flowing.set()
        self._server: asyncio.Server | None = None
        self._port = 0
        self._carried: set[_Carried] = set()
        self.bytes_from_board = 0
        self.bytes_to_board = 0
        self._listening = False
        self._heard_at: float | None = None

    @property
    def state(self) -> str:
        if self._server is None:
            return "refused"
        return "plugged" if self._flowing.is_set() else "unplugged"

    async def open(self) -> int:
        """Listen (on the port of the last time, if there was one) and return the port."""
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", self._port)
        self._port = self._server.sockets[0].getsockname()[1]
        return self._port

    async def plug(self) -> None:
        if self._server is None:
            await self.open()
        self._flowing.set()

    async def unplug(self) -> None:
        if self._server is None:
            await self.open()
        self._flowing.clear()

    def refuse(self) -> None:
        self._flowing.set()
        self.close()
        self._server = None

    def listen(self) -> None:
        """Remember when the board says something next."""
        self._listening = True
        self._heard_at = None

    def first_heard_at(self) -> float | None:
        """When the first bytes came since `listen`."""
        return self._heard_at

    def hear(self, size: int) -> None:
        self.bytes_from_board += size
        if self._listening:
            self._listening = False
            self._heard_at = time.time()

    def darken(self) -> None:
        """Carry nothing any more on the connections there are now; the far ends stay open."""
        for carried in self._carried:
            carried.dark = True

    def close(self) -> None:
        if self._server is not None:
            self._server.close()
        for carried in list(self._carried):
            carried.abort()

    async def _serve(self, reader: Reader, writer: Writer) -> None:
        carried = _Carried(self, reader, writer)
        self._carried.add(carried)
        try:
            with suppress(OSError, ValueError, asyncio.TimeoutError, asyncio.CancelledError):
                await carried.run()
        finally:
            self._carried.discard(carried)
            carried.abort()

    async def until_flowing(self) -> None:
        await self._flowing.wait()


class _Carried:
    """One connection of the board, and the one to its far end."""

    def __init__(self, uplink: Uplink, reader: Reader, writer: Writer) -> None:
        self.dark = False
        self._uplink = uplink
        self._reader = reader
        self._board = writer
        self._far_end: Writer | None = None

    async def run(self) -> None:
        """Carry until both ends are done. Raises OSError when the far end refuses."""
        hello = await asyncio.wait_for(self._reader.readline(), _HELLO_S)
        host, _, port = hello[:_MAX_HELLO_BYTES].decode().strip().rpartition(":")
        await self._uplink.until_flowing()
        far_reader, self._far_end = await asyncio.open_connection(host, int(port))
        outward = asyncio.create_task(self._carry_outward(self._far_end))
        try:
            await self._carry_inward(far_reader)
        finally:
            outward.cancel()

    def abort(self) -> None:
        for writer in (self._board, self._far_end):
            if writer is not None:
                writer.transport.abort() if self.dark else writer.close()

    async def _carry_outward(self, far_end: Writer) -> None:
        with suppress(OSError):
            while data := await self._reader.read(_PIECE_BYTES):
                await self._uplink.until_flowing()
                if not self.dark:
                    self._uplink.hear(len(data))
                    far_end.write(data)
                    await far_end.drain()
        await self._uplink.until_flowing()
        if not self.dark:
            far_end.close()

    async def _carry_inward(self, far_reader: Reader) -> None:
        while data := await self._read_far_end(far_reader):
            await self._uplink.until_flowing()
            if not self.dark:
                self._uplink.bytes_to_board += len(data)
                self._board.write(data)
                await self._board.drain()
        if not self.dark:
            await self._uplink.until_flowing()

    async def _read_far_end(self, far_reader: Reader) -> bytes:
        """Read what comes; once dark, give up after a limit so that far ends do not pile up."""
        while not self.dark:
            with suppress(asyncio.TimeoutError):
                return await asyncio.wait_for(far_reader.read(_PIECE_BYTES), 1.0)
        return await asyncio.wait_for(far_reader.read(_PIECE_BYTES), _DARK_LIMIT_S)
