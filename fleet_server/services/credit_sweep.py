"""Looks for what changes a credit, batch by batch: the worker's chore.

- Interruptions that were put down or revised, in the order in which they were; those of the last
  seconds wait, so that one that is being written meanwhile is not passed over.
- Interruptions that have lasted for a day now, and cases of outages that last, whose next day is
  full.
- Decisions on liability, of an interruption or of an outage with all that hung on it.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import Connection, literal, or_, select, tuple_

from fleet_server.domain.place import Topology
from fleet_server.domain.policy import Policy
from fleet_server.services import tables as t
from fleet_server.services.chunks import chunks
from fleet_server.services.credit_book import CreditState, matters, refresh_position
from fleet_server.services.fleet import Fleet
from fleet_server.services.policy import read_policy
from fleet_server.services.surroundings import KnownTopology
from fleet_server.services.upsert import upsert

_MOST = 200
_SETTLE = timedelta(seconds=10)
_START = datetime(1970, 1, 1, tzinfo=UTC)
_CHANGED, _LASTING, _DECIDED = "credit_changed", "credit_lasting", "credit_decided"


@dataclass(frozen=True, slots=True)
class _Touched:
    """The time of a position in which something changed."""

    position_id: int
    from_at: datetime
    until_at: datetime


@dataclass(slots=True)
class CreditSweep:
    """Remembers the topology between batches; the database holds all that must survive.

    What is looked at is read without holding up any writer: few interruptions come to a day.
    """

    known: KnownTopology = field(default_factory=KnownTopology)

    def sweep(self, fleet: Fleet, now: datetime) -> int:
        """One batch of each; gives how many rows were looked at."""
        with fleet.reading() as connection:
            topology = self.known.read(connection, now)
            look = _Look(connection, topology, read_policy(connection), now)
            look.at_all()
        if look.seen:
            with fleet.writing() as connection:
                policy = read_policy(connection)
                for one in dict.fromkeys(look.touched):
                    refresh_position(
                        connection,
                        topology,
                        policy,
                        one.position_id,
                        one.from_at,
                        one.until_at,
                        now,
                    )
                upsert(connection, t.credit_cursor, look.cursors)
        return look.seen


@dataclass(slots=True)
class _Look:
    """What one batch found: the positions to be reckoned anew, and how far it came."""

    connection: Connection
    topology: Topology
    policy: Policy
    now: datetime
    seen: int = 0
    touched: list[_Touched] = field(default_factory=list)
    cursors: list[dict[str, Any]] = field(default_factory=list)

    def at_all(self) -> None:
        self.changed()
        self.became_long()
        self.next_days()
        self.decided()

    def changed(self) -> None:
        at, key = self._cursor(_CHANGED)
        found = t.interruption.c
        rows = self.connection.execute(
            select(t.interruption)
            .where(
                tuple_(found.updated_at, found.id) > tuple_(literal(at, t.Timestamp), key),
                found.updated_at <= self.now - _SETTLE,
            )
            .order_by(found.updated_at, found.id)
            .limit(_MOST)
        ).all()
        for row in rows:
            self._interruption(row.endpoint_id, row.started_at, row.ended_at)
        if rows:
            self._move(_CHANGED, rows[-1].updated_at, rows[-1].id, len(rows))

    def became_long(self) -> None:
        at, key = self._cursor(_LASTING)
        found = t.interruption.c
        rows = self.connection.execute(
            select(t.interruption)
            .where(
                found.ended_at.is_(None),
                tuple_(found.started_at, found.id) > tuple_(literal(at, t.Timestamp), key),
                found.started_at <= self.now - timedelta(hours=self.policy.credit_day_hours),
            )
            .order_by(found.started_at, found.id)
            .limit(_MOST)
        ).all()
        for row in rows:
            if not row.withdrawn:
                self._interruption(row.endpoint_id, row.started_at, None)
        if rows:
            self._move(_LASTING, rows[-1].started_at, rows[-1].id, len(rows))

    def next_days(self) -> None:
        rows = self.connection.execute(
            select(t.credit)
            .where(t.credit.c.next_at <= self.now)
            .order_by(t.credit.c.next_at)
            .limit(_MOST)
        ).all()
        for row in rows:
            self.touched.append(_Touched(row.service_position_id, row.started_at, self.now))
        self.seen += len(rows)

    def decided(self) -> None:
        _at, key = self._cursor(_DECIDED)
        rows = self.connection.execute(
            select(t.liability_decision)
            .where(t.liability_decision.c.id > key)
            .order_by(t.liability_decision.c.id)
            .limit(_MOST)
        ).all()
        for row in rows:
            if row.interruption_id is not None:
                self._of_interruption(row.interruption_id)
            if row.outage_id is not None:
                self._of_outage(row.outage_id)
        if rows:
            self._move(_DECIDED, self.now, rows[-1].id, len(rows))

    def _of_interruption(self, interruption_id: int) -> None:
        row = self.connection.execute(
            select(t.interruption).where(t.interruption.c.id == interruption_id)
        ).one()
        self._interruption(row.endpoint_id, row.started_at, row.ended_at)

    def _of_outage(self, outage_id: int) -> None:
        """The cases of contracts at the outage's places or below, at its time."""
        outage = self.connection.execute(select(t.outage).where(t.outage.c.id == outage_id)).one()
        places = self.connection.scalars(
            select(t.outage_place.c.network_element_id).where(
                t.outage_place.c.outage_id == outage_id
            )
        )
        below = {one for place in places for one in self.topology.below(place)}
        for some in chunks(below):
            query = (
                select(t.credit)
                .join(t.contract, t.contract.c.id == t.credit.c.contract_id)
                .where(
                    t.contract.c.network_element_id.in_(some),
                    t.credit.c.state != CreditState.WITHDRAWN,
                    t.credit.c.started_at < (outage.ended_at or self.now),
                    or_(t.credit.c.ended_at.is_(None), t.credit.c.ended_at > outage.started_at),
                )
            )
            for row in self.connection.execute(query):
                self.touched.append(
                    _Touched(row.service_position_id, row.started_at, row.assessed_until_at)
                )

    def _interruption(
        self, endpoint_id: str, started_at: datetime, ended_at: datetime | None
    ) -> None:
        until_at = max(ended_at or self.now, started_at + timedelta(milliseconds=1))
        held = t.assignment.c
        positions = self.connection.scalars(
            select(held.service_position_id)
            .join(t.unit, t.unit.c.id == held.unit_id)
            .where(
                t.unit.c.endpoint_id == endpoint_id,
                held.corrected_at.is_(None),
                held.since_at < until_at,
                or_(held.until_at.is_(None), held.until_at > started_at),
            )
            .distinct()
        )
        for position_id in positions.all():
            if matters(self.connection, self.policy, position_id, started_at, until_at, self.now):
                self.touched.append(_Touched(position_id, started_at, until_at))

    def _cursor(self, name: str) -> tuple[datetime, int]:
        row = self.connection.execute(
            select(t.credit_cursor).where(t.credit_cursor.c.name == name)
        ).one_or_none()
        return (_START, 0) if row is None else (row.at, row.key)

    def _move(self, name: str, at: datetime, key: int, seen: int) -> None:
        self.cursors.append({"name": name, "at": at, "key": key})
        self.seen += seen
