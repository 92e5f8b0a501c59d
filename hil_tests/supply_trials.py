"""Trials of the agent's power quality against waves of which the truth is known.

Each trial adds events of one kind to a wave, well away from the thresholds, and lets the agent's
own watch read it. An event is hit when something of its kind is told within 60 ms of its begin and
nothing else is told of it.
"""

import asyncio
import random
from array import array
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from agent.core.power_sampler import SupplyWatch
from agent.ports.sampler import Sampler
from hil_tests.waveforms import (
    BLOCK,
    BLOCK_S,
    MAINS_MV,
    MAINS_MV_PER_COUNT,
    RAIL_MV,
    RAIL_MV_PER_COUNT,
    RATE_HZ,
    Block,
    Happening,
    MainsWave,
    RailWave,
    Wave,
)

KINDS = ("dip", "swell", "interruption", "transient")
NOTHING = "nothing"
SAMPLERS = ("mains", "rail")
_NAMES = {"Dip!": "dip", "Swell!": "swell", "Transient!": "transient"}
_SETTLE_S = 1.2
_APART_S = 0.8
_NEAR_S = 0.06
_WHOLE_HOUR = 360_000


@dataclass(slots=True)
class Told:
    kind: str
    magnitude_mv: int
    began_s: float
    lasts_s: float


class _End(Exception):
    """The wave is over."""


class _Player(Sampler):
    """Hands over blocks as fast as they are read; its clock is that of the wave."""

    def __init__(self, kind: str, blocks: Iterable[Block], holds_peaks: bool) -> None:
        self.kind = kind
        self.nominal_mv = MAINS_MV if kind == "mains" else RAIL_MV
        self.mv_per_count = MAINS_MV_PER_COUNT if kind == "mains" else RAIL_MV_PER_COUNT
        self.rate_hz = RATE_HZ
        self.block = BLOCK
        self.holds_peaks = holds_peaks
        self._blocks = iter(blocks)
        self._read = 0

    def up_time_ms(self) -> int:
        return round(self._read * BLOCK_S * 1000)

    async def read_into(self, block: "array[int]") -> int:
        try:
            samples, self.high, self.low = next(self._blocks)
        except StopIteration:
            raise _End from None
        block[:] = samples
        self._read += 1
        return 0


def watch(kind: str, blocks: Iterable[Block], holds_peaks: bool = True) -> list[Told]:
    """What the agent tells of a wave."""
    told: list[Told] = []

    def report(name: str, magnitude_mv: int, began_ms: int, duration_ms: int) -> None:
        told.append(Told(_NAMES.get(name, name), magnitude_mv, began_ms / 1000, duration_ms / 1000))

    player = _Player(kind, blocks, holds_peaks)
    reader = SupplyWatch(player, player, report)

    async def run() -> None:
        while True:
            try:
                await reader.run()
            except _End:
                return

    asyncio.run(run())
    return told


@dataclass(slots=True)
class Outcome:
    """`table` counts (caused, told); `times_ms` holds how far off begin and end were told."""

    table: Counter[tuple[str, str]] = field(default_factory=Counter)
    times_ms: dict[str, list[float]] = field(default_factory=dict)
    magnitudes: dict[str, list[float]] = field(default_factory=dict)

    def add(self, other: "Outcome") -> None:
        self.table += other.table
        for mine, theirs in ((self.times_ms, other.times_ms), (self.magnitudes, other.magnitudes)):
            for kind, values in theirs.items():
                mine.setdefault(kind, []).extend(values)

    def hit_rate(self, kind: str) -> float:
        caused = sum(count for (made, _), count in self.table.items() if made == kind)
        return self.table[kind, kind] / caused if caused else 0.0

    def __str__(self) -> str:
        lines = ["| caused | " + " | ".join(KINDS) + " | nothing | more than one |"]
        lines.append("|---|" + "---|" * 6)
        for made in (*KINDS, NOTHING):
            cells = [self.table[made, told] for told in (*KINDS, NOTHING, "several")]
            lines.append(f"| {made} | " + " | ".join(str(cell) for cell in cells) + " |")
        return "\n".join(lines)


