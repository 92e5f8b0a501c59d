"""A board that is a Linux machine: the agent on CPython, its storage a folder.

Used where the agent runs on a gateway's own Linux, and on the bench where the MicroPython VM has
no wheel. Nothing here measures mains or cards; a machine that can, subclasses this.
"""

import asyncio
import os
import socket
import sys
import tty

from agent.ports.board import Board
from agent.wire import codes

_READ_BYTES = 256


class LinuxBoard(Board):
    """Identity comes from the caller, storage is `state`, the console is the device `console`."""

    trusted_time = True
    poll_ms = 1000  # what must be told sooner wakes the agent

    def __init__(self, state, console, identity, cause=codes.RESET_UNKNOWN):
        os.makedirs(state, mode=0o700, exist_ok=True)
        self.root = state
        for name, value in identity.items():
            setattr(self, name, value)
        self._cause = cause
        self._console_path = console
        self.power_fail = asyncio.Event()

    def reset_cause(self):
        return self._cause

    def restart(self):
        """Replace this process by a new one; the new one is told that it was commanded to."""
        os.environ["AGENT_RESET_CAUSE"] = str(codes.RESET_COMMANDED)
        os.execv(sys.executable, sys.orig_argv)  # noqa: S606  ourselves

    async def dial(self, host, port):
        loop = asyncio.get_running_loop()
        addresses = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        family, kind, protocol, _, address = addresses[0]
        sock = socket.socket(family, kind, protocol)
        sock.setblocking(False)
        try:
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            await loop.sock_connect(sock, address)
        except BaseException:
            sock.close()
            raise
        return sock

    def console(self):
        file = os.open(self._console_path, os.O_RDWR | os.O_NOCTTY | os.O_NONBLOCK)
        if os.isatty(file):
            tty.setraw(file)
        return _reader(file), _writer(file)


def _reader(file):
    async def read(size):
        loop = asyncio.get_running_loop()
        ready = asyncio.Event()
        loop.add_reader(file, ready.set)
        try:
            await ready.wait()
        finally:
            loop.remove_reader(file)
        try:
            return os.read(file, min(size, _READ_BYTES))
        except OSError:
            return b""

    return read


def _writer(file):
    def write(data):
        view = memoryview(data)
        while view:
            try:
                view = view[os.write(file, view) :]
            except BlockingIOError:
                return  # nobody reads the line: a serial line would lose it too

    return write
