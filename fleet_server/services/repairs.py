"""The contractor's part of a repair case: intake, bench, finding, parts, outcome.

The contractor reaches a unit by its serial number alone and learns nothing of the contract behind
it. Every step is an entry in the audit log under `repair:<number>`; what people wrote in words is
the reason of that entry and can be erased, so that the log of the case is its bench log.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import Connection, Row, exists, select, update
from sqlalchemy.exc import IntegrityError

from fleet_server.domain.errors import (
    BlacklistedUnitError,
    InvalidError,
    UnknownUnitError,
)
from fleet_server.domain.life_cycle import UnitState
from fleet_server.domain.local_time import local_day
from fleet_server.domain.repair import (
    CaseError,
    CaseOpenError,
    CaseState,
    Finding,
    Outcome,
    Symptom,
    check_case_step,
    check_days,
    check_finding,
    check_outcome,
)
from fleet_server.services import audit
from fleet_server.services import tables as t
from fleet_server.services.audit import Actor, Detail, Entry
from fleet_server.services.repair_facts import Case, cover_for, finding_of, locked_case, number_of
from fleet_server.services.units import change_state

LONGEST_WORDS = 1_000
CONTRACTOR_PLACE = "contractor"


@dataclass(frozen=True, slots=True)
class Intake:
    """What the customer told the contractor; `defect_on` is None where they could not say."""

    serial_number: str
    symptom: Symptom
    reported_on: date
    defect_on: date | None
    words: str


def open_case(connection: Connection, actor: Actor, intake: Intake, now: datetime) -> str:
    """Take a report in; gives the number of the case.

    Raises UnknownUnitError, BlacklistedUnitError for a unit that was reported stolen, CaseOpenError
    while another case of the unit is open, InvalidError for impossible days.
    """
    check_days(intake.defect_on, intake.reported_on, local_day(now))
    unit = _unit(connection, intake.serial_number)
    if unit.blacklisted:
        raise BlacklistedUnitError("Unit %(unit)s is blacklisted.", unit=intake.serial_number)
    values = {
        "unit_id": unit.id,
        "state": CaseState.REPORTED,
        "symptom": intake.symptom,
        "defect_on": intake.defect_on,
        "reported_on": intake.reported_on,
        "opened_at": now,
    }
    try:
        with connection.begin_nested():
            made = connection.execute(t.repair_case.insert().values(**values))
    except IntegrityError as error:
        raise CaseOpenError(
            "Unit %(unit)s has an open case already.", unit=intake.serial_number
        ) from error
    number = number_of(made.inserted_primary_key[0]) if made.inserted_primary_key else ""
    detail: Detail = {
        "unit": intake.serial_number,
        "symptom": intake.symptom.value,
        "reported_on": intake.reported_on.isoformat(),
        "defect_on": intake.defect_on.isoformat() if intake.defect_on else None,
    }
    _note(connection, actor, number, "repair_reported", detail, intake.words, now)
    return number


def receive(
    connection: Connection, actor: Actor, number: str, place: str | None, words: str, now: datetime
) -> None:
    """The unit is on the bench, at `place` (code of a contractor's place) where that is known.

    Raises UnknownCaseError, CaseError, InvalidError for another kind of place, LifeCycleError when
    the registry says that the unit cannot come to a bench from where it stands.
    """
    case = _step(connection, number, CaseState.ON_BENCH)
    place_id = _place(connection, place)
    if case.unit_state != UnitState.IN_REPAIR:
        change_state(connection, case.unit_id, UnitState.IN_REPAIR, actor, now, place_id=place_id)
    _set(connection, case, state=CaseState.ON_BENCH, received_at=now)
    _note(connection, actor, number, "repair_received", {"place": place}, words, now)


def log(connection: Connection, actor: Actor, number: str, words: str, now: datetime) -> None:
    """One entry of the bench log. Raises UnknownCaseError, CaseError, InvalidError."""
    case = locked_case(connection, number)
    if case.state not in (CaseState.ON_BENCH, CaseState.FOUND):
        raise CaseError(
            "Case %(case)s is %(case_state)s: only what is on the bench has a log.",
            case=number,
            case_state=case.state,
        )
    if not words.strip():
        raise InvalidError("An entry of the bench log needs words.")
    _note(connection, actor, number, "bench_logged", {}, words, now)


def find(
    connection: Connection,
    account_id: int,
    number: str,
    finding: Finding,
    words: str,
    now: datetime,
) -> None:
    """What the bench established; an earlier finding stays on record.

    Raises UnknownCaseError, CaseError, FindingError.
    """
    case = _step(connection, number, CaseState.FOUND)
    cover = cover_for(connection, case)
    check_finding(finding, cover, words)
    detail: Detail = {
        "defect": finding.defect.value,
        "cause": finding.cause.value,
        "usable_again": finding.usable_again,
        "term": finding.term.value,
        "reckoned": cover.state.value,
    }
    actor = Actor.account(account_id)
    sequence = _note(connection, actor, number, "repair_found", detail, words, now)
    connection.execute(
        t.repair_finding.insert().values(
            case_id=case.id,
            defect=finding.defect,
            cause=finding.cause,
            usable_again=finding.usable_again,
            term=finding.term,
            cover_state=cover.state,
            account_id=account_id,
            found_at=now,
            audit_sequence=sequence,
        )
    )
    _set(connection, case, state=CaseState.FOUND)


def close(
    connection: Connection,
    actor: Actor,
    number: str,
    outcome: Outcome,
    replacement: str | None,
    words: str,
    now: datetime,
) -> None:
    """How it ended; `replacement` is the serial number of the unit given instead.

    Raises UnknownCaseError, CaseError when the outcome contradicts finding or registry,
    UnknownUnitError, InvalidError.
    """
    case = _step(connection, number, CaseState.CLOSED)
    finding = finding_of(connection, case.id)
    if finding is None:
        raise CaseError("Case %(case)s has no finding.", case=number)
    check_outcome(outcome, finding)
    replacement_id = _replacement(connection, case, outcome, replacement)
    after = _state_after(connection, case, outcome)
    change_state(connection, case.unit_id, after, actor, now, evidence=(f"repair:{number}",))
    _set(
        connection,
        case,
        state=CaseState.CLOSED,
        closed_at=now,
        outcome=outcome,
        replacement_unit_id=replacement_id,
    )
    detail: Detail = {"outcome": outcome.value, "replacement": replacement}
    _note(connection, actor, number, "repair_closed", detail, words, now)


def withdraw(connection: Connection, actor: Actor, number: str, words: str, now: datetime) -> None:
    """End a case without a finding: the customer thought better of it, or never came.

    A unit that is on the bench goes back to where it served. Raises UnknownCaseError, CaseError,
    InvalidError without words.
    """
    case = _step(connection, number, CaseState.WITHDRAWN)
    if not words.strip():
        raise InvalidError("Say why the case is withdrawn.")
    if case.state == CaseState.ON_BENCH:
        after = _state_after(connection, case, Outcome.RETURNED_AS_IT_WAS)
        change_state(connection, case.unit_id, after, actor, now, evidence=(f"repair:{number}",))
    _set(connection, case, state=CaseState.WITHDRAWN, closed_at=now)
    _note(connection, actor, number, "repair_withdrawn", {}, words, now)


def use_part(
    connection: Connection, actor: Actor, number: str, code: str, quantity: int, now: datetime
) -> None:
    """Spare parts went into the unit; they leave the stock of parts.

    Raises UnknownCaseError, CaseError when the unit is not on the bench, InvalidError for a part
    that is not in the catalogue or of which there are not so many.
    """
    case = locked_case(connection, number)
    if case.state not in (CaseState.ON_BENCH, CaseState.FOUND):
        raise CaseError(
            "Case %(case)s is %(case_state)s: parts go into what is on the bench.",
            case=number,
            case_state=case.state,
        )
    taken = connection.execute(
        update(t.spare_part)
        .where(t.spare_part.c.code == code, t.spare_part.c.on_hand >= quantity)
        .values(on_hand=t.spare_part.c.on_hand - quantity)
        .returning(t.spare_part.c.id)
    ).one_or_none()
    if taken is None or quantity < 1:
        raise InvalidError(
            "There are not %(quantity)s of spare part %(code)s in stock.",
            quantity=quantity,
            code=code,
        )
    connection.execute(
        t.repair_part.insert().values(
            case_id=case.id, spare_part_id=taken.id, quantity=quantity, used_at=now
        )
    )
    detail: Detail = {"part": code, "quantity": quantity}
    _note(connection, actor, number, "part_used", detail, "", now)


def _unit(connection: Connection, serial_number: str) -> Row[Any]:
    row = connection.execute(
        select(t.unit).where(t.unit.c.serial_number == serial_number)
    ).one_or_none()
    if row is None:
        raise UnknownUnitError(
            "No unit with serial number %(unit)s was taken into stock.", unit=serial_number
        )
    return row


def _step(connection: Connection, number: str, after: CaseState) -> Case:
    case = locked_case(connection, number)
    check_case_step(case.state, after)
    return case


def _set(connection: Connection, case: Case, **values: Any) -> None:
    connection.execute(update(t.repair_case).where(t.repair_case.c.id == case.id).values(**values))


def _note(
    connection: Connection,
    actor: Actor,
    number: str,
    action: str,
    detail: Detail,
    words: str,
    now: datetime,
) -> int:
    if len(words) > LONGEST_WORDS:
        raise InvalidError("At most %(most)s characters.", most=LONGEST_WORDS)
    entry = Entry(action, f"repair:{number}", detail)
    return audit.append(connection, actor, [entry], now, words.strip())[0]


def _place(connection: Connection, code: str | None) -> int | None:
    if code is None:
        return None
    found: int | None = connection.scalar(
        select(t.place.c.id).where(t.place.c.code == code, t.place.c.kind == CONTRACTOR_PLACE)
    )
    if found is None:
        raise InvalidError("%(code)s is no place of a contractor.", code=code)
    return found


def _replacement(
    connection: Connection, case: Case, outcome: Outcome, serial_number: str | None
) -> int | None:
    if (outcome == Outcome.REPLACED) != (serial_number is not None):
        raise InvalidError("A replacement names the unit given instead, and nothing else does.")
    if serial_number is None:
        return None
    unit = _unit(connection, serial_number)
    if unit.id == case.unit_id or unit.product_class != case.product_class:
        raise InvalidError("Unit %(unit)s cannot replace this one.", unit=serial_number)
    replacement_id: int = unit.id
    return replacement_id


def _state_after(connection: Connection, case: Case, outcome: Outcome) -> UnitState:
    """Back to the customer whose position it still holds, else to the operator."""
    serves = connection.scalar(
        select(exists().where(t.assignment.c.unit_id == case.unit_id, t.open_assignment))
    )
    if outcome in (Outcome.REPLACED, Outcome.SCRAPPED):
        if serves:
            raise CaseError(
                "The unit still holds a service position: have the operator record its "
                "replacement first."
            )
        return UnitState.SCRAPPED if outcome == Outcome.SCRAPPED else UnitState.QUARANTINE
    if serves:
        return UnitState.INSTALLED
    return UnitState.REFURBISHED if outcome == Outcome.REPAIRED else UnitState.RETURNED
