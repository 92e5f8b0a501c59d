"""Waves of the mains and of a 12 V rail as a converter hands them over, made by the book.

Nothing here knows how the agent looks at a wave: what is true of an event comes from the numbers it
was made with. A wave has conditions that last for a spell (frequency, voltage, harmonics, flicker,
noise; on the rail load, ripple, switching noise) and events that are added to it.

Conditions stay within EN 50160: harmonics each below its limit and together at most 8 %, flicker
below Pst 1, voltage 92 to 108 % (10 % is allowed, but there a dip begins). The frequency goes
beyond it, 42.5 to 57.5 Hz. Surges are those of IEC 61000-4-5 (1.2/50 us) and IEC 61000-4-12 (ring
wave, 0.5 us and 100 kHz). The front end is a low-pass of 1 kHz before the converter and, beside it,
a peak detector that follows within 0.8 us and holds for a block.
"""

import math
import random
from array import array
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

RATE_HZ = 3200
BLOCK = 32
BLOCK_S = BLOCK / RATE_HZ
MAINS_MV = 230_000
RAIL_MV = 12_000
MAINS_MV_PER_COUNT = 500
RAIL_MV_PER_COUNT = 10

_TABLE_BITS = 12
_PHASE_BITS = 32
_SHIFT = _PHASE_BITS - _TABLE_BITS
_MASK = (1 << _TABLE_BITS) - 1
_TURN = 1 << _PHASE_BITS
_NOISES = 1 << 14
_HARMONIC_LIMITS = {3: 5.0, 5: 6.0, 7: 5.0, 9: 1.5, 11: 3.5, 13: 3.0, 17: 2.0, 19: 1.5, 2: 2.0}
_MAX_DISTORTION = 8.0
_LOW_PASS_S = 1 / (2 * math.pi * 1000)
_PEAK_DETECTOR_S = 0.8e-6
_FINE_S = 0.2e-6
_SPELL_BLOCKS = 3000
_CONVERTER = 2047
_HELD = 32_767


class Block(NamedTuple):
    """What a sampler hands over: counts, and what its peak detector held."""

    samples: "array[int]"
    high: int
    low: int


@dataclass(frozen=True, slots=True)
class Happening:
    """What is done to a wave, and so what is true of it. Times are seconds of the wave.

    Magnitude: residual or greatest root mean square of a dip, a swell or an interruption; of a
    transient the furthest instant before any filter (on the rail: the voltage it reaches).
    """

    kind: str  # dip, swell, interruption, transient
    began_s: float
    lasts_s: float
    magnitude_mv: int
    phase_jump: float = 0.0  # turns, while it lasts
    ring: bool = False  # a transient: ring wave instead of an impulse
    tail_s: float = 68.2e-6  # of an impulse

    @property
    def ended_s(self) -> float:
        return self.began_s + self.lasts_s


class Wave:
    """Blocks of one supply; the same seed and events give the same blocks."""

    mv_per_count = MAINS_MV_PER_COUNT

    def __init__(self, seed: int) -> None:
        self.chance = random.Random(seed)  # noqa: S311 - repeatable, not secret
        self.events: list[Happening] = []
        self._spell_left = 0
        gauss = self.chance.gauss
        self._noises = [gauss(0, 1) for _ in range(_NOISES)]
        self._noise = array("f", self._noises)
        self.count = 0

    def blocks(self, count: int) -> Iterator[Block]:
        """The next `count` blocks."""
        for _ in range(count):
            if not self._spell_left:
                self._spell_left = _SPELL_BLOCKS
                self.new_spell()
            self._spell_left -= 1
            began_s = self.count * BLOCK_S
            while self.events and self.events[0].ended_s + 0.02 < began_s:
                self.events.pop(0)
            touched = self.events and self.events[0].began_s - 0.001 < began_s + BLOCK_S
            yield self.touched_block(began_s) if touched else self.calm_block()
            self.count += 1

    def new_spell(self) -> None:
        raise NotImplementedError

    def calm_block(self) -> Block:
        raise NotImplementedError

    def touched_block(self, began_s: float) -> Block:
        """A block in which something may happen."""
        raise NotImplementedError

    def set_noise(self, counts: float) -> None:
        self._noise = array("f", [counts * each for each in self._noises])

    def noise_from(self) -> int:
        """Where in the noise a block begins."""
        return int(self.chance.random() * (_NOISES - BLOCK))


