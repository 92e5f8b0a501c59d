"""Keeps the clocks in step with the registry by reading its audit log.

Every change of the registry is an entry there, whoever made it; the entries since the last time
name the contracts, or the units and through them the contracts, whose clocks are reckoned anew. So
whoever changes a contract does not have to think of clocks, and none is missed.
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime

from sqlalchemy import Connection, select

from fleet_server.services import tables as t
from fleet_server.services.clock_book import refresh
from fleet_server.services.policy import read_policy
from fleet_server.services.upsert import upsert

FOLLOWER = "clocks"
_MOST = 500
_UNIT = "unit:"
_CONTRACT = "contract:"


def follow(connection: Connection, now: datetime) -> int:
    """Work off the next entries; gives how many were read, 0 when there are none."""
    last = (
        connection.scalar(
            select(t.audit_follower.c.sequence).where(t.audit_follower.c.name == FOLLOWER)
        )
        or 0
    )
    entries = connection.execute(
        select(t.audit_entry.c.sequence, t.audit_entry.c.subject)
        .where(t.audit_entry.c.sequence > last)
        .order_by(t.audit_entry.c.sequence)
        .limit(_MOST)
    ).all()
    if not entries:
        return 0
    contracts = _contracts(connection, {entry.subject for entry in entries})
    if contracts:
        refresh(connection, contracts, read_policy(connection), now)
    upsert(connection, t.audit_follower, [{"name": FOLLOWER, "sequence": entries[-1].sequence}])
    return len(entries)


def _contracts(connection: Connection, subjects: Collection[str]) -> set[int]:
    numbers = {one.removeprefix(_CONTRACT) for one in subjects if one.startswith(_CONTRACT)}
    serials = {one.removeprefix(_UNIT) for one in subjects if one.startswith(_UNIT)}
    named = connection.scalars(select(t.contract.c.id).where(t.contract.c.number.in_(numbers)))
    through_units = connection.scalars(
        select(t.service_position.c.contract_id)
        .join(t.assignment, t.assignment.c.service_position_id == t.service_position.c.id)
        .join(t.unit, t.unit.c.id == t.assignment.c.unit_id)
        .where(t.unit.c.serial_number.in_(serials))
    )
    return {*named, *through_units}
