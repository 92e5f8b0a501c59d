"""What is known around a device: where it hangs in the network, and what others say of that place.

The topology is read anew every few minutes; whoever changes it need tell nobody.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, Connection, or_, select

from fleet_server.domain.causes import Cause, Evidence
from fleet_server.domain.maintenance import Notice, Work, announced
from fleet_server.domain.place import Topology
from fleet_server.domain.service_state import ServiceState
from fleet_server.services import tables as t
from fleet_server.services.pieces import to_ms
from fleet_server.services.policy import read_policy

RECOVERY = timedelta(minutes=10)
_FALL = timedelta(minutes=5)
_READ_EVERY = timedelta(minutes=5)


@dataclass(frozen=True, slots=True)
class Home:
    """Where a device in service is: its contract, and the element that the contract names."""

    contract_id: int | None
    element: int | None


@dataclass(slots=True)
class KnownTopology:
    """The plant as last read."""

    _topology: Topology = field(default_factory=lambda: Topology({}))
    _read_at: datetime | None = None

    def read(self, connection: Connection, now: datetime) -> Topology:
        if self._read_at is None or now - self._read_at >= _READ_EVERY:
            self._topology, self._read_at = read_topology(connection), now
        return self._topology


def read_topology(connection: Connection) -> Topology:
    rows = connection.execute(select(t.network_element.c.id, t.network_element.c.parent_id))
    return Topology({row.id: row.parent_id for row in rows})


def homes(connection: Connection, endpoint_ids: Collection[str]) -> dict[str, Home]:
    """Of those devices that are in service now."""
    rows = connection.execute(
        select(t.unit.c.endpoint_id, t.contract.c.id, t.contract.c.network_element_id)
        .join_from(t.unit, t.assignment, t.assignment.c.unit_id == t.unit.c.id)
        .join(t.service_position, t.service_position.c.id == t.assignment.c.service_position_id)
        .join(t.contract, t.contract.c.id == t.service_position.c.contract_id)
        .where(t.unit.c.endpoint_id.in_(endpoint_ids), t.open_assignment)
    )
    return {row.endpoint_id: Home(row.id, row.network_element_id) for row in rows}


@dataclass(frozen=True, slots=True)
class Surroundings:
    """Evidence that is not the device's own, for a stretch of time."""

    topology: Topology
    by_element: dict[int, list[Evidence]]
    by_contract: dict[int, list[Evidence]]

    def evidence(self, element: int | None, contract_id: int | None) -> Iterable[Evidence]:
        """All that is said of the element, of what it hangs on, and of the contract."""
        if element is not None:
            for above in self.topology.path(element):
                yield from self.by_element.get(above, ())
        if contract_id is not None:
            yield from self.by_contract.get(contract_id, ())


def read_surroundings(
    connection: Connection,
    topology: Topology,
    contract_ids: Collection[int],
    from_at: datetime,
    until_at: datetime | None,
) -> Surroundings:
    """What is on record of the time from `from_at` to `until_at`, None meaning up to now."""
    found = Surroundings(topology, {}, {})
    for element, evidence in (
        *_outages(connection, from_at, until_at),
        *reports(connection, from_at, until_at),
        *_maintenance(connection, from_at, until_at),
    ):
        found.by_element.setdefault(element, []).append(evidence)
    for contract_id, evidence in _suspensions(connection, contract_ids):
        found.by_contract.setdefault(contract_id, []).append(evidence)
    return found


def reports(
    connection: Connection, from_at: datetime, until_at: datetime | None
) -> list[tuple[int, Evidence]]:
    """What the operator's systems and people said of elements for that time."""
    report = t.cause_report.c
    rows = connection.execute(
        select(t.cause_report).where(
            report.withdrawn_at.is_(None),
            or_(report.until_at.is_(None), report.until_at > from_at),
            *_before(report.from_at, until_at),
        )
    )
    return [
        (
            row.network_element_id,
            _evidence(row.cause, row.from_at, row.until_at, f"report {row.id}"),
        )
        for row in rows
    ]


def _outages(
    connection: Connection, from_at: datetime, until_at: datetime | None
) -> list[tuple[int, Evidence]]:
    """An outage shows the cause that the devices show together; what was reported stands apart."""
    outage = t.outage.c
    rows = connection.execute(
        select(t.outage, t.outage_place.c.network_element_id)
        .join(t.outage_place, t.outage_place.c.outage_id == outage.id)
        .where(
            outage.withdrawn.is_(False),
            or_(outage.ended_at.is_(None), outage.ended_at > from_at - RECOVERY),
            *_before(outage.started_at, None if until_at is None else until_at + _FALL),
        )
    )
    return [
        (
            row.network_element_id,
            _evidence(
                row.inferred_cause,
                row.started_at - _FALL,
                None if row.ended_at is None else row.ended_at + RECOVERY,
                f"outage {row.id}",
            ),
        )
        for row in rows
    ]


def _maintenance(
    connection: Connection, from_at: datetime, until_at: datetime | None
) -> list[tuple[int, Evidence]]:
    work = t.maintenance.c
    rows = connection.execute(
        select(t.maintenance).where(work.ends_at > from_at, *_before(work.starts_at, until_at))
    ).all()
    if not rows:
        return []
    lead = timedelta(hours=read_policy(connection).maintenance_notice_hours)
    notices: dict[int, list[Notice]] = {}
    told = t.maintenance_notice
    for row in connection.execute(
        select(told).where(told.c.maintenance_id.in_([row.id for row in rows]))
    ):
        notice = Notice(row.sent_at, row.starts_at, row.ends_at)
        notices.setdefault(row.maintenance_id, []).append(notice)
    return [
        (
            row.network_element_id,
            _evidence(Cause.MAINTENANCE, one.starts_at, one.ends_at, f"maintenance {row.id}"),
        )
        for row in rows
        for one in announced(
            Work(row.starts_at, row.ends_at, row.cancelled_at), notices.get(row.id, ()), lead
        )
    ]


def _suspensions(
    connection: Connection, contract_ids: Collection[int]
) -> list[tuple[int, Evidence]]:
    """When services of the contracts were suspended: from carrying it out to what came next."""
    decision = t.service_decision.c
    rows = connection.execute(
        select(t.service_decision)
        .where(decision.contract_id.in_(contract_ids), decision.carried_out_at.is_not(None))
        .order_by(decision.contract_id, decision.carried_out_at, decision.id)
    ).all()
    found = []
    for place, row in enumerate(rows):
        following = rows[place + 1] if place + 1 < len(rows) else None
        if row.state != ServiceState.SUSPENDED:
            continue
        ends = following is not None and following.contract_id == row.contract_id
        until_at = following.carried_out_at if ends and following is not None else None
        ident = f"service_decision {row.id}"
        evidence = _evidence(Cause.SUSPENDED, row.carried_out_at, until_at, ident)
        found.append((row.contract_id, evidence))
    return found


def _before(
    column: ColumnElement[datetime], until_at: datetime | None
) -> list[ColumnElement[bool]]:
    return [] if until_at is None else [column < until_at]


def _evidence(cause: str, from_at: datetime, until_at: datetime | None, ident: str) -> Evidence:
    until_ms = None if until_at is None else to_ms(until_at)
    return Evidence(Cause(cause), to_ms(from_at), until_ms, ident)
