"""The rules of a repair case: its steps, its finding, how long it took, whether it repeats one."""

from __future__ import annotations

from datetime import UTC, date, datetime

import pytest

from fleet_server.domain.errors import InvalidError
from fleet_server.domain.evidence import (
    Exhibit,
    Grade,
    Kind,
    Sight,
    Window,
    history_of,
    sight_of,
    window_before,
)
from fleet_server.domain.repair import (
    CaseError,
    CaseState,
    Cause,
    Defect,
    Finding,
    FindingError,
    Outcome,
    PastCase,
    check_case_step,
    check_days,
    check_finding,
    check_outcome,
    repeats,
    turn_round,
)
from fleet_server.domain.replacement_chain import Stay, chains_of, first_of
from fleet_server.domain.warranty import CoverState, Receipt, cover_on

DAY = date(2026, 11, 20)
IN_TERM = cover_on("STB", [Receipt(date(2026, 3, 1), date(2026, 3, 1))], DAY)

# From each state, what may follow; written by hand.
STEPS = {
    "reported": "on_bench withdrawn",
    "on_bench": "found withdrawn",
    "found": "found closed",
    "closed": "",
    "withdrawn": "",
}


@pytest.mark.parametrize("before", CaseState)
@pytest.mark.parametrize("after", CaseState)
def test_a_case_takes_the_steps_of_the_table_and_no_others(
    before: CaseState, after: CaseState
) -> None:
    if after in STEPS[before].split():
        check_case_step(before, after)
    else:
        with pytest.raises(CaseError):
            check_case_step(before, after)


@pytest.mark.parametrize(
    ("defect", "cause", "usable", "term", "reason"),
    [
        (Defect.NONE, Cause.NORMAL_USE, True, "in_term", ""),
        (Defect.MAIN_BOARD, Cause.NO_FAULT_FOUND, True, "in_term", ""),
        (Defect.NONE, Cause.NO_FAULT_FOUND, False, "in_term", ""),
        (Defect.MAIN_BOARD, Cause.NORMAL_USE, True, "expired", " "),
    ],
)
def test_a_finding_that_contradicts_itself_or_the_records_is_refused(
    defect: Defect, cause: Cause, usable: bool, term: str, reason: str
) -> None:
    with pytest.raises(FindingError):
        check_finding(Finding(defect, cause, usable, CoverState(term)), IN_TERM, reason)


def test_another_word_on_the_cover_stands_when_it_gives_its_reason() -> None:
    finding = Finding(Defect.MAIN_BOARD, Cause.NORMAL_USE, True, CoverState.EXPIRED)
    check_finding(finding, IN_TERM, "the label shows another date")


@pytest.mark.parametrize(
    ("outcome", "defect", "usable"),
    [
        (Outcome.REPAIRED, Defect.NONE, True),
        (Outcome.REPAIRED, Defect.MAIN_BOARD, False),
        (Outcome.SCRAPPED, Defect.NONE, True),
    ],
)
def test_an_outcome_fits_the_finding(outcome: Outcome, defect: Defect, usable: bool) -> None:
    cause = Cause.NO_FAULT_FOUND if defect == Defect.NONE else Cause.NORMAL_USE
    with pytest.raises(CaseError):
        check_outcome(outcome, Finding(defect, cause, usable, CoverState.IN_TERM))
    check_outcome(Outcome.RETURNED_AS_IT_WAS, Finding(defect, cause, usable, CoverState.IN_TERM))


def test_days_of_a_case_follow_each_other() -> None:
    check_days(date(2026, 11, 1), date(2026, 11, 20), date(2026, 11, 20))
    with pytest.raises(InvalidError, match="after today"):
        check_days(None, date(2026, 11, 21), date(2026, 11, 20))
    with pytest.raises(InvalidError, match="after its report"):
        check_days(date(2026, 11, 21), date(2026, 11, 20), date(2026, 11, 25))


@pytest.mark.parametrize(
    ("received", "closed", "days", "hours"),
    [
        ("2026-11-20T09:00", "2026-11-20T15:00", 0, 6),
        # 23:30 UTC is the next local day.
        ("2026-11-20T22:30", "2026-11-20T23:30", 1, 1),
        # Five local days, one of 25 hours: the clocks go back on 25 October 2026.
        ("2026-10-22T10:00", "2026-10-27T11:00", 5, 121),
        ("2027-03-27T11:00", "2027-03-28T10:00", 1, 23),
        ("2028-02-28T11:00", "2028-03-01T11:00", 2, 48),
    ],
)
def test_turn_round_counts_local_days(received: str, closed: str, days: int, hours: int) -> None:
    found = turn_round(_utc(received), _utc(closed), _utc("2030-01-01T00:00"))
    assert (found.days, found.length_ms, found.ended) == (days, hours * 3_600_000, True)


def test_an_open_case_is_counted_to_now() -> None:
    found = turn_round(_utc("2026-11-20T09:00"), None, _utc("2026-11-26T09:00"))
    assert (found.days, found.ended) == (6, False)


