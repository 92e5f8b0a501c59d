"""Working stand-ins for the agent's ports: they hold state and behave, on both Pythons."""

import asyncio

from agent.ports.board import Board

# --- randomness ------------------------------------------------------------------------------


class FakeRandom:
    """A repeatable source: call it with a number of bytes, as `urandom`."""

    def __init__(self, seed=1):
        self._state = seed

    def __call__(self, size):
        out = bytearray(size)
        for index in range(size):
            self._state = (self._state * 1103515245 + 12345) & 0x7FFFFFFF
            out[index] = self._state >> 16 & 0xFF
        return bytes(out)


# --- board -----------------------------------------------------------------------------------


class Restarted(Exception):
    """Raised by FakeBoard.restart(), which must not return."""


class FakeBoard(Board):
    """A board on the desk: supply and card are set by the test, the console is two buffers."""

    product_class = "VOICEMODEM"
    manufacturer = "IPKO"
    manufacturer_oui = "00256D"
    model_name = "Bench"
    serial_number = "00000002"
    hardware_version = "1"
    sensors = ("supply", "power_fail", "card")

    def __init__(self, cause=0, root="/"):
        self.cause = cause
        self.root = root
        self.supply = 12000
        self.card = True
        self.power_fail = asyncio.Event()
        self.restarts = 0
        self.typed = bytearray()
        self.printed = bytearray()
        self.sockets = []

    def reset_cause(self):
        return self.cause

    def supply_mv(self):
        return self.supply

    def card_present(self):
        return self.card

    def restart(self):
        self.restarts += 1
        raise Restarted

    async def dial(self, host, port):
        if not self.sockets:
            raise OSError(113)
        return self.sockets.pop(0)

    def console(self):
        return self._read, self._write

    async def _read(self, size):
        while not self.typed:
            await asyncio.sleep(0.001)
        data = bytes(self.typed[:size])
        self.typed = self.typed[size:]
        return data

    def _write(self, data):
        self.printed.extend(data)
