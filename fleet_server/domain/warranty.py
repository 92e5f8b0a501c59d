"""How long a unit is covered, counted from the day the customer received it.

- A set-top box is covered for 1 year, a smart card for 4 years [7.2.2]. The document names no term
  for a modem or voice modem: a fault that its customer did not cause is the operator's own cost.
- A year is one of the civil calendar: the last covered day is the same day and month, that day
  included, by local date; 29 February counts to 28 February where the year has none.
- Each receipt begins a term of its own, a replacement's too. Which receipt counts is asked of the
  day of the defect: the last one on or before it.
- A receipt whose day is not on record makes the cover `unknown`, never `expired`.
- The supplier's warranty is between the operator and the supplier; nothing here mixes the two.

Out of term never means that the customer pays: that is decided apart, see replacement.py [7.2.6].
What the document leaves open is read as the settings say (policy.py); their defaults are described
here. All days are civil dates where the contracts are (local_time.py).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import date, timedelta
from enum import StrEnum

from fleet_server.domain.policy import DAY_BEFORE, DEFAULTS, IN_TERM, MARCH_1, Policy

ARTICLE = "7.2.2"
_DAY = timedelta(days=1)


class CoverState(StrEnum):
    """What the terms say of one unit on one day."""

    IN_TERM = "in_term"
    EXPIRED = "expired"
    UNKNOWN = "unknown"
    NO_TERM = "no_term"
    NOT_RECEIVED = "not_received"


class CoverReason(StrEnum):
    """Why it says so."""

    COVERED_DAY = "covered_day"
    PAST_LAST_DAY = "past_last_day"
    RECEIPT_NOT_ON_RECORD = "receipt_not_on_record"
    NO_TERM_IN_DOCUMENT = "no_term_in_document"
    NOT_YET_RECEIVED = "not_yet_received"


class Custody(StrEnum):
    """Whose hands the unit was in on a day, as far as receipts tell."""

    CUSTOMER = "customer"
    CAME_BACK = "came_back"
    BEFORE_RECEIPT = "before_receipt"
    NEVER_HANDED_OVER = "never_handed_over"


@dataclass(frozen=True, slots=True)
class Receipt:
    """One hand-over of a unit to a customer.

    `since_on` is the day from which the unit served, `received_on` the day on which the customer
    received it, None where that is not on record; `ended_on` the last day it was theirs, None while
    it is. `first_received_on` is that of the first unit in the chain of replacements that led here,
    None for a unit that replaced none.
    """

    since_on: date
    received_on: date | None
    first_received_on: date | None = None
    ended_on: date | None = None

    @property
    def begins_on(self) -> date:
        return self.received_on or self.since_on


@dataclass(frozen=True, slots=True)
class Cover:
    """The verdict on one unit for one day.

    `days_left` counts covered days from `day` on, `day` included: 1 on the last, 0 after it. Days
    that are not known, and days of a unit without a term, are None. `held_since_on` is the day from
    which the customer of that time had the unit, by receipt or else by service.
    """

    state: CoverState
    reason: CoverReason
    day: date
    received_on: date | None = None
    last_covered_on: date | None = None
    days_left: int | None = None
    custody: Custody = Custody.CUSTOMER
    held_since_on: date | None = None
    article: str = ARTICLE


@dataclass(frozen=True, slots=True)
class SupplierCover:
    """What the operator may ask of its own supplier; no customer is touched by it."""

    state: CoverState
    until_on: date | None
    days_left: int | None


def years_of(product_class: str, policy: Policy = DEFAULTS) -> int | None:
    """Years of the term of this kind of unit; None where the document names none."""
    return {"STB": policy.warranty_years_stb, "CARD": policy.warranty_years_card}.get(product_class)


def last_covered_day(
    product_class: str, received_on: date, policy: Policy = DEFAULTS
) -> date | None:
    """The last day of the term of a unit received on that day; None where there is no term."""
    years = years_of(product_class, policy)
    if years is None:
        return None
    day = _years_later(received_on, years, policy.warranty_leap_day)
    return day - _DAY if policy.warranty_last_day == DAY_BEFORE else day


def cover_on(
    product_class: str, receipts: Iterable[Receipt], day: date, policy: Policy = DEFAULTS
) -> Cover:
    """The cover of a unit on `day`, from all its receipts by customers, in any order."""
    known = list(receipts)
    receipt = _last_begun(known, day)
    found = _of_receipt(product_class, receipt, day, policy)
    held_since_on = receipt.begins_on if receipt else None
    return replace(found, custody=_custody(receipt, known, day), held_since_on=held_since_on)


def supplier_cover(until_on: date | None, day: date) -> SupplierCover:
    """Of a unit whose supplier's warranty ends with `until_on`, that day included."""
    if until_on is None:
        return SupplierCover(CoverState.UNKNOWN, None, None)
    left = _days_left(until_on, day)
    state = CoverState.IN_TERM if left else CoverState.EXPIRED
    return SupplierCover(state, until_on, left)


def _last_begun(receipts: Iterable[Receipt], day: date) -> Receipt | None:
    begun = [receipt for receipt in receipts if receipt.begins_on <= day]
    return max(begun, key=_rank, default=None)


def _rank(receipt: Receipt) -> tuple[date, bool, date, date]:
    """Of two receipts on one day the one on record counts, and of those the later."""
    on_record = receipt.received_on is not None
    first_on = receipt.first_received_on or receipt.begins_on
    return (receipt.begins_on, on_record, receipt.since_on, first_on)


def _custody(receipt: Receipt | None, known: list[Receipt], day: date) -> Custody:
    if receipt is None:
        return Custody.BEFORE_RECEIPT if known else Custody.NEVER_HANDED_OVER
    came_back = receipt.ended_on is not None and receipt.ended_on < day
    return Custody.CAME_BACK if came_back else Custody.CUSTOMER


def _of_receipt(product_class: str, receipt: Receipt | None, day: date, policy: Policy) -> Cover:
    received_on = receipt.received_on if receipt else None
    if years_of(product_class, policy) is None:
        return Cover(CoverState.NO_TERM, CoverReason.NO_TERM_IN_DOCUMENT, day, received_on)
    if receipt is None:
        return Cover(CoverState.NOT_RECEIVED, CoverReason.NOT_YET_RECEIVED, day)
    if received_on is None:
        in_term = policy.receipt_unknown_is == IN_TERM
        state = CoverState.IN_TERM if in_term else CoverState.UNKNOWN
        return Cover(state, CoverReason.RECEIPT_NOT_ON_RECORD, day)
    return _within(product_class, receipt, received_on, day, policy)


def _within(
    product_class: str, receipt: Receipt, received_on: date, day: date, policy: Policy
) -> Cover:
    counted_from = received_on
    if not policy.replacement_starts_own_term:
        counted_from = receipt.first_received_on or received_on
    last = last_covered_day(product_class, counted_from, policy)
    left = 0 if last is None else _days_left(last, day)
    state, why = CoverState.EXPIRED, CoverReason.PAST_LAST_DAY
    if left:
        state, why = CoverState.IN_TERM, CoverReason.COVERED_DAY
    return Cover(state, why, day, received_on, last, left)


def _years_later(start: date, years: int, leap_day: str) -> date:
    try:
        return start.replace(year=start.year + years)
    except ValueError:
        month, day = (3, 1) if leap_day == MARCH_1 else (2, 28)
        return date(start.year + years, month, day)


def _days_left(last: date, day: date) -> int:
    return max(0, (last - day).days + 1)
