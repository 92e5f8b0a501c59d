"""Writes down when each step from the power-fail signal on was done, on both Pythons.

Microseconds of this computer's monotonic clock, which all its processes share: so the bench can
lay them beside the moment at which it gave the signal, and no relay of bytes stands between. One
line of JSON for each signal is added to a file once record and gasp are done with: `pulled` (the
pin), `heard` (the agent's task runs), `writes` (begin and end of each write of the power-loss
record: the record itself, then the mark that the gasp left) and `done`.
"""

import json

from agent.ports.signals import Signal

try:
    from time import ticks_us
except ImportError:
    from time import monotonic_ns  # pyright: ignore[reportAttributeAccessIssue]

    def ticks_us():
        return monotonic_ns() // 1000


class TracedSignal(Signal):
    """The pin; `path` is the file."""

    def __init__(self, path):
        super().__init__()
        self._path = path
        self._moments = None

    def pull(self):
        self._moments = {"pulled": ticks_us(), "writes": []}
        super().pull()

    async def wait(self):
        if self._moments and "heard" in self._moments:
            self._moments["done"] = ticks_us()
            with open(self._path, "a") as file:
                file.write(json.dumps(self._moments) + "\n")
            self._moments = None
        await super().wait()
        self._moments["heard"] = ticks_us()

    def timed(self, write, *args):
        """Do one write of the power-loss record."""
        began = ticks_us()
        write(*args)
        if self._moments:
            self._moments["writes"].append((began, ticks_us()))


class TracedFlash:
    """The block outside the file system, with its writes timed."""

    def __init__(self, flash, signal):
        self._flash = flash
        self._signal = signal
        self.erase = flash.erase
        self.read = flash.read

    def program(self, offset, data):
        self._signal.timed(self._flash.program, offset, data)
