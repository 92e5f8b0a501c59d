"""What the console shows of devices: the list, and everything known of one device.

Lists are paged by key: a page is asked for by the last key of the one before, so its cost does
not grow with its number. All times are aware UTC datetimes.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    Row,
    exists,
    select,
)

from agent.wire.telemetry import ROWS, judged
from fleet_server.domain.errors import NotFoundError
from fleet_server.domain.presence import ONLINE
from fleet_server.services import gasps
from fleet_server.services.gasps import Gasps
from fleet_server.services.tables import (
    agent,
    assignment,
    contract,
    event,
    health_value,
    interruption,
    open_assignment,
    parameter,
    presence,
    service_position,
    unit,
)
from fleet_server.services.views_interruptions import Interruption, open_interruptions

LIST_PAGE = 50
EVENT_PAGE = 25


@dataclass(frozen=True, slots=True)
class Presence:
    """Whether a device is there: `online`, `suspect`, `offline`, or `never` for not yet seen."""

    state: str
    since_at: datetime | None
    seen_at: datetime | None
    evidence: str


NEVER_SEEN = Presence("never", None, None, "")


@dataclass(frozen=True, slots=True)
class Holding:
    """What a unit holds of a contract; positions of one box are joined: `internet+voice`."""

    contract: str
    position: str
    since_at: datetime


@dataclass(frozen=True, slots=True)
class DeviceRow:
    """`unit_state`: of the life cycle, empty for a device that is not in the registry."""

    endpoint_id: str
    product_class: str
    serial_number: str
    holding: Holding | None
    presence: Presence
    open_cause: str | None
    unit_state: str


@dataclass(frozen=True, slots=True)
class DeviceFilter:
    """What the list is narrowed to; an empty text narrows nothing."""

    serial: str = ""
    product_class: str = ""
    state: str = ""
    interrupted: bool = False


@dataclass(frozen=True, slots=True)
class DevicePage:
    """One page of the list; `next_after` is the key that asks for the next, empty on the last."""

    rows: tuple[DeviceRow, ...]
    next_after: str


@dataclass(frozen=True, slots=True)
class DeviceEvent:
    """One stored event; `device_at` is None while the device's clock of then is not known."""

    id: int
    kind: str
    path: str
    name: str
    params: Mapping[str, str]
    boot_count: int | None
    up_time_ms: int | None
    device_at: datetime | None
    device_error_ms: int | None
    grade: str
    received_at: datetime


@dataclass(frozen=True, slots=True)
class EventPage:
    """Newest first; `next_before` is the key that asks for older ones, None on the last page."""

    events: tuple[DeviceEvent, ...]
    next_before: int | None


@dataclass(frozen=True, slots=True)
class ReportedValue:
    value: str
    reported_at: datetime


@dataclass(frozen=True, slots=True)
class Level:
    """One value of a device's health: `channel` 0 where there is but one, `verdict` "" where no
    limit is known."""

    name: str
    channel: int
    value: str
    verdict: str
    collected_at: datetime


@dataclass(frozen=True, slots=True)
class Identity:
    endpoint_id: str
    product_class: str
    serial_number: str
    manufacturer: str
    model_name: str
    hardware_version: str
    software_version: str
    lab: bool
    blacklisted: bool
    registered: bool


@dataclass(frozen=True, slots=True)
class Device:
    identity: Identity
    holding: Holding | None
    presence: Presence
    values: Mapping[str, ReportedValue]
    health: tuple[Level, ...]
    open_interruptions: tuple[Interruption, ...]
    gasps: Gasps


def list_devices(
    connection: Connection, narrowed: DeviceFilter, after: str = "", size: int = LIST_PAGE
) -> DevicePage:
    """Devices of the registry and agents that are not in it, by endpoint id, after `after`."""
    found: set[str] = set()
    for known in (unit.c.endpoint_id, agent.c.endpoint_id):
        query = select(known).where(known > after, *_conditions(narrowed, known))
        found.update(connection.scalars(query.order_by(known).limit(size + 1)))
    endpoints = sorted(found)[: size + 1]
    page = endpoints[:size]
    rows = _device_rows(connection, page)
    return DevicePage(rows, page[-1] if len(endpoints) > size else "")


