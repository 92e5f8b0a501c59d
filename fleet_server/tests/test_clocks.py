"""Worked cases of the deadlines, reckoned by hand from the subscription terms.

Moments are local, Europe/Belgrade, as a customer reads them; `*` marks the second of the two hours
that bear one name when the clocks go back (25 October 2026). Clocks go forward on 29 March 2026.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fleet_server.domain.clocks import (
    Clock,
    ClockState,
    Step,
    compensation_clock,
    defect_answer_clock,
    end_of_day,
    installation_clock,
    next_day_of_month,
    return_clock,
    swap_notice_clock,
    who_acts,
)
from fleet_server.domain.local_time import ZONE, local_day
from fleet_server.domain.policy import DEFAULTS, with_texts


def local(text: str) -> datetime:
    """`2026-03-29 00:30` by the customer's clock, as an aware UTC moment."""
    fold = 1 if text.endswith("*") else 0
    return datetime.fromisoformat(text.rstrip("*")).replace(tzinfo=ZONE, fold=fold).astimezone(UTC)


def day(text: str) -> date:
    return date.fromisoformat(text)


# (article, service, signed on, installed at, asked at, due at, binding, state, step, who)
INSTALLATION = [
    # An ordinary week: signed on the 2nd, the 7th is the last day.
    ("3.3", "internet", "2026-03-02", "", "2026-03-07 23:59", "2026-03-08 00:00", True,
     "running", "install", "dispatcher"),
    # The midnight after the last day is too late.
    ("3.3", "internet", "2026-03-02", "", "2026-03-08 00:00", "2026-03-08 00:00", True,
     "overdue", "install_and_explain", "dispatcher"),
    # Voice and television have the same clock, shown only.
    ("3.3", "voice", "2026-03-02", "", "2026-03-08 00:00", "2026-03-08 00:00", False,
     "overdue", "install", "dispatcher"),
    ("3.3", "tv", "2026-03-02", "2026-03-09 10:00", "2026-03-10 00:00", "2026-03-08 00:00", False,
     "missed", "nothing", "nobody"),
    # Installed in the last minute of the last day.
    ("3.3", "internet", "2026-03-02", "2026-03-07 23:59", "2026-03-20 00:00", "2026-03-08 00:00",
     True, "met", "nothing", "nobody"),
    ("3.3", "internet", "2026-03-02", "2026-03-08 00:00", "2026-03-20 00:00", "2026-03-08 00:00",
     True, "missed", "nothing", "nobody"),
    # Over the end of a February with 29 days, and of one with 28.
    ("3.3", "internet", "2028-02-26", "", "2028-03-02 12:00", "2028-03-03 00:00", True,
     "running", "install", "dispatcher"),
    ("3.3", "internet", "2027-02-26", "", "2027-03-03 12:00", "2027-03-04 00:00", True,
     "running", "install", "dispatcher"),
    # The clocks go forward on the fourth day: still to the midnight of the customer.
    ("3.3", "internet", "2026-03-25", "", "2026-03-30 23:59", "2026-03-31 00:00", True,
     "running", "install", "dispatcher"),
    # The last day has 25 hours.
    ("3.3", "internet", "2026-10-20", "", "2026-10-25 23:30", "2026-10-26 00:00", True,
     "running", "install", "dispatcher"),
]  # fmt: skip


@pytest.mark.parametrize(
    (
        "article",
        "service",
        "signed",
        "installed",
        "asked",
        "due",
        "binding",
        "state",
        "step",
        "who",
    ),
    INSTALLATION,
)
def test_a_service_is_installed_within_five_days_of_signing(
    article: str, service: str, signed: str, installed: str, asked: str, due: str,
    binding: bool, state: str, step: str, who: str,
) -> None:  # fmt: skip
    clock = installation_clock(
        DEFAULTS, service, day(signed), local(installed) if installed else None
    )
    now = local(asked)
    assert clock.articles == (article,)
    assert (clock.due_at, clock.binding) == (local(due), binding)
    assert (clock.state(now), clock.step(now), who_acts(clock.step(now))) == (state, step, who)


def test_a_contract_that_ended_stops_its_installation() -> None:
    clock = installation_clock(DEFAULTS, "internet", day("2026-03-02"), None, day("2026-03-04"))
    assert clock.state(local("2026-03-20 00:00")) == ClockState.STOPPED


