"""Reads the board's sampler for ever and tells what its supply went through.

Resident on boards that have a sampler, and on no others.
"""

from array import array

from agent.core.parts import part
from agent.core.power_quality import INTERRUPTION_OVER
from agent.wire.codes import TRANSIENT_EVENT


class SupplyWatch:
    """`report(name, magnitude mV, up time it began, duration ms)` is called for each event."""

    def __init__(self, sampler, clock, report) -> None:
        self._sampler = sampler
        self._clock = clock
        self._report = report
        self.restored_ms = 0  # up time when the last interruption was over
        if sampler.kind == "mains":
            self._quality = part("power_mains").Mains(sampler, self._tell)
        else:
            self._quality = part("power_rail").Rail(sampler, self._tell)
        self.is_low = self._quality.is_low
        sampler.level_mv = self._quality.level_mv

    @property
    def resolution_ms(self) -> int:
        """How wrong the length of an interruption may be: a step at each end."""
        return self._sampler.block * 2000 // self._sampler.rate_hz

    async def run(self) -> None:
        """Watch for ever."""
        sampler = self._sampler
        block = array("h", bytes(2 * sampler.block))
        while True:
            lost = await sampler.read_into(block)
            if lost:
                self._quality.skip(lost)
            if sampler.holds_peaks:
                self._quality.feed(block, sampler.high, sampler.low)
            else:
                self._quality.feed(block, max(block), min(block))

    def _tell(self, name, found, age, lasted):
        rate = self._sampler.rate_hz
        if name == TRANSIENT_EVENT:
            magnitude_mv = abs(found) * self._sampler.mv_per_count
        else:
            magnitude_mv = self._quality.level_in_mv(found)
        age += self._quality.rest
        began_ms = max(0, self._clock.up_time_ms() - age * 1000 // rate)
        duration_ms = lasted * 1000 // rate
        if name == INTERRUPTION_OVER:
            self.restored_ms = began_ms + duration_ms
        else:
            self._report(name, magnitude_mv, began_ms, duration_ms)
