"""Run inside namespaces of its own by test_card_reader_cpython.py: the agent's monitor on a card
that comes and goes in a reader of the real pcscd. Prints one JSON object for each event.
"""

import asyncio
import json
import os
import sys
import time

from agent.core.card import Monitor
from agent.ports.linux import LinuxBoard
from agent.tests.linux_cpython import LINUX_CONFIG
from agent.tests.played_card import STRANGER, PlayedCard
from agent.tests.usp_bench import Bench
from agent.tests.vpicc_cpython import VirtualCard

_LIMIT_S = 10


async def main(state):
    board = LinuxBoard(
        LINUX_CONFIG | {"state": state, "product_class": "STB", "card_reader": "Virtual PCD"}
    )
    bench = Bench(board=board)
    monitor = Monitor(bench.model, bench.endpoint)
    bench.endpoint.monitors = [monitor]
    woken = asyncio.Event()
    bench.endpoint.wake = woken.set
    told = []
    event = bench.endpoint.event

    def on_event(path, name, args, now_ms, journalled=False):
        told.append((time.monotonic(), name, dict(args)))
        return event(path, name, args, now_ms, journalled)

    async def poll():
        while True:
            list(bench.endpoint.poll(int(time.monotonic() * 1000)))
            try:
                await asyncio.wait_for(woken.wait(), board.poll_ms / 1000)
            except TimeoutError:
                continue
            woken.clear()

    async def until(name, state="", since=0.0):
        deadline = time.monotonic() + _LIMIT_S
        while time.monotonic() < deadline:
            for at, each, args in told:
                if at >= since and each == name and args.get("State", "") == state:
                    line = {"name": name, "after_s": round(at - since, 3), **args}
                    sys.stdout.write(json.dumps(line) + "\n")
                    return
            await asyncio.sleep(0.01)
        raise SystemExit(f"no {name} {state}; told: {told}")

    bench.endpoint.event = on_event
    board.watch(lambda: None)
    tasks = [asyncio.create_task(monitor.run()), asyncio.create_task(poll())]
    began = time.monotonic()
    await until("X_IPKO-COM_CardState!", "Absent", began)
    for card, found in (
        (PlayedCard("EX000001", box=board.serial_number[-8:]), "Running"),
        (PlayedCard("EX000002", STRANGER), "Unknown"),
    ):
        began = time.monotonic()
        virtual = VirtualCard(card)
        await until("X_IPKO-COM_CardInserted!", since=began)
        await until("X_IPKO-COM_CardState!", found, began)
        began = time.monotonic()
        virtual.pull()
        await until("X_IPKO-COM_CardRemoved!", since=began)
    for task in tasks:
        task.cancel()
    board.unwatch()
    sys.stdout.flush()
    os._exit(0)  # the thread of the reader waits inside the library


asyncio.run(main(sys.argv[1]))
