"""Keeps the interruptions of an agent in step with the evidence.

After each new piece of evidence all of the agent's recent evidence is tied anew. An interruption is
known by its evidence: what shares a row with a stored one is a revision of it. Every revision stays
on record; an interruption that was merged into another, or turned out to be none, is withdrawn.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Row, Select, select, update

from fleet_server.domain.event import length_ms
from fleet_server.domain.interruption import (
    BOOT,
    LOSS,
    RESTORED,
    Interruption,
    PowerEvent,
    PresenceChange,
    Span,
    tie,
)
from fleet_server.domain.presence import SUSPECT
from fleet_server.services import tables as t

POWER_EVENTS = (LOSS, RESTORED, BOOT)
_NEWEST = 400
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def refresh(connection: Connection, endpoint_id: str, now: datetime) -> None:
    """Tie the agent's evidence anew and put down what is different from before."""
    power, changes = _power(connection, endpoint_id), _presence(connection, endpoint_id)
    found = tie(power, changes)
    if len(power) == _NEWEST or len(changes) == _NEWEST:
        found = found[1:]  # the oldest may miss evidence that is no longer looked at
    evidence = {item.ident for item in power} | {item.ident for item in changes}
    stored = [row for row in _stored(connection, endpoint_id) if _proof(row) <= evidence]
    for interruption in found:
        same = [row for row in stored if _proof(row) & interruption.evidence]
        values = _values(interruption)
        if not same:
            _open(connection, endpoint_id, values, now)
            continue
        stored = [row for row in stored if row not in same]
        _revise(connection, same[0], values, now)
        for merged in same[1:]:
            _withdraw(connection, merged, now)
    for row in stored:
        _withdraw(connection, row, now)


def _power(connection: Connection, endpoint_id: str) -> list[PowerEvent]:
    newest = (
        select(t.event)
        .where(t.event.c.endpoint_id == endpoint_id, t.event.c.name.in_(POWER_EVENTS))
        .order_by(t.event.c.id.desc())
        .limit(_NEWEST)
    )
    return [_power_event(row) for row in connection.execute(newest)]


def _power_event(row: Row[Any]) -> PowerEvent:
    params = json.loads(row.params)
    duration_ms = length_ms(params.get("Duration"))
    return PowerEvent(
        ident=f"event {row.id}",
        name=row.name,
        epoch=row.epoch,
        boot_count=row.boot_count,
        up_time_ms=row.up_time_ms,
        at=_around(row.device_at, row.device_error_ms),
        received_ms=_ms(row.received_at),
        duration=None
        if duration_ms is None
        else _span(duration_ms, length_ms(params.get("DurationError")) or 0),
        reason=params.get("Reason", ""),
    )


def _presence(connection: Connection, endpoint_id: str) -> list[PresenceChange]:
    newest: Select[Any] = (
        select(t.presence_change)
        .where(
            t.presence_change.c.endpoint_id == endpoint_id,
            t.presence_change.c.state != SUSPECT,
        )
        .order_by(t.presence_change.c.id.desc())
        .limit(_NEWEST)
    )
    return [
        PresenceChange(f"presence {row.id}", row.state == "online", _ms(row.at), _ms(row.seen_at))
        for row in connection.execute(newest)
    ]


def _stored(connection: Connection, endpoint_id: str) -> list[Row[Any]]:
    newest = (
        select(t.interruption)
        .where(t.interruption.c.endpoint_id == endpoint_id, t.interruption.c.withdrawn.is_(False))
        .order_by(t.interruption.c.id.desc())
        .limit(_NEWEST)
    )
    return list(reversed(connection.execute(newest).all()))


def _values(interruption: Interruption) -> dict[str, Any]:
    start, end, length = interruption.start, interruption.end, interruption.length
    return {
        "cause": interruption.cause,
        "started_at": _at(start.middle_ms),
        "start_error_ms": start.error_ms,
        "ended_at": None if end is None else _at(end.middle_ms),
        "end_error_ms": None if end is None else end.error_ms,
        "length_ms": None if length is None else length.middle_ms,
        "length_error_ms": None if length is None else length.error_ms,
        "evidence": json.dumps(sorted(interruption.evidence)),
        "withdrawn": False,
    }


def _open(connection: Connection, endpoint_id: str, values: dict[str, Any], now: datetime) -> None:
    key = connection.execute(
        t.interruption.insert().values(
            endpoint_id=endpoint_id, revision=1, updated_at=now, **values
        )
    ).inserted_primary_key
    if key is not None:
        _keep_verdict(connection, key[0], 1, values, now)


def _revise(connection: Connection, row: Row[Any], values: dict[str, Any], now: datetime) -> None:
    if all(getattr(row, name) == value for name, value in values.items()):
        return
    connection.execute(
        update(t.interruption)
        .where(t.interruption.c.id == row.id)
        .values(revision=row.revision + 1, updated_at=now, **values)
    )
    _keep_verdict(connection, row.id, row.revision + 1, values, now)


def _withdraw(connection: Connection, row: Row[Any], now: datetime) -> None:
    kept = {column.name for column in t.interruption_verdict.c} & set(row._mapping)
    values = {name: row._mapping[name] for name in kept - {"revision"}}
    _revise(connection, row, {**values, "withdrawn": True}, now)


def _keep_verdict(
    connection: Connection, ident: int, revision: int, values: dict[str, Any], now: datetime
) -> None:
    connection.execute(
        t.interruption_verdict.insert().values(
            interruption_id=ident, revision=revision, decided_at=now, **values
        )
    )


def _proof(row: Row[Any]) -> frozenset[str]:
    names: Iterable[str] = json.loads(row.evidence)
    return frozenset(names)


def _around(at: datetime | None, error_ms: int | None) -> Span | None:
    return None if at is None else _span(_ms(at), error_ms or 0)


def _span(middle_ms: int, error_ms: int) -> Span:
    return Span(middle_ms - error_ms, middle_ms + error_ms)


def _ms(at: datetime) -> int:
    return (at - _EPOCH) // timedelta(milliseconds=1)


def _at(ms: int) -> datetime:
    return _EPOCH + timedelta(milliseconds=ms)
