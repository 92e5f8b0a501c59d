"""The converter of a simulated board: a steady wave, or a file of blocks.

A file comes from the bench. It holds blocks of 16-bit counts, each followed by what the peak
detector held, high and low; it begins at a zero crossing and holds whole cycles of 50 Hz, so that
the steady wave goes on in step.
"""

import asyncio
from array import array
from math import pi, sin
from time import time

from agent.ports.sampler import Sampler

_BLOCK_MS = 10
_DEEPEST_MS = 1000  # of what the converter keeps until it is read
_CREST = 1.41421356


class WavePlayer(Sampler):
    """`supply_mv()` gives the level of the steady wave."""

    holds_peaks = True

    def __init__(self, kind, supply_mv):
        self.kind = kind
        if kind == "rail":
            self.nominal_mv = 12000
            self.mv_per_count = 10
        nominal = self.nominal_mv // self.mv_per_count
        shape = [nominal] * self.block
        if kind == "mains":
            shape = [int(nominal * _CREST * sin(pi * n / self.block)) for n in range(self.block)]
        self._shape = shape
        self._supply_mv = supply_mv
        self._count = 0
        self._file = None
        self._raw = array("h", bytes(2 * self.block + 4))
        self._due_ms = int(time() * 1000)

    def play(self, path):
        """Play a file once, from the next cycle on."""
        self._close()
        self._file = open(path, "rb")
        self._count &= 1

    async def read_into(self, block):
        self._due_ms += _BLOCK_MS
        wait_ms = self._due_ms - int(time() * 1000)
        lost = 0
        if wait_ms < -_DEEPEST_MS:
            lost = -wait_ms // _BLOCK_MS * self.block
            self._due_ms -= wait_ms
        await asyncio.sleep(max(wait_ms, 0) / 1000)
        if self._file is None or (self._count == 1) or not self._from_file(block):
            self._steady(block)
        self._count += 1
        if self._file is None:
            self._count &= 1
        return lost

    def _from_file(self, block):
        if self._file.readinto(self._raw) != 2 * len(self._raw):
            self._close()
            self._count = 0
            return False
        self._count = 2
        for index in range(self.block):
            block[index] = self._raw[index]
        self.high, self.low = self._raw[self.block], self._raw[self.block + 1]
        return True

    def _steady(self, block):
        supply_mv = self._supply_mv()
        if self.kind == "mains" and self._count & 1:
            supply_mv = -supply_mv
        for index in range(self.block):
            block[index] = self._shape[index] * supply_mv // self.nominal_mv
        self.high, self.low = max(block), min(block)

    def _close(self):
        if self._file is not None:
            self._file.close()
            self._file = None
