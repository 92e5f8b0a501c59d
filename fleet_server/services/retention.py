"""Removes what is older than it is needed: telemetry, events, presence, looks at persons.

Nothing goes by itself but reports of health (`FLEET_HEALTH_DAYS`): an administrator says for each
kind how many days stay. An event that an open interruption rests on stays with it.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from enum import StrEnum

from sqlalchemy import Column, Connection, Table, delete, func, select

from fleet_server.domain.errors import InvalidError
from fleet_server.services import tables as t
from fleet_server.services.fleet import Fleet
from fleet_server.services.people_tables import person_look

FEWEST_DAYS = 31
"""A device sends again what was not confirmed; it must be known for longer than that lasts."""


class Kind(StrEnum):
    """What may be removed by age."""

    HEALTH = "health"
    EVENTS = "events"
    PRESENCE = "presence"
    LOOKS = "looks"


class RetentionError(InvalidError):
    """So few days would remove what is still in use."""


def forget(fleet: Fleet, days: Mapping[Kind, int], now: datetime, *, dry: bool) -> dict[Kind, int]:
    """Remove what is older; gives how many rows went, or would go. Raises RetentionError."""
    for kind, kept in days.items():
        if kept < FEWEST_DAYS:
            raise RetentionError(f"{kind} is kept for {FEWEST_DAYS} days at least.")
    gone: dict[Kind, int] = {}
    with fleet.writing() as connection:
        for kind, kept in days.items():
            if kind is not Kind.LOOKS:
                gone[kind] = _forget(connection, kind, now - timedelta(days=kept), dry)
    if Kind.LOOKS in days:
        with fleet.writing_people() as connection:
            oldest = now - timedelta(days=days[Kind.LOOKS])
            gone[Kind.LOOKS] = _remove(connection, person_look, person_look.c.at, oldest, dry)
    return gone


def _forget(connection: Connection, kind: Kind, oldest: datetime, dry: bool) -> int:
    if kind is Kind.HEALTH:
        report = t.health_report
        return _remove(connection, report, report.c.received_at, oldest, dry)
    if kind is Kind.PRESENCE:
        return _remove(connection, t.presence_change, t.presence_change.c.at, oldest, dry)
    first_open = connection.scalar(
        select(func.min(t.interruption.c.started_at)).where(
            t.interruption.c.ended_at.is_(None), t.interruption.c.withdrawn.is_(False)
        )
    )
    until = min(oldest, first_open) if first_open is not None else oldest
    return _remove(connection, t.event, t.event.c.received_at, until, dry)


def _remove(
    connection: Connection, table: Table, column: Column[datetime], oldest: datetime, dry: bool
) -> int:
    if dry:
        query = select(func.count()).select_from(table).where(column < oldest)
        return connection.scalar(query) or 0
    return connection.execute(delete(table).where(column < oldest)).rowcount
