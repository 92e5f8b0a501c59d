"""Reading credits with their proof, deciding on a line, releasing days [5.3, 5.4]."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import Connection, Row, Select, or_, select, update

from fleet_server.domain.causes import Cause
from fleet_server.domain.credit import Decision
from fleet_server.domain.errors import (
    ConflictError,
    InvalidError,
    NotFoundError,
)
from fleet_server.domain.liability import Liability
from fleet_server.domain.policy import Policy
from fleet_server.services import audit
from fleet_server.services import tables as t
from fleet_server.services.audit import Actor, Entry
from fleet_server.services.credit_book import CreditState, refresh_position
from fleet_server.services.credit_facts import tenures_of
from fleet_server.services.liability import decide_interruption
from fleet_server.services.policy import read_policy
from fleet_server.services.surroundings import read_topology
from fleet_server.services.views_clocks import contract_id_of

SHORTEST_REASON = 3


class UnknownCreditError(NotFoundError):
    """No credit of this number, or no such line of its proof."""


class NothingToReleaseError(ConflictError):
    """No days are to be given back, or a request is needed first."""


class ReleaseForm(StrEnum):
    """How days are given back [5.4]."""

    TOP_UP = "top_up"
    EXTENSION = "extension"


@dataclass(frozen=True, slots=True)
class CreditLine:
    """One line of the proof; `evidence` names rows, such as `interruption 7` or `outage 3`."""

    number: int
    started_at: datetime
    ended_at: datetime
    length_ms: int
    cause: Cause
    proposed: Liability
    liability: Liability
    standing: str
    articles: tuple[str, ...]
    reason: str
    evidence: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Release:
    days: int
    form: ReleaseForm
    account_id: int
    released_at: datetime


@dataclass(frozen=True, slots=True)
class CreditCase:
    """What one outage of one service comes to; `due_days` are not yet given back."""

    id: int
    contract: str
    position: str
    started_at: datetime
    ended_at: datetime | None
    assessed_until_at: datetime
    counted_ms: int
    to_decide_ms: int
    excluded_ms: int
    remainder_ms: int
    days: int
    credit_days: int
    days_at_most: int
    released_days: int
    state: CreditState
    revision: int
    updated_at: datetime

    @property
    def due_days(self) -> int:
        return max(0, self.credit_days - self.released_days)


@dataclass(frozen=True, slots=True)
class Proof:
    case: CreditCase
    lines: tuple[CreditLine, ...]
    releases: tuple[Release, ...]


def list_credits(
    connection: Connection, state: CreditState, after: int = 0, limit: int = 50
) -> list[CreditCase]:
    """The cases in this state by number, those later than `after`."""
    rows = connection.execute(
        _cases()
        .where(t.credit.c.state == state.value, t.credit.c.id > after)
        .order_by(t.credit.c.id)
        .limit(limit)
    )
    return [_case(row) for row in rows]


def credits_of_contract(connection: Connection, number: str, limit: int = 50) -> list[CreditCase]:
    """The cases of a contract, the newest first. Raises UnknownContractError."""
    contract_id = contract_id_of(connection, number)
    rows = connection.execute(
        _cases()
        .where(t.credit.c.contract_id == contract_id)
        .order_by(t.credit.c.id.desc())
        .limit(limit)
    )
    return [_case(row) for row in rows]


def read_proof(connection: Connection, credit_id: int) -> Proof:
    """The case with the lines of its newest revision. Raises UnknownCreditError."""
    case = _read(connection, credit_id)
    lines = connection.execute(
        select(t.credit_line)
        .where(t.credit_line.c.credit_id == credit_id, t.credit_line.c.revision == case.revision)
        .order_by(t.credit_line.c.number)
    )
    releases = connection.execute(
        select(t.credit_release)
        .where(t.credit_release.c.credit_id == credit_id)
        .order_by(t.credit_release.c.id)
    )
    return Proof(
        case,
        tuple(_line(row) for row in lines),
        tuple(
            Release(row.days, ReleaseForm(row.form), row.account_id, row.released_at)
            for row in releases
        ),
    )


def decide_line(
    connection: Connection,
    account_id: int,
    credit_id: int,
    number: int,
    liability: Liability,
    counts: bool,
    reason: str,
    now: datetime,
) -> Proof:
    """A person's word on who answers for a line; holds for its cause in that interruption.

    Raises UnknownCreditError, InvalidDecisionError, ConflictError for a line without interruption,
    InvalidError without a reason.
    """
    proof = read_proof(connection, credit_id)
    line = next((one for one in proof.lines if one.number == number), None)
    if line is None:
        raise UnknownCreditError(
            "Credit %(credit)s has no line %(line)s.", credit=credit_id, line=number
        )
    row = connection.execute(select(t.credit).where(t.credit.c.id == credit_id)).one()
    interruption_id = _interruption_of(connection, row, line)
    if interruption_id is None:
        raise ConflictError("The time without any unit is the operator's [7.1.7].")
    topology, policy = read_topology(connection), read_policy(connection)
    decision = Decision(line.cause, liability, counts)
    decide_interruption(
        connection, topology, policy, account_id, interruption_id, decision, reason, now
    )
    refresh_position(
        connection,
        topology,
        policy,
        row.service_position_id,
        row.started_at,
        row.assessed_until_at,
        now,
    )
    return read_proof(connection, credit_id)


def release_credit(
    connection: Connection,
    account_id: int,
    credit_id: int,
    form: ReleaseForm,
    reason: str,
    now: datetime,
) -> Proof:
    """Give back the days that are due; billing carries it out, nothing is billed here.

    Raises UnknownCreditError, NothingToReleaseError, InvalidError without a reason.
    """
    if len(reason.strip()) < SHORTEST_REASON:
        raise InvalidError("A release needs its reason in words.")
    case = _read(connection, credit_id)
    if case.due_days == 0 or case.state == CreditState.WITHDRAWN:
        raise NothingToReleaseError(
            "Credit %(credit)s has no days to be given back.", credit=credit_id
        )
    _check_request(connection, read_policy(connection), case)
    detail = {"days": case.due_days, "form": form.value, "revision": case.revision}
    entry = Entry("credit_released", f"credit:{credit_id}", detail)
    (sequence,) = audit.append(connection, Actor.account(account_id), [entry], now, reason.strip())
    connection.execute(
        t.credit_release.insert().values(
            credit_id=credit_id,
            revision=case.revision,
            days=case.due_days,
            form=form.value,
            account_id=account_id,
            released_at=now,
            audit_sequence=sequence,
        )
    )
    state = CreditState.RELEASED if case.state == CreditState.PROPOSED else case.state
    written = connection.execute(
        update(t.credit)
        .where(t.credit.c.id == credit_id, t.credit.c.released_days == case.released_days)
        .values(released_days=case.credit_days, state=state.value, updated_at=now)
    )
    if not written.rowcount:
        raise NothingToReleaseError(
            "The days of credit %(credit)s were released a moment ago.", credit=credit_id
        )
    return read_proof(connection, credit_id)


def _check_request(connection: Connection, policy: Policy, case: CreditCase) -> None:
    """Where the policy asks for it: a request in time, on a report during the outage [5.3]."""
    if policy.credit_without_request:
        return
    report = t.defect_report.c
    found = connection.scalar(
        select(report.id)
        .where(
            report.contract_id == contract_id_of(connection, case.contract),
            report.compensation_requested_at.is_not(None),
            report.reported_at >= case.started_at,
        )
        .limit(1)
    )
    if found is None:
        raise NothingToReleaseError("No request for compensation is on record [5.3].")


def _interruption_of(connection: Connection, row: Row[Any], line: CreditLine) -> int | None:
    """The interruption that a line is part of."""
    found = t.interruption.c
    for tenure in tenures_of(connection, row.service_position_id):
        if tenure.since_at > line.started_at:
            continue
        if tenure.until_at is not None and tenure.until_at <= line.started_at:
            continue
        return connection.scalar(
            select(found.id)
            .where(
                found.endpoint_id == tenure.endpoint_id,
                found.withdrawn.is_(False),
                found.started_at <= line.started_at,
                or_(found.ended_at.is_(None), found.ended_at > line.started_at),
            )
            .order_by(found.started_at.desc())
            .limit(1)
        )
    return None


def _read(connection: Connection, credit_id: int) -> CreditCase:
    row = connection.execute(_cases().where(t.credit.c.id == credit_id)).one_or_none()
    if row is None:
        raise UnknownCreditError("There is no credit %(credit)s.", credit=credit_id)
    return _case(row)


def _cases() -> Select[Any]:
    return (
        select(t.credit, t.contract.c.number, t.service_position.c.name)
        .join(t.contract, t.contract.c.id == t.credit.c.contract_id)
        .join(t.service_position, t.service_position.c.id == t.credit.c.service_position_id)
    )


def _case(row: Row[Any]) -> CreditCase:
    return CreditCase(
        id=row.id,
        contract=row.number,
        position=row.name,
        started_at=row.started_at,
        ended_at=row.ended_at,
        assessed_until_at=row.assessed_until_at,
        counted_ms=row.counted_ms,
        to_decide_ms=row.to_decide_ms,
        excluded_ms=row.excluded_ms,
        remainder_ms=row.remainder_ms,
        days=row.days,
        credit_days=row.credit_days,
        days_at_most=row.days_at_most,
        released_days=row.released_days,
        state=CreditState(row.state),
        revision=row.revision,
        updated_at=row.updated_at,
    )


def _line(row: Row[Any]) -> CreditLine:
    return CreditLine(
        number=row.number,
        started_at=row.started_at,
        ended_at=row.ended_at,
        length_ms=round((row.ended_at - row.started_at).total_seconds() * 1000),
        cause=Cause(row.cause),
        proposed=Liability(row.proposed),
        liability=Liability(row.liability),
        standing=row.standing,
        articles=tuple(row.articles.split()),
        reason=row.reason,
        evidence=tuple(json.loads(row.evidence)),
    )
