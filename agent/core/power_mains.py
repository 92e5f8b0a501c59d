"""The mains, from samples of its wave: Urms(1/2), in step with the zero crossings.

A loop in two phases, as a receiver has it, finds the crossings: the sum of the half-cycle around
the expected crossing is zero when it is met, and beside the sum of a half-cycle between two
crossings it tells the angle by which it is missed. Sums of 32 samples do not mind noise, harmonics
or more crossings than one; what a phase jump throws out of step is in step again after some cycles.
Where the wave is nearly gone the loop goes on as it was.

Places are in 1/256 samples. With 12 bits and 64 samples a cycle every number of a swell below 220 %
fits into the small integers of a 32-bit board; beyond, it costs garbage and not correctness.
"""

from agent.compat import const
from agent.core.power_quality import Quality, place, root

_SLOWEST_HZ = const(42)  # and 57.5 with some room on each side: the range of class S
_FASTEST_HZ = const(59)
_LOST_STEPS = const(3)  # so many crossings missed by more than 45 degrees
_LOCKED_STEPS = const(40)
_OFFSET_HALVES = const(16)
_JUMP_PERCENT = const(30)  # of a mean square: by so much 30 degrees change that of a cycle
_PEAK_SQUARE = const(392)  # % of a mean square: 1.4 times the crest of a sine, squared
_SQUARES_PERCENT = (25, 8100, 8464, 11664, 12100)  # the limits of the standard, squared


