"""A direct rail, such as the 12 V behind an adapter: the mean of 10 ms, made anew every 5 ms.

The mean of 10 ms holds one period of the ripple that a rectified 50 Hz leaves. What is seen is the
rail: an adapter carries it through a short dip of the mains, and shows a weak adapter or a loose
plug as well. A transient is an instant more than 30 % of nominal beyond the means around it.
"""

from agent.compat import const
from agent.core.power_quality import Quality, place

_PERCENT = (5, 90, 92, 108, 110)
_BEYOND_PERCENT = const(30)


class Rail(Quality):
    """Judges a sampler of kind "rail"; its blocks hold 10 ms."""

    def __init__(self, sampler, tell) -> None:
        size = sampler.block
        nominal = sampler.nominal_mv * 16 // sampler.mv_per_count
        limits = [nominal * percent // 100 for percent in _PERCENT]
        Quality.__init__(self, tuple(limits), tell)
        self._mv_per_count = sampler.mv_per_count
        self._beyond = nominal * _BEYOND_PERCENT // 100
        self._high = (nominal + self._beyond) // 16
        self._low = (nominal - self._beyond) // 16
        self._size = size
        self._sum = -1  # of the step before; -1 for none

    def feed(self, block, high: int, low: int) -> None:
        """Take a block of counts in, and its highest and lowest instant."""
        half = self._size // 2
        if high > self._high:
            self.note_peak(high, place(block, high))
        if low < self._low:
            self.note_peak(low, place(block, low))
        first = 0
        for index in range(half):
            first += block[index]
        self.rest = self._size - half
        self._end(first, half)
        self.rest = 0
        self._end(sum(block) - first, self._size - half)

    def skip(self, samples: int) -> None:
        """So many samples were lost."""
        self._age += samples
        self._peak_age += samples
        self._peak_last += samples
        self._sum = -1

    def level_mv(self) -> int:
        """The mean of the last 10 ms."""
        return self.level_in_mv(self.level)

    def level_in_mv(self, level: int) -> int:
        """Millivolts of a level."""
        return level * self._mv_per_count // 16

    def is_further(self, instant: int, other: int) -> bool:
        middle = self._limits[1]
        return abs(instant * 16 - middle) > abs(other * 16 - middle)

    def within(self, instant: int, bottom: int, top: int) -> bool:
        return bottom - self._beyond <= instant * 16 <= top + self._beyond

    def _end(self, total, samples):
        if self._sum >= 0:
            self.judge((self._sum + total) * 16 // self._size, samples)
        self._sum = total
