"""What people wrote about a contract: found through the audit log, and erased with the person.

A reason may name a person. Words about the contract, its operations, its units, their repair cases
and interruptions go; for a unit those from the day it came to the contract until it went to
another, or `_AFTERWARDS` after it left: a return or a repair is talked about then.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, Connection, and_, delete, or_, select, update

from fleet_server.services import tables as t
from fleet_server.services.repair_facts import number_of

_AFTERWARDS = timedelta(days=90)


def erase_words(connection: Connection, contract_number: str, until: datetime) -> int:
    """Remove the words up to `until`; gives how many texts went. The chain holds without them.

    Stored answers of repeated writes go too: one of them may hold the same words.
    """
    entry = t.audit_entry
    digests = select(entry.c.reason_digest).where(
        or_(*_about(connection, contract_number)), entry.c.at <= until, entry.c.reason_digest != ""
    )
    gone = connection.execute(
        delete(t.audit_reason).where(t.audit_reason.c.reason_digest.in_(digests))
    ).rowcount
    connection.execute(update(t.idempotency_key).values(body=None))
    return gone


def _about(connection: Connection, number: str) -> Iterator[ColumnElement[bool]]:
    subject = t.audit_entry.c.subject
    yield subject == f"contract:{number}"
    yield subject.startswith(f"contract:{number}/", autoescape=True)
    targets = select(t.outbox.c.operation_id).where(
        or_(
            t.outbox.c.target == number,
            t.outbox.c.target.startswith(f"{number}/", autoescape=True),
        )
    )
    for operation_id in connection.scalars(targets):
        yield subject == f"operation:{operation_id}"
    yield from _about_units(connection, number)


def _about_units(connection: Connection, number: str) -> Iterator[ColumnElement[bool]]:
    entry = t.audit_entry
    held = connection.execute(
        select(
            t.unit.c.id,
            t.unit.c.serial_number,
            t.unit.c.endpoint_id,
            t.assignment.c.since_at,
            t.assignment.c.until_at,
        )
        .join(t.assignment, t.assignment.c.unit_id == t.unit.c.id)
        .join(t.service_position, t.service_position.c.id == t.assignment.c.service_position_id)
        .join(t.contract, t.contract.c.id == t.service_position.c.contract_id)
        .where(t.contract.c.number == number)
    )
    for row in held.all():
        subjects = [f"unit:{row.serial_number}"]
        cases = select(t.repair_case.c.id).where(t.repair_case.c.unit_id == row.id)
        subjects += [f"repair:{number_of(case)}" for case in connection.scalars(cases)]
        during = entry.c.at >= row.since_at
        end = _end(connection, number, row.id, row.until_at)
        if end is not None:
            during = and_(during, entry.c.at <= end)
        yield and_(entry.c.subject.in_(subjects), during)
        # A decision on an interruption may come long after it, and is about whom it struck.
        struck = t.interruption.c.started_at >= row.since_at
        if row.until_at is not None:
            struck = and_(struck, t.interruption.c.started_at <= row.until_at)
        found = select(t.interruption.c.id).where(
            t.interruption.c.endpoint_id == row.endpoint_id, struck
        )
        yield entry.c.subject.in_([f"interruption:{each}" for each in connection.scalars(found)])


def _end(
    connection: Connection, number: str, unit_id: int, until: datetime | None
) -> datetime | None:
    """Until when words about a unit are about this contract; None while it is there."""
    if until is None:
        return None
    elsewhere = connection.scalars(
        select(t.assignment.c.since_at)
        .join(t.service_position, t.service_position.c.id == t.assignment.c.service_position_id)
        .join(t.contract, t.contract.c.id == t.service_position.c.contract_id)
        .where(
            t.assignment.c.unit_id == unit_id,
            t.assignment.c.since_at >= until,
            t.contract.c.number != number,
        )
        .order_by(t.assignment.c.since_at)
        .limit(1)
    ).first()
    latest = until + _AFTERWARDS
    return latest if elsewhere is None else max(until, min(latest, elsewhere))
