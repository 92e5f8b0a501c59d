"""Device.Time.Client.1.: asks time servers, or the machine where it keeps its own clock right.

Between two questions nothing but this monitor is in memory; what asks is core/time_exchange.py.
"""

import asyncio

from agent.compat import wait_for_event
from agent.core.parts import forget, part


class Monitor:
    """`status` is that of the client in TR-181; `refused` the servers that want no questions,
    `exponent` of 2 the seconds until the next one. `run` asks for ever."""

    def __init__(self, device, endpoint) -> None:
        self._device = device
        self._changed = device.changed
        self._settings = part("time_exchange").settings(device)
        self._wake = asyncio.Event()
        self.status = "Unsynchronized"
        self.begin()
        device.time_client = self

    def begin(self) -> None:
        """Forget what the servers said before: they are others, or it is another try."""
        self.refused = []
        self.exponent = 0
        self.turn = 0

    def look(self, now_ms: int) -> None:
        if self._changed != self._device.changed:
            self._changed = self._device.changed
            settings = part("time_exchange").settings(self._device)
            if settings != self._settings:
                self._settings = settings
                self.begin()
                self._wake.set()

    async def run(self) -> None:
        while True:
            self._wake.clear()
            wait_ms = await part("time_exchange").ask(self._device, self)
            forget("agent.core.sntp")
            await wait_for_event(self._wake, wait_ms)