# (article, reported at, answered at, cleared by phone at, asked at, due at, state, step)
DEFECTS = [
    ("5.2", "2026-06-01 10:00", "", "", "2026-06-06 23:59", "2026-06-07 00:00",
     "running", "answer"),
    ("5.2", "2026-06-01 10:00", "", "", "2026-06-07 00:00", "2026-06-07 00:00",
     "overdue", "answer_at_once"),
    # 23:59 and 00:00 are different days for the customer, and UTC says they are not.
    ("5.2", "2026-06-01 23:59", "", "", "2026-06-06 12:00", "2026-06-07 00:00",
     "running", "answer"),
    ("5.2", "2026-06-02 00:00", "", "", "2026-06-07 12:00", "2026-06-08 00:00",
     "running", "answer"),
    # Cleared by phone: no answer is due.
    ("5.2", "2026-06-01 10:00", "", "2026-06-01 10:20", "2026-06-20 00:00", "2026-06-07 00:00",
     "stopped", "nothing"),
    ("5.2", "2026-06-01 10:00", "2026-06-06 23:59", "", "2026-06-20 00:00", "2026-06-07 00:00",
     "met", "nothing"),
    ("5.2", "2026-06-01 10:00", "2026-06-07 00:01", "", "2026-06-20 00:00", "2026-06-07 00:00",
     "missed", "nothing"),
    # Reported in the hour that happens twice: either time it is 25 October.
    ("5.2", "2026-10-25 02:30", "", "", "2026-10-30 23:59", "2026-10-31 00:00",
     "running", "answer"),
    ("5.2", "2026-10-25 02:30*", "", "", "2026-10-30 23:59", "2026-10-31 00:00",
     "running", "answer"),
    # Over New Year, and over 29 February.
    ("5.2", "2026-12-29 16:00", "", "", "2027-01-03 12:00", "2027-01-04 00:00",
     "running", "answer"),
    ("5.2", "2028-02-25 16:00", "", "", "2028-03-01 12:00", "2028-03-02 00:00",
     "running", "answer"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("article", "reported", "answered", "cleared", "asked", "due", "state", "step"), DEFECTS
)
def test_a_defect_is_answered_within_five_days_of_the_report(
    article: str, reported: str, answered: str, cleared: str, asked: str, due: str,
    state: str, step: str,
) -> None:  # fmt: skip
    clock = defect_answer_clock(
        DEFAULTS,
        local(reported),
        local(answered) if answered else None,
        local(cleared) if cleared else None,
    )
    now = local(asked)
    assert (clock.articles, clock.due_at) == ((article,), local(due))
    assert (clock.state(now), clock.step(now)) == (state, step)


# (article, reported at, requested at, asked at, due at, state, step, who)
COMPENSATION = [
    ("5.3", "2026-01-31 09:00", "", "2026-03-02 23:59", "2026-03-03 00:00",
     "running", "await_request", "customer"),
    ("5.3", "2028-01-31 09:00", "", "2028-03-01 23:59", "2028-03-02 00:00",
     "running", "await_request", "customer"),
    ("5.3", "2026-03-01 09:00", "", "2026-04-01 00:00", "2026-04-01 00:00",
     "lapsed", "nothing", "nobody"),
    ("5.3", "2026-03-01 09:00", "2026-03-31 23:59", "2026-05-01 00:00", "2026-04-01 00:00",
     "met", "nothing", "nobody"),
    ("5.3", "2026-03-01 09:00", "2026-04-01 00:00", "2026-05-01 00:00", "2026-04-01 00:00",
     "missed", "nothing", "nobody"),
    ("5.3", "2026-10-01 23:30", "", "2026-10-31 23:59", "2026-11-01 00:00",
     "running", "await_request", "customer"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("article", "reported", "requested", "asked", "due", "state", "step", "who"), COMPENSATION
)
def test_compensation_is_requested_within_thirty_days_of_the_report(
    article: str, reported: str, requested: str, asked: str, due: str,
    state: str, step: str, who: str,
) -> None:  # fmt: skip
    clock = compensation_clock(DEFAULTS, local(reported), local(requested) if requested else None)
    now = local(asked)
    assert (clock.articles, clock.due_at) == ((article,), local(due))
    assert (clock.state(now), clock.step(now), who_acts(clock.step(now))) == (state, step, who)


# (article, kind, takes effect on, confirmed at, due at, charge proposed from, "" for never)
RETURNS = [
    # Modem [7.1.1], set-top box and card [7.2.1, 7.2.6]: the later of 5 days and the next 5th.
    ("7.1.1", "MODEM", "2026-03-10", "2026-03-10 11:00", "2026-03-16 00:00", "2026-04-06 00:00"),
    ("7.2.6", "STB", "2026-03-10", "2026-03-10 11:00", "2026-03-16 00:00", "2026-04-06 00:00"),
    ("7.2.1", "CARD", "2026-03-10", "2026-03-10 11:00", "2026-03-16 00:00", "2026-04-06 00:00"),
    # Voice modem [7.3.2]: 5 days, and no charge, for the text names none.
    ("7.3.2", "VOICEMODEM", "2026-03-10", "2026-03-10 11:00", "2026-03-16 00:00", ""),
    # On the 1st the 5th comes before the five days are over.
    ("7.1.1", "MODEM", "2026-04-01", "2026-04-01 09:00", "2026-04-07 00:00", "2026-04-07 00:00"),
    # On the 31st both end on the 5th.
    ("7.1.1", "MODEM", "2026-03-31", "2026-03-31 09:00", "2026-04-06 00:00", "2026-04-06 00:00"),
    # On the 30th of a short month both end on the 5th; of a long one the 5th is a day later.
    ("7.2.6", "STB", "2026-04-30", "2026-04-30 09:00", "2026-05-06 00:00", "2026-05-06 00:00"),
    ("7.2.6", "STB", "2026-05-30", "2026-05-30 09:00", "2026-06-05 00:00", "2026-06-06 00:00"),
    # On the 4th the next day is the 5th: the five days are later.
    ("7.1.1", "MODEM", "2026-04-04", "2026-04-04 09:00", "2026-04-10 00:00", "2026-04-10 00:00"),
    # On the 5th itself the next 5th is the month after: an ambiguity counts against its writer.
    ("7.1.1", "MODEM", "2026-04-05", "2026-04-05 09:00", "2026-04-11 00:00", "2026-05-06 00:00"),
    ("7.1.1", "MODEM", "2026-04-06", "2026-04-06 09:00", "2026-04-12 00:00", "2026-05-06 00:00"),
    # Over the year, and 29 February.
    ("7.1.1", "MODEM", "2026-12-10", "2026-12-10 09:00", "2026-12-16 00:00", "2027-01-06 00:00"),
    ("7.2.1", "CARD", "2028-02-29", "2028-02-29 09:00", "2028-03-06 00:00", "2028-03-06 00:00"),
    # The written confirmation came later than the effect: it starts the clock [9.9].
    ("9.9", "MODEM", "2026-03-10", "2026-03-12 15:00", "2026-03-18 00:00", "2026-04-06 00:00"),
    # Termination at a later moment of the customer's choice: the effect starts it.
    ("9.9", "MODEM", "2026-03-31", "2026-03-12 15:00", "2026-04-06 00:00", "2026-04-06 00:00"),
    # Confirmed half an hour after local midnight, which UTC counts to the 31st.
    ("9.9", "STB", "2026-03-31", "2026-04-01 00:30", "2026-04-07 00:00", "2026-04-07 00:00"),
    # The clocks go forward within the five days.
    ("7.3.2", "VOICEMODEM", "2026-03-27", "2026-03-27 09:00", "2026-04-02 00:00", ""),
]  # fmt: skip


@pytest.mark.parametrize(("article", "kind", "effect", "confirmed", "due", "charge"), RETURNS)
def test_equipment_is_due_back_and_its_value_proposed_by_the_reading(
    article: str, kind: str, effect: str, confirmed: str, due: str, charge: str
) -> None:
    clock = return_clock(DEFAULTS, kind, day(effect), local(confirmed))
    assert clock is not None
    assert article in clock.articles
    assert clock.due_at == local(due)
    assert clock.charge_from_at == (local(charge) if charge else None)


def test_without_the_written_confirmation_nothing_is_due_back() -> None:
    assert return_clock(DEFAULTS, "MODEM", day("2026-03-10"), None) is None
    from_effect = with_texts(DEFAULTS, {"return_clock_starts": "effect"})
    assert return_clock(from_effect, "MODEM", day("2026-03-10"), None) is not None


# (asked at, step, who) for a modem whose contract ended on 10 March 2026
RETURN_STEPS = [
    ("2026-03-15 23:59", "await_return", "customer"),
    ("2026-03-16 00:00", "remind", "call_centre"),
    ("2026-04-05 23:59", "remind", "call_centre"),
    ("2026-04-06 00:00", "decide_charge", "fleet_ops"),
]


@pytest.mark.parametrize(("asked", "step", "who"), RETURN_STEPS)
def test_the_customer_is_reminded_before_anything_is_proposed(
    asked: str, step: str, who: str
) -> None:
    clock = return_clock(DEFAULTS, "MODEM", day("2026-03-10"), local("2026-03-10 11:00"))
    assert clock is not None
    assert (clock.step(local(asked)), who_acts(clock.step(local(asked)))) == (step, who)


def test_a_voice_modem_is_asked_for_and_never_charged() -> None:
    clock = return_clock(DEFAULTS, "VOICEMODEM", day("2026-03-10"), local("2026-03-10 11:00"))
    assert clock is not None
    assert clock.step(local("2027-03-10 11:00")) == Step.REMIND


def test_what_came_back_ends_the_clock_and_what_was_stolen_stops_it() -> None:
    values = (DEFAULTS, "MODEM", day("2026-03-10"), local("2026-03-10 11:00"))
    late = return_clock(*values, returned_at=local("2026-04-20 10:00"))
    stolen = return_clock(*values, stopped_at=local("2026-03-12 10:00"))
    assert late is not None
    assert stolen is not None
    now = local("2026-05-01 00:00")
    assert (late.state(now), late.step(now)) == (ClockState.MISSED, Step.NOTHING)
    assert (stolen.state(now), stolen.step(now)) == (ClockState.STOPPED, Step.NOTHING)


# (article, swap planned for, notice on record at, asked at, state, step)
NOTICES = [
    ("7.1.7", "2026-05-20 03:00", "2026-05-17 03:00", "2026-05-18 00:00", "met", "nothing"),
    ("7.1.7", "2026-05-20 03:00", "2026-05-17 03:01", "2026-05-18 00:00", "missed", "move_swap"),
    ("7.1.7", "2026-05-20 03:00", "", "2026-05-17 02:59", "running", "send_notice"),
    ("7.1.7", "2026-05-20 03:00", "", "2026-05-17 03:01", "overdue", "move_swap"),
    # An hour is missing between them: 72 hours before is an hour earlier by the clock on the wall.
    ("7.1.7", "2026-03-30 04:00", "2026-03-27 03:00", "2026-03-28 00:00", "met", "nothing"),
    ("7.1.7", "2026-03-30 04:00", "2026-03-27 03:01", "2026-03-28 00:00", "missed", "move_swap"),
    # An hour is there twice: 72 hours before is an hour later.
    ("7.1.7", "2026-10-26 04:00", "2026-10-23 05:00", "2026-10-24 00:00", "met", "nothing"),
    ("7.1.7", "2026-10-26 04:00", "2026-10-23 05:01", "2026-10-24 00:00", "missed", "move_swap"),
    # Over 29 February.
    ("7.1.7", "2028-03-02 03:00", "2028-02-28 03:00", "2028-02-29 00:00", "met", "nothing"),
]  # fmt: skip


@pytest.mark.parametrize(("article", "planned", "notice", "asked", "state", "step"), NOTICES)
def test_a_swap_is_announced_seventy_two_hours_before(
    article: str, planned: str, notice: str, asked: str, state: str, step: str
) -> None:
    clock = swap_notice_clock(
        DEFAULTS,
        local("2026-01-01 00:00"),
        local(planned),
        local(notice) if notice else None,
    )
    assert clock.articles == (article,)
    assert (clock.state(local(asked)), clock.step(local(asked))) == (state, step)


def test_a_longer_notice_is_a_setting_not_code() -> None:
    policy = with_texts(DEFAULTS, {"swap_notice_hours": "96"})
    clock = swap_notice_clock(policy, local("2026-01-01 00:00"), local("2026-05-20 03:00"))
    assert clock.due_at - timedelta(milliseconds=1) == local("2026-05-16 03:00")


DAYS = st.dates(date(2020, 1, 1), date(2060, 12, 31))
MOMENTS = st.integers(0, 40 * 365 * 86_400).map(
    lambda seconds: datetime(2020, 1, 1, tzinfo=UTC) + timedelta(seconds=seconds)
)


@given(DAYS, st.integers(1, 28))
def test_the_next_such_day_is_later_and_at_most_31_days_away(after: date, number: int) -> None:
    found = next_day_of_month(after, number)
    assert found.day == number
    assert 1 <= (found - after).days <= 31


@given(MOMENTS, st.integers(0, 60 * 24 * 90))
def test_a_clock_of_days_ends_with_the_fifth_local_day(reported: datetime, minutes: int) -> None:
    clock = defect_answer_clock(DEFAULTS, reported)
    now = reported + timedelta(minutes=minutes)
    late = (local_day(now) - local_day(reported)).days > 5
    assert (clock.state(now) == ClockState.OVERDUE) == late


@given(DAYS, MOMENTS)
def test_no_charge_is_proposed_before_the_reminder_is_due(
    effect: date, confirmed: datetime
) -> None:
    clock = return_clock(DEFAULTS, "STB", effect, confirmed)
    assert isinstance(clock, Clock)
    assert clock.charge_from_at is not None
    assert clock.due_at <= clock.charge_from_at <= clock.due_at + timedelta(days=31)
    assert local_day(clock.due_at) == local_day(end_of_day(max(effect, local_day(confirmed)))) + (
        timedelta(days=5)
    )
