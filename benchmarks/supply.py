"""Power quality: what is hit, what is told without cause, how far off, and what a sample costs.

Events are made by hil_tests' generator, 1,000 of each class: half on the mains, half on a rail,
at least 10 % of nominal and half a cycle away from the thresholds. Timing errors are those of begin
and, of dips and swells, end. False alarms: of hours with the disturbances EN 50160 allows, three of
each sampler, or so many of each as SUPPLY_HOURS says; 168 are the week, 35 minutes of one core.
Hours are kept in results/supply_week.jsonl and not run again: what is told is of all it has.
References are the goals: 0.99; one a week; half a cycle for the median and a cycle for the 95th
percentile; for the cost a hundredth of the time between two samples.
"""

import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from agent.tests.run_micropython import REPOSITORY, virtual_machine
from benchmarks.figure import RESULTS, Figure, percentile
from hil_tests import supply_week
from hil_tests.supply_trials import (
    KINDS,
    SAMPLERS,
    Outcome,
    try_events,
)
from hil_tests.waveforms import RATE_HZ

FIGURES = (
    "supply.hit_rate",
    *(f"supply.false_alarms_per_week.{sampler}" for sampler in SAMPLERS),
    "supply.timing_error_ms",
    "supply.sample_cost_us.vm",
)
EVENTS = 500
SEED = 2026
_HOURS = 3
_WEEK = RESULTS / "supply_week.jsonl"
_GOAL_HITS = 0.99
_GOAL_MS = {"p50": 10.0, "p95": 20.0}
_GOAL_COST_US = 1e6 / RATE_HZ / 100
_BLOCKS = 3000

_COST_PROGRAM = """
import gc, sys
from array import array
from math import pi, sin
from time import ticks_diff, ticks_us
from agent.core.power_mains import Mains
from agent.ports.sampler import Sampler
sampler = Sampler()
quality = Mains(sampler, print)
halves = [array("h", [int(s * 650 * sin(pi * n / 32)) for n in range(32)]) for s in (1, -1)]
for n in range(200):
    quality.feed(halves[n & 1], 650, -650)
gc.collect()
began = ticks_us()
for n in range(BLOCKS):
    block = halves[n & 1]
    quality.feed(block, max(block), min(block))
print(ticks_diff(ticks_us(), began) / BLOCKS / sampler.block)
"""


def trials() -> tuple[Outcome, dict[str, Outcome]]:
    """All events, together and by kind of sampler."""
    by_sampler = {}
    for sampler in SAMPLERS:
        by_sampler[sampler] = Outcome()
        for kind in KINDS:
            by_sampler[sampler].add(try_events(sampler, kind, EVENTS, SEED))
    both = Outcome()
    for outcome in by_sampler.values():
        both.add(outcome)
    return both, by_sampler


def without_detector() -> Outcome:
    """Surges of the mains on a board whose converter has no peak detector beside it."""
    return try_events("mains", "transient", EVENTS, SEED, holds_peaks=False)


def sample_cost_us() -> float:
    """Microseconds per sample on the MicroPython machine; the smallest of five runs."""
    program = virtual_machine()
    if program is None:
        raise FileNotFoundError("micropython: install the `bench` extra")
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "cost.py"
        file.write_text(f"BLOCKS = {_BLOCKS}\n{_COST_PROGRAM}")
        runs = [
            subprocess.run(  # noqa: S603 - our own interpreter and our own file
                [program, str(file)],
                env={**os.environ, "MICROPYPATH": f"{REPOSITORY}:.frozen"},
                cwd=REPOSITORY,
                capture_output=True,
                text=True,
                timeout=120,
                check=True,
            )
            for _ in range(5)
        ]
    return min(float(run.stdout) for run in runs)


def measure() -> Iterator[Figure]:
    both, by_sampler = trials()
    for sampler, outcome in by_sampler.items():
        sys.stdout.write(f"\n{sampler}, {EVENTS} events of each class\n\n{outcome}\n")
    bare = without_detector().hit_rate("transient")
    sys.stdout.write(f"\nsurges of the mains seen without a peak detector: {bare:.1%}\n")
    for kind in KINDS:
        yield Figure(f"supply.hit_rate.{kind}", both.hit_rate(kind), "", _GOAL_HITS)
    for kind in KINDS:
        for share, name in ((0.5, "p50"), (0.95, "p95")):
            error_ms = percentile(both.times_ms[kind], share)
            yield Figure(f"supply.timing_error_ms.{kind}.{name}", error_ms, "ms", _GOAL_MS[name])
    yield Figure("supply.sample_cost_us.vm", sample_cost_us(), "us", _GOAL_COST_US)
    RESULTS.mkdir(parents=True, exist_ok=True)
    for _ in supply_week.go_on(_WEEK, int(os.environ.get("SUPPLY_HOURS", _HOURS))):
        pass
    quiet = supply_week.spent(_WEEK)
    sys.stdout.write(f"\n{supply_week.report(quiet)}\n")
    for sampler in SAMPLERS:
        alarms = supply_week.per_week(quiet, sampler)
        yield Figure(f"supply.false_alarms_per_week.{sampler}", alarms, "", 1.0)
