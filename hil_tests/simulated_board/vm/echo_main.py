"""Stands in for agent/main.py to try the board itself: tells on the serial line what happens.

Lines typed: `dial <host> <port>` carries a line over the uplink, `crash`, `restart`, `heap`,
`store <name> <text>`, `fact <subject>`; anything else is echoed.
"""

import asyncio
import json
import os
import sys
from time import time

from agent.compat import memory_bytes


class _Agent:
    def __init__(self, board):
        self.board = board
        self.read, self.write = board.console()

    def say(self, text):
        self.write(text.encode() + b"\r\n")

    async def tell(self, signal, text):
        while True:
            await signal.wait()
            self.say(f"{text()} at {time():.6f}")

    async def dial(self, host, port):
        connection = await self.board.dial(host, int(port))
        connection.setblocking(True)
        connection.send(b"hello from the board\n")
        self.say("uplink " + connection.recv(100).decode().strip())
        connection.close()

    def store(self, name, text):
        with open(self.board.root + "/" + name, "w") as file:
            file.write(text)
        self.say(f"stored {name}, holds " + " ".join(sorted(os.listdir(self.board.root))))

    async def obey(self, line):
        words = line.split()
        if words[:1] == ["dial"]:
            await self.dial(words[1], words[2])
        elif words[:1] == ["store"]:
            self.store(words[1], words[2])
        elif words[:1] == ["fact"]:
            self.say("fact " + json.dumps(self.board.facts(words[1])))
        elif line == "heap":
            self.say(f"heap {memory_bytes()[0]}")
        elif line == "supply":
            self.say(f"supply {self.board.supply_mv()}")
        elif line == "crash":
            raise ValueError("told to")
        elif line == "restart":
            self.board.restart()
        else:
            self.say("echo " + repr(line))

    async def serve(self):
        line = b""
        while True:
            line += await self.read(64)
            while b"\n" in line:
                first, line = line.split(b"\n", 1)
                await self.obey(first.decode().strip("\r"))


async def run(board):
    agent = _Agent(board)
    runtime = sys.implementation.name
    agent.say(f"up {board.serial_number} cause {board.reset_cause()} on {runtime}")
    await asyncio.gather(
        agent.serve(),
        agent.tell(board.power_fail, lambda: "power fail"),
        agent.tell(board.card_changed, lambda: f"card {board.card_present()}"),
    )
