"""What was hottest and coldest since the start, and what is too hot or too cold: an alarm.

Between two looks nothing but this monitor and a list for each sensor is in memory.
"""

from agent.compat import const
from agent.core.parts import part

_LOOK_MS = const(30000)


class Monitor:
    """`seen` has for each sensor by name: [lowest, its up time, highest, its up time, up time at
    which it was last found too cold, and too hot; -1 for never]."""

    def __init__(self, device, endpoint) -> None:
        self._device = device
        self._due_ms = 0
        self.seen = {}
        device.temperatures = self

    def look(self, now_ms: int) -> None:
        if now_ms >= self._due_ms:
            self._due_ms = now_ms + _LOOK_MS
            if self._device.facts("temperatures") or self.seen:
                part("temperature_watch").look(self._device, self, now_ms)