class MainsWave(Wave):
    """230 V, 50 Hz. `jumps` is the chance of a phase jump of at most 30 degrees per block."""

    def __init__(self, seed: int, jumps: float = 1e-5, wide: float = 0.3) -> None:
        super().__init__(seed)
        self._wander = 0.02
        self._jumps = jumps
        self._wide = wide
        self._phase = self.chance.randrange(_TURN)
        self._table = [0.0]
        self._flicker = (0.0, 0.0)
        self._level = 1.0
        self._hertz = 50.0
        self._limits = (49.5, 50.5)
        self._offset = self.chance.uniform(-20, 20)

    def new_spell(self) -> None:
        chance = self.chance
        wide = chance.random() < self._wide
        self._limits = (42.5, 57.5) if wide else (49.5, 50.5)
        if not self.count:
            self._hertz = chance.uniform(*self._limits)
        low, high = 0.92, 1.08
        step = chance.uniform(-0.03, 0.03) if self.count else chance.uniform(-0.08, 0.08)
        self._level = min(max(self._level + step, low + 0.01), high - 0.01)
        self._flicker = (chance.uniform(0.5, 15.0), chance.uniform(0, 0.004))
        self.set_noise(chance.uniform(0.2, 6.0))
        peak = MAINS_MV * math.sqrt(2) / self.mv_per_count
        shape = _distorted(chance)
        self._table = [peak * each for each in shape]

    def keep_still(self) -> None:
        """230 V, 50 Hz and no more than noise, from a zero crossing on, as long as one spell."""
        self._offset = self._jumps = self._wander = 0.0
        self._flicker, self._level, self._phase = (0.0, 0.0), 1.0, 0
        self._hertz, self._limits = 50.0, (50.0, 50.0)
        peak = MAINS_MV * math.sqrt(2) / self.mv_per_count
        size = 1 << _TABLE_BITS
        self._table = [peak * math.sin(2 * math.pi * index / size) for index in range(size)]
        self.set_noise(1.0)
        self._spell_left = _SPELL_BLOCKS

    def _advance(self) -> tuple[float, int]:
        """Move frequency and flicker on; (amplitude, phase steps of a sample) of this block."""
        chance = self.chance
        low, high = self._limits
        self._hertz += chance.uniform(-self._wander, self._wander) + (
            0.003 if self._hertz < low else 0
        )
        self._hertz -= 0.01 if self._hertz > high else 0
        self._hertz = min(max(self._hertz, 42.5), 57.5)
        if self._jumps and chance.random() < self._jumps:
            self._phase += int(chance.uniform(-1, 1) / 12 * _TURN)
        hertz, depth = self._flicker
        flicker = 1 + depth * math.sin(2 * math.pi * hertz * self.count * BLOCK_S)
        return self._level * flicker, int(self._hertz / RATE_HZ * _TURN)

    def calm_block(self) -> Block:
        amplitude, step = self._advance()
        phase = self._phase % _TURN
        table, at, offset = self._table, self.noise_from(), self._offset
        samples = array(
            "h",
            [
                int(amplitude * table[angle >> _SHIFT & _MASK] + noise + offset)
                for angle, noise in zip(
                    range(phase, phase + step * BLOCK, step),
                    self._noise[at : at + BLOCK],
                    strict=True,
                )
            ],
        )
        self._phase = phase + step * BLOCK
        return Block(samples, max(samples), min(samples))

    def touched_block(self, began_s: float) -> Block:
        amplitude, step = self._advance()
        samples, held = array("h"), []
        at = self.noise_from()
        for index in range(BLOCK):
            time_s = began_s + index / RATE_HZ
            factor, turns, extra = self._done(time_s, amplitude)
            angle = self._phase + int(turns * _TURN)
            sine = self._table[angle >> _SHIFT & _MASK]
            value = factor * sine + self._offset + extra + self._noise[at + index]
            samples.append(int(min(max(value, -_CONVERTER), _CONVERTER)))
            held += self._held(time_s, factor * sine + self._offset)
            self._phase += step
        high, low = max(*samples, *held), min(*samples, *held)
        return Block(samples, min(high, _HELD), max(low, -_HELD))

    def _done(self, time_s: float, amplitude: float) -> tuple[float, float, float]:
        """(amplitude, turns of phase, counts on top) at an instant."""
        for event in self.events:
            if event.kind == "transient":
                extra = _after_low_pass(_surge(event), time_s - event.began_s)
                if extra:
                    return amplitude, 0.0, extra / self.mv_per_count
            elif event.began_s <= time_s < event.ended_s:
                return event.magnitude_mv / MAINS_MV, event.phase_jump, 0.0
        return amplitude, 0.0, 0.0

    def _held(self, time_s: float, under: float) -> list[int]:
        """What the peak detector saw between this sample and the next."""
        return [
            int(under + _held_peak(_surge(event)) / self.mv_per_count)
            for event in self.events
            if event.kind == "transient" and time_s <= event.began_s < time_s + 1 / RATE_HZ
        ]


