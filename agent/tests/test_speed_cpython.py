"""A measured transfer and a ping over real sockets of this machine, on loopback."""

import asyncio
import json
import socket
import subprocess
import sys

import pytest

from agent.ports.speed import Transfer
from agent.tests import run_micropython

SIZE = 300_000
ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % SIZE
GOOD = ANSWER + bytes(SIZE)


async def _dial(host, port):
    sock = socket.socket()
    sock.setblocking(False)
    try:
        await asyncio.get_running_loop().sock_connect(sock, ("127.0.0.1", port))
    except OSError:
        sock.close()
        raise
    return sock


def _transfer(answer, sent_bytes=0, limit_ms=5000, limit_bytes=1 << 30, hold=False):
    """The transfer at its end, and what the server heard."""
    heard = bytearray()

    async def serve(reader, writer):
        heard.extend(await reader.readuntil(b"\r\n\r\n"))
        writer.write(answer)
        try:
            while (sent_bytes or hold) and len(data := await reader.read(65536)):
                heard.extend(data)
        except OSError:
            pass  # the other side went first
        finally:
            writer.close()

    async def run():
        server = await asyncio.start_server(serve, "127.0.0.1", 0)
        async with server:
            port = server.sockets[0].getsockname()[1]
            transfer = Transfer(
                _dial, "speed.example", port, "/file", sent_bytes, limit_ms, limit_bytes
            )
            while not transfer.status:
                await asyncio.sleep(0.005)
            transfer.close()
            await asyncio.sleep(0.02)
            return transfer

    return asyncio.run(run()), bytes(heard)


def test_a_file_is_fetched_and_counted_with_its_times():
    transfer, heard = _transfer(GOOD)
    assert (transfer.status, transfer.count) == ("Complete", SIZE)
    assert heard.startswith(b"GET /file HTTP/1.1\r\nHost: speed.example:")
    assert 0 <= transfer.open_ms <= transfer.opened_ms <= transfer.request_ms
    assert transfer.request_ms <= transfer.begin_ms <= transfer.end_ms


def test_an_upload_says_how_much_comes_and_sends_so_much():
    transfer, heard = _transfer(b"", sent_bytes=100_001)
    head, _, body = heard.partition(b"\r\n\r\n")
    assert b"POST /file" in head and b"Content-Length: 100001" in head
    assert (transfer.status, transfer.count, len(body)) == ("Complete", 100_001, 100_001)


def test_bytes_and_time_end_it_as_complete():
    transfer, _ = _transfer(GOOD, limit_bytes=20_000)
    assert transfer.status == "Complete" and 20_000 <= transfer.count < SIZE
    transfer, _ = _transfer(GOOD[:50_000], limit_ms=0)
    assert transfer.status == "Complete"


@pytest.mark.parametrize(
    ("answer", "status"),
    [
        (b"", "Error_NoResponse"),
        (b"what\r\n\r\n", "Error_NoResponse"),
        (b"HTTP/1.1 404 Not Found\r\n\r\n", "Error_TransferFailed"),
        (GOOD[:-1], "Error_TransferFailed"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: much\r\n\r\n", "Error_NoResponse"),
        (b"HTTP/1.1 200 OK\r\n" + b"x: y\r\n" * 99 + b"\r\n", "Error_NoResponse"),
        (b"HTTP/1.1 200 OK\r\n" + b"x" * 200_000, "Error_NoResponse"),
    ],
)
def test_what_goes_wrong_has_the_status_of_the_standard(answer, status):
    assert _transfer(answer)[0].status == status


def test_nobody_there_is_no_connection():
    async def run():
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        transfer = Transfer(_dial, "speed.example", port, "/", 0, 1000, 1000)
        while not transfer.status:
            await asyncio.sleep(0.005)
        return transfer.status

    assert asyncio.run(run()) == "Error_InitConnectionFailed"


def test_a_line_that_goes_dark_ends_in_time(monkeypatch):
    monkeypatch.setattr("agent.ports.speed._OPEN_MS", 100)
    transfer, _ = _transfer(GOOD[:50_000], limit_ms=100, hold=True)
    assert (transfer.status, transfer.count > 0) == ("Error_Timeout", True)
    transfer, _ = _transfer(b"", limit_ms=100, hold=True)
    assert transfer.status == "Error_NoResponse"


_PINGS = """
import asyncio, sys
from agent.ports.linux_ping import ping

async def run(host):
    for result in ping(host, 2, 200, 32):
        if result:
            return result
        await asyncio.sleep(0.005)

for host in sys.argv[1:]:
    print(*asyncio.run(run(host)), sep="|")
"""
_NAMESPACE = """
ip link set lo up && echo "0 0" > /proc/sys/net/ipv4/ping_group_range && exec "$@"
"""


def test_a_ping_asks_over_both_protocols_and_knows_where_no_way_leads():
    """In a network namespace of its own, where the kernel lets the test ping."""
    hosts = ["127.0.0.1", "::1", "192.0.2.1", "nowhere.invalid"]
    done = subprocess.run(  # noqa: S603  our own interpreter in a namespace of this test
        ["unshare", "-n", "sh", "-c", _NAMESPACE, "sh", sys.executable, "-c", _PINGS, *hosts],  # noqa: S607
        cwd=run_micropython.REPOSITORY,
        capture_output=True,
        text=True,
        timeout=20,
        check=False,
    )
    if done.returncode and not done.stdout:
        pytest.skip(f"no network namespace here: {done.stderr.strip()[-80:]}")
    rows = [line.split("|") for line in done.stdout.splitlines()]
    assert [row[0] for row in rows] == [
        "Complete",
        "Complete",
        "Error_NoRouteToHost",
        "Error_CannotResolveHostName",
    ]
    for host, row in zip(hosts[:2], rows[:2], strict=True):
        times_us = json.loads(row[2])
        assert row[1] == host and len(times_us) == 2
        assert all(0 <= time_us < 200_000 for time_us in times_us)
