"""Replacements on real parts while boards, broker, server and the operator's systems fail.

Never are two units in service at once, and every replacement ends done or rolled back by itself, or
says that it needs a person, and for what. The slice that always runs is short; 100 runs are
`make soak`.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from hil_tests.swap_bench import Outcome, SwapBench
from hil_tests.swap_faults import Fault, ProcessFault, SystemFault, faults_of

_RUNS, _RUNS_AT_ONCE = 100, 10
_FAILPOINTS = ("", "before_call", "after_call", "before_settled", "after_command", "before_commit")
_EVERY = 13
_ONE_OUTLET_EVERY = 10
_LIMIT_S = 150.0
_SLICE: list[list[Fault]] = [
    [SystemFault("access", "late", 2, 1), ProcessFault("courier", "open_new")],
    [SystemFault("voice", "refuse_calls", 0, 1)],
    [],
]


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SwapBench]:
    with SwapBench(tmp_path_factory.mktemp("swaps") / "state", spares=2) as made:
        yield made


def test_a_seed_always_draws_the_same_faults_singly_and_in_pairs() -> None:
    drawn = [faults_of(seed) for seed in range(_RUNS)]
    assert drawn == [faults_of(seed) for seed in range(_RUNS)]
    assert {len(faults) for faults in drawn} == {1, 2}
    assert len({str(fault) for faults in drawn for fault in faults}) > _RUNS


@pytest.mark.timeout(300)
@pytest.mark.parametrize("number", range(len(_SLICE)))
def test_a_replacement_ends_with_one_unit_in_service_whatever_fails(
    bench: SwapBench, number: int
) -> None:
    outcome = bench.run(number, _SLICE[number], outlets=2, limit_s=60)
    assert outcome.problems == [], outcome
    assert outcome.phase == ("rolled_back" if number == 1 else "done"), outcome


@pytest.mark.soak
@pytest.mark.timeout(7200)
@pytest.mark.parametrize("first", range(0, _RUNS, _RUNS_AT_ONCE))
def test_many_replacements_with_faults(
    tmp_path: Path, first: int, capsys: pytest.CaptureFixture[str]
) -> None:
    """Seeded; each ten have an installation of their own, and most a failpoint beside the rest."""
    failpoint = _FAILPOINTS[first // _RUNS_AT_ONCE % len(_FAILPOINTS)]
    outcomes: list[Outcome] = []
    point = f"{failpoint}:{_EVERY}" if failpoint else ""
    with SwapBench(tmp_path / "state", _RUNS_AT_ONCE, point) as bench:
        for seed in range(first, first + _RUNS_AT_ONCE):
            started = time.monotonic()
            outlets = 1 if seed % _ONE_OUTLET_EVERY == 0 else 2
            outcomes.append(bench.run(seed, faults_of(seed), outlets=outlets, limit_s=_LIMIT_S))
            with capsys.disabled():
                print(f"\n{failpoint or 'no failpoint'}: {outcomes[-1]}", end=" ")  # noqa: T201
            assert time.monotonic() - started < 4 * _LIMIT_S
    assert [outcome for outcome in outcomes if outcome.problems] == []
