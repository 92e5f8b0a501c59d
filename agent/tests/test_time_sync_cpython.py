"""The time client against a server on loopback, and the clock of this Linux machine."""

import asyncio
import socket
import sys
import threading
import time

import pytest

from agent.core import time_exchange
from agent.ports import linux_time
from agent.ports.board import Board
from agent.ports.linux import LinuxBoard
from agent.tests.linux_cpython import LINUX_CONFIG
from agent.tests.time_answers import answer


class LoopbackServer:
    """Answers every question with the host's time, first with `noise` datagrams."""

    def __init__(self, noise=()):
        self._sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._sock.bind(("127.0.0.1", 0))
        self.port = self._sock.getsockname()[1]
        self._noise = noise
        self._sock.settimeout(0.05)
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def _serve(self):
        while not self._over.is_set():
            try:
                question, sender = self._sock.recvfrom(100)
            except TimeoutError:
                continue
            for data in self._noise:
                self._sock.sendto(data, sender)
            self._sock.sendto(answer(question[40:48], time.time_ns() // 1_000_000), sender)

    def close(self):
        self._over.set()
        self._thread.join()
        self._sock.close()


class _Clock:
    floor_ms = 0

    def up_time_ms(self):
        return time.monotonic_ns() // 1_000_000


class _Device:
    def __init__(self, board):
        self.board = board
        self.clock = _Clock()


@pytest.fixture(params=["any board", "Linux"])
def board(request, tmp_path):
    if request.param == "Linux":
        return LinuxBoard(LINUX_CONFIG | {"state": str(tmp_path)})
    return Board()


@pytest.mark.parametrize("noise", [(), (b"", b"x" * 48, b"\x24" + bytes(400))])
def test_over_udp_the_right_answer_is_found_within_its_error(board, noise):
    server = LoopbackServer(noise)
    try:
        exchange = time_exchange._exchange(_Device(board), "127.0.0.1", server.port, 2000)
        unix_ms, error_ms, at_ms = asyncio.run(exchange)
    finally:
        server.close()
    now_ms = time.time_ns() // 1_000_000 - (time.monotonic_ns() // 1_000_000 - at_ms)
    assert abs(unix_ms - now_ms) <= error_ms + 1


def test_a_port_where_nobody_listens_is_no_answer(board):
    server = LoopbackServer()
    server.close()
    exchange = time_exchange._exchange(_Device(board), "127.0.0.1", server.port, 50)
    with pytest.raises(time_exchange.PeerError):
        asyncio.run(exchange)


def told(monkeypatch, text, status=0):
    code = f"print({text!r}); raise SystemExit({status})"
    monkeypatch.setattr(linux_time, "_ASK", code)
    return asyncio.run(linux_time.machine_time())


def test_the_kernels_clock_counts_while_it_is_kept_right(monkeypatch):
    unix_ms, error_ms = told(monkeypatch, "0 4500")
    assert error_ms == 5
    assert abs(unix_ms - time.time_ns() // 1_000_000) < 60_000
    assert told(monkeypatch, "5 16000000") is None
    assert told(monkeypatch, "-1 0") is None
    assert told(monkeypatch, "0 4500", status=1) is None
    assert told(monkeypatch, "") is None


def test_a_machine_that_cannot_be_asked_has_no_time(monkeypatch):
    monkeypatch.setattr(sys, "executable", "/nonexistent")
    assert asyncio.run(linux_time.machine_time()) is None


def test_this_kernel_answers_in_the_form_that_is_read():
    told = asyncio.run(linux_time._told([sys.executable, "-I", "-S", "-c", linux_time._ASK]))
    assert len(told) == 2
    assert 0 <= int(told[0]) <= 5
    assert int(told[1]) >= 0
