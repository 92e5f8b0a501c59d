"""Keeps the clocks in step with the registry by reading its audit log.

The entries since the last time name the contracts, or the units and through them the contracts,
whose clocks are reckoned anew.
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime

from sqlalchemy import Connection, select

from fleet_server.services import tables as t
from fleet_server.services.audit_follow import new_subjects
from fleet_server.services.clock_book import refresh
from fleet_server.services.policy import read_policy

FOLLOWER = "clocks"
_UNIT = "unit:"
_CONTRACT = "contract:"


def follow(connection: Connection, now: datetime) -> int:
    """Work off the next entries; gives how many subjects they had, 0 when there are none."""
    subjects, _ = new_subjects(connection, FOLLOWER)
    contracts = _contracts(connection, subjects)
    if contracts:
        refresh(connection, contracts, read_policy(connection), now)
    return len(subjects)


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
