"""Keeps the interruptions of agents in step with the evidence.

After each new piece of evidence all of an agent's recent evidence is tied anew. An interruption is
known by its evidence: what shares a row with a stored one is a revision of it. Every revision stays
on record; an interruption that was merged into another, or turned out to be none, is withdrawn.

What others say of the place (outages, reports, announced work, suspension) divides an interruption
into causes when it is new or revised, and again whenever they say something new (`settle_again`).
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, TypeVar

from sqlalchemy import ColumnElement, Connection, Row, Table, bindparam, func, or_, select, update

from fleet_server.domain.causes import headline, partition, reach_back
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
from fleet_server.domain.place import Topology
from fleet_server.domain.presence import ONLINE, SUSPECT
from fleet_server.services import tables as t
from fleet_server.services.chunks import chunks
from fleet_server.services.pieces import (
    evidence_of,
    evidence_text,
    from_ms,
    segments_text,
    to_ms,
)
from fleet_server.services.rechecks import look_again
from fleet_server.services.surroundings import Home, Surroundings, homes, read_surroundings

POWER_EVENTS = (LOSS, RESTORED, BOOT)
_NEWEST = 400
_Made = TypeVar("_Made")
_KEPT = tuple(
    column.name
    for column in t.interruption_verdict.c
    if column.name not in ("interruption_id", "revision", "decided_at")
)
_OWN = (
    "started_at",
    "start_error_ms",
    "ended_at",
    "end_error_ms",
    "length_ms",
    "length_error_ms",
    "evidence",
    "own",
    "lost_power",
    "withdrawn",
)


@dataclass(frozen=True, slots=True)
class _Change:
    """A stored row or None for a new one, and the values it takes."""

    endpoint_id: str
    row: Row[Any] | None
    values: dict[str, Any]


def refresh(
    connection: Connection, topology: Topology, endpoint_ids: Iterable[str], now: datetime
) -> None:
    """Tie the evidence of these agents anew and put down what is different from before."""
    for some in chunks(endpoint_ids):
        changed = list(_changes(connection, some))
        if changed:
            _divide(connection, topology, changed, now)
            _write(connection, changed, now)
            look_again(connection, topology, _touched(changed))


def settle_again(
    connection: Connection,
    topology: Topology,
    elements: Iterable[int],
    from_at: datetime,
    until_at: datetime | None,
    now: datetime,
) -> None:
    """Divide the interruptions at these elements and below in that time into causes anew."""
    below = {one for element in elements for one in topology.below(element)}
    for some in chunks(below):
        found = t.interruption.c
        query = select(t.interruption).where(
            found.network_element_id.in_(some),
            found.withdrawn.is_(False),
            or_(found.ended_at.is_(None), found.ended_at >= from_at),
            *([] if until_at is None else [found.started_at < until_at]),
        )
        rows = connection.execute(query).all()
        changed = [_Change(row.endpoint_id, row, dict(row._mapping)) for row in rows]
        if changed:
            _divide(connection, topology, changed, now)
            _write(
                connection,
                [one for one in changed if one.row and one.values["segments"] != one.row.segments],
                now,
            )


def _touched(changes: Iterable[_Change]) -> Iterator[tuple[int, datetime]]:
    """Where and when outages may be different now."""
    for change in changes:
        element = change.values["network_element_id"]
        if element is not None:
            yield element, _latest_start(change.values)
            if change.row is not None:
                yield element, _latest_start(dict(change.row._mapping))


def _latest_start(values: Mapping[str, Any]) -> datetime:
    latest: datetime = values["started_at"] + timedelta(milliseconds=values["start_error_ms"])
    return latest


def _changes(connection: Connection, endpoint_ids: list[str]) -> Iterator[_Change]:
    power = _power(connection, endpoint_ids)
    presence = _presence(connection, endpoint_ids)
    stored = _stored(connection, endpoint_ids)
    for endpoint_id in endpoint_ids:
        yield from _changes_of(
            endpoint_id,
            power.get(endpoint_id, []),
            presence.get(endpoint_id, []),
            stored.get(endpoint_id, []),
        )


def _changes_of(
    endpoint_id: str,
    power: list[PowerEvent],
    changes: list[PresenceChange],
    all_stored: list[Row[Any]],
) -> Iterator[_Change]:
    found = tie(power, changes)
    if len(power) == _NEWEST or len(changes) == _NEWEST:
        found = found[1:]  # the oldest may miss evidence that is no longer looked at
    evidence = {item.ident for item in power} | {item.ident for item in changes}
    proofs = {row.id: _proof(row) for row in all_stored}
    stored = [row for row in all_stored if proofs[row.id] <= evidence]
    for interruption in found:
        same = [row for row in stored if proofs[row.id] & interruption.evidence]
        values = _values(interruption)
        if not same:
            yield _Change(endpoint_id, None, values)
            continue
        stored = [row for row in stored if row not in same]
        if any(getattr(same[0], name) != values[name] for name in _OWN):
            yield _Change(endpoint_id, same[0], values)
        for merged in same[1:]:
            yield _withdrawn(merged)
    for row in stored:
        yield _withdrawn(row)


def _withdrawn(row: Row[Any]) -> _Change:
    return _Change(row.endpoint_id, row, {**row._mapping, "withdrawn": True})


def _divide(
    connection: Connection, topology: Topology, changes: list[_Change], now: datetime
) -> None:
    """Fill in place, segments and headline of each change."""
    new = [change.endpoint_id for change in changes if change.row is None]
    home = homes(connection, new) if new else {}
    for change in changes:
        known = change.row
        place = Home(known.contract_id, known.network_element_id) if known else None
        place = place or home.get(change.endpoint_id) or Home(None, None)
        change.values["contract_id"] = place.contract_id
        change.values["network_element_id"] = place.element
    around = _around_all(connection, topology, changes, now)
    for change in changes:
        values = change.values
        evidence = evidence_of(values["own"])
        start_ms, ended_at = to_ms(values["started_at"]), values["ended_at"]
        others = around.evidence(values["network_element_id"], values["contract_id"])
        evidence += reach_back(others, start_ms, start_ms + values["start_error_ms"])
        segments = partition(start_ms, None if ended_at is None else to_ms(ended_at), evidence)
        values["segments"] = segments_text(segments)
        values["cause"] = headline(segments).value


def _around_all(
    connection: Connection, topology: Topology, changes: list[_Change], now: datetime
) -> Surroundings:
    contracts = {change.values["contract_id"] for change in changes} - {None}
    ends = [change.values["ended_at"] or now for change in changes]
    starts = [change.values["started_at"] for change in changes]
    return read_surroundings(connection, topology, contracts, min(starts), max([*ends, now]))


def _write(connection: Connection, changes: list[_Change], now: datetime) -> None:
    opened = [change for change in changes if change.row is None]
    keys = _insert(connection, opened, now)
    verdicts = [
        _verdict(key, 1, change.values, now) for key, change in zip(keys, opened, strict=True)
    ]
    revised = [(change.row, change.values) for change in changes if change.row is not None]
    if revised:
        names = [*_OWN, "cause", "segments"]
        connection.execute(
            update(t.interruption)
            .where(t.interruption.c.id == bindparam("key"))
            .values(
                {name: bindparam(f"new_{name}") for name in [*names, "revision", "updated_at"]}
            ),
            [
                {
                    "key": row.id,
                    "new_revision": row.revision + 1,
                    "new_updated_at": now,
                    **{f"new_{name}": values[name] for name in names},
                }
                for row, values in revised
            ],
        )
    verdicts += [_verdict(row.id, row.revision + 1, values, now) for row, values in revised]
    if verdicts:
        connection.execute(t.interruption_verdict.insert(), verdicts)


def _insert(connection: Connection, opened: list[_Change], now: datetime) -> list[int]:
    if not opened:
        return []
    rows = [
        {**change.values, "endpoint_id": change.endpoint_id, "revision": 1, "updated_at": now}
        for change in opened
    ]
    insert = t.interruption.insert().returning(t.interruption.c.id, sort_by_parameter_order=True)
    return list(connection.scalars(insert, rows))


def _verdict(
    interruption_id: int, revision: int, values: dict[str, Any], now: datetime
) -> dict[str, Any]:
    kept = {name: values[name] for name in _KEPT}
    return {"interruption_id": interruption_id, "revision": revision, "decided_at": now, **kept}


def _power(connection: Connection, endpoint_ids: list[str]) -> dict[str, list[PowerEvent]]:
    wanted = (t.event.c.endpoint_id.in_(endpoint_ids), t.event.c.name.in_(POWER_EVENTS))
    return _by_endpoint(_newest(connection, t.event, wanted), _power_event)


def _presence(connection: Connection, endpoint_ids: list[str]) -> dict[str, list[PresenceChange]]:
    change = t.presence_change.c
    wanted = (change.endpoint_id.in_(endpoint_ids), change.state != SUSPECT)
    return _by_endpoint(_newest(connection, t.presence_change, wanted), _presence_change)


def _stored(connection: Connection, endpoint_ids: list[str]) -> dict[str, list[Row[Any]]]:
    interruption = t.interruption.c
    wanted = (interruption.endpoint_id.in_(endpoint_ids), interruption.withdrawn.is_(False))
    newest = _newest(connection, t.interruption, wanted)
    return _by_endpoint(reversed(newest), lambda row: row)


def _newest(
    connection: Connection, table: Table, wanted: Iterable[ColumnElement[bool]]
) -> list[Row[Any]]:
    """The newest rows of each endpoint, newest first."""
    place = func.row_number().over(partition_by=table.c.endpoint_id, order_by=table.c.id.desc())
    ranked = select(table, place.label("place")).where(*wanted).subquery()
    query = select(ranked).where(ranked.c.place <= _NEWEST).order_by(ranked.c.id.desc())
    return list(connection.execute(query))


def _by_endpoint(
    rows: Iterable[Row[Any]], made: Callable[[Row[Any]], _Made]
) -> dict[str, list[_Made]]:
    found: dict[str, list[_Made]] = {}
    for row in rows:
        found.setdefault(row.endpoint_id, []).append(made(row))
    return found


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
        received_ms=to_ms(row.received_at),
        duration=None
        if duration_ms is None
        else _span(duration_ms, length_ms(params.get("DurationError")) or 0),
        reason=params.get("Reason", ""),
    )


def _presence_change(row: Row[Any]) -> PresenceChange:
    online = row.state == ONLINE
    return PresenceChange(f"presence {row.id}", online, to_ms(row.at), to_ms(row.seen_at))


def _values(interruption: Interruption) -> dict[str, Any]:
    start, end, length = interruption.start, interruption.end, interruption.length
    return {
        "started_at": from_ms(start.middle_ms),
        "start_error_ms": start.error_ms,
        "ended_at": None if end is None else from_ms(end.middle_ms),
        "end_error_ms": None if end is None else end.error_ms,
        "length_ms": None if length is None else length.middle_ms,
        "length_error_ms": None if length is None else length.error_ms,
        "evidence": json.dumps(sorted(interruption.evidence)),
        "own": evidence_text(interruption.own),
        "lost_power": interruption.lost_power,
        "withdrawn": False,
    }


def _proof(row: Row[Any]) -> frozenset[str]:
    names: Iterable[str] = json.loads(row.evidence)
    return frozenset(names)


def _around(at: datetime | None, error_ms: int | None) -> Span | None:
    return None if at is None else _span(to_ms(at), error_ms or 0)


def _span(middle_ms: int, error_ms: int) -> Span:
    return Span(middle_ms - error_ms, middle_ms + error_ms)
