"""What a unit recorded around a defect, collected from its events.

Of a smart card, which has no endpoint, it is what the boxes recorded that it was paired with, as
long as it was. At most the newest 200 records of each kind are read.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from sqlalchemy import Connection, Row, func, or_, select

from agent.wire.codes import (
    BOOT_EVENT,
    CARD_STATE_EVENT,
    DIP_EVENT,
    POWER,
    POWER_LOSS_EVENT,
    SWELL_EVENT,
    TRANSIENT_EVENT,
)
from fleet_server.domain.event import whole
from fleet_server.domain.evidence import (
    Exhibit,
    Grade,
    History,
    Kind,
    Sight,
    Window,
    history_of,
    sight_of,
)
from fleet_server.domain.local_time import ZONE, local_day
from fleet_server.services import tables as t
from fleet_server.services.sequences import missing_events

_KINDS = {
    TRANSIENT_EVENT: Kind.SURGE,
    SWELL_EVENT: Kind.SWELL,
    DIP_EVENT: Kind.DIP,
    POWER_LOSS_EVENT: Kind.POWER_LOSS,
    BOOT_EVENT: Kind.RESTART,
    CARD_STATE_EVENT: Kind.CARD,
}
_CODES = {Kind.RESTART: "Reason", Kind.CARD: "State"}
_MOST = 200


@dataclass(frozen=True, slots=True)
class _Source:
    """An endpoint, and the moments between which its records are of the unit in question."""

    endpoint_id: str
    since_at: datetime
    until_at: datetime


def collect(
    connection: Connection, unit_id: int, window: Window, held_since_on: date | None
) -> History:
    """Records of the window; those from before `held_since_on` are only counted."""
    begin, end = _midnight(window.first_on), _midnight(window.last_on + timedelta(days=1))
    unit = connection.execute(select(t.unit).where(t.unit.c.id == unit_id)).one()
    sources = list(_sources(connection, unit, begin, end))
    exhibits = [found for source in sources for found in _exhibits(connection, source)]
    missing = [missing_events(connection, source.endpoint_id) for source in sources]
    return history_of(
        exhibits,
        window,
        held_since_on,
        _sight(connection, sources),
        sum(one.awaited + one.lost for one in missing),
    )


def _sources(
    connection: Connection, unit: Row[Any], begin: datetime, end: datetime
) -> Iterator[_Source]:
    if unit.endpoint_id is not None:
        yield _Source(unit.endpoint_id, begin, end)
        return
    paired = connection.execute(
        select(t.unit.c.endpoint_id, t.pairing.c.since_at, t.pairing.c.until_at)
        .join_from(t.pairing, t.unit, t.unit.c.id == t.pairing.c.box_unit_id)
        .where(
            t.pairing.c.card_unit_id == unit.id,
            t.pairing.c.since_at < end,
            or_(t.pairing.c.until_at.is_(None), t.pairing.c.until_at > begin),
            t.unit.c.endpoint_id.is_not(None),
        )
        .order_by(t.pairing.c.since_at)
    )
    for row in paired:
        until_at = end if row.until_at is None else min(end, row.until_at)
        yield _Source(row.endpoint_id, max(begin, row.since_at), until_at)


def _exhibits(connection: Connection, source: _Source) -> Iterator[Exhibit]:
    happened_at = func.coalesce(t.event.c.device_at, t.event.c.received_at)
    for name in _KINDS:
        rows = connection.execute(
            select(t.event)
            .where(
                t.event.c.endpoint_id == source.endpoint_id,
                t.event.c.name == name,
                happened_at >= source.since_at,
                happened_at < source.until_at,
            )
            .order_by(t.event.c.id.desc())
            .limit(_MOST)
        )
        for row in rows:
            yield _exhibit(row)


def _exhibit(row: Row[Any]) -> Exhibit:
    kind = _KINDS[row.name]
    params = json.loads(row.params)
    return Exhibit(
        ident=f"event:{row.id}",
        kind=kind,
        grade=Grade.MEASURED if row.grade == Grade.MEASURED else Grade.INFERRED,
        day=local_day(row.device_at or row.received_at),
        dated=row.device_at is not None,
        magnitude_mv=whole(params.get("Magnitude")),
        duration_ms=whole(params.get("Duration")),
        code=str(params.get(_CODES[kind], ""))[:32] if kind in _CODES else "",
    )


def _sight(connection: Connection, sources: list[_Source]) -> Sight:
    if not sources:
        return sight_of(None, has_endpoint=False)
    sensors = connection.scalar(
        select(t.parameter.c.value).where(
            t.parameter.c.endpoint_id == sources[-1].endpoint_id,
            t.parameter.c.path == f"{POWER}Sensors",
        )
    )
    return sight_of(sensors, has_endpoint=True)


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time(), ZONE).astimezone(UTC)
