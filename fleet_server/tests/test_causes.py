"""Every moment of an interruption has exactly one cause. Times are milliseconds."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fleet_server.domain.causes import (
    Cause,
    Evidence,
    Segment,
    headline,
    partition,
    reach_back,
)

HOUR = 3_600_000


def shown(cause: Cause, start: int, end: int | None) -> Evidence:
    return Evidence(cause, start, end, f"{cause} {start}")


def told(segments: tuple[Segment, ...]) -> list[tuple[str, int, int | None]]:
    return [(one.cause.value, one.start_ms, one.end_ms) for one in segments]


# Written by hand from the order of causes: the stronger, the weaker.
PRECEDENCE = [
    ("suspended", "maintenance"),
    ("maintenance", "plant power"),
    ("plant power", "area mains"),
    ("area mains", "no power at the device"),
    ("no power at the device", "access network"),
    ("access network", "device"),
    ("suspended", "device"),
    ("plant power", "no power at the device"),
]


@pytest.mark.parametrize(("stronger", "weaker"), PRECEDENCE)
def test_the_first_that_is_evidenced_wins_while_it_is_evidenced(stronger: str, weaker: str) -> None:
    evidence = [shown(Cause(weaker), 0, 100), shown(Cause(stronger), 20, 50)]
    assert told(partition(0, 100, evidence)) == [
        (weaker, 0, 20),
        (stronger, 20, 50),
        (weaker, 50, 100),
    ]


def test_what_nothing_shows_is_unknown() -> None:
    assert told(partition(0, 90, [])) == [("unknown", 0, 90)]
    found = partition(0, 90, [shown(Cause.ACCESS_NETWORK, 30, 60)])
    assert told(found) == [("unknown", 0, 30), ("access network", 30, 60), ("unknown", 60, 90)]


def test_evidence_is_cut_to_the_interruption() -> None:
    found = partition(10, 20, [shown(Cause.PLANT_POWER, -5, 500)])
    assert told(found) == [("plant power", 10, 20)]


def test_neighbours_of_one_cause_are_one_segment_with_both_proofs() -> None:
    evidence = [shown(Cause.PLANT_POWER, 0, 40), shown(Cause.PLANT_POWER, 30, 80)]
    (segment,) = partition(0, 80, evidence)
    assert segment.evidence == {"plant power 0", "plant power 30"}


def test_an_interruption_that_lasts_ends_in_an_open_segment() -> None:
    found = partition(0, None, [shown(Cause.SUSPENDED, 10, None), shown(Cause.DEVICE, 0, 5)])
    assert told(found) == [("device", 0, 5), ("unknown", 5, 10), ("suspended", 10, None)]
    assert headline(found) == Cause.SUSPENDED


def test_the_headline_is_what_held_longest_and_of_equals_the_stronger() -> None:
    evidence = [shown(Cause.MAINTENANCE, 0, HOUR), shown(Cause.ACCESS_NETWORK, HOUR, 6 * HOUR)]
    assert headline(partition(0, 6 * HOUR, evidence)) == Cause.ACCESS_NETWORK
    equal = [shown(Cause.DEVICE, 0, HOUR), shown(Cause.AREA_MAINS, HOUR, 2 * HOUR)]
    assert headline(partition(0, 2 * HOUR, equal)) == Cause.AREA_MAINS


def test_an_interruption_without_length_has_the_cause_of_its_moment() -> None:
    assert told(partition(5, 5, [shown(Cause.NO_POWER, 5, 9)])) == [
        ("no power at the device", 5, 5)
    ]


@pytest.mark.parametrize(
    ("begins", "holds_from"), [(5, 5), (10, 10), (11, 10), (30, 10), (31, 31), (90, 90)]
)
def test_what_begins_while_the_beginning_is_uncertain_holds_from_the_start(
    begins: int, holds_from: int
) -> None:
    (found,) = reach_back([shown(Cause.PLANT_POWER, begins, 200)], 10, 30)
    assert (found.start_ms, found.end_ms) == (holds_from, 200)


MOMENTS = st.integers(0, 60)
EVIDENCE = st.builds(
    lambda cause, start, length: shown(cause, start, None if length is None else start + length),
    st.sampled_from(list(Cause)),
    MOMENTS,
    st.none() | st.integers(0, 30),
)


@given(MOMENTS, st.none() | MOMENTS, st.lists(EVIDENCE, max_size=8))
def test_every_moment_has_the_one_cause_that_comes_first(
    start: int, length: int | None, evidence: list[Evidence]
) -> None:
    end = None if length is None else start + 1 + length
    segments = partition(start, end, evidence)
    assert segments[0].start_ms == start
    assert segments[-1].end_ms == end
    for one, following in itertools.pairwise(segments):
        assert one.end_ms == following.start_ms
        assert one.cause != following.cause
    for moment in range(start, end or 120):
        holding = [each for each in segments if _holds(each, moment)]
        assert len(holding) == 1
        causes = [each.cause for each in evidence if each.holds_at(moment)]
        assert holding[0].cause == min(causes, key=list(Cause).index, default=Cause.UNKNOWN)


@given(st.lists(EVIDENCE, max_size=6), st.data())
def test_order_and_repetition_of_evidence_change_nothing(
    evidence: list[Evidence], data: st.DataObject
) -> None:
    shuffled = data.draw(st.permutations(evidence))
    assert partition(0, 80, shuffled + evidence[:2]) == partition(0, 80, evidence)


def _holds(segment: Segment, moment: int) -> bool:
    return segment.start_ms <= moment and (segment.end_ms is None or moment < segment.end_ms)
