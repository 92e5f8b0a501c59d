"""Faults drawn against the real engine, database and simulated systems; the units are played.

At every turn one unit at most is in service, and the registry says which; once nothing goes wrong
any more, every replacement ends, as done or as it was before, and owes nobody anything. Each is
called off at every turn of its first ones; what else happens then is drawn. That this finds what it
is there to find is shown by faults in the engine itself (swap_bugs.py).
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, Phase, given, note, settings
from hypothesis import strategies as st

from fleet_server.adapters.migration import migrate_people
from fleet_server.tests.databases import SQLITE, Database, Templates
from fleet_server.tests.swap_bench import SwapBench
from fleet_server.tests.swap_bugs import Bug, seeded
from fleet_server.tests.swap_trial import EVENTS, SUBJECTS, Subject, Trial, prepare_trials

_TURNS = 10
_NEVER = 0
# Turns at which it is called off; the voice modem's plan has every step of a modem's.
_CALLED_OFF = {
    "voice modem": (_NEVER, 2, 3, 4, 5, 6, 7),
    "modem": (_NEVER, 4),
    "set-top box": (_NEVER, 4, 5),
    "card": (_NEVER, 2, 3),
}
_EXAMPLES = 2  # the first is without a fault
Faults = list[tuple[int, str]]
FAULTS = st.lists(st.tuples(st.integers(1, 8), st.sampled_from(EVENTS)), max_size=4)
Make = Callable[[], SwapBench]


@pytest.fixture
def make(tmp_path: Path, templates: Templates) -> Make:
    """A fresh bench at each call."""
    numbers = itertools.count()

    def fresh() -> SwapBench:
        folder = tmp_path / str(next(numbers))
        folder.mkdir()
        database = Database(SQLITE, folder, templates, None)
        people = database.fresh(migrate_people, "people")
        return SwapBench(folder, database.fresh(prepare_trials), people)

    return fresh


def go_through(make: Make, subject: Subject, called_off_at: int, *phases: Phase) -> None:
    """Replacements of one kind with faults. Raises AssertionError for a broken promise."""

    @settings(
        max_examples=_EXAMPLES,
        deadline=None,
        derandomize=True,
        database=None,
        phases=phases,
        suppress_health_check=list(HealthCheck),
    )
    @given(faults=FAULTS, outlets=st.sampled_from((1, 2)), new_comes_at=st.sampled_from((4, 0)))
    def run(faults: Faults, outlets: int, new_comes_at: int) -> None:
        trial = Trial(make(), subject, outlets, is_there=not new_comes_at)
        for turn in range(_TURNS):
            for event in events(turn, faults, called_off_at, new_comes_at):
                note(f"turn {turn}: {event}")
                trial.happen(event)
            trial.turn()
        trial.end()

    run()


def events(turn: int, faults: Faults, called_off_at: int, new_comes_at: int) -> Iterator[str]:
    """What happens before a turn; who brings the new unit takes the old one's cable for it."""
    if turn and turn == new_comes_at:
        yield from ("old goes", "new comes")
    if turn and turn == called_off_at:
        yield "abort"
    yield from (event for at, event in faults if at == turn)


@pytest.mark.timeout(120)
@pytest.mark.parametrize("subject", SUBJECTS, ids=lambda subject: subject.name)
def test_no_fault_leaves_a_position_with_two_units_or_none(make: Make, subject: Subject) -> None:
    for called_off_at in _CALLED_OFF[subject.name]:
        go_through(make, subject, called_off_at, Phase.generate, Phase.shrink)


@pytest.mark.timeout(120)
@pytest.mark.parametrize(
    ("bug", "found"),
    [
        (Bug.LEAVES_NEW_OPEN, "two in service"),
        (Bug.LEAVES_LINE, "rolled_back, and the line"),
        (Bug.TAKES_ANY_ANSWER, "and the units are held"),
        (Bug.FENCES_EARLY, "fenced before the point of no return"),
        (Bug.FORGETS_DEBTS, "and the units are"),
    ],
)
def test_a_fault_in_the_engine_is_found(make: Make, bug: Bug, found: str) -> None:
    with seeded(bug), pytest.raises(AssertionError, match=found):
        for called_off_at in _CALLED_OFF["voice modem"]:
            go_through(make, SUBJECTS[0], called_off_at, Phase.generate)