class Mains(Quality):
    """Judges a sampler of kind "mains"."""

    def __init__(self, sampler, tell) -> None:
        nominal = sampler.nominal_mv // sampler.mv_per_count
        square = nominal * nominal
        limits = [square * percent // 10000 for percent in _SQUARES_PERCENT]
        Quality.__init__(self, tuple(limits), tell)
        self._mv_per_count = sampler.mv_per_count
        self._peak_limit = root(square * _PEAK_SQUARE // 100)
        self._half = sampler.rate_hz * 256 // 100  # the half-cycle as it is followed
        self._shortest = sampler.rate_hz * 128 // _FASTEST_HZ
        self._longest = sampler.rate_hz * 128 // _SLOWEST_HZ
        self._faint = nominal * sampler.rate_hz // 550  # a sum of a tenth of the voltage
        self._offset = 0  # counts at 0 V
        self._drift = 0
        self._sign = 1  # of the half-cycle that runs
        self._missed = 0
        self._error_before = 0
        self._seeking = 1  # steps since the crossings were lost; 0 while in step
        self._met = 0  # crossings met since
        self._total = 0  # how much of the wave there was to tell an error from
        self._steady = False  # as much as in the half-cycle before
        self._fraction = 0  # of a sample, by which the crossing lies after the sample it is put at
        self._length = self._half  # of the half-cycle that runs, and of the one before
        self._length_before = self._half
        self._left = self._samples = self._second = 0
        self._is_second = False
        self._plain = self._squares = 0  # sums of the quarter or half-cycle that runs
        self._first_sum = self._second_sum = 0  # of the quarters of the newest half-cycle
        self._squares_before = 0
        self._around_before = self._half_sum_before = 0
        self._halves = 0
        self._plan(0)

    def feed(self, block, high: int, low: int) -> None:
        """Take a block of counts in, and its highest and lowest instant."""
        offset = self._offset
        size = len(block)
        if high - offset > self._peak_limit or offset - low > self._peak_limit:
            peak = high if high - offset > offset - low else low
            done = self._samples - self._left - (0 if self._is_second else self._second)
            self.note_peak(peak - offset, done + place(block, peak))
        at = 0
        while at < size:
            end = min(at + self._left, size)
            plain, squares = self._plain, self._squares
            for index in range(at, end):
                count = block[index] - offset
                plain += count
                squares += count * count
            self._plain, self._squares = plain, squares
            self._left -= end - at
            at = end
            if not self._left:
                if self._is_second:
                    self.rest = size - at
                    self._cross()
                else:
                    self._is_second = True
                    self._first_sum = plain
                    self._plain = 0
                    self._left = self._second

    def skip(self, samples: int) -> None:
        """So many samples were lost: begin the half-cycle anew, and find the crossings again."""
        self._age += samples
        self._peak_age += samples
        self._peak_last += samples
        self._seeking = 1
        self._met = 0
        self._squares = self._plain = 0
        self._plan(0)

    def level_mv(self) -> int:
        """Urms(1/2) now."""
        return self.level_in_mv(self.level)

    def level_in_mv(self, level: int) -> int:
        """Millivolts, root mean square, of a level."""
        return root(level * 256) * self._mv_per_count // 16

    def within(self, instant: int, bottom: int, top: int) -> bool:
        return instant * instant <= top * _PEAK_SQUARE // 100

    def is_jump(self, before: int, level: int) -> bool:
        return abs(level - before) * 100 <= before * _JUMP_PERCENT

    # --- half-cycles

    def _plan(self, correction):
        """Where the half-cycle that begins is to end."""
        self._length = self._half - correction
        end = self._fraction + self._length
        self._samples = end >> 8
        self._fraction = end & 255
        self._left = self._samples // 2
        self._second = self._samples - self._left
        self._is_second = False

    def _cross(self):
        """A half-cycle is over: judge the cycle, and correct the next half by how the crossing
        between the two was missed."""
        around = self._second_sum + self._first_sum
        self._second_sum = self._plain
        half_sum = self._first_sum + self._plain
        squares, self._squares = self._squares, 0
        self._plain = 0
        samples = self._samples
        if self._met >= _LOCKED_STEPS:
            # the samples at the ends are next to zero: their share of a cycle does not matter
            length = (self._length + self._length_before) >> 4
            self.sure = not self._seeking
            self.judge((squares + self._squares_before) * 16 // length, samples)
        self._squares_before = squares
        self._length_before = self._length
        error = self._error(around * self._sign, half_sum * self._sign)
        self._sign = -self._sign
        self._learn_offset(half_sum, samples)
        self._plan(0 if error is None else self._follow(error))

    def _error(self, around, half_sum):
        """How late the last two crossings are taken, None where there is too little to tell.

        Of two, because the converter's middle moves one earlier and the other later.
        """
        around_before, half_before = self._around_before, self._half_sum_before
        self._around_before, self._half_sum_before = around, half_sum
        around += around_before
        half_sum += half_before
        if half_sum < 0:  # half a cycle off
            self._sign = -self._sign
            self._around_before = -self._around_before
            self._half_sum_before = -self._half_sum_before
            around, half_sum = -around, -half_sum
        total, before = abs(around) + half_sum, self._total
        self._total = total
        if total < self._faint:
            self._seeking = 1
            self._steady = False
            return None
        self._steady = abs(total - before) * 4 < total
        return around * (self._half // 2) // total

    def _follow(self, error):
        """Correct the length of the half-cycle; return how much shorter the next one is to be.

        What is corrected now shows in full four crossings later: the next half-cycle gets the other
        length, and the quarters beside two crossings have to be of one length to tell an error.
        """
        if self._seeking:
            self._seeking += 1
            drift = error - self._error_before
            self._error_before = error
            if self._seeking & 3:
                return 0
            if self._seeking > 4:  # twice corrected: the half-cycle itself is too long or too short
                if abs(drift) * 2 > self._half:  # over the end of the half-cycle
                    drift += self._half if drift < 0 else -self._half
                self._set_half(self._half - drift)
                if abs(error) * 16 < self._half and abs(drift) * 32 < self._half:
                    self._seeking = 0
            return error
        self._missed = self._missed + 1 if abs(error) * 4 > self._half else 0
        if self._missed >= _LOST_STEPS:
            self._missed = 0
            self._seeking = 4
            return error
        self._met += 1
        if not self._steady:
            return 0  # something begins or ends in this half-cycle: it tells nothing of the wave
        self._set_half(self._half - (error >> 5))
        return error >> 2

    def _set_half(self, half):
        self._half = min(max(half, self._shortest), self._longest)

    def _learn_offset(self, half_sum, samples):
        """What the sum of eight undisturbed cycles leaves is the converter's middle."""
        if not self._steady:
            self._drift = self._halves = 0
            return
        self._drift += half_sum
        self._halves += 1
        if self._halves >= _OFFSET_HALVES:
            total = samples * _OFFSET_HALVES
            self._offset += (self._drift + total // 2) // total
            self._drift = self._halves = 0
