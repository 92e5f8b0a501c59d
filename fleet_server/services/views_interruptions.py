"""What the console shows of the interruptions of a device: each with all its verdicts."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, Select, select, tuple_

from fleet_server.services.tables import (
    event,
    interruption,
    interruption_verdict,
    presence_change,
)

PAST_PAGE = 8

EVENT = "event"
PRESENCE = "presence"


@dataclass(frozen=True, slots=True)
class Proof:
    """One piece of evidence: an `event` by its name, or a change of `presence` by its reason."""

    kind: str
    code: str


@dataclass(frozen=True, slots=True)
class Verdict:
    """What was concluded of an interruption at one moment, and from what."""

    cause: str
    length_ms: int | None
    length_error_ms: int | None
    evidence: tuple[Proof, ...]
    decided_at: datetime


@dataclass(frozen=True, slots=True)
class Interruption:
    """A time without service; open while `ended_at` is None. Verdicts are newest first."""

    id: int
    cause: str
    started_at: datetime
    start_error_ms: int
    ended_at: datetime | None
    length_ms: int | None
    length_error_ms: int | None
    verdicts: tuple[Verdict, ...]


@dataclass(frozen=True, slots=True)
class InterruptionPage:
    """Newest first; `next_before` is the key that asks for older ones, None on the last page."""

    interruptions: tuple[Interruption, ...]
    next_before: int | None


def open_interruptions(connection: Connection, endpoint_id: str) -> tuple[Interruption, ...]:
    """Those that last, newest first: usually none or one."""
    return _read(connection, _of(endpoint_id).where(interruption.c.ended_at.is_(None)))


def past_interruptions(
    connection: Connection, endpoint_id: str, before: int | None = None, size: int = PAST_PAGE
) -> InterruptionPage:
    """Those that ended, newest first, older than the one whose id is `before`."""
    query = _of(endpoint_id).where(interruption.c.ended_at.is_not(None))
    if before is not None:
        started_at = (
            select(interruption.c.started_at).where(interruption.c.id == before).scalar_subquery()
        )
        key = tuple_(interruption.c.started_at, interruption.c.id)
        query = query.where(key < tuple_(started_at, before))
    found = _read(connection, query.limit(size + 1))
    shown = found[:size]
    return InterruptionPage(shown, shown[-1].id if len(found) > size else None)


def _of(endpoint_id: str) -> Select[Any]:
    return (
        select(interruption)
        .where(interruption.c.endpoint_id == endpoint_id, interruption.c.withdrawn.is_(False))
        .order_by(interruption.c.started_at.desc(), interruption.c.id.desc())
    )


def _read(connection: Connection, query: Select[Any]) -> tuple[Interruption, ...]:
    rows = connection.execute(query).all()
    given = _verdict_rows(connection, [row.id for row in rows])
    words = _proofs(connection, given)
    verdicts: dict[int, list[Verdict]] = {row.id: [] for row in rows}
    for row in given:
        verdicts[row.interruption_id].append(_verdict(row, words))
    return tuple(
        Interruption(
            id=row.id,
            cause=row.cause,
            started_at=row.started_at,
            start_error_ms=row.start_error_ms,
            ended_at=row.ended_at,
            length_ms=row.length_ms,
            length_error_ms=row.length_error_ms,
            verdicts=tuple(verdicts[row.id]),
        )
        for row in rows
    )


def _verdict_rows(connection: Connection, interruptions: list[int]) -> list[Row[Any]]:
    if not interruptions:
        return []
    query = (
        select(interruption_verdict)
        .where(interruption_verdict.c.interruption_id.in_(interruptions))
        .order_by(interruption_verdict.c.revision.desc())
    )
    return list(connection.execute(query))


def _verdict(row: Row[Any], words: Mapping[str, Proof]) -> Verdict:
    named = [words[name] for name in _names(row) if name in words]
    return Verdict(
        cause=row.cause,
        length_ms=row.length_ms,
        length_error_ms=row.length_error_ms,
        evidence=tuple(dict.fromkeys(named)),
        decided_at=row.decided_at,
    )


def _proofs(connection: Connection, verdicts: Iterable[Row[Any]]) -> dict[str, Proof]:
    """Evidence is kept as `event <id>` and `presence <id>`; gives what each of them says."""
    keys: dict[str, set[int]] = {EVENT: set(), PRESENCE: set()}
    for row in verdicts:
        for name in _names(row):
            kind, _, key = name.partition(" ")
            keys[kind].add(int(key))
    events = select(event.c.id, event.c.name).where(event.c.id.in_(keys[EVENT]))
    changes = select(presence_change.c.id, presence_change.c.evidence).where(
        presence_change.c.id.in_(keys[PRESENCE])
    )
    found = {}
    for kind, query in ((EVENT, events), (PRESENCE, changes)):
        for ident, code in connection.execute(query) if keys[kind] else ():
            found[f"{kind} {ident}"] = Proof(kind, code)
    return found


def _names(row: Row[Any]) -> list[str]:
    names: list[str] = json.loads(row.evidence)
    return names