class RailWave(Wave):
    """12 V direct, behind an adapter: load, ripple at twice the mains' frequency, switching."""

    mv_per_count = RAIL_MV_PER_COUNT

    def __init__(self, seed: int) -> None:
        super().__init__(seed)
        self._ripple: list[float] = []
        self._level = self._droop = self._target = 0.0
        self._phase = 0
        self._step = 0

    def new_spell(self) -> None:
        chance = self.chance
        nominal = RAIL_MV / self.mv_per_count
        if not self.count:
            self._level = nominal * chance.uniform(0.97, 1.03)
        size = 1 << _TABLE_BITS
        height = chance.uniform(0.1, 0.8) / 100 * nominal
        rise = chance.uniform(0.1, 0.5)
        self._ripple = [height * _ramp(index / size, rise) for index in range(size)]
        self._step = int(chance.uniform(99, 101) / RATE_HZ * _TURN)
        self.set_noise(chance.uniform(0.5, 5))

    def _advance(self) -> float:
        """The level of this block; the load changes now and then, the rail follows in 20 ms."""
        if self.chance.random() < 0.002:
            self._target = -self.chance.uniform(0, 0.03) * RAIL_MV / self.mv_per_count
        self._droop += (self._target - self._droop) * 0.4
        return self._level + self._droop

    def calm_block(self) -> Block:
        level, phase, step = self._advance(), self._phase % _TURN, self._step
        at, ripple = self.noise_from(), self._ripple
        samples = array(
            "h",
            [
                int(level + ripple[angle >> _SHIFT & _MASK] + noise)
                for angle, noise in zip(
                    range(phase, phase + step * BLOCK, step),
                    self._noise[at : at + BLOCK],
                    strict=True,
                )
            ],
        )
        self._phase = phase + step * BLOCK
        return Block(samples, max(samples), min(samples))

    def touched_block(self, began_s: float) -> Block:
        level = self._advance()
        samples, held = array("h"), []
        at = self.noise_from()
        for index in range(BLOCK):
            time_s = began_s + index / RATE_HZ
            base, extra = level, 0.0
            for event in self.events:
                if event.kind == "transient":
                    surge = _rail_surge(event, level * self.mv_per_count)
                    extra += _after_low_pass(surge, time_s - event.began_s) / self.mv_per_count
                    if time_s <= event.began_s < time_s + 1 / RATE_HZ:
                        held.append(int(level + _held_peak(surge) / self.mv_per_count))
                elif event.began_s <= time_s < event.ended_s:
                    base = event.magnitude_mv / self.mv_per_count
            rest = self._ripple[self._phase >> _SHIFT & _MASK] + self._noise[at + index]
            samples.append(int(min(max(base + extra + rest, 0), 2 * _CONVERTER)))
            self._phase += self._step
        high, low = max(*samples, *held), min(*samples, *held)
        return Block(samples, min(high, _HELD), max(low, 0))


