"""On which contract a unit is, or was last, and what the papers of that change say it is worth."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy import Connection, func, select, update

from fleet_server.services import tables as t


@dataclass(frozen=True, slots=True)
class LastAssignment:
    """`value_cents` is the highest a paper of that handover names, None where none does."""

    contract_id: int
    contract: str
    positions: tuple[str, ...]
    value_cents: int | None
    terminated_on: date | None
    confirmed_at: datetime | None
    is_open: bool


def last_assignment(connection: Connection, unit_id: int) -> LastAssignment | None:
    """None for a unit that was never on a contract. Corrected rows do not count."""
    newest = (
        select(func.max(t.assignment.c.since_at))
        .where(t.assignment.c.unit_id == unit_id, t.assignment.c.corrected_at.is_(None))
        .scalar_subquery()
    )
    rows = connection.execute(
        select(
            t.assignment,
            t.service_position.c.name,
            t.service_position.c.contract_id,
            t.contract.c.number,
            t.contract.c.terminated_on,
            t.contract.c.termination_confirmed_at,
        )
        .join(t.service_position, t.service_position.c.id == t.assignment.c.service_position_id)
        .join(t.contract, t.contract.c.id == t.service_position.c.contract_id)
        .where(
            t.assignment.c.unit_id == unit_id,
            t.assignment.c.corrected_at.is_(None),
            t.assignment.c.since_at == newest,
        )
        .order_by(t.service_position.c.name)
    ).all()
    if not rows:
        return None
    values = [row.value_cents for row in rows if row.value_cents is not None]
    first = rows[0]
    return LastAssignment(
        first.contract_id,
        first.number,
        tuple(row.name for row in rows),
        max(values, default=None),
        first.terminated_on,
        first.termination_confirmed_at,
        any(row.until_at is None for row in rows),
    )


def close_assignments(connection: Connection, unit_id: int, now: datetime) -> None:
    """The unit holds no position from now on, and is paired with nothing."""
    connection.execute(
        update(t.assignment)
        .where(t.assignment.c.unit_id == unit_id, t.assignment.c.until_at.is_(None))
        .values(until_at=now)
    )
    for column in (t.pairing.c.card_unit_id, t.pairing.c.box_unit_id):
        connection.execute(
            update(t.pairing)
            .where(column == unit_id, t.pairing.c.until_at.is_(None))
            .values(until_at=now)
        )


def revoked_certificates(connection: Connection) -> int:
    """How many certificates were revoked so far."""
    count = connection.scalar(
        select(func.count())
        .select_from(t.certificate)
        .where(t.certificate.c.revoked_at.is_not(None))
    )
    return count or 0


def revoke_certificates(connection: Connection, endpoint_id: str | None, now: datetime) -> None:
    """The broker lets the unit in no more."""
    connection.execute(
        update(t.certificate)
        .where(t.certificate.c.endpoint_id == endpoint_id, t.certificate.c.revoked_at.is_(None))
        .values(revoked_at=now)
    )