@pytest.mark.parametrize(
    ("closed_on", "outcome", "repeated"),
    [
        (date(2026, 8, 22), Outcome.REPAIRED, True),  # 90 days before
        (date(2026, 8, 21), Outcome.REPAIRED, False),  # 91
        (date(2026, 11, 20), Outcome.REPAIRED, True),  # on the day itself
        (date(2026, 11, 1), Outcome.RETURNED_AS_IT_WAS, True),
        (date(2026, 11, 1), Outcome.REPLACED, False),
        (date(2026, 11, 1), None, False),
    ],
)
def test_a_repair_that_did_not_hold_is_a_repeat_failure(
    closed_on: date, outcome: Outcome | None, repeated: bool
) -> None:
    past = [PastCase("R-1", outcome, closed_on)]
    assert repeats(past, DAY, 90) == (("R-1",) if repeated else ())


def test_all_repairs_that_did_not_hold_are_named_the_newest_first() -> None:
    days = {"R-1": date(2026, 9, 1), "R-2": date(2026, 10, 1)}
    past = [PastCase(n, Outcome.REPAIRED, day) for n, day in days.items()]
    assert repeats(past, DAY, 90) == ("R-2", "R-1")


def test_records_from_before_the_receipt_are_counted_apart() -> None:
    window = window_before(DAY, date(2026, 11, 22), 30)
    assert window == Window(date(2026, 10, 21), date(2026, 11, 22))
    days = {"event:1": 20, "event:2": 1, "event:3": 14, "event:4": 15}
    exhibits = [
        Exhibit(ident, Kind.SURGE, Grade.MEASURED, date(2026, 11, day))
        for ident, day in days.items()
    ]
    found = history_of([*exhibits, *exhibits], window, date(2026, 11, 15), Sight.SENSOR)
    assert found.idents() == ("event:4", "event:1")
    assert found.earlier == 2
    unknown = history_of(reversed(exhibits), window, None, Sight.SENSOR)
    assert (unknown.count(Kind.SURGE), unknown.earlier) == (4, 0)


def test_the_best_grade_counts_and_only_of_the_kinds_asked_for() -> None:
    window = Window(DAY, DAY)
    exhibits = [
        Exhibit("event:1", Kind.DIP, Grade.MEASURED, DAY),
        Exhibit("event:2", Kind.SURGE, Grade.INFERRED, DAY),
    ]
    found = history_of(exhibits, window, None, Sight.SENSOR)
    assert found.grade() == Grade.INFERRED
    assert found.grade(frozenset(Kind)) == Grade.MEASURED
    assert found.grade(frozenset({Kind.CARD})) == Grade.NONE


@pytest.mark.parametrize(
    ("sensors", "has_endpoint", "sight"),
    [
        ("mains", True, "sensor"),
        ("rail,supply", True, "sensor"),
        ("supply", True, "no_sensor"),  # a value every 10 ms sees no transient
        ("", True, "no_sensor"),
        (None, True, "not_known"),
        (None, False, "no_endpoint"),
    ],
)
def test_what_a_unit_could_have_seen_is_said(
    sensors: str | None, has_endpoint: bool, sight: str
) -> None:
    assert sight_of(sensors, has_endpoint) == sight


# Box 1 was replaced by 2, that by 3, and 1 came back from repair in the place of 3.
LINE = [
    Stay(7, 1, datetime(2026, 1, 1, tzinfo=UTC), None),
    Stay(7, 2, datetime(2026, 2, 1, tzinfo=UTC), 1),
    Stay(7, 3, datetime(2026, 3, 1, tzinfo=UTC), 2),
    Stay(7, 1, datetime(2026, 4, 1, tzinfo=UTC), 3),
]
# Before that, box 2 served somebody else and was not replaced but returned.
OTHER = [
    Stay(8, 2, datetime(2025, 1, 1, tzinfo=UTC), None),
    Stay(8, 9, datetime(2025, 6, 1, tzinfo=UTC), None),
]


@pytest.mark.parametrize(
    ("unit", "chains"),
    [(1, [[1, 2, 3, 1]]), (3, [[1, 2, 3, 1]]), (2, [[2], [1, 2, 3, 1]]), (9, [[9]]), (4, [])],
)
def test_chains_are_followed_both_ways(unit: int, chains: list[list[int]]) -> None:
    found = chains_of(unit, reversed([*LINE, *OTHER]))
    assert [[stay.unit for stay in chain] for chain in found] == chains


def test_one_box_in_two_positions_is_one_chain() -> None:
    other = [Stay(6, stay.unit, stay.since_at, stay.replaces) for stay in LINE]
    assert len(chains_of(1, [*LINE, *other])) == 1


def test_a_chain_is_traced_to_the_unit_that_began_it() -> None:
    assert first_of(LINE[3], [*OTHER, *LINE]) == LINE[0]
    assert first_of(OTHER[1], [*OTHER, *LINE]) == OTHER[1]


def _utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)
