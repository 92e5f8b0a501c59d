"""Repair cases as pages and API show them; nothing here says which contract or customer it is."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime

from sqlalchemy import Connection, select

from fleet_server.domain.errors import UnknownUnitError
from fleet_server.domain.evidence import History
from fleet_server.domain.local_time import local_day
from fleet_server.domain.proposal import Proposal, Subject
from fleet_server.domain.repair import (
    OPEN,
    CaseState,
    Finding,
    PastCase,
    TurnRound,
    repeats,
    turn_round,
)
from fleet_server.domain.warranty import Cover
from fleet_server.services import audit
from fleet_server.services import tables as t
from fleet_server.services.accounts import usernames
from fleet_server.services.audit import Recorded
from fleet_server.services.policy import read_policy
from fleet_server.services.repair_decisions import Decision, decisions_of, proposals_for
from fleet_server.services.repair_facts import CASES, Case, as_case, case_of, facts_of, number_of

PAGE = 50
_MOST_ENTRIES = 200


@dataclass(frozen=True, slots=True)
class CaseRow:
    """One line of the list; `turn_round` is None before the bench has the unit."""

    case: Case
    turn_round: TurnRound | None


@dataclass(frozen=True, slots=True)
class CaseFilter:
    """What the list is narrowed to; `open_only` leaves out what has ended."""

    serial_number: str = ""
    state: CaseState | None = None
    open_only: bool = False


@dataclass(frozen=True, slots=True)
class UsedPart:
    code: str
    name: str
    quantity: int


@dataclass(frozen=True, slots=True)
class CaseView:
    """Everything of one case. `log` is the oldest first, `who` the names behind account numbers."""

    case: Case
    cover: Cover
    finding: Finding | None
    history: History
    proposals: tuple[Proposal, ...]
    decisions: tuple[Decision, ...]
    turn_round: TurnRound | None
    repeats: tuple[str, ...]
    parts: tuple[UsedPart, ...]
    replacement: str | None
    log: tuple[Recorded, ...]
    who: dict[str, str]


def list_cases(
    connection: Connection, narrowed: CaseFilter, before: int | None, size: int, now: datetime
) -> list[CaseRow]:
    """Cases, the newest first, older than the one with id `before`."""
    query = CASES
    if narrowed.serial_number:
        query = query.where(t.unit.c.serial_number == narrowed.serial_number)
    if narrowed.state is not None:
        query = query.where(t.repair_case.c.state == narrowed.state)
    elif narrowed.open_only:
        query = query.where(t.repair_case.c.state.in_(OPEN))
    if before is not None:
        query = query.where(t.repair_case.c.id < before)
    rows = connection.execute(query.order_by(t.repair_case.c.id.desc()).limit(size))
    cases = [as_case(row) for row in rows]
    return [CaseRow(case, _turn_round(case, now)) for case in cases]


def read_case(connection: Connection, number: str, now: datetime) -> CaseView:
    """One case with what is proposed for it now. Raises UnknownCaseError."""
    case = case_of(connection, number)
    policy = read_policy(connection)
    facts = facts_of(connection, case, policy)
    log = tuple(reversed(audit.history(connection, f"repair:{number}", limit=_MOST_ENTRIES)))
    decisions = decisions_of(connection, case.id)
    return CaseView(
        case=case,
        cover=facts.cover,
        finding=facts.finding,
        history=facts.history,
        proposals=proposals_for(connection, case, facts, policy, local_day(now)),
        decisions=decisions,
        turn_round=_turn_round(case, now),
        repeats=_repeats(connection, case, policy.repeat_failure_days),
        parts=_parts(connection, case.id),
        replacement=_serial_of(connection, case.replacement_unit_id),
        log=log,
        who=usernames(connection, _accounts(log)),
    )


def for_the_bench(view: CaseView) -> CaseView:
    """The case as the contractor sees it: what concerns the unit, nothing of money or terms."""
    theirs = (Subject.REPAIR, Subject.REPLACEMENT)
    return replace(
        view,
        proposals=tuple(one for one in view.proposals if one.subject in theirs),
        decisions=tuple(one for one in view.decisions if one.subject in theirs),
        log=tuple(one for one in view.log if one.detail.get("subject", "repair") in theirs),
    )


def open_case_of(connection: Connection, serial_number: str) -> str | None:
    """The number of the open case of a unit, None where there is none. Raises UnknownUnitError."""
    unit_id = connection.scalar(select(t.unit.c.id).where(t.unit.c.serial_number == serial_number))
    if unit_id is None:
        raise UnknownUnitError(
            "No unit with serial number %(unit)s was taken into stock.", unit=serial_number
        )
    found = connection.scalar(
        select(t.repair_case.c.id).where(t.repair_case.c.unit_id == unit_id, t.open_case)
    )
    return None if found is None else number_of(found)


def _turn_round(case: Case, now: datetime) -> TurnRound | None:
    if case.received_at is None:
        return None
    return turn_round(case.received_at, case.closed_at, now)


def _repeats(connection: Connection, case: Case, within_days: int) -> tuple[str, ...]:
    rows = connection.execute(
        CASES.where(
            t.repair_case.c.unit_id == case.unit_id,
            t.repair_case.c.id < case.id,
            t.repair_case.c.closed_at.is_not(None),
        )
    )
    return repeats(_past(as_case(row) for row in rows), case.reported_on, within_days)


def _past(cases: Iterable[Case]) -> list[PastCase]:
    return [
        PastCase(case.number, case.outcome, local_day(case.closed_at))
        for case in cases
        if case.closed_at is not None
    ]


def _parts(connection: Connection, case_id: int) -> tuple[UsedPart, ...]:
    rows = connection.execute(
        select(t.spare_part.c.code, t.spare_part.c.name, t.repair_part.c.quantity)
        .join_from(t.repair_part, t.spare_part)
        .where(t.repair_part.c.case_id == case_id)
        .order_by(t.repair_part.c.id)
    )
    return tuple(UsedPart(row.code, row.name, row.quantity) for row in rows)


def _serial_of(connection: Connection, unit_id: int | None) -> str | None:
    if unit_id is None:
        return None
    serial: str = connection.scalars(
        select(t.unit.c.serial_number).where(t.unit.c.id == unit_id)
    ).one()
    return serial


def _accounts(log: Iterable[Recorded]) -> set[int]:
    return {int(entry.actor.name) for entry in log if entry.actor.kind == "account"}
