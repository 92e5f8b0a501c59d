"""What is shown of outages: the list, and one with its verdicts, its devices and who answers."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, and_, or_, select

from fleet_server.domain.causes import Cause
from fleet_server.domain.errors import UnknownOutageError
from fleet_server.domain.liability import Proposal, propose
from fleet_server.services import tables as t
from fleet_server.services.elements import codes_of
from fleet_server.services.liability import Decided, decisions_on_outage
from fleet_server.services.policy import read_policy
from fleet_server.services.storms import storms_over
from fleet_server.services.surroundings import read_topology

PAGE = 50


@dataclass(frozen=True, slots=True)
class OutageRow:
    """One outage as it is believed now; `places` are codes, the first few of many."""

    id: int
    cause: Cause
    confidence: str
    places: tuple[str, ...]
    started_at: datetime
    ended_at: datetime | None
    devices: int
    population: int
    told: int
    powerless: int
    revision: int
    updated_at: datetime


@dataclass(frozen=True, slots=True)
class OutageVerdict:
    """What was believed from `decided_at` on."""

    cause: Cause
    confidence: str
    places: tuple[str, ...]
    started_at: datetime
    ended_at: datetime | None
    devices: int
    population: int
    withdrawn: bool
    decided_at: datetime


@dataclass(frozen=True, slots=True)
class CauseLiability:
    """One cause of the outage: what is proposed, and what a person decided."""

    cause: Cause
    proposal: Proposal
    decided: Decided | None


@dataclass(frozen=True, slots=True)
class OutageView:
    """Everything of one outage but its devices; verdicts are the newest first."""

    row: OutageRow
    inferred_cause: Cause
    withdrawn: bool
    verdicts: tuple[OutageVerdict, ...]
    liability: tuple[CauseLiability, ...]
    storms: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Member:
    """A device that the outage was seen by."""

    interruption_id: int
    endpoint_id: str
    cause: Cause
    started_at: datetime
    ended_at: datetime | None


def list_outages(
    connection: Connection,
    only_open: bool = False,
    before: tuple[datetime, int] | None = None,
    size: int = PAGE + 1,
) -> list[OutageRow]:
    """Those that stand, the latest first, before the one that began then and has this key."""
    outage = t.outage.c
    query = select(t.outage).where(outage.withdrawn.is_(False))
    if only_open:
        query = query.where(outage.ended_at.is_(None))
    if before is not None:
        began_at, key = before
        query = query.where(
            or_(
                outage.started_at < began_at,
                and_(outage.started_at == began_at, outage.id < key),
            )
        )
    query = query.order_by(outage.started_at.desc(), outage.id.desc()).limit(size)
    rows = connection.execute(query).all()
    codes = codes_of(connection, {place for row in rows for place in _places(row)})
    return [_row(row, codes) for row in rows]


def read_outage(connection: Connection, outage_id: int) -> OutageView:
    """Raises UnknownOutageError; one that was withdrawn is still told."""
    row = connection.execute(select(t.outage).where(t.outage.c.id == outage_id)).first()
    if row is None:
        raise UnknownOutageError("There is no outage %(outage)s.", outage=outage_id)
    verdict = t.outage_verdict
    verdicts = connection.execute(
        select(verdict).where(verdict.c.outage_id == outage_id).order_by(verdict.c.revision.desc())
    ).all()
    places = {place for each in (row, *verdicts) for place in _places(each)}
    codes = codes_of(connection, places)
    topology = read_topology(connection)
    storms = storms_over(connection, topology, _places(row), row.started_at)
    return OutageView(
        row=_row(row, codes),
        inferred_cause=Cause(row.inferred_cause),
        withdrawn=row.withdrawn,
        verdicts=tuple(_verdict(each, codes) for each in verdicts),
        liability=_liability(connection, row, bool(storms)),
        storms=tuple(storms),
    )


def list_members(
    connection: Connection, outage_id: int, after: int = 0, size: int = PAGE + 1
) -> list[Member]:
    """The interruptions it was seen by, in the order they came in, after this key."""
    member, found = t.outage_member.c, t.interruption.c
    query = (
        select(found.id, found.endpoint_id, found.cause, found.started_at, found.ended_at)
        .join(t.outage_member, member.interruption_id == found.id)
        .where(member.outage_id == outage_id, member.interruption_id > after)
        .order_by(member.interruption_id)
        .limit(size)
    )
    return [
        Member(row.id, row.endpoint_id, Cause(row.cause), row.started_at, row.ended_at)
        for row in connection.execute(query)
    ]


def _liability(connection: Connection, row: Row[Any], storm: bool) -> tuple[CauseLiability, ...]:
    policy = read_policy(connection)
    decided = decisions_on_outage(connection, row.id)
    causes = dict.fromkeys((Cause(row.cause), Cause(row.inferred_cause)))
    return tuple(
        CauseLiability(cause, propose(policy, cause, storm), decided.get(cause)) for cause in causes
    )


def _places(row: Row[Any]) -> list[int]:
    found: list[int] = json.loads(row.places)
    return found


def _codes(row: Row[Any], codes: dict[int, str]) -> tuple[str, ...]:
    return tuple(sorted(codes[place] for place in _places(row) if place in codes))


def _row(row: Row[Any], codes: dict[int, str]) -> OutageRow:
    return OutageRow(
        id=row.id,
        cause=Cause(row.cause),
        confidence=row.confidence,
        places=_codes(row, codes),
        started_at=row.started_at,
        ended_at=row.ended_at,
        devices=row.devices,
        population=row.population,
        told=row.told,
        powerless=row.powerless,
        revision=row.revision,
        updated_at=row.updated_at,
    )


def _verdict(row: Row[Any], codes: dict[int, str]) -> OutageVerdict:
    return OutageVerdict(
        cause=Cause(row.cause),
        confidence=row.confidence,
        places=_codes(row, codes),
        started_at=row.started_at,
        ended_at=row.ended_at,
        devices=row.devices,
        population=row.population,
        withdrawn=row.withdrawn,
        decided_at=row.decided_at,
    )
