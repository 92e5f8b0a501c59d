"""A voice modem is replaced by another on two simulated boards, with server and broker beside them.

Both boards are connected (two RF outlets). `swap.approval_to_service_s`: from the approval until
the new unit was proven well. `swap.service_gap_s`: from the moment the old unit served no more
until then. `swap.own_part_s`: of the first, all but the wait for the customer to connect the new
unit; the operator's systems are simulated and answer at once, so that the rest is server, broker
and agents. Medians of replacements without a fault; SWAPS changes how many. The references are
goals: ten seconds.

`swap.fault_runs`, `swap.fault_violations`: seeded replacements with faults (swap_faults.py), and
how many of them broke a promise: two units in service at once, an end with another unit in service
than it says, or none. References: the hundred of `make soak`, and one, which is one too many.
SWAP_FAULTS changes how many.
"""

import os
import statistics
import tempfile
from collections.abc import Iterator
from pathlib import Path

from benchmarks.figure import Figure
from hil_tests.swap_bench import Outcome, SwapBench
from hil_tests.swap_faults import faults_of

FIGURES = (
    "swap.approval_to_service_s",
    "swap.service_gap_s",
    "swap.own_part_s",
    "swap.fault_runs",
    "swap.fault_violations",
)
SWAPS = int(os.environ.get("SWAPS", "5"))
FAULTS = int(os.environ.get("SWAP_FAULTS", "10"))
GOAL_S = 10.0
ALL_FAULT_RUNS = 100
_LIMIT_S = 150.0


def measure() -> Iterator[Figure]:
    with tempfile.TemporaryDirectory() as folder:
        with SwapBench(Path(folder) / "plain", SWAPS) as bench:
            plain = [bench.run(0, [], outlets=2, limit_s=_LIMIT_S) for _ in range(SWAPS)]
        with SwapBench(Path(folder) / "faults", FAULTS) as bench:
            faulty = [
                bench.run(seed, faults_of(seed), outlets=2, limit_s=_LIMIT_S)
                for seed in range(FAULTS)
            ]
    yield from figures(plain, faulty)


def figures(plain: list[Outcome], faulty: list[Outcome]) -> Iterator[Figure]:
    """Of replacements that went well, and of those with faults. Raises RuntimeError."""
    if any(outcome.problems or outcome.phase != "done" for outcome in plain):
        raise RuntimeError(f"a replacement without a fault failed: {plain}")
    approval = [outcome.view["approval_to_service_ms"] / 1000 for outcome in plain]
    gaps = [outcome.view["service_gap_ms"] / 1000 for outcome in plain]
    own = [total - _waited_s(one) for total, one in zip(approval, plain, strict=True)]
    yield _median("swap.approval_to_service_s", approval)
    yield _median("swap.service_gap_s", gaps)
    yield _median("swap.own_part_s", own)
    broken = sum(bool(outcome.problems) for outcome in faulty)
    yield Figure("swap.fault_runs", len(faulty), "runs", ALL_FAULT_RUNS)
    yield Figure("swap.fault_violations", broken, "runs", 1)


def _median(name: str, values_s: list[float]) -> Figure:
    return Figure(name, statistics.median(values_s), "s", GOAL_S)


def _waited_s(outcome: Outcome) -> float:
    """How long the new unit was awaited."""
    waits = [step["took_ms"] for step in outcome.view["steps"] if step["step"] == "await_new"]
    return float(sum(waits)) / 1000
