"""Puts a serial port of this computer on the network (RFC 2217), on loopback, for one client.

A lab uses it to try the same board over the wire and over the network. When the port vanishes, the
client's connection is closed, and its next one waits for the port to come back.
"""

import socket
import threading
from contextlib import suppress
from pathlib import Path
from typing import Any

from serial import rfc2217

from firmware_tools.errors import PortError
from firmware_tools.serial_port import LINE_ERRORS, open_again

PortManager: Any = rfc2217.PortManager
_READ_S = 0.02
_BACK_S = 15.0
_RECEIVE_BYTES = 4096


class RFC2217Server:
    """Serves until `close`; `url` is what a client opens."""

    def __init__(self, port: Path | str) -> None:
        self._port = str(port)
        self._over = threading.Event()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._listener.settimeout(0.2)
        self.url = f"rfc2217://127.0.0.1:{self._listener.getsockname()[1]}"
        self._thread = threading.Thread(target=self._accept, name=f"RFC 2217 {port}", daemon=True)
        self._thread.start()

    def close(self) -> None:
        self._over.set()
        self._thread.join(5)
        self._listener.close()

    def _accept(self) -> None:
        while not self._over.is_set():
            with suppress(TimeoutError):
                connection, _ = self._listener.accept()
                with connection, suppress(*LINE_ERRORS, PortError):
                    self._serve(connection)

    def _serve(self, connection: socket.socket) -> None:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        line = open_again(self._port, _BACK_S)
        client = _Client(connection)
        port: Any = _WithoutModemLines(line)
        manager = PortManager(port, client)
        gone = threading.Event()
        said = threading.Thread(target=self._carry_said, args=(line, manager, client, gone))
        said.start()
        try:
            connection.settimeout(0.2)
            while not (gone.is_set() or self._over.is_set()):
                with suppress(TimeoutError):
                    data = connection.recv(_RECEIVE_BYTES)
                    if not data:
                        return
                    line.write(b"".join(manager.filter(data)))
        finally:
            gone.set()
            said.join(5)
            line.close()

    def _carry_said(
        self, line: Any, manager: Any, client: "_Client", gone: threading.Event
    ) -> None:
        with suppress(*LINE_ERRORS):
            line.timeout = _READ_S
            while not (gone.is_set() or self._over.is_set()):
                if data := line.read(line.in_waiting or 1):
                    client.write(b"".join(manager.escape(data)))
        gone.set()


class _Client:
    """What PortManager and the reading thread both write to."""

    def __init__(self, connection: socket.socket) -> None:
        self._connection = connection
        self._turn = threading.Lock()

    def write(self, data: bytes) -> None:
        with self._turn:
            self._connection.sendall(data)


class _WithoutModemLines:
    """The port for PortManager; a pseudo-terminal has no modem lines to be asked for or set."""

    def __init__(self, line: Any) -> None:
        object.__setattr__(self, "_line", line)
        for name in ("cts", "dsr", "ri", "cd", "rts", "dtr", "break_condition"):
            object.__setattr__(self, name, False)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._line, name)

    def __setattr__(self, name: str, value: Any) -> None:
        if name in self.__dict__:
            return
        setattr(self._line, name, value)
