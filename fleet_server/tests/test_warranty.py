"""The cover of units, case by case.

The tables are in `cases/cover.txt` and `cases/cover_moments.txt`, from article 7.2.2: "Digitalni
prijemnik ima 1 godinu garancije, dok Smart kartica ima 4 godine garancije od trenutka prijema".
"""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fleet_server.domain.local_time import local_day
from fleet_server.domain.policy import (
    DAY_BEFORE,
    IN_TERM,
    MARCH_1,
    Policy,
)
from fleet_server.domain.warranty import (
    CoverReason,
    CoverState,
    Custody,
    Receipt,
    cover_on,
    last_covered_day,
    supplier_cover,
)
from fleet_server.tests.worked_cases import case_id, read_cases, receipts_of


@pytest.mark.parametrize("case", read_cases("cover"), ids=case_id)
def test_a_unit_is_covered_as_the_terms_say(case: tuple[str, ...]) -> None:
    article, _what, product_class, receipts, day, state, last_day, days_left = case
    cover = cover_on(product_class, receipts_of(receipts), date.fromisoformat(day))
    assert cover.state == state
    assert cover.last_covered_on == (date.fromisoformat(last_day) if last_day else None)
    assert cover.days_left == (int(days_left) if days_left else None)
    assert cover.article == article


@pytest.mark.parametrize("case", read_cases("cover_moments"), ids=case_id)
def test_days_are_those_of_the_place_whatever_the_clock_says(case: tuple[str, ...]) -> None:
    article, _what, received, defect, state = case
    received_on = _local(received)
    cover = cover_on("STB", [Receipt(received_on, received_on)], _local(defect))
    assert (cover.state, cover.article) == (state, article)


@pytest.mark.parametrize("product_class", ["MODEM", "VOICEMODEM", "STB", "CARD"])
def test_before_the_receipt_is_told_from_never(product_class: str) -> None:
    receipt = Receipt(date(2026, 11, 26), date(2026, 11, 26))
    day = date(2026, 11, 25)
    assert cover_on(product_class, [], day).custody == Custody.NEVER_HANDED_OVER
    assert cover_on(product_class, [receipt], day).custody == Custody.BEFORE_RECEIPT
    assert cover_on(product_class, [receipt], date(2026, 11, 26)).custody == Custody.CUSTOMER


def test_settings_move_the_last_day() -> None:
    leap = date(2028, 2, 29)
    assert last_covered_day("STB", leap, Policy(warranty_leap_day=MARCH_1)) == date(2029, 3, 1)
    sooner = Policy(warranty_last_day=DAY_BEFORE)
    assert last_covered_day("STB", date(2026, 11, 26), sooner) == date(2027, 11, 25)
    longer = Policy(warranty_years_stb=2)
    assert last_covered_day("STB", date(2026, 11, 26), longer) == date(2028, 11, 26)
    assert last_covered_day("MODEM", leap) is None


def test_an_unknown_receipt_may_be_read_as_in_term_and_never_as_expired() -> None:
    receipt = Receipt(date(2020, 1, 1), None)
    found = cover_on("STB", [receipt], date(2026, 11, 26), Policy(receipt_unknown_is=IN_TERM))
    assert (found.state, found.last_covered_on, found.days_left) == ("in_term", None, None)
    assert found.reason == CoverReason.RECEIPT_NOT_ON_RECORD


def test_a_replacement_keeps_the_rest_of_the_term_only_where_the_setting_says_so() -> None:
    receipt = Receipt(date(2026, 6, 1), date(2026, 6, 1), first_received_on=date(2025, 12, 1))
    rest = Policy(replacement_starts_own_term=False)
    day = date(2027, 1, 1)
    assert cover_on("STB", [receipt], day).last_covered_on == date(2027, 6, 1)
    assert cover_on("STB", [receipt], day, rest).last_covered_on == date(2026, 12, 1)
    assert cover_on("STB", [receipt], day, rest).received_on == date(2026, 6, 1)


@pytest.mark.parametrize(
    ("until", "day", "state", "left"),
    [
        ("2026-11-26", "2026-11-26", "in_term", 1),
        ("2026-11-26", "2026-11-27", "expired", 0),
        (None, "2026-11-27", "unknown", None),
    ],
)
def test_the_suppliers_warranty_stands_apart(
    until: str | None, day: str, state: str, left: int | None
) -> None:
    found = supplier_cover(until and date.fromisoformat(until), date.fromisoformat(day))  # type: ignore[arg-type]
    assert (found.state, found.days_left) == (state, left)


_DAYS = st.dates(date(2000, 1, 1), date(2150, 1, 1))
_RECEIPTS = st.builds(Receipt, _DAYS, st.none() | _DAYS)


@given(st.sampled_from(["STB", "CARD"]), _DAYS)
def test_cover_is_one_unbroken_run_of_days(product_class: str, received_on: date) -> None:
    receipts = [Receipt(received_on, received_on)]
    first = cover_on(product_class, receipts, received_on)
    assert first.state == CoverState.IN_TERM
    assert first.days_left is not None
    last = received_on + timedelta(days=first.days_left - 1)
    assert cover_on(product_class, receipts, last).days_left == 1
    assert cover_on(product_class, receipts, last + timedelta(days=1)).state == CoverState.EXPIRED


@given(st.lists(_RECEIPTS, max_size=4).flatmap(lambda r: st.tuples(st.just(r), st.permutations(r))))
def test_receipts_may_be_told_in_any_order(told: tuple[list[Receipt], list[Receipt]]) -> None:
    day = date(2100, 6, 1)
    one, other = told
    assert cover_on("CARD", one, day).state == cover_on("CARD", other, day).state


@given(st.sampled_from(["STB", "CARD"]), st.lists(_RECEIPTS, min_size=1), _DAYS)
def test_a_receipt_that_is_not_on_record_never_expires(
    product_class: str, receipts: list[Receipt], day: date
) -> None:
    unknown = [Receipt(receipt.since_on, None) for receipt in receipts]
    assert cover_on(product_class, unknown, day).state in (
        CoverState.UNKNOWN,
        CoverState.NOT_RECEIVED,
    )


def _local(text: str) -> date:
    return local_day(datetime.fromisoformat(text).replace(tzinfo=UTC))