def read_device(connection: Connection, endpoint_id: str) -> Device:
    """The device as it is known now. Raises NotFoundError."""
    identity = _identity(connection, endpoint_id)
    values = connection.execute(
        select(parameter.c.path, parameter.c.value, parameter.c.reported_at)
        .where(parameter.c.endpoint_id == endpoint_id)
        .order_by(parameter.c.path)
    )
    return Device(
        identity=identity,
        holding=_holdings(connection, [endpoint_id]).get(endpoint_id),
        presence=_presences(connection, [endpoint_id]).get(endpoint_id, NEVER_SEEN),
        values={row.path: ReportedValue(row.value, row.reported_at) for row in values},
        health=_health(connection, endpoint_id),
        open_interruptions=open_interruptions(connection, endpoint_id),
        gasps=gasps.read(connection, endpoint_id),
    )


def list_events(
    connection: Connection, endpoint_id: str, before: int | None = None, size: int = EVENT_PAGE
) -> EventPage:
    """Events of a device in the order they were stored, newest first, older than key `before`."""
    query = select(event).where(event.c.endpoint_id == endpoint_id)
    if before is not None:
        query = query.where(event.c.id < before)
    rows = connection.execute(query.order_by(event.c.id.desc()).limit(size + 1)).all()
    events = tuple(_event(row) for row in rows[:size])
    return EventPage(events, events[-1].id if len(rows) > size else None)


def read_presence(connection: Connection, endpoint_id: str) -> Presence:
    return _presences(connection, [endpoint_id]).get(endpoint_id, NEVER_SEEN)


def read_holding(connection: Connection, endpoint_id: str) -> Holding | None:
    return _holdings(connection, [endpoint_id]).get(endpoint_id)


def _conditions(
    narrowed: DeviceFilter, endpoint_id: ColumnElement[str]
) -> Iterable[ColumnElement[bool]]:
    if narrowed.serial:
        yield endpoint_id.contains(narrowed.serial, autoescape=True)
    if narrowed.product_class:
        yield endpoint_id.contains(f"-{narrowed.product_class}-", autoescape=True)
    if narrowed.state:
        yield _in_state(narrowed.state, endpoint_id)
    if narrowed.interrupted:
        yield endpoint_id.in_(
            select(interruption.c.endpoint_id).where(
                interruption.c.ended_at.is_(None), interruption.c.withdrawn.is_(False)
            )
        )


def _in_state(state: str, endpoint_id: ColumnElement[str]) -> ColumnElement[bool]:
    if state == NEVER_SEEN.state:
        return ~exists().where(presence.c.endpoint_id == endpoint_id)
    if state == ONLINE:
        # The usual state: found within a page's length by walking the list.
        return exists().where(presence.c.endpoint_id == endpoint_id, presence.c.state == state)
    # The exceptions are few: found by the index on the state.
    return endpoint_id.in_(select(presence.c.endpoint_id).where(presence.c.state == state))


def _device_rows(connection: Connection, endpoints: list[str]) -> tuple[DeviceRow, ...]:
    if not endpoints:
        return ()
    units = select(unit.c.endpoint_id, unit.c.state).where(unit.c.endpoint_id.in_(endpoints))
    states = {row.endpoint_id: row.state for row in connection.execute(units)}
    holdings = _holdings(connection, endpoints)
    presences = _presences(connection, endpoints)
    causes = _open_causes(connection, endpoints)
    return tuple(
        DeviceRow(
            endpoint_id,
            *_class_and_serial(endpoint_id),
            holdings.get(endpoint_id),
            presences.get(endpoint_id, NEVER_SEEN),
            causes.get(endpoint_id),
            states.get(endpoint_id, ""),
        )
        for endpoint_id in endpoints
    )


