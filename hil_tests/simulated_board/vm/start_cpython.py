"""Starts the agent from its source on CPython, for computers the MicroPython machine lacks.

Same settings, hardware bus, uplink and serial line as `start.py`; the storage is a folder. With
flash timings, what the disk takes for the power-loss record is followed by the time a flash chip
takes to write a page, typical or at most (block_device.py).
"""

import asyncio
import gc
import json
import os
import runpy
import socket
import sys
import time
import types

from agent.ports import storage
from hil_tests.simulated_board.vm.simulated import SimulatedBoard, run_agent


def _console():
    line = socket.socket(fileno=os.dup(0))
    line.setblocking(False)

    async def read(size):
        return await asyncio.get_running_loop().sock_recv(line, size)

    def write(data):
        sys.stdout.buffer.write(data)
        sys.stdout.buffer.flush()

    return read, write


def _stand_in(path):
    """Let the source file `path` take the place of agent.main."""
    module = types.ModuleType("agent.main")
    module.__dict__.update(runpy.run_path(path))
    sys.modules["agent.main"] = module


def _take_time(timings, signal):
    sync = storage._data_sync
    wait_s = (0, 0.0004, 0.003)[timings]

    def slow_sync(file):
        sync(file)
        time.sleep(wait_s)

    storage._data_sync = lambda file: signal.timed(slow_sync, file)


def main():
    settings = json.loads(os.getenv("SIMULATED_BOARD"))
    settings["root"] = settings["files"]
    if settings["agent_main"]:
        _stand_in(settings["agent_main"])
    console = _console()
    console[1](b"Simulated board without its own machine: the agent runs on CPython.\r\n")
    board = SimulatedBoard(settings, console, lambda: os._exit(0))
    board.gasp_first = True
    if settings["flash_timings"]:
        _take_time(settings["flash_timings"], board.power_fail)
    gc.freeze()  # as agent/__main__.py does
    asyncio.run(run_agent(board))


if __name__ == "__main__":
    main()
