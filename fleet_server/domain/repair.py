"""A repair case: what the customer reported, what the bench found, and how it ended.

The contracted company takes the report, establishes the defect and, in term, repairs faults of
normal use [7.2.2, 7.2.3]. Whether a unit is replaced and who pays is the operator's own decision,
see replacement.py and charges.py: a finding decides neither.

A case goes from reported to on_bench to found to closed; one that never reaches the bench is
withdrawn. A finding may be revised until the case is closed; each one is kept.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum

from fleet_server.domain.errors import ConflictError, InvalidError, NotFoundError
from fleet_server.domain.local_time import local_day
from fleet_server.domain.warranty import Cover, CoverState


class UnknownCaseError(NotFoundError):
    """There is no repair case of this number."""


class CaseOpenError(ConflictError):
    """The unit has an open repair case."""


class CaseError(ConflictError):
    """The case cannot take this step from where it stands."""


class FindingError(InvalidError):
    """What the bench says contradicts itself, or needs a reason."""


class CaseState(StrEnum):
    """Where a case stands."""

    REPORTED = "reported"
    ON_BENCH = "on_bench"
    FOUND = "found"
    CLOSED = "closed"
    WITHDRAWN = "withdrawn"


OPEN = frozenset({CaseState.REPORTED, CaseState.ON_BENCH, CaseState.FOUND})
_STEPS = {
    CaseState.REPORTED: {CaseState.ON_BENCH, CaseState.WITHDRAWN},
    CaseState.ON_BENCH: {CaseState.FOUND, CaseState.WITHDRAWN},
    CaseState.FOUND: {CaseState.FOUND, CaseState.CLOSED},
    CaseState.CLOSED: set(),
    CaseState.WITHDRAWN: set(),
}


class Symptom(StrEnum):
    """What the customer says is wrong."""

    NO_POWER = "no_power"
    NO_SIGNAL = "no_signal"
    NO_PICTURE = "no_picture"
    CARD_NOT_READ = "card_not_read"
    NO_LINE = "no_line"
    NO_INTERNET = "no_internet"
    RESTARTS = "restarts"
    BURNT = "burnt"
    BROKEN = "broken"
    OTHER = "other"


class Defect(StrEnum):
    """What the bench found to be defective."""

    NONE = "none"
    POWER_SUPPLY = "power_supply"
    CABLE_INPUT = "cable_input"
    MAIN_BOARD = "main_board"
    VIDEO_OUTPUT = "video_output"
    NETWORK_PORT = "network_port"
    TELEPHONE_PORT = "telephone_port"
    CARD_READER = "card_reader"
    CARD_CHIP = "card_chip"
    BATTERY = "battery"
    HOUSING = "housing"
    SOFTWARE = "software"
    OTHER = "other"


class Cause(StrEnum):
    """Why, as far as the bench can tell."""

    NORMAL_USE = "normal_use"
    ELECTRICAL = "electrical"
    MISUSE = "misuse"
    NO_FAULT_FOUND = "no_fault_found"
    NOT_ESTABLISHED = "not_established"


class Outcome(StrEnum):
    """How a case ended for the unit."""

    REPAIRED = "repaired"
    REPLACED = "replaced"
    SCRAPPED = "scrapped"
    RETURNED_AS_IT_WAS = "returned_as_it_was"


@dataclass(frozen=True, slots=True)
class Finding:
    """What the bench establishes. `usable_again` says that a repair can make the unit usable.

    `term` is the contractor's own word on the cover, on the day of the defect.
    """

    defect: Defect
    cause: Cause
    usable_again: bool
    term: CoverState


@dataclass(frozen=True, slots=True)
class PastCase:
    """An earlier case of the same unit."""

    number: str
    outcome: Outcome | None
    closed_on: date


@dataclass(frozen=True, slots=True)
class TurnRound:
    """How long it took: `days` as a customer counts them, from local day to local day."""

    days: int
    length_ms: int
    ended: bool


def check_case_step(before: CaseState, after: CaseState) -> None:
    """Raises CaseError naming what may follow."""
    if after in _STEPS[before]:
        return
    if not _STEPS[before]:
        raise CaseError(
            "A case that is %(case_state)s cannot become %(next_case_state)s, only: nothing, open"
            " a new case.",
            case_state=before,
            next_case_state=after,
        )
    raise CaseError(
        "A case that is %(case_state)s cannot become %(next_case_state)s, only: %(case_states)s.",
        case_state=before,
        next_case_state=after,
        case_states=", ".join(sorted(_STEPS[before])),
    )


def check_days(defect_on: date | None, reported_on: date, today: date) -> None:
    """A defect shows before it is reported, and neither is in the future. Raises InvalidError."""
    if reported_on > today:
        raise InvalidError(
            "The report is dated %(reported_on)s, which is after today.",
            reported_on=str(reported_on),
        )
    if defect_on is not None and defect_on > reported_on:
        raise InvalidError(
            "The defect is dated %(defect_on)s, after its report on %(reported_on)s.",
            defect_on=str(defect_on),
            reported_on=str(reported_on),
        )


def check_finding(finding: Finding, cover: Cover, reason: str) -> None:
    """Raises FindingError.

    A word on the cover that differs from the reckoned one needs a reason, so that both stand on
    record; it changes neither the reckoned cover nor what is proposed.
    """
    nothing_found = finding.cause == Cause.NO_FAULT_FOUND
    if nothing_found != (finding.defect == Defect.NONE):
        raise FindingError("No fault found goes with no defect, and with nothing else.")
    if nothing_found and not finding.usable_again:
        raise FindingError("A unit without a fault is usable.")
    if finding.term != cover.state and not reason.strip():
        raise FindingError(
            "The records say %(cover_state)s for %(day)s; say why the finding is "
            "%(found_cover_state)s.",
            cover_state=cover.state,
            day=str(cover.day),
            found_cover_state=finding.term,
        )


def check_outcome(outcome: Outcome, finding: Finding) -> None:
    """Raises CaseError when the outcome contradicts what was found."""
    if outcome == Outcome.REPAIRED and finding.defect == Defect.NONE:
        raise CaseError("Nothing was found defective, so nothing was repaired: return it as it is.")
    if outcome == Outcome.REPAIRED and not finding.usable_again:
        raise CaseError("The finding says that no repair makes it usable: revise the finding.")
    if outcome == Outcome.SCRAPPED and finding.defect == Defect.NONE:
        raise CaseError("A unit without a fault is not scrapped here: return it as it is.")


def turn_round(received_at: datetime, closed_at: datetime | None, now: datetime) -> TurnRound:
    """From the moment the bench has the unit to the end of the case, or to now while it lasts."""
    end = closed_at or now
    days = (local_day(end) - local_day(received_at)).days
    length_ms = (end - received_at) // timedelta(milliseconds=1)
    return TurnRound(days, length_ms, closed_at is not None)


def repeats(past: Iterable[PastCase], reported_on: date, within_days: int) -> tuple[str, ...]:
    """Numbers of earlier cases that this one repeats, the newest first.

    A repair, or a return without a fault found, that did not hold for `within_days` days; the last
    of these days counts.
    """
    earliest = reported_on - timedelta(days=within_days)
    found = [
        case
        for case in past
        if case.outcome in (Outcome.REPAIRED, Outcome.RETURNED_AS_IT_WAS)
        and earliest <= case.closed_on <= reported_on
    ]
    newest_first = sorted(found, key=lambda case: (case.closed_on, case.number), reverse=True)
    return tuple(case.number for case in newest_first)
