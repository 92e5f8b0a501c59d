"""What pages and API show of the state of services, and of what the outbox is about."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, or_, select

from fleet_server.domain.errors import UnknownContractError, UnknownOperationError
from fleet_server.services import tables as t
from fleet_server.services.service_state import state_of

_MOST_DECISIONS = 50


@dataclass(frozen=True, slots=True)
class Decision:
    """One decision on a contract; it waits while neither carried out nor cancelled.

    `notice_at` is when the first notice was taken over by the gateway; `open_operations` counts
    what systems and devices still have to do.
    """

    id: int
    state: str
    ground: str
    decided_at: datetime
    not_before_at: datetime
    needs_notice: bool
    notice_at: datetime | None
    carried_out_at: datetime | None
    cancelled_at: datetime | None
    confirmed_at: datetime | None
    reconnection_cents: int | None
    open_operations: int

    @property
    def waits(self) -> bool:
        return self.carried_out_at is None and self.cancelled_at is None


@dataclass(frozen=True, slots=True)
class OperationTry:
    at: datetime
    outcome: str
    code: str


@dataclass(frozen=True, slots=True)
class OperationRow:
    """One operation of the outbox; `arguments` as its system gets them."""

    id: int
    operation_id: str
    decision: str
    stage: int
    system: str
    kind: str
    target: str
    arguments: dict[str, Any]
    state: str
    tries: int
    queued_at: datetime
    due_at: datetime
    finished_at: datetime | None
    reference: str


@dataclass(frozen=True, slots=True)
class ContractService:
    """The services of one contract; decisions the newest first, operations in their order."""

    contract: str
    state: str
    since_at: datetime | None
    decisions: Sequence[Decision]
    operations: Sequence[OperationRow]

    @property
    def pending(self) -> Decision | None:
        return next((one for one in self.decisions if one.waits), None)


def read_contract_service(connection: Connection, number: str) -> ContractService:
    """Raises UnknownContractError."""
    contract_id = connection.scalar(select(t.contract.c.id).where(t.contract.c.number == number))
    if contract_id is None:
        raise UnknownContractError("There is no contract %(contract)s.", contract=number)
    since_at = connection.scalar(
        select(t.contract_service.c.since_at).where(t.contract_service.c.contract_id == contract_id)
    )
    rows = connection.execute(
        select(t.service_decision)
        .where(t.service_decision.c.contract_id == contract_id)
        .order_by(t.service_decision.c.id.desc())
        .limit(_MOST_DECISIONS)
    ).all()
    names = [f"{prefix}-{row.id}" for row in rows for prefix in ("notice", "service")]
    operations = [
        _operation(row)
        for row in connection.execute(
            select(t.outbox).where(t.outbox.c.decision.in_(names)).order_by(t.outbox.c.id)
        )
    ]
    return ContractService(
        number,
        state_of(connection, contract_id),
        since_at,
        [_decision(row, operations) for row in rows],
        operations,
    )


def list_operations(
    connection: Connection, state: str, before: int | None, limit: int
) -> list[OperationRow]:
    """Operations in this state, the newest first; `before` is an id to go on from."""
    query = (
        select(t.outbox)
        .where(t.outbox.c.state == state)
        .order_by(t.outbox.c.id.desc())
        .limit(limit)
    )
    if before is not None:
        query = query.where(t.outbox.c.id < before)
    return [_operation(row) for row in connection.execute(query)]


def read_operation(
    connection: Connection, number: int
) -> tuple[OperationRow, Sequence[OperationTry]]:
    """An operation with every try, in order. Raises UnknownOperationError."""
    row = connection.execute(select(t.outbox).where(t.outbox.c.id == number)).one_or_none()
    if row is None:
        raise UnknownOperationError("There is no operation %(operation)s.", operation=number)
    tries = connection.execute(
        select(t.outbox_try).where(t.outbox_try.c.outbox_id == number).order_by(t.outbox_try.c.id)
    )
    return _operation(row), [OperationTry(one.at, one.outcome, one.code) for one in tries]


def suspended_contracts(
    connection: Connection, after: str, limit: int
) -> list[tuple[str, str, datetime]]:
    """Contracts that are not active or have a decision that waits: number, state, since when."""
    waits = (
        select(t.service_decision.c.contract_id)
        .where(
            t.service_decision.c.carried_out_at.is_(None),
            t.service_decision.c.cancelled_at.is_(None),
        )
        .scalar_subquery()
    )
    rows = connection.execute(
        select(t.contract.c.number, t.contract_service.c.state, t.contract_service.c.since_at)
        .outerjoin(t.contract_service, t.contract_service.c.contract_id == t.contract.c.id)
        .where(
            t.contract.c.number > after,
            or_(t.contract_service.c.state != "active", t.contract.c.id.in_(waits)),
        )
        .order_by(t.contract.c.number)
        .limit(limit)
    )
    return [(row.number, row.state or "active", row.since_at) for row in rows]


def _decision(row: Row[Any], operations: Sequence[OperationRow]) -> Decision:
    notices = [
        one.finished_at
        for one in operations
        if one.decision == f"notice-{row.id}" and one.state == "done" and one.finished_at
    ]
    mine = [one for one in operations if one.decision == f"service-{row.id}"]
    return Decision(
        id=row.id,
        state=row.state,
        ground=row.ground,
        decided_at=row.decided_at,
        not_before_at=row.not_before_at,
        needs_notice=row.needs_notice,
        notice_at=min(notices, default=None),
        carried_out_at=row.carried_out_at,
        cancelled_at=row.cancelled_at,
        confirmed_at=row.confirmed_at,
        reconnection_cents=row.reconnection_cents,
        open_operations=sum(one.state in ("queued", "refused") for one in mine),
    )


def _operation(row: Row[Any]) -> OperationRow:
    return OperationRow(
        row.id,
        row.operation_id,
        row.decision,
        row.stage,
        row.system,
        row.kind,
        row.target,
        json.loads(row.arguments),
        row.state,
        row.tries,
        row.queued_at,
        row.due_at,
        row.finished_at,
        row.reference,
    )
