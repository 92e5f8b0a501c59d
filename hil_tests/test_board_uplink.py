"""The board's network as the far end sees it: carried, unplugged, refused, and dark without FIN."""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from contextlib import suppress
from typing import Any

import pytest

from hil_tests.simulated_board.uplink import Uplink

WAIT_S = 5.0
SILENCE_S = 0.15


class FarEnd:
    """The other end of the line: keeps what it got, and sees when the connection ends."""

    def __init__(self) -> None:
        self.got = bytearray()
        self.connections = 0
        self.ended = asyncio.Event()
        self.writers: list[asyncio.StreamWriter] = []
        self.port = 0

    async def listen(self) -> asyncio.Server:
        server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.port = server.sockets[0].getsockname()[1]
        return server

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        self.writers.append(writer)
        while data := await reader.read(1000):
            self.got += data
            writer.write(data.upper())
        self.ended.set()
        writer.close()


class Bench:
    def __init__(self, uplink: Uplink, far_end: FarEnd, port: int) -> None:
        self.uplink = uplink
        self.far_end = far_end
        self._port = port

    async def dial(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        reader, writer = await asyncio.open_connection("127.0.0.1", self._port)
        writer.write(f"127.0.0.1:{self.far_end.port}\n".encode())
        return reader, writer

    async def connected(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        reader, writer = await self.dial()
        writer.write(b"hi")
        assert await within(reader.readexactly(2)) == b"HI"
        return reader, writer


async def within(wait: Awaitable[Any]) -> Any:
    return await asyncio.wait_for(wait, WAIT_S)


async def silent(reader: asyncio.StreamReader) -> bool:
    """Tell whether neither a byte nor the end of the connection comes."""
    try:
        await asyncio.wait_for(reader.read(1), SILENCE_S)
    except TimeoutError:
        return True
    return False


def on_bench(scene: Callable[[Bench], Coroutine[Any, Any, None]]) -> None:
    async def run() -> None:
        far_end = FarEnd()
        server = await far_end.listen()
        uplink = Uplink()
        try:
            await scene(Bench(uplink, far_end, await uplink.open()))
        finally:
            uplink.close()
            server.close()
            for writer in far_end.writers:
                writer.close()
            await asyncio.sleep(0)

    asyncio.run(run())


def test_bytes_are_carried_both_ways_and_the_end_too() -> None:
    async def scene(bench: Bench) -> None:
        _, writer = await bench.connected()
        writer.close()
        await within(bench.far_end.ended.wait())
        assert bench.uplink.bytes_from_board == bench.uplink.bytes_to_board == 2

    on_bench(scene)


def test_dark_carries_nothing_and_the_far_end_sees_no_end_even_when_the_board_dies() -> None:
    async def scene(bench: Bench) -> None:
        reader, writer = await bench.connected()
        bench.uplink.darken()
        writer.write(b"lost")
        bench.far_end.writers[0].write(b"lost too")
        assert await silent(reader)
        writer.transport.abort()
        with pytest.raises(asyncio.TimeoutError):
            await asyncio.wait_for(bench.far_end.ended.wait(), SILENCE_S)
        assert bytes(bench.far_end.got) == b"hi"

    on_bench(scene)


def test_after_dark_a_new_connection_works_while_the_old_one_stays_open() -> None:
    async def scene(bench: Bench) -> None:
        _, old = await bench.connected()
        bench.uplink.darken()
        old.transport.abort()
        _, new = await bench.connected()
        assert bench.far_end.connections == 2
        assert not bench.far_end.ended.is_set()
        new.close()

    on_bench(scene)


def test_the_far_end_may_close_a_dark_connection() -> None:
    async def scene(bench: Bench) -> None:
        reader, writer = await bench.connected()
        bench.uplink.darken()
        bench.far_end.writers[0].close()
        with suppress(ConnectionResetError):
            assert await within(reader.read(10)) == b""
        writer.close()

    on_bench(scene)


def test_unplugged_holds_the_bytes_back_and_plugged_they_flow_on() -> None:
    async def scene(bench: Bench) -> None:
        reader, writer = await bench.connected()
        await bench.uplink.unplug()
        writer.write(b"late")
        assert await silent(reader)
        assert bytes(bench.far_end.got) == b"hi"
        await bench.uplink.plug()
        assert await within(reader.readexactly(4)) == b"LATE"
        writer.close()

    on_bench(scene)


def test_a_board_that_dies_unplugged_ends_for_the_far_end_only_when_plugged() -> None:
    async def scene(bench: Bench) -> None:
        _, writer = await bench.connected()
        await bench.uplink.unplug()
        writer.close()
        with pytest.raises(asyncio.TimeoutError):
            await asyncio.wait_for(bench.far_end.ended.wait(), SILENCE_S)
        await bench.uplink.plug()
        await within(bench.far_end.ended.wait())

    on_bench(scene)


def test_dialling_while_unplugged_connects_once_plugged() -> None:
    async def scene(bench: Bench) -> None:
        await bench.uplink.unplug()
        reader, writer = await bench.dial()
        writer.write(b"hi")
        assert await silent(reader)
        assert bench.far_end.connections == 0
        await bench.uplink.plug()
        assert await within(reader.readexactly(2)) == b"HI"
        writer.close()

    on_bench(scene)


def test_refused_ends_connections_and_dialling_until_plugged() -> None:
    async def scene(bench: Bench) -> None:
        _, writer = await bench.connected()
        bench.uplink.refuse()
        await within(bench.far_end.ended.wait())
        with pytest.raises(ConnectionRefusedError):
            await bench.dial()
        await bench.uplink.plug()
        _, again = await bench.connected()
        again.close()
        writer.close()

    on_bench(scene)


def test_a_far_end_that_is_down_ends_the_boards_connection() -> None:
    async def scene(bench: Bench) -> None:
        bench.far_end.port = 1
        reader, writer = await bench.dial()
        assert await within(reader.read(1)) == b""
        writer.close()

    on_bench(scene)


@pytest.mark.parametrize("hello", [b"nonsense\n", b"\xff\xfe\n", b"x" * 100_000, b":\n"])
def test_a_board_that_names_no_far_end_is_cut_off(hello: bytes) -> None:
    async def scene(bench: Bench) -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", bench._port)
        writer.write(hello)
        try:
            assert await within(reader.read(1)) == b""
        except ConnectionResetError:
            return
        finally:
            writer.close()

    on_bench(scene)
