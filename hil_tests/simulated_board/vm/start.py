"""Starts the agent on the MicroPython machine: flash, ROM, storage, board, agent.main.run.

The bench runs this module with its settings as JSON in the environment. The serial line is
standard input (not blocking) and output.
"""

import asyncio
import gc
import json
import os
import socket
import sys

import uctypes
import vfs
from block_device import FlashFile, RawFlash

_FLASH = "/flash"
_ROM = "/rom"


def _cut(bus_port):
    """Have the bench kill this machine at once, and do nothing any more."""
    bus = socket.socket()
    bus.connect(socket.getaddrinfo("127.0.0.1", bus_port)[0][-1])
    bus.write(b"cut\n")
    while True:
        bus.read(1)


def _mount(settings):
    device = FlashFile(
        settings["image"],
        settings["flash_timings"],
        settings["cut_at_flash_operation"],
        lambda: _cut(settings["bus_port"]),
    )
    vfs.mount(vfs.VfsLfs2(device), _FLASH)
    return RawFlash(device, settings["image"] + ".raw")


def _mount_rom():
    """Mount the ROM image, if the machine has one; return the folder the agent lies in."""
    where = os.getenv("SIMULATED_BOARD_ROM")
    if not where:
        return _FLASH
    address, size = where.split(" ")
    vfs.mount(vfs.VfsRom(uctypes.bytearray_at(int(address), int(size))), _ROM)
    return _ROM


def _console():
    reader = asyncio.StreamReader(sys.stdin.buffer)
    return reader.read, sys.stdout.buffer.write


def main():
    settings = json.loads(os.getenv("SIMULATED_BOARD"))
    settings["root"] = _FLASH + "/data"
    raw_flash = _mount(settings)
    sys.path[:] = [_mount_rom(), ".frozen", ""]
    from simulated import SimulatedBoard, run_agent

    board = SimulatedBoard(settings, _console(), lambda: sys.exit(0), raw_flash)
    del settings
    gc.collect()
    try:
        asyncio.run(run_agent(board))
    except Exception as error:  # noqa: BLE001 - the outermost loop: a crash restarts the board
        sys.print_exception(error)
        sys.exit(1)


main()
