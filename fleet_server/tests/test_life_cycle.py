"""The life cycle of a unit: the steps there are, written by hand."""

from __future__ import annotations

from itertools import pairwise

import pytest

from fleet_server.domain.life_cycle import LifeCycleError, UnitState, check_step, steps_after

# The ways a unit goes, as people tell them; each is walked step by step.
WAYS = [
    "in_stock reserved in_transit van_stock installed to_be_returned returned quarantine "
    "in_repair refurbished in_stock",
    "in_stock in_transit installed in_repair installed",
    "van_stock dead_on_arrival in_transit in_stock",
    "dead_on_arrival in_repair scrapped",
    "installed stolen returned quarantine scrapped",
    "in_transit lost returned in_stock",
    "to_be_returned installed",
    "reserved installed returned in_stock",
    "reserved quarantine dead_on_arrival in_transit",
    "in_transit quarantine returned in_stock",
]
# What nobody may do by a slip: each would hide what really happened.
NEVER = [
    ("scrapped", "in_stock"),
    ("stolen", "installed"),
    ("lost", "in_stock"),
    ("returned", "installed"),
    ("dead_on_arrival", "installed"),
    ("installed", "in_stock"),
    ("installed", "scrapped"),
    ("quarantine", "installed"),
    ("in_stock", "to_be_returned"),
]


@pytest.mark.parametrize("way", WAYS)
def test_a_unit_goes_its_ways(way: str) -> None:
    states = [UnitState(word) for word in way.split()]
    for before, after in pairwise(states):
        check_step(before, after)


@pytest.mark.parametrize(("before", "after"), NEVER)
def test_other_steps_are_refused_with_what_is_possible(before: str, after: str) -> None:
    with pytest.raises(LifeCycleError, match=f"From {before} a unit cannot become {after}, only:"):
        check_step(UnitState(before), UnitState(after))


def test_every_state_can_be_reached_and_only_scrap_is_the_end() -> None:
    reached, waiting = set(), [UnitState.IN_STOCK]
    while waiting:
        state = waiting.pop()
        if state not in reached:
            reached.add(state)
            waiting.extend(steps_after(state))
    assert reached == set(UnitState)
    assert [state for state in UnitState if not steps_after(state)] == [UnitState.SCRAPPED]
