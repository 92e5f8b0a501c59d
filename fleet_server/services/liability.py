"""Who answers for the time of an interruption: proposed from each cause, decided by a person.

A decision is on one cause of one outage, and holds for that cause in all its interruptions, or on
one cause of one interruption, which goes before. The newest counts; none is ever removed.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, or_, select

from fleet_server.domain.causes import Cause, Segment
from fleet_server.domain.credit import Decision, Stretch
from fleet_server.domain.errors import (
    InvalidError,
    UnknownInterruptionError,
    UnknownOutageError,
)
from fleet_server.domain.liability import Liability, Proposal, propose
from fleet_server.domain.place import Topology
from fleet_server.domain.policy import Policy
from fleet_server.services import audit
from fleet_server.services import tables as t
from fleet_server.services.audit import Actor, Entry
from fleet_server.services.chunks import chunks
from fleet_server.services.pieces import segments_of, to_ms
from fleet_server.services.storms import storms_over
from fleet_server.services.surroundings import RECOVERY

SHORTEST_REASON = 3


@dataclass(frozen=True, slots=True)
class Decided:
    """A decision as it stands; `account_id` is the person's."""

    decision: Decision
    account_id: int
    decided_at: datetime


@dataclass(frozen=True, slots=True)
class Subject:
    """What is decided on: exactly one of the two."""

    outage_id: int | None = None
    interruption_id: int | None = None

    @property
    def name(self) -> str:
        if self.outage_id is not None:
            return f"outage:{self.outage_id}"
        return f"interruption:{self.interruption_id}"


def decide(
    connection: Connection,
    account_id: int,
    subject: Subject,
    decision: Decision,
    proposed: Proposal,
    reason: str,
    now: datetime,
) -> None:
    """Put a person's decision on record. Raises InvalidError without a reason in words."""
    if len(reason.strip()) < SHORTEST_REASON:
        raise InvalidError("A decision needs its reason in words.")
    detail = {
        "cause": decision.cause.value,
        "proposed": proposed.liability.value,
        "decided": decision.liability.value,
        "counts": decision.counts,
        "articles": " ".join(proposed.articles),
    }
    entry = Entry("liability_decided", subject.name, detail)
    (sequence,) = audit.append(connection, Actor.account(account_id), [entry], now, reason.strip())
    connection.execute(
        t.liability_decision.insert().values(
            outage_id=subject.outage_id,
            interruption_id=subject.interruption_id,
            cause=decision.cause.value,
            proposed=proposed.liability.value,
            decided=decision.liability.value,
            counts=decision.counts,
            account_id=account_id,
            decided_at=now,
            audit_sequence=sequence,
        )
    )


def decide_outage(
    connection: Connection,
    topology: Topology,
    policy: Policy,
    account_id: int,
    outage_id: int,
    decision: Decision,
    reason: str,
    now: datetime,
) -> None:
    """Decide on one cause of an outage. Raises UnknownOutageError and InvalidError."""
    outage = t.outage.c
    query = select(t.outage).where(outage.id == outage_id, outage.withdrawn.is_(False))
    row = connection.execute(query).first()
    if row is None:
        raise UnknownOutageError("There is no outage %(outage)s.", outage=outage_id)
    if decision.cause not in (row.cause, row.inferred_cause):
        raise InvalidError(
            "The outage has no time with the cause %(cause)r.", cause=decision.cause.value
        )
    places = select(t.outage_place.c.network_element_id).where(
        t.outage_place.c.outage_id == outage_id
    )
    elements = connection.scalars(places).all()
    storm = bool(storms_over(connection, topology, elements, row.started_at))
    proposed = propose(policy, decision.cause, storm)
    decide(connection, account_id, Subject(outage_id=outage_id), decision, proposed, reason, now)


def decide_interruption(
    connection: Connection,
    topology: Topology,
    policy: Policy,
    account_id: int,
    interruption_id: int,
    decision: Decision,
    reason: str,
    now: datetime,
) -> None:
    """Decide on one cause of one interruption. Raises UnknownInterruptionError, InvalidError."""
    found = t.interruption.c
    query = select(t.interruption).where(found.id == interruption_id, found.withdrawn.is_(False))
    row = connection.execute(query).first()
    if row is None:
        raise UnknownInterruptionError(
            "There is no interruption %(interruption)s.", interruption=interruption_id
        )
    storm = _storm_over(connection, topology, row)
    proposed = propose(policy, decision.cause, storm)
    subject = Subject(interruption_id=interruption_id)
    decide(connection, account_id, subject, decision, proposed, reason, now)


