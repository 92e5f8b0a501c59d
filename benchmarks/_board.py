"""One board for a figure: the MicroPython machine, its flash image, and the wires to it.

The machine's own code is the simulated board's. Here it is started without its supervisor, so that
nothing but the agent and the flash decides how much heap it takes.
"""

import contextlib
import json
import os
import socket
import subprocess
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

from firmware_tools.build import (
    REPOSITORY,
    AgentBuild,
    agent_rom,
    compile_files,
    new_image,
    new_storage,
)
from hil_tests.simulated_board.machine import micropython_command
from hil_tests.simulated_board.spec import BoardSpec

MACHINE_FOLDER = REPOSITORY / "hil_tests" / "simulated_board" / "vm"
_ROM_NAME = "rom.img"
_SOURCES = ("start.py", "simulated.py", "block_device.py")


def write_machine_code(folder: Path) -> Path:
    """Compile what makes the bare machine a board; return the folder."""
    folder.mkdir(exist_ok=True)
    compiled = compile_files((MACHINE_FOLDER / name for name in _SOURCES), MACHINE_FOLDER)
    for name, data in compiled.items():
        (folder / name).write_bytes(data)
    return folder


class Wires:
    """The hardware bus, on which nothing is said, and the uplink, which carries bytes on."""

    def __init__(self) -> None:
        self._listeners = [socket.create_server(("127.0.0.1", 0)) for _ in range(2)]
        self._open: list[socket.socket] = []
        for listener, serve in zip(self._listeners, (self._open.append, self._carry), strict=True):
            threading.Thread(target=self._accept, args=(listener, serve), daemon=True).start()

    @property
    def ports(self) -> dict[str, int]:
        bus, uplink = (listener.getsockname()[1] for listener in self._listeners)
        return {"bus_port": bus, "uplink_port": uplink}

    def close(self) -> None:
        for sock in (*self._listeners, *self._open):
            with contextlib.suppress(OSError):
                sock.shutdown(socket.SHUT_RDWR)
            sock.close()

    def _accept(self, listener: socket.socket, serve: Callable[[socket.socket], None]) -> None:
        with contextlib.suppress(OSError):
            while True:
                serve(listener.accept()[0])

    def _carry(self, board: socket.socket) -> None:
        line = b""
        while not line.endswith(b"\n"):
            line += board.recv(1)
        host, port = line.decode().split(":")
        broker = socket.create_connection((host, int(port)))
        self._open += (board, broker)
        for one, other in ((board, broker), (broker, board)):
            threading.Thread(target=_pump, args=(one, other), daemon=True).start()


def _pump(one: socket.socket, other: socket.socket) -> None:
    with contextlib.suppress(OSError):
        while data := one.recv(4096):
            other.sendall(data)
        other.shutdown(socket.SHUT_RDWR)


@contextlib.contextmanager
def running(
    machine: Path, image: Path, wires: Wires, spec: BoardSpec
) -> Iterator[tuple[subprocess.Popen[bytes], Path]]:
    """A board's bare machine, started; gives its process and the file with all it prints."""
    settings = {
        "factory": spec.factory_data(),
        "image": str(image),
        "flash_timings": False,
        "cut_at_flash_operation": 0,
        "reset_cause": 1,
        "supply_mv": 12000,
        "card": spec.card_inserted,
        "time_port": 0,
        "facts": {name: json.dumps(fact) for name, fact in spec.facts.items()},
        **wires.ports,
    }
    log = image.with_suffix(".log")
    near, far = socket.socketpair()
    far.setblocking(False)
    with near, far, log.open("wb") as output:
        process = subprocess.Popen(  # noqa: S603 - the machine that belongs to this environment
            micropython_command(spec.heap_bytes, image.with_name(_ROM_NAME) if spec.rom else None),
            cwd=machine,
            env={**os.environ, "SIMULATED_BOARD": json.dumps(settings)},
            stdin=far.fileno(),
            stdout=output,
            stderr=subprocess.STDOUT,
        )
        try:
            yield process, log
        finally:
            process.kill()
            process.wait(10)


def new_flash(build: AgentBuild, data_files: dict[str, bytes], path: Path, spec: BoardSpec) -> Path:
    """Write an image with what its storage holds, and the agent beside it or in it."""
    if spec.rom:
        path.with_name(_ROM_NAME).write_bytes(agent_rom(build))
        image = new_storage()
    else:
        image = new_image(build)
    for name, data in data_files.items():
        image.write("/data/" + name, data)
    image.save(path)
    return path