def write_wave(
    path: Path, sampler: str, kind: str, percent: float, for_ms: float, seed: int
) -> Happening:
    """A file of blocks for a simulated board, in step with its steady wave; what happens in it."""
    wave: MainsWave | RailWave = RailWave(seed)
    nominal_mv = RAIL_MV
    if sampler == "mains":
        wave = MainsWave(seed)
        wave.keep_still()
        nominal_mv = round(MAINS_MV * (math.sqrt(2) if kind == "transient" else 1))
    began_s = 0.1 + wave.chance.uniform(0, 0.02)
    lasts_s = 0 if kind == "transient" else for_ms / 1000
    event = Happening(kind, began_s, lasts_s, round(nominal_mv * percent / 100))
    wave.events = [event]
    blocks = int((event.ended_s + 0.1) / (2 * BLOCK_S)) * 2
    if blocks > _SPELL_BLOCKS:
        raise ValueError(f"a wave lasts at most {_SPELL_BLOCKS * BLOCK_S - 1:.0f} s")
    with path.open("wb") as file:
        for samples, high, low in wave.blocks(blocks):
            file.write((samples + array("h", [high, low])).tobytes())
    return event


# --- shapes


def _distorted(chance: random.Random) -> list[float]:
    """One cycle of a sine with harmonics, its root mean square that of a sine of height 1."""
    parts = [
        (order, chance.uniform(0, limit), chance.uniform(0, 2 * math.pi))
        for order, limit in _HARMONIC_LIMITS.items()
    ]
    distortion = math.sqrt(sum(part[1] ** 2 for part in parts))
    scale = min(1.0, _MAX_DISTORTION / distortion) / 100
    size = 1 << _TABLE_BITS
    whole = math.sqrt(1 + (distortion * scale) ** 2)
    angles = [2 * math.pi * index / size for index in range(size)]
    return [
        (
            math.sin(angle)
            + sum(scale * share * math.sin(order * angle + turn) for order, share, turn in parts)
        )
        / whole
        for angle in angles
    ]


def _ramp(place: float, rise: float) -> float:
    """Ripple between -0.5 and 0.5: charged fast, discharged slowly."""
    return place / rise - 0.5 if place < rise else 0.5 - (place - rise) / (1 - rise)


Surge = tuple[float, bool, float]  # millivolts on top, ring wave, seconds of the tail


def _surge(event: Happening) -> Surge:
    return event.magnitude_mv, event.ring, event.tail_s


def _rail_surge(event: Happening, under_mv: float) -> Surge:
    return event.magnitude_mv - under_mv, False, event.tail_s


def _shape(ring: bool, tail_s: float) -> Callable[[float], float]:
    if ring:
        return lambda time_s: (
            (1 - math.exp(-time_s / 0.2e-6))
            * math.exp(-time_s / 19.6e-6)
            * math.cos(2 * math.pi * 1e5 * (time_s - 0.5e-6))
        )
    return lambda time_s: 1.037 * (math.exp(-time_s / tail_s) - math.exp(-time_s / 0.405e-6))


_Response = tuple[float, list[float]]
_responses: dict[tuple[bool, float], _Response] = {}


def _response(ring: bool, tail_s: float) -> _Response:
    """A surge of height 1: what the peak detector holds, and the low-pass's output every 0.2 us."""
    if (ring, tail_s) not in _responses:
        shape = _shape(ring, tail_s)
        held = detector = low = 0.0
        curve = []
        for index in range(int(min(8 * tail_s, 4e-3) / _FINE_S)):
            value = shape(index * _FINE_S)
            detector += (value - detector) * _FINE_S / _PEAK_DETECTOR_S
            held = max(held, detector)
            low += (value - low) * _FINE_S / _LOW_PASS_S
            curve.append(low)
        _responses[ring, tail_s] = held, curve
    return _responses[ring, tail_s]


def _held_peak(surge: Surge) -> float:
    height, ring, tail_s = surge
    return height * _response(ring, tail_s)[0]


def _after_low_pass(surge: Surge, time_s: float) -> float:
    """Millivolts that a surge leaves at the converter so long after it began."""
    height, ring, tail_s = surge
    if not 0 <= time_s < 0.01:
        return 0.0
    curve = _response(ring, tail_s)[1]
    index = int(time_s / _FINE_S)
    if index < len(curve):
        return height * curve[index]
    return height * curve[-1] * math.exp(-(index - len(curve)) * _FINE_S / _LOW_PASS_S)
