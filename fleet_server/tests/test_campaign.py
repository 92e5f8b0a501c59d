"""The rules of campaigns: states, sums, waves, pace. The tables are by hand."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from types import MappingProxyType
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fleet_server.domain.campaign import (
    Act,
    CampaignStateError,
    ItemState,
    State,
    Tally,
    may_become,
    next_state,
)
from fleet_server.domain.campaign_pace import (
    Verdict,
    allowance,
    check_hours,
    closes_at,
    first_free_day,
    is_open,
    may_begin,
    paid_after,
    too_many_failed,
    wait_for,
    wave_verdict,
)
from fleet_server.domain.campaign_plan import (
    Action,
    CommandAction,
    Hours,
    InvalidPlanError,
    Limits,
    Plan,
    SwapAction,
    Wave,
    Way,
    decode_plan,
    encode_plan,
    wave_of,
)
from fleet_server.domain.policy import DEFAULTS

NOW = datetime(2027, 1, 15, 1, 0, tzinfo=UTC)
# act: the states it leads from, and to
STEPS = {
    Act.CHANGE: ("draft planned approved", "draft"),
    Act.PLAN: ("draft planned", "planned"),
    Act.APPROVE: ("planned", "approved"),
    Act.START: ("approved", "running"),
    Act.PAUSE: ("running", "paused"),
    Act.RESUME: ("paused", "running"),
    Act.FINISH: ("running", "finished"),
    Act.END_ABORT: ("aborting", "aborted"),
}


@pytest.mark.parametrize("state", State)
@pytest.mark.parametrize("act", STEPS)
def test_what_is_done_leads_where_it_should(state: State, act: Act) -> None:
    allowed, after = STEPS[act]
    if state.value in allowed.split():
        assert next_state(state, act) == after
    else:
        with pytest.raises(CampaignStateError):
            next_state(state, act)


@pytest.mark.parametrize(
    ("state", "after"),
    [
        ("draft", "aborted"),
        ("planned", "aborted"),
        ("approved", "aborted"),
        ("running", "aborting"),
        ("paused", "aborting"),
    ],
)
def test_an_abort_waits_for_what_is_under_way(state: str, after: str) -> None:
    assert next_state(State(state), Act.ABORT) == after


@given(
    st.dictionaries(
        st.tuples(st.integers(0, 3), st.sampled_from(ItemState)), st.integers(0, 50), max_size=12
    ),
    st.lists(
        st.tuples(
            st.integers(0, 3),
            st.sampled_from(ItemState),
            st.sampled_from(ItemState),
            st.integers(1, 9),
        ),
        max_size=60,
    ),
)
def test_sums_add_up_in_every_state(
    counts: dict[tuple[int, ItemState], int],
    steps: list[tuple[int, ItemState, ItemState, int]],
) -> None:
    tally = Tally(MappingProxyType(counts))
    total = tally.all()
    for wave, before, after, units in steps:
        possible = may_become(before, after) and tally.of(wave, before) >= units
        if not possible:
            with pytest.raises(ValueError, match="from"):
                tally.moved(wave, before, after, units)
            continue
        tally = tally.moved(wave, before, after, units)
        assert tally.all() == total == sum(tally.all(state) for state in ItemState)
        assert min(tally.counts.values()) >= 0


@pytest.mark.parametrize("ended", [ItemState.DONE, ItemState.FAILED, ItemState.STOPPED])
def test_what_has_ended_never_begins_again(ended: ItemState) -> None:
    assert not any(may_become(ended, state) for state in ItemState)


def test_what_was_begun_never_waits_again() -> None:
    for begun in (ItemState.STARTED, ItemState.RUNNING):
        assert not may_become(begun, ItemState.WAITING)
        assert not may_become(begun, ItemState.DEFERRED)


@pytest.mark.parametrize(
    ("waves", "total", "expected"),
    [
        ((Wave(),), 3, [1, 1, 1]),
        ((Wave(units=1), Wave()), 3, [1, 2, 2]),
        ((Wave(percent=50), Wave()), 3, [1, 1, 2]),
        ((Wave(percent=1), Wave(units=1), Wave()), 4, [1, 2, 3, 3]),
        ((Wave(units=9), Wave()), 2, [1, 1]),
    ],
)
def test_units_fall_into_waves(waves: tuple[Wave, ...], total: int, expected: list[int]) -> None:
    assert [wave_of(number, total, waves) for number in range(1, total + 1)] == expected


@pytest.mark.parametrize(
    "values",
    [
        {"waves": ()},
        {"waves": (Wave(units=1),)},
        {"waves": (Wave(), Wave())},
        {"waves": (Wave(units=1, percent=1), Wave())},
        {"ends_at": datetime(2027, 1, 1)},  # noqa: DTZ001 - the point of the test
    ],
)
def test_a_plan_that_contradicts_itself_is_refused(values: dict[str, Any]) -> None:
    with pytest.raises(InvalidPlanError):
        Plan(CommandAction(), **values)


def test_only_named_commands_may_be_sent_to_many() -> None:
    with pytest.raises(InvalidPlanError, match="Reboot"):
        CommandAction("Device.FactoryReset()")


def test_a_plan_is_kept_as_it_was() -> None:
    hours = Hours(time(23), time(4, 30))
    plans = [
        Plan(CommandAction(), hours=hours, ends_at=NOW, late_joiners=True),
        Plan(SwapAction("CM-41", "WH-1", Way.POSTED, 2), (Wave(units=5), Wave())),
    ]
    assert [decode_plan(encode_plan(plan)) for plan in plans] == plans


def test_the_rate_is_kept_over_a_day_of_turns() -> None:
    paid, now, begun = None, NOW, 0
    for _ in range(600):
        now += timedelta(seconds=1)
        allowed = allowance(paid, now, 30)
        paid = paid_after(paid, now, 30, allowed)
        begun += allowed
    assert 300 <= begun <= 301


def test_time_that_passed_in_vain_is_not_made_up_for() -> None:
    paid = paid_after(None, NOW, 60, 1)
    assert allowance(paid, NOW + timedelta(hours=5), 60) == 2


# (ended, failed, whether it stops), at 5 percent of at least 20
@pytest.mark.parametrize(
    ("ended", "failed", "stops"),
    [
        (0, 0, False),
        (19, 19, False),
        (20, 1, False),
        (20, 2, True),
        (100, 5, False),
    ],
)
def test_it_stops_on_its_failures(ended: int, failed: int, stops: bool) -> None:
    assert too_many_failed(Limits(), ended, failed) is stops


WAVE = Wave(units=10, soak_minutes=10, ended_percent=90, success_percent=80)
_I = ItemState


@pytest.mark.parametrize(
    ("counts", "ended_minutes_ago", "verdict"),
    [
        ({}, None, Verdict.NEXT),
        ({_I.EXCLUDED: 4}, None, Verdict.NEXT),
        ({_I.WAITING: 10}, None, Verdict.GOES_ON),
        ({_I.DONE: 8, _I.DEFERRED: 2}, None, Verdict.GOES_ON),
        ({_I.DONE: 9, _I.DEFERRED: 1}, None, Verdict.SOAKS),
        ({_I.DONE: 9, _I.DEFERRED: 1}, 9, Verdict.SOAKS),
        ({_I.DONE: 9, _I.DEFERRED: 1}, 10, Verdict.NEXT),
        ({_I.DONE: 8, _I.FAILED: 2}, 10, Verdict.NEXT),
        ({_I.DONE: 7, _I.FAILED: 3}, 10, Verdict.MISSED),
        ({_I.STOPPED: 10}, 10, Verdict.NEXT),
    ],
)
def test_a_wave_says_what_comes(
    counts: dict[ItemState, int], ended_minutes_ago: int | None, verdict: Verdict
) -> None:
    tally = Tally(MappingProxyType({(1, state): units for state, units in counts.items()}))
    ended_at = None if ended_minutes_ago is None else NOW - timedelta(minutes=ended_minutes_ago)
    assert wave_verdict(WAVE, 1, tally, ended_at, NOW) == verdict


def test_each_unit_waits_its_own_time_and_ever_longer() -> None:
    first = [wait_for(unit, 0).total_seconds() for unit in range(200)]
    assert 30 <= min(first) < 40 < 80 < max(first) <= 90
    assert len(set(first)) > 40
    later = [wait_for(unit, 20).total_seconds() for unit in range(200)]
    assert 1_800 <= min(later) <= max(later) <= 5_400


# local time is an hour ahead of UTC in January
@pytest.mark.parametrize(
    ("utc", "hours", "open_"),
    [
        ("00:00", None, True),
        ("23:59", None, False),
        ("04:59", None, True),
        ("05:00", None, False),
        ("01:00", Hours(time(3), time(4)), False),
        ("02:00", Hours(time(3), time(4)), True),
        ("01:00", Hours(time(23), time(2, 30)), True),
        ("22:30", Hours(time(23), time(2, 30)), False),
    ],
)
def test_hours_are_local(utc: str, hours: Hours | None, open_: bool) -> None:
    at = datetime.fromisoformat(f"2027-01-15T{utc}:00Z")
    assert is_open(at, hours, DEFAULTS) is open_


@pytest.mark.parametrize(
    ("utc", "way", "begins"),
    [
        ("03:59", Way.REMOTE, True),
        ("04:00", Way.REMOTE, False),
        ("04:59", Way.REMOTE, False),
        ("12:00", Way.VISIT, True),
        ("12:00", Way.POSTED, True),
    ],
)
def test_a_remote_swap_begins_only_while_it_may_cut(utc: str, way: Way, begins: bool) -> None:
    """Work may begin until 06:00 local time, a remote swap may cut until 05:00."""
    at = datetime.fromisoformat(f"2027-01-15T{utc}:00Z")
    assert may_begin(at, Plan(SwapAction("CM-41", "WH-9", way)), DEFAULTS) is begins
    assert may_begin(at, Plan(CommandAction()), DEFAULTS) is (utc < "05:00")


# In 2026 the clock of the contracts jumps at 01:00 UTC: on 29 March from 02:00 to 03:00, on 25
# October from 03:00 back to 02:00.
@pytest.mark.parametrize(
    ("at", "hours", "closes"),
    [
        ("2027-01-15T01:00Z", None, "2027-01-15T05:00Z"),
        ("2027-01-15T01:00Z", Hours(time(1), time(3)), "2027-01-15T02:00Z"),
        ("2027-01-15T01:00Z", Hours(time(1), time(12)), "2027-01-15T05:00Z"),
        ("2026-03-29T00:30Z", Hours(time(1), time(2, 30)), "2026-03-29T01:00Z"),
        ("2026-03-29T00:30Z", Hours(time(1), time(3, 30)), "2026-03-29T01:30Z"),
        ("2026-03-29T00:30Z", None, "2026-03-29T04:00Z"),
        ("2026-10-25T00:10Z", Hours(time(1), time(2, 30)), "2026-10-25T00:30Z"),
        ("2026-10-25T01:10Z", Hours(time(1), time(2, 30)), "2026-10-25T01:30Z"),
        ("2026-10-25T00:10Z", Hours(time(1), time(3)), "2026-10-25T02:00Z"),
    ],
)
def test_hours_close_by_the_local_clock(at: str, hours: Hours | None, closes: str) -> None:
    moment, end = datetime.fromisoformat(at), datetime.fromisoformat(closes)
    assert is_open(moment, hours, DEFAULTS)
    assert closes_at(moment, hours, DEFAULTS) == end
    assert not is_open(end, hours, DEFAULTS)
    assert is_open(end - timedelta(seconds=1), hours, DEFAULTS)


CAMPAIGN_SWAP = SwapAction("CM-41", "WH-9", Way.REMOTE)


@pytest.mark.parametrize(
    ("action", "hours", "fitting"),
    [
        (CAMPAIGN_SWAP, (time(5), time(6)), "01:00-05:00"),
        (CAMPAIGN_SWAP, (time(12), time(1)), "01:00-05:00"),
        (CommandAction(), (time(6), time(1)), "01:00-06:00"),
    ],
)
def test_hours_in_which_nothing_may_begin_are_refused_with_those_that_fit(
    action: Action, hours: tuple[time, time], fitting: str
) -> None:
    with pytest.raises(InvalidPlanError, match=f"^hours: .*{fitting}"):
        check_hours(Plan(action, hours=Hours(*hours)), DEFAULTS)


@pytest.mark.parametrize(
    ("action", "hours"),
    [
        (CAMPAIGN_SWAP, None),
        (CAMPAIGN_SWAP, (time(4, 59), time(12))),
        (CAMPAIGN_SWAP, (time(22), time(1, 1))),
        (CAMPAIGN_SWAP, (time(6), time(5))),
        (CommandAction(), (time(5), time(6))),
        (replace(CAMPAIGN_SWAP, way=Way.VISIT), (time(12), time(13))),
    ],
)
def test_hours_that_meet_the_allowed_ones_for_a_minute_are_taken(
    action: Action, hours: tuple[time, time] | None
) -> None:
    check_hours(Plan(action, hours=Hours(*hours) if hours else None), DEFAULTS)


def test_hours_are_taken_where_the_allowed_ones_pass_midnight() -> None:
    nights = replace(DEFAULTS, disruptive_from=time(0), cut_over_from=time(0, 30))
    check_hours(Plan(CAMPAIGN_SWAP, hours=Hours(time(23), time(0, 31))), nights)
    with pytest.raises(InvalidPlanError, match="00:30-05:00"):
        check_hours(Plan(CAMPAIGN_SWAP, hours=Hours(time(23), time(0, 30))), nights)
    apart = replace(DEFAULTS, cut_over_from=time(10), cut_over_until=time(11))
    with pytest.raises(InvalidPlanError, match="settings leave none"):
        check_hours(Plan(CAMPAIGN_SWAP), apart)


def test_hours_are_local_and_have_no_offset() -> None:
    with pytest.raises(InvalidPlanError, match="without an offset"):
        Hours(time(2), time(4, tzinfo=UTC))


def test_the_first_day_with_a_visit_left_is_taken() -> None:
    today = date(2027, 1, 15)
    booked = {today: 8, today + timedelta(days=1): 8, today + timedelta(days=2): 7}
    assert first_free_day(booked, 8, NOW) == date(2027, 1, 17)
    full = {today + timedelta(days=ahead): 8 for ahead in range(100)}
    assert first_free_day(full, 8, NOW) is None