def decisions_on_outage(connection: Connection, outage_id: int) -> dict[Cause, Decided]:
    """The newest decision on each cause."""
    found = _decisions(connection, t.liability_decision.c.outage_id == outage_id)
    return {cause: decided for (_, cause), decided in found.items()}


def stretches_of(
    connection: Connection,
    topology: Topology,
    policy: Policy,
    endpoint_ids: Collection[str],
    from_at: datetime,
    until_at: datetime,
) -> dict[str, list[Stretch]]:
    """The time without service of each device from `from_at` to `until_at`, the oldest first.

    Each stretch has its one cause, the proposal and, where a person decided, the decision. What
    lasts is told up to `until_at`.
    """
    found: dict[str, list[Stretch]] = {endpoint_id: [] for endpoint_id in endpoint_ids}
    for some in chunks(endpoint_ids):
        for row in _interruptions(connection, some, from_at, until_at):
            storm = _storm_over(connection, topology, row)
            decisions = _decisions_on(connection, topology, row)
            for segment in segments_of(row.segments):
                stretch = _stretch(segment, from_at, until_at, policy, storm)
                if stretch is not None:
                    found[row.endpoint_id].append(_with(stretch, decisions.get(segment.cause)))
    for stretches in found.values():
        stretches.sort(key=lambda one: (one.start_ms, one.end_ms))
    return found


_Key = tuple[str, Cause]


def _interruptions(
    connection: Connection, endpoint_ids: list[str], from_at: datetime, until_at: datetime
) -> list[Row[Any]]:
    found = t.interruption.c
    query = (
        select(t.interruption)
        .where(
            found.endpoint_id.in_(endpoint_ids),
            found.withdrawn.is_(False),
            found.started_at < until_at,
            or_(found.ended_at.is_(None), found.ended_at > from_at),
        )
        .order_by(found.started_at, found.id)
    )
    return list(connection.execute(query))


def _storm_over(connection: Connection, topology: Topology, row: Row[Any]) -> bool:
    if row.network_element_id is None:
        return False
    return bool(storms_over(connection, topology, [row.network_element_id], row.started_at))


def _stretch(
    segment: Segment, from_at: datetime, until_at: datetime, policy: Policy, storm: bool
) -> Stretch | None:
    start_ms = max(segment.start_ms, to_ms(from_at))
    last_ms = to_ms(until_at)
    end_ms = last_ms if segment.end_ms is None else min(segment.end_ms, last_ms)
    if end_ms <= start_ms:
        return None
    proposal = propose(policy, segment.cause, storm)
    return Stretch(start_ms, end_ms, segment.cause, proposal, None, segment.evidence)


def _with(stretch: Stretch, decided: Decided | None) -> Stretch:
    if decided is None:
        return stretch
    return Stretch(
        stretch.start_ms,
        stretch.end_ms,
        stretch.cause,
        stretch.proposal,
        decided.decision,
        stretch.evidence,
    )


def _decisions_on(
    connection: Connection, topology: Topology, row: Row[Any]
) -> dict[Cause, Decided]:
    """By cause: on the interruption itself, else the newest on an outage at its place and time."""
    decision = t.liability_decision.c
    of_outages = _decisions(
        connection, decision.outage_id.in_(_outages_over(connection, topology, row))
    )
    found: dict[Cause, Decided] = {}
    for (_, cause), decided in sorted(of_outages.items(), key=lambda one: one[1].decided_at):
        found[cause] = decided
    own = _decisions(connection, decision.interruption_id == row.id)
    return found | {cause: decided for (_, cause), decided in own.items()}


def _outages_over(connection: Connection, topology: Topology, row: Row[Any]) -> list[int]:
    if row.network_element_id is None:
        return []
    outage = t.outage.c
    query = (
        select(outage.id)
        .join(t.outage_place, t.outage_place.c.outage_id == outage.id)
        .where(
            t.outage_place.c.network_element_id.in_(topology.path(row.network_element_id)),
            outage.withdrawn.is_(False),
            or_(outage.ended_at.is_(None), outage.ended_at > row.started_at - RECOVERY),
            *([] if row.ended_at is None else [outage.started_at < row.ended_at]),
        )
    )
    return list(connection.scalars(query))


def _decisions(connection: Connection, wanted: ColumnElement[bool]) -> dict[_Key, Decided]:
    query = select(t.liability_decision).where(wanted).order_by(t.liability_decision.c.id)
    return {
        (Subject(row.outage_id, row.interruption_id).name, Cause(row.cause)): Decided(
            Decision(Cause(row.cause), Liability(row.decided), row.counts),
            row.account_id,
            row.decided_at,
        )
        for row in connection.execute(query)
    }
