"""Starts the agent from its source on CPython, for computers the MicroPython machine lacks.

Same settings, hardware bus, uplink and serial line as `start.py`; the storage is a folder.
"""

import asyncio
import json
import os
import runpy
import socket
import sys
import types

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


def main():
    settings = json.loads(os.getenv("SIMULATED_BOARD"))
    settings["root"] = settings["files"]
    if settings["agent_main"]:
        _stand_in(settings["agent_main"])
    console = _console()
    console[1](b"Simulated board without its own machine: the agent runs on CPython.\r\n")
    asyncio.run(run_agent(SimulatedBoard(settings, console, lambda: os._exit(0))))


if __name__ == "__main__":
    main()