def _identity(connection: Connection, endpoint_id: str) -> Identity:
    unit_row = connection.execute(select(unit).where(unit.c.endpoint_id == endpoint_id)).first()
    agent_row = connection.execute(select(agent).where(agent.c.endpoint_id == endpoint_id)).first()
    said = agent_row or unit_row
    if said is None:
        raise NotFoundError("No device %(device)s is known.", device=endpoint_id)
    product_class, serial_number = _class_and_serial(endpoint_id)
    return Identity(
        endpoint_id=endpoint_id,
        product_class=product_class,
        serial_number=serial_number,
        manufacturer=said.manufacturer or (unit_row.manufacturer if unit_row else ""),
        model_name=said.model_name or (unit_row.model_name if unit_row else ""),
        hardware_version=unit_row.hardware_version if unit_row else "",
        software_version=said.software_version or (unit_row.software_version if unit_row else ""),
        lab=bool(unit_row and unit_row.lab),
        blacklisted=bool(unit_row and unit_row.blacklisted),
        registered=unit_row is not None,
    )


def _class_and_serial(endpoint_id: str) -> tuple[str, str]:
    """`ops::OUI-CLASS-SERIAL` taken apart; an id of another form is all serial."""
    parts = endpoint_id.removeprefix("ops::").split("-", 2)
    return (parts[1], parts[2]) if len(parts) == 3 else ("", endpoint_id)


def _presences(connection: Connection, endpoints: list[str]) -> dict[str, Presence]:
    rows = connection.execute(select(presence).where(presence.c.endpoint_id.in_(endpoints)))
    return {
        row.endpoint_id: Presence(row.state, row.since_at, row.seen_at, row.evidence)
        for row in rows
    }


def _holdings(connection: Connection, endpoints: list[str]) -> dict[str, Holding]:
    rows = connection.execute(
        select(
            unit.c.endpoint_id, contract.c.number, service_position.c.name, assignment.c.since_at
        )
        .join_from(unit, assignment, assignment.c.unit_id == unit.c.id)
        .join(service_position, service_position.c.id == assignment.c.service_position_id)
        .join(contract, contract.c.id == service_position.c.contract_id)
        .where(unit.c.endpoint_id.in_(endpoints), open_assignment)
        .order_by(assignment.c.id)
    )
    held: dict[str, Holding] = {}
    for row in rows:
        before = held.get(row.endpoint_id)
        position = f"{before.position}+{row.name}" if before else row.name
        held[row.endpoint_id] = Holding(row.number, position, row.since_at)
    return held


def _open_causes(connection: Connection, endpoints: list[str]) -> dict[str, str]:
    rows = connection.execute(
        select(interruption.c.endpoint_id, interruption.c.cause)
        .where(
            interruption.c.endpoint_id.in_(endpoints),
            interruption.c.ended_at.is_(None),
            interruption.c.withdrawn.is_(False),
        )
        .order_by(interruption.c.started_at)
    )
    return {row.endpoint_id: row.cause for row in rows}


def _health(connection: Connection, endpoint_id: str) -> tuple[Level, ...]:
    found = connection.execute(
        select(health_value).where(health_value.c.endpoint_id == endpoint_id)
    )
    reported = {row.name: (row.value, row.collected_at) for row in found}
    values = {name: value for name, (value, _) in reported.items()}
    order = {row[0]: place for place, row in enumerate(ROWS)}
    levels = []
    for full_name, (value, collected_at) in reported.items():
        name, _, channel = full_name.partition(".")
        if name in order and (not channel or channel.isdecimal()):
            verdict = judged(name, channel, values)
            levels.append(Level(name, int(channel or 0), value, verdict, collected_at))
    return tuple(sorted(levels, key=lambda level: (order[level.name], level.channel)))


def _event(row: Row[Any]) -> DeviceEvent:
    return DeviceEvent(
        row.id,
        row.kind,
        row.path,
        row.name,
        json.loads(row.params),
        row.boot_count,
        row.up_time_ms,
        row.device_at,
        row.device_error_ms,
        row.grade,
        row.received_at,
    )