def try_events(sampler: str, kind: str, count: int, seed: int, holds_peaks: bool = True) -> Outcome:
    """Cause `count` events of a kind on one kind of sampler."""
    wave: Wave = MainsWave(seed) if sampler == "mains" else RailWave(seed)
    chance = random.Random(f"{sampler} {kind} {seed}")  # noqa: S311 - repeatable, not secret
    make: Callable[[random.Random, str, float], Happening]
    make = mains_event if sampler == "mains" else rail_event
    events, at_s = [], _SETTLE_S
    for _ in range(count):
        events.append(make(chance, kind, at_s + chance.uniform(0, 0.1)))
        at_s = events[-1].ended_s + _APART_S
    wave.events = list(events)
    return judge(events, watch(sampler, wave.blocks(int(at_s / BLOCK_S)), holds_peaks))


def mains_event(chance: random.Random, kind: str, at_s: float) -> Happening:
    """An event away from the thresholds: at least 10 % of nominal and half a cycle."""
    if kind == "dip":
        lasts_s, share = chance.uniform(0.025, 0.6), chance.uniform(0.15, 0.80)
        jump = chance.choice((0.0, chance.uniform(-0.08, 0.08)))
        return Happening(kind, at_s, lasts_s, round(MAINS_MV * share), jump)
    if kind == "swell":
        share = chance.uniform(1.2, 1.8)
        return Happening(kind, at_s, chance.uniform(0.025, 0.6), round(MAINS_MV * share))
    if kind == "interruption":
        share = chance.uniform(0, 0.02)
        return Happening(kind, at_s, chance.uniform(0.05, 0.6), round(MAINS_MV * share))
    ring = chance.random() < 0.5
    volts = chance.choice((-1, 1)) * chance.uniform(1500, 6000)
    return Happening(kind, at_s, 0, round(volts * 1000), ring=ring)


def rail_event(chance: random.Random, kind: str, at_s: float) -> Happening:
    if kind == "dip":
        share = chance.uniform(0.15, 0.80)
        return Happening(kind, at_s, chance.uniform(0.012, 0.6), round(RAIL_MV * share))
    if kind == "swell":
        share = chance.uniform(1.2, 1.6)
        return Happening(kind, at_s, chance.uniform(0.012, 0.6), round(RAIL_MV * share))
    if kind == "interruption":
        share = chance.uniform(0, 0.02)
        return Happening(kind, at_s, chance.uniform(0.02, 0.6), round(RAIL_MV * share))
    share = chance.choice((chance.uniform(0, 0.4), chance.uniform(1.6, 4)))
    tail_s = chance.choice((20e-6, 68.2e-6, 200e-6))
    return Happening(kind, at_s, 0, round(RAIL_MV * share), tail_s=tail_s)


def judge(events: list[Happening], told: list[Told]) -> Outcome:
    """Lay what was told beside what was caused."""
    outcome = Outcome()
    left = list(told)
    for event in events:
        near = [
            each
            for each in left
            if event.began_s - _NEAR_S <= each.began_s <= event.ended_s + _NEAR_S
        ]
        left = [each for each in left if each not in near]
        said = "several" if len(near) > 1 else near[0].kind if near else NOTHING
        outcome.table[event.kind, said] += 1
        if said != event.kind:
            continue
        errors = [near[0].began_s - event.began_s]
        if event.kind in ("dip", "swell"):
            errors.append(near[0].began_s + near[0].lasts_s - event.ended_s)
        outcome.times_ms.setdefault(event.kind, []).extend(1000 * abs(each) for each in errors)
        share = near[0].magnitude_mv / max(abs(event.magnitude_mv), 1)
        outcome.magnitudes.setdefault(event.kind, []).append(share)
    for each in left:
        outcome.table[NOTHING, each.kind] += 1
    return outcome


def false_alarms(sampler: str, hours: float, seed: int) -> list[Told]:
    """What is told of so many hours in which nothing happens."""
    wave: Wave = MainsWave(seed) if sampler == "mains" else RailWave(seed)
    return watch(sampler, wave.blocks(int(hours * _WHOLE_HOUR)))
