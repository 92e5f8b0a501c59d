"""Finds outages in the interruptions, and keeps every verdict given on them.

The controller works off the list of `rechecks.py` every few seconds, not with every event: a storm
over thousands of devices is looked at as a whole. An outage is known by its interruptions: one that
shares some with a stored one is a revision of it; what was merged or is none any more is withdrawn.
When an outage changes, the interruptions at its places are divided into causes anew.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Row, Select, delete, func, or_, select, tuple_, update

from fleet_server.domain.causes import Cause
from fleet_server.domain.outage import Outage, OutageRules, Report, Sign, find_outages
from fleet_server.domain.place import Topology
from fleet_server.services import tables as t
from fleet_server.services.chunks import chunks
from fleet_server.services.interruptions import settle_again
from fleet_server.services.pieces import evidence_of, from_ms, to_ms
from fleet_server.services.surroundings import RECOVERY, reports

_HOUR = timedelta(hours=1)
_HOURS_AT_ONCE = 4
_KEPT = tuple(
    column.name
    for column in t.outage_verdict.c
    if column.name not in ("outage_id", "revision", "decided_at")
)
# What makes a new verdict; numbers of devices alone are only brought up to date.
_CONCLUSION = ("cause", "inferred_cause", "confidence", "places", "started_at", "ended_at")


def correlate(
    connection: Connection, topology: Topology, now: datetime, rules: OutageRules | None = None
) -> int:
    """Work off the oldest hours of the list; gives how many places were looked at."""
    listed = connection.execute(select(t.recheck).order_by(t.recheck.c.hour_at)).all()
    hours = sorted({row.hour_at for row in listed})[:_HOURS_AT_ONCE]
    for hour_at in hours:
        tops = {row.network_element_id for row in listed if row.hour_at == hour_at}
        window = _Window(connection, topology, hour_at, rules or OutageRules())
        window.look(tops, now)
    done = [row for row in listed if row.hour_at in hours]
    if done:
        key = tuple_(t.recheck.c.network_element_id, t.recheck.c.hour_at)
        connection.execute(
            delete(t.recheck).where(
                key.in_([(row.network_element_id, row.hour_at) for row in done])
            )
        )
    return len(done)


@dataclass(slots=True)
class _Window:
    """One hour of interruptions, with the outages that may have begun before or after it."""

    connection: Connection
    topology: Topology
    hour_at: datetime
    rules: OutageRules
    members: dict[int, set[int]] = field(default_factory=dict)

    def look(self, tops: set[int], now: datetime) -> None:
        stored = self._stored()
        for row in stored:
            places = {self.topology.top(place) for place in json.loads(row.places)}
            if places & tops:
                tops = tops | places
        stored = [row for row in stored if self._tops(row) <= tops]
        self._read_members(stored)
        for outage in self._found(tops):
            interruptions = {int(ident) for ident in outage.signs}
            same = [row for row in stored if self.members.get(row.id, set()) & interruptions]
            stored = [row for row in stored if row not in same]
            if same:
                self._revise(same[0], _values(outage), interruptions, now)
            else:
                self._open(_values(outage), interruptions, now)
            for merged in same[1:]:
                self._withdraw(merged, now)
        for row in stored:
            self._withdraw(row, now)

    def _tops(self, row: Row[Any]) -> set[int]:
        return {self.topology.top(place) for place in json.loads(row.places)}

    def _stored(self) -> list[Row[Any]]:
        began = t.outage.c.started_at
        query = select(t.outage).where(
            t.outage.c.withdrawn.is_(False),
            began >= self.hour_at - _HOUR,
            began < self.hour_at + 2 * _HOUR,
        )
        return list(self.connection.execute(query.order_by(t.outage.c.id)))

    def _read_members(self, stored: list[Row[Any]]) -> None:
        member = t.outage_member.c
        for some in chunks(row.id for row in stored):
            query = select(t.outage_member).where(member.outage_id.in_(some))
            for row in self.connection.execute(query):
                self.members.setdefault(row.outage_id, set()).add(row.interruption_id)

    def _found(self, tops: Collection[int]) -> list[Outage]:
        below = {one for top in tops for one in self.topology.below(top)}
        first = to_ms(self.hour_at - _HOUR)
        last = to_ms(self.hour_at + 2 * _HOUR)
        told = [
            Report(element, evidence)
            for element, evidence in reports(
                self.connection, self.hour_at - 24 * _HOUR, self.hour_at + 24 * _HOUR
            )
        ]
        found = find_outages(
            self.topology,
            population(self.connection, below),
            self._signs(below),
            told,
            self.rules,
        )
        return [one for one in found if first <= one.start_ms < last]

    def _signs(self, below: Iterable[int]) -> list[Sign]:
        found = t.interruption.c
        signs = []
        for some in chunks(below):
            query: Select[Any] = select(
                found.id,
                found.endpoint_id,
                found.network_element_id,
                found.started_at,
                found.start_error_ms,
                found.ended_at,
                found.end_error_ms,
                found.lost_power,
                found.own,
            ).where(
                found.network_element_id.in_(some),
                found.withdrawn.is_(False),
                found.started_at < self.hour_at + 4 * _HOUR,
                or_(found.ended_at.is_(None), found.ended_at > self.hour_at - 3 * _HOUR),
            )
            rows = self.connection.execute(query)
            signs += [_sign(row) for row in rows if not _is_the_devices_own(row)]
        return signs

    def _open(self, values: dict[str, Any], members: set[int], now: datetime) -> None:
        insert = t.outage.insert().values(**values, revision=1, withdrawn=False, updated_at=now)
        key = self.connection.scalars(insert.returning(t.outage.c.id)).one()
        self._keep_verdict(key, 1, {**values, "withdrawn": False}, now)
        self._keep_members(key, set(), members)
        places = set(json.loads(values["places"]))
        self._keep_places(key, set(), places)
        self._settle(places, values, now)

    def _revise(
        self, row: Row[Any], values: dict[str, Any], members: set[int], now: datetime
    ) -> None:
        self._keep_members(row.id, self.members.get(row.id, set()), members)
        if all(getattr(row, name) == value for name, value in values.items()):
            return
        concluded = any(getattr(row, name) != values[name] for name in _CONCLUSION)
        revision = row.revision + 1 if concluded else row.revision
        connection = self.connection
        connection.execute(
            update(t.outage)
            .where(t.outage.c.id == row.id)
            .values(**values, revision=revision, updated_at=now)
        )
        if not concluded:
            return
        self._keep_verdict(row.id, revision, {**values, "withdrawn": False}, now)
        before, after = set(json.loads(row.places)), set(json.loads(values["places"]))
        self._keep_places(row.id, before, after)
        evidence = ("inferred_cause", "started_at", "ended_at")
        same_evidence = all(getattr(row, name) == values[name] for name in evidence)
        touched = before ^ after if same_evidence else before | after
        self._settle(touched, values, now, row)

    def _withdraw(self, row: Row[Any], now: datetime) -> None:
        values = {name: getattr(row, name) for name in _KEPT}
        values["withdrawn"] = True
        self.connection.execute(
            update(t.outage)
            .where(t.outage.c.id == row.id)
            .values(withdrawn=True, revision=row.revision + 1, updated_at=now)
        )
        self._keep_verdict(row.id, row.revision + 1, values, now)
        self._settle(set(json.loads(row.places)), values, now)

    def _keep_verdict(self, key: int, revision: int, values: dict[str, Any], now: datetime) -> None:
        kept = {name: values[name] for name in _KEPT}
        self.connection.execute(
            t.outage_verdict.insert().values(
                outage_id=key, revision=revision, decided_at=now, **kept
            )
        )

    def _keep_members(self, key: int, before: set[int], after: set[int]) -> None:
        member = t.outage_member.c
        for some in chunks(before - after):
            self.connection.execute(
                delete(t.outage_member).where(
                    member.outage_id == key, member.interruption_id.in_(some)
                )
            )
        new = [{"outage_id": key, "interruption_id": one} for one in sorted(after - before)]
        if new:
            self.connection.execute(t.outage_member.insert(), new)

    def _keep_places(self, key: int, before: set[int], after: set[int]) -> None:
        place = t.outage_place.c
        if before - after:
            self.connection.execute(
                delete(t.outage_place).where(
                    place.outage_id == key, place.network_element_id.in_(before - after)
                )
            )
        new = [{"outage_id": key, "network_element_id": one} for one in sorted(after - before)]
        if new:
            self.connection.execute(t.outage_place.insert(), new)

    def _settle(
        self,
        places: set[int],
        values: dict[str, Any],
        now: datetime,
        before: Row[Any] | None = None,
    ) -> None:
        starts = [values["started_at"]] + ([before.started_at] if before else [])
        ends = [values["ended_at"]] + ([before.ended_at] if before else [])
        lasts = any(end is None for end in ends)
        until_at = None if lasts else max(end for end in ends if end is not None) + RECOVERY
        from_at = min(starts) - _HOUR
        settle_again(self.connection, self.topology, places, from_at, until_at, now)


def population(connection: Connection, elements: Iterable[int]) -> dict[int, int]:
    """Devices in service by the element of their contract, of those that were ever seen."""
    found: dict[int, int] = {}
    devices = func.count(t.unit.c.id.distinct())
    for some in chunks(elements):
        query = (
            select(t.contract.c.network_element_id, devices)
            .join_from(t.contract, t.service_position)
            .join(t.assignment, t.assignment.c.service_position_id == t.service_position.c.id)
            .join(t.unit, t.unit.c.id == t.assignment.c.unit_id)
            .join(t.presence, t.presence.c.endpoint_id == t.unit.c.endpoint_id)
            .where(t.contract.c.network_element_id.in_(some), t.open_assignment)
            .group_by(t.contract.c.network_element_id)
        )
        found.update({row[0]: row[1] for row in connection.execute(query)})
    return found


def _sign(row: Row[Any]) -> Sign:
    start_ms = to_ms(row.started_at)
    return Sign(
        ident=str(row.id),
        device=row.endpoint_id,
        element=row.network_element_id,
        earliest_ms=start_ms - row.start_error_ms,
        latest_ms=start_ms + row.start_error_ms,
        end_ms=None if row.ended_at is None else to_ms(row.ended_at) + (row.end_error_ms or 0),
        lost_power=row.lost_power,
    )


def _is_the_devices_own(row: Row[Any]) -> bool:
    """Whether only the device itself was the cause: a crash, a reset or a commanded restart."""
    causes = {one.cause for one in evidence_of(row.own)}
    return causes == {Cause.DEVICE}


def _values(outage: Outage) -> dict[str, Any]:
    return {
        "cause": outage.cause.value,
        "inferred_cause": outage.inferred.value,
        "confidence": outage.confidence.value,
        "places": json.dumps(sorted(outage.places)),
        "started_at": from_ms(outage.start_ms),
        "ended_at": None if outage.end_ms is None else from_ms(outage.end_ms),
        "devices": outage.devices,
        "population": outage.population,
        "told": outage.told,
        "powerless": outage.powerless,
    }
