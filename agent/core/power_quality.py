"""What a sampled supply went through: interruptions, dips, swells and transients.

A supply is judged by a *level*: one number a *step*, over two steps that overlap with the step
before. On the mains a step is a half-cycle and the level the mean square of the cycle, which is
Urms(1/2) of IEC 61000-4-30 without its root; on a rail a step is 5 ms and the level the mean of 10.

- Thresholds are those of EN 50160 and IEC 61000-4-30, in percent of nominal: dip below 90, swell
  above 110, interruption below 5, 2 of hysteresis.
- An interruption is told as it begins, and nothing more of the dip it grew from. The others are
  told when they are over.
- Something begins with the newer step of the first level beyond a threshold, and is over with the
  older step of the first level that is back. So neither end leans to one side; each may be one step
  wrong. (The standard counts from the start of the first window to the end of the last: always
  longer, by up to two steps.)
- A jump of the phase moves the levels around it. What is brief and may be no more than that is no
  event.
- A transient is an instant further from the middle than any level around it explains. Transients
  less than `_QUIET_STEPS` apart are one. What a transient alone makes of a level is no swell.

Only integers; nothing is allocated while all is well.
"""

from agent.compat import const
from agent.wire.codes import DIP_EVENT, INTERRUPTION, SWELL_EVENT, TRANSIENT_EVENT

INTERRUPTION_OVER = "interruption over"
_QUIET_STEPS = const(20)
_LONGEST_STEPS = const(1000)  # a row of transients is told by then
_AROUND_STEPS = const(
    3
)  # the levels that may explain an instant: some before it, and so many after
_BRIEF_STEPS = const(2)
_JUMP_STEPS = const(3)


class Quality:
    """Judges levels. Kinds of supply add what makes a level of samples.

    `limits` are levels: (interruption, dip, dip over, swell over, swell). What is found is told by
    `tell(name, level or instant, samples since it began, samples it lasted)`; the samples since
    count to the end of the newest step, after which `rest` more of the block were read.
    """

    def __init__(self, limits, tell) -> None:
        self._limits = limits
        self._tell = tell
        self.level = 0
        self.rest = 0
        self.sure = True  # a level may be some percent off while it is not
        self._before = self._before_that = 0  # the levels before
        self._step = 0  # samples of the newest step, and of the one before
        self._step_before = 0
        self._kind = None
        self._extreme = 0
        self._usual = 0  # the level before what is going on
        self._age = 0  # samples since what is going on began
        self._ready = False  # the supply was once normal
        self._peak = None  # the instant that may be a transient
        self._peak_age = self._peak_last = 0  # samples since the first and the last of its row
        self._peak_steps = self._row_steps = 0
        self._top = self._bottom = 0  # levels around it

    def is_low(self) -> bool:
        """Whether a dip or an interruption is going on."""
        return self._kind == DIP_EVENT or self._kind == INTERRUPTION

    def judge(self, level: int, samples: int) -> None:
        """A step of so many samples is over; `level` is that of the last two."""
        self._before_that = self._before
        self._before = self.level
        self.level = level
        self._step_before = self._step
        self._step = samples
        if self._peak is not None:
            self._follow_peak(level, samples)
        limits = self._limits
        if not self._ready:
            self._ready = limits[2] <= level <= limits[3]
            return
        if self._kind is not None:
            self._age += samples
            self._go_on(level, limits)
        if self._kind is None:
            if level < (limits[1] if self.sure else limits[1] * 4 // 5):
                self._begin(DIP_EVENT, level, samples)
            elif level > (limits[4] if self.sure else limits[4] * 6 // 5):
                self._begin(SWELL_EVENT, level, samples)
        if self._kind == DIP_EVENT and level < limits[0]:
            self._kind = INTERRUPTION
            self._tell(INTERRUPTION, level, self._age, 0)

    def _begin(self, kind, level, samples):
        self._kind = kind
        self._extreme = level
        self._usual = self._before_that
        self._age = samples

    def _go_on(self, level, limits):
        if self._kind == SWELL_EVENT:
            self._extreme = max(self._extreme, level)
            if level > limits[3]:
                return
        else:
            self._extreme = min(self._extreme, level)
            if level < limits[2]:
                return
        kind, self._kind = self._kind, None
        beyond = self._step + self._step_before
        lasted = max(self._age - beyond, self._step)
        if kind == INTERRUPTION:
            self._tell(INTERRUPTION_OVER, self._extreme, self._age, lasted)
        elif not self._is_echo(kind, lasted):
            self._tell(kind, self._extreme, self._age, lasted)

    def _is_echo(self, kind, lasted):
        """Whether what is over may be no more than a phase jump or a transient made of it."""
        step = max(self._step, self._step_before)
        if lasted <= _JUMP_STEPS * step and self.is_jump(self._usual, self._extreme):
            return True
        if kind != SWELL_EVENT or lasted > _BRIEF_STEPS * step:
            return False
        return self._peak is not None and not self.explains(self._peak)

    def is_jump(self, before: int, level: int) -> bool:
        """Whether a jump of the phase alone may turn the one level into the other."""
        return False

    # --- transients

    def note_peak(self, instant: int, ahead: int) -> None:
        """An instant `ahead` samples after the end of the newest step is beyond the threshold; call
        it before the steps of its block are judged."""
        if self.explains_now(instant):
            return
        if self._peak is None:
            self._peak_age = -ahead
            self._row_steps = 0
            self._top = max(self.level, self._before)
            self._bottom = min(self.level, self._before)
            self._peak = instant
        elif self.is_further(instant, self._peak):
            self._peak = instant
        self._peak_last = -ahead
        self._peak_steps = 0

    def is_further(self, instant: int, other: int) -> bool:
        """Which of two instants is further from the middle."""
        return abs(instant) > abs(other)

    def explains(self, instant: int) -> bool:
        """Whether the levels around an instant explain it: then it is no transient."""
        return self.within(instant, self._bottom, self._top)

    def explains_now(self, instant: int) -> bool:
        """The same, by the two latest levels alone."""
        level, before = self.level, self._before
        return self.within(instant, min(level, before), max(level, before))

    def within(self, instant: int, bottom: int, top: int) -> bool:
        """Whether an instant may be part of levels between `bottom` and `top`."""
        raise NotImplementedError

    def _follow_peak(self, level, samples):
        self._peak_age += samples
        self._peak_last += samples
        self._peak_steps += 1
        self._row_steps += 1
        if self._peak_steps <= _AROUND_STEPS:
            self._top = max(self._top, level)
            self._bottom = min(self._bottom, level)
            if self._row_steps < _LONGEST_STEPS:
                return
        if self._peak_steps <= _AROUND_STEPS + 1 and self.explains(self._peak):
            self._peak = None
        elif self._peak_steps >= _QUIET_STEPS or self._row_steps >= _LONGEST_STEPS:
            lasted = self._peak_age - self._peak_last
            self._tell(TRANSIENT_EVENT, self._peak, self._peak_age, lasted)
            self._peak = None


def root(square: int) -> int:
    """The integer square root."""
    if not square:
        return 0
    guess = 1 << (len(bin(square)) - 1) // 2
    while True:
        better = (guess + square // guess) // 2
        if better >= guess:
            return guess
        guess = better


def place(block, instant: int) -> int:
    """Where an instant stands in a block; the middle when a peak detector saw it and no sample."""
    for index in range(len(block)):
        if block[index] == instant:
            return index
    return len(block) // 2
