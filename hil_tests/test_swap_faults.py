"""Replacements on real parts while boards, broker, server and the operator's systems fail.

Never are two units in service at once, and every replacement ends done or rolled back by itself, or
says that it needs a person, and for what. The slice that always runs is short; 100 runs are
`make soak`.
"""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from hil_tests.swap_bench import Outcome, SwapBench
from hil_tests.swap_faults import BoardFault, Fault, ProcessFault, SystemFault, faults_of
from hil_tests.swap_subjects import (
    PLAIN_MODEM,
    SET_TOP_BOX,
    SMART_CARD,
    VOICE_MODEM,
    Subject,
)

_RUNS, _RUNS_AT_ONCE = 100, 10
_KINDS = (
    *(VOICE_MODEM, PLAIN_MODEM, SET_TOP_BOX, SMART_CARD, VOICE_MODEM),
    *(SET_TOP_BOX, VOICE_MODEM, PLAIN_MODEM, VOICE_MODEM, VOICE_MODEM),
)
_FAILPOINTS = ("", "before_call", "after_call", "before_settled", "after_command", "before_commit")
_EVERY = 13
_ONE_OUTLET_EVERY = 10
_LIMIT_S = 150.0
_Slice = list[tuple[list[Fault], str]]
_VOICE: _Slice = [
    ([SystemFault("access", "late", 2, 1), ProcessFault("courier", "open_new")], "done"),
    ([SystemFault("voice", "refuse_calls", 0, 1)], "rolled_back"),
    ([], "done"),
]
_BOX: _Slice = [
    ([SystemFault("conditional_access", "refuse_calls", 0, 1)], "rolled_back"),
    ([BoardFault("old", "power blink", "hold_old", 0.5)], "done"),
]
_CARD: _Slice = [
    ([SystemFault("conditional_access", "refuse_calls", 3, 1)], "rolled_back"),
    ([BoardFault("old", "power blink", "verify_card", 0.5)], "done"),
]


def test_a_seed_always_draws_the_same_faults_singly_and_in_pairs() -> None:
    drawn = [faults_of(seed) for seed in range(_RUNS)]
    assert drawn == [faults_of(seed) for seed in range(_RUNS)]
    assert {len(faults) for faults in drawn} == {1, 2}
    assert len({str(fault) for faults in drawn for fault in faults}) > _RUNS


@pytest.mark.timeout(400)
@pytest.mark.parametrize(
    ("subject", "runs"),
    [(VOICE_MODEM, _VOICE), (SET_TOP_BOX, _BOX), (SMART_CARD, _CARD)],
    ids=["voice modem", "set-top box", "smart card"],
)
def test_a_replacement_ends_with_one_unit_in_service_whatever_fails(
    tmp_path: Path, subject: Subject, runs: _Slice
) -> None:
    spares = sum(phase == "done" for _, phase in runs)
    with SwapBench(tmp_path / "state", spares, subject=subject) as bench:
        for number, (faults, phase) in enumerate(runs):
            outcome = bench.run(number, faults, outlets=2, limit_s=60)
            assert outcome.problems == [], outcome
            assert outcome.phase == phase, outcome


@pytest.mark.soak
@pytest.mark.timeout(7200)
@pytest.mark.parametrize("first", range(0, _RUNS, _RUNS_AT_ONCE))
def test_many_replacements_with_faults(
    tmp_path: Path, first: int, capsys: pytest.CaptureFixture[str]
) -> None:
    """Seeded; each ten have an installation of their own, and most a failpoint beside the rest."""
    group = first // _RUNS_AT_ONCE
    failpoint, subject = _FAILPOINTS[group % len(_FAILPOINTS)], _KINDS[group]
    outcomes: list[Outcome] = []
    dies_at = f"{failpoint}:{_EVERY}" if failpoint else ""
    with SwapBench(tmp_path / "state", _RUNS_AT_ONCE, dies_at, subject) as bench:
        for seed in range(first, first + _RUNS_AT_ONCE):
            started = time.monotonic()
            outlets = 1 if seed % _ONE_OUTLET_EVERY == 0 and subject is not SMART_CARD else 2
            faults = faults_of(seed, subject)
            outcomes.append(bench.run(seed, faults, outlets=outlets, limit_s=_LIMIT_S))
            with capsys.disabled():
                point = failpoint or "no failpoint"
                print(f"\n{subject.name}, {point}: {outcomes[-1]}", end=" ")  # noqa: T201 - hours long
            assert time.monotonic() - started < 4 * _LIMIT_S
    assert [outcome for outcome in outcomes if outcome.problems] == []
