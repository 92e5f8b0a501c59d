"""What is shown of telephone lines at risk: now, by node, and for any time in the past."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, func, or_, select

from agent.wire.codes import BATTERY
from fleet_server.domain.event import whole
from fleet_server.domain.voice_risk import battery_minutes_left
from fleet_server.services import tables as t
from fleet_server.services.chunks import chunks
from fleet_server.services.elements import codes_of
from fleet_server.services.surroundings import read_topology

PAGE = 100
_RUNTIME = BATTERY + "RuntimeLeft"
_LONGEST_RUNTIME_S = 30 * 86_400
_BATTERY_STATUS = BATTERY + "Status"


@dataclass(frozen=True, slots=True)
class LineAtRisk:
    """A line that cannot reach emergency numbers (`no`), or of which it is not known (`unknown`).

    `until_at` is None while it lasts. `battery_minutes_left` is None when nobody reported it.
    """

    id: int
    endpoint_id: str
    contract: str
    element: str
    node: str
    reach: str
    reason: str
    from_at: datetime
    until_at: datetime | None
    noted_at: datetime
    battery_minutes_left: int | None


@dataclass(frozen=True, slots=True)
class NodeCount:
    """Lines at risk below one top element; the empty code is for lines without a place."""

    node: str
    cannot: int
    unknown: int


def lines_at_risk(
    connection: Connection, now: datetime, node: str = "", after: int = 0, size: int = PAGE + 1
) -> list[LineAtRisk]:
    """Lines at risk now, in the order in which it was noted, after this key."""
    risk = t.voice_risk.c
    query = _query().where(t.is_at_risk, risk.id > after)
    topology = read_topology(connection)
    if node:
        tops = connection.scalars(
            select(t.network_element.c.id).where(t.network_element.c.code == node)
        ).all()
        below = {one for top in tops for one in topology.below(top)}
        query = query.where(risk.network_element_id.in_(below))
    rows = list(connection.execute(query.order_by(risk.id).limit(size)))
    return _views(connection, rows, now)


def count_by_node(connection: Connection) -> list[NodeCount]:
    """How many lines are at risk now, by node, the most first."""
    risk = t.voice_risk.c
    query = (
        select(risk.network_element_id, risk.reach, func.count())
        .where(t.is_at_risk)
        .group_by(risk.network_element_id, risk.reach)
    )
    topology = read_topology(connection)
    counts: dict[int | None, dict[str, int]] = {}
    for element, reach, count in connection.execute(query):
        top = None if element is None else topology.top(element)
        by_reach = counts.setdefault(top, {"no": 0, "unknown": 0})
        by_reach[reach] += count
    codes = codes_of(connection, {top for top in counts if top is not None})
    found = [
        NodeCount("" if top is None else codes[top], each["no"], each["unknown"])
        for top, each in counts.items()
    ]
    return sorted(found, key=lambda one: (-one.cannot - one.unknown, one.node))


def history(
    connection: Connection,
    from_at: datetime,
    until_at: datetime,
    now: datetime,
    after: int = 0,
    size: int = PAGE + 1,
) -> list[LineAtRisk]:
    """Every time at risk that touches the span, by key; for the regulator."""
    risk = t.voice_risk.c
    query = _query().where(
        risk.from_at < until_at,
        or_(risk.until_at.is_(None), risk.until_at > from_at),
        risk.id > after,
    )
    rows = list(connection.execute(query.order_by(risk.id).limit(size)))
    return _views(connection, rows, now)


def whole_history(
    connection: Connection, from_at: datetime, until_at: datetime, now: datetime
) -> Iterator[LineAtRisk]:
    """The same from the first to the last, page by page."""
    after = 0
    while True:
        page = history(connection, from_at, until_at, now, after, PAGE)
        yield from page
        if len(page) < PAGE:
            return
        after = page[-1].id


def _query() -> Any:
    return (
        select(t.voice_risk, t.contract.c.number)
        .join(t.service_position, t.service_position.c.id == t.voice_risk.c.service_position_id)
        .join(t.contract, t.contract.c.id == t.service_position.c.contract_id)
    )


def _views(connection: Connection, rows: list[Row[Any]], now: datetime) -> list[LineAtRisk]:
    topology = read_topology(connection)
    elements = {row.network_element_id for row in rows} - {None}
    codes = codes_of(connection, elements | {topology.top(one) for one in elements})
    left = _batteries(connection, [row.endpoint_id for row in rows if row.until_at is None], now)
    return [
        LineAtRisk(
            id=row.id,
            endpoint_id=row.endpoint_id,
            contract=row.number,
            element=codes.get(row.network_element_id, ""),
            node=codes.get(topology.top(row.network_element_id), "")
            if row.network_element_id is not None
            else "",
            reach=row.reach,
            reason=row.reason,
            from_at=row.from_at,
            until_at=row.until_at,
            noted_at=row.noted_at,
            battery_minutes_left=left.get(row.endpoint_id),
        )
        for row in rows
    ]


def _batteries(
    connection: Connection, endpoint_ids: list[str], now: datetime
) -> dict[str, int | None]:
    """Minutes left, of devices that have a battery and reported it."""
    found: dict[str, int | None] = {}
    absent: set[str] = set()
    value = t.parameter.c
    for some in chunks(endpoint_ids):
        query = select(t.parameter).where(
            value.endpoint_id.in_(some), value.path.in_((_RUNTIME, _BATTERY_STATUS))
        )
        for row in connection.execute(query):
            if row.path == _RUNTIME:
                runtime_s = whole(row.value)
                found[row.endpoint_id] = battery_minutes_left(
                    None if runtime_s is None else min(runtime_s, _LONGEST_RUNTIME_S),
                    row.reported_at,
                    now,
                )
            elif row.value == "Absent":
                absent.add(row.endpoint_id)
    return {key: minutes for key, minutes in found.items() if key not in absent}
