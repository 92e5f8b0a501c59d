"""Keeps, for every telephone line in service, whether it can reach emergency numbers.

A line at risk is a row from when it began until it is over, so that the present and any past moment
can be told [7.3.7, 11.3]. Lines are judged when their device told something or its presence
changed, and when a unit gets or leaves a voice position.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, bindparam, exists, select, update

from agent.wire.codes import EMERGENCY
from fleet_server.domain.event import parse_time, product_class_of
from fleet_server.domain.voice_risk import LineEvidence, LineState, judge
from fleet_server.services import tables as t
from fleet_server.services.chunks import chunks
from fleet_server.services.upsert import upsert

VOICE = "voice"
_FOLLOWED = "voice_lines_followed"
_FOLLOWED_AT_ONCE = 2_000
_SAID = tuple(EMERGENCY + name for name in ("Reachable", "Reason", "Since"))


def refresh_lines(connection: Connection, endpoint_ids: Iterable[str], now: datetime) -> None:
    """Judge the lines of these devices anew; one that holds no voice position has none."""
    for some in chunks(endpoint_ids):
        _judge(connection, _lines(connection, some), now)


def with_lines(endpoint_ids: Iterable[str]) -> set[str]:
    """Without the devices that are known to have no telephone line."""
    return {one for one in endpoint_ids if product_class_of(one) in ("VOICEMODEM", None)}


def follow_assignments(connection: Connection, now: datetime) -> bool:
    """Judge some lines that are new, and close the risks of units that left their position.

    Up to which assignment that was done stands in the database. Gives whether there are more.
    """
    last = connection.scalar(
        select(t.process_state.c.state).where(t.process_state.c.name == _FOLLOWED)
    )
    query = (
        _line_query()
        .with_only_columns(t.unit.c.endpoint_id, t.assignment.c.id)
        .where(t.assignment.c.id > int(last or 0))
        .order_by(t.assignment.c.id)
        .limit(_FOLLOWED_AT_ONCE)
    )
    new = connection.execute(query).all()
    refresh_lines(connection, {row.endpoint_id for row in new}, now)
    if new:
        row = {"name": _FOLLOWED, "state": str(new[-1].id), "at": now}
        upsert(connection, t.process_state, [row])
    _close_left(connection, now)
    return len(new) == _FOLLOWED_AT_ONCE


def _line_query() -> Any:
    """Voice positions with the unit that holds each."""
    return (
        select(
            t.unit.c.endpoint_id,
            t.service_position.c.id.label("position_id"),
            t.contract.c.network_element_id,
            t.assignment.c.since_at.label("held_since_at"),
            t.presence.c.state,
            t.presence.c.evidence,
            t.presence.c.since_at,
            t.presence.c.seen_at,
        )
        .join_from(t.assignment, t.unit, t.unit.c.id == t.assignment.c.unit_id)
        .join(t.service_position, t.service_position.c.id == t.assignment.c.service_position_id)
        .join(t.contract, t.contract.c.id == t.service_position.c.contract_id)
        .outerjoin(t.presence, t.presence.c.endpoint_id == t.unit.c.endpoint_id)
        .where(
            t.open_assignment,
            t.service_position.c.name == VOICE,
            t.unit.c.endpoint_id.is_not(None),
        )
    )


def _lines(connection: Connection, endpoint_ids: list[str]) -> list[Row[Any]]:
    return list(connection.execute(_line_query().where(t.unit.c.endpoint_id.in_(endpoint_ids))))


def _judge(connection: Connection, lines: list[Row[Any]], now: datetime) -> None:
    if not lines:
        return
    said = _said(connection, [line.endpoint_id for line in lines])
    positions = [line.position_id for line in lines]
    risk = t.voice_risk
    query = select(risk).where(t.is_at_risk, risk.c.service_position_id.in_(positions))
    stored = {row.service_position_id: row for row in connection.execute(query)}
    opened, closed = [], []
    for line in lines:
        state = judge(_evidence(line, said.get(line.endpoint_id, {})))
        row = stored.get(line.position_id)
        if row is not None and _is_same(row, line, state):
            continue
        if row is not None:
            closed.append(_closed(row, state.since_at, now))
        if state.at_risk:
            opened.append(_opened(line, state, row, now))
    _write(connection, opened, closed)


def _is_same(row: Row[Any], line: Row[Any], state: LineState) -> bool:
    return (row.reach, row.reason, row.endpoint_id) == (
        state.reach.value,
        state.reason,
        line.endpoint_id,
    )


def _closed(row: Row[Any], since_at: datetime, now: datetime) -> dict[str, Any]:
    until_at = min(max(row.from_at, since_at), now)
    return {"key": row.id, "new_until_at": until_at, "new_end_noted_at": now}


def _opened(
    line: Row[Any], state: LineState, before: Row[Any] | None, now: datetime
) -> dict[str, Any]:
    from_at = max(line.held_since_at, min(state.since_at, now))
    if before is not None:
        from_at = max(from_at, before.from_at)
    return {
        "endpoint_id": line.endpoint_id,
        "service_position_id": line.position_id,
        "network_element_id": line.network_element_id,
        "reach": state.reach.value,
        "reason": state.reason[:32],
        "from_at": from_at,
        "noted_at": now,
    }


def _write(
    connection: Connection, opened: list[dict[str, Any]], closed: list[dict[str, Any]]
) -> None:
    risk = t.voice_risk
    if closed:
        connection.execute(
            update(risk)
            .where(risk.c.id == bindparam("key"))
            .values(until_at=bindparam("new_until_at"), end_noted_at=bindparam("new_end_noted_at")),
            closed,
        )
    if opened:
        connection.execute(risk.insert(), opened)


def _close_left(connection: Connection, now: datetime) -> None:
    """Close what belongs to a unit that holds the position no longer."""
    risk = t.voice_risk.c
    holds = (
        exists()
        .where(
            t.assignment.c.service_position_id == risk.service_position_id,
            t.open_assignment,
            t.unit.c.id == t.assignment.c.unit_id,
            t.unit.c.endpoint_id == risk.endpoint_id,
        )
        .correlate(t.voice_risk)
    )
    left = connection.execute(select(t.voice_risk).where(t.is_at_risk, ~holds)).all()
    _write(connection, [], [_closed(row, now, now) for row in left])


def _said(connection: Connection, endpoint_ids: list[str]) -> dict[str, dict[str, Row[Any]]]:
    query = select(t.parameter).where(
        t.parameter.c.endpoint_id.in_(endpoint_ids), t.parameter.c.path.in_(_SAID)
    )
    found: dict[str, dict[str, Row[Any]]] = {}
    for row in connection.execute(query):
        found.setdefault(row.endpoint_id, {})[row.path] = row
    return found


def _evidence(line: Row[Any], said: dict[str, Row[Any]]) -> LineEvidence:
    reachable, reason, since = (said.get(path) for path in _SAID)
    return LineEvidence(
        held_since_at=line.held_since_at,
        presence=line.state or "",
        presence_evidence=line.evidence or "",
        presence_since_at=line.since_at,
        seen_at=line.seen_at,
        reachable=reachable.value if reachable else "",
        reason=reason.value if reason else "",
        line_since_at=parse_time(since.value) if since else None,
        said_at=reachable.reported_at if reachable else None,
    )
