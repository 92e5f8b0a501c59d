"""Putting a unit into service: its certificate, and the service position it holds from then on.

A unit takes every position named, joined by `+` (`internet+voice`): one box may carry both. Asking
again for the same positions gives a new certificate as long as the unit was never online, so that
a provisioning that broke off half-way can be repeated; after that the unit counts as in service.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, select, update

from fleet_server.domain.errors import (
    BlacklistedUnitError,
    LabUnitError,
    NoEndpointError,
    PositionTakenError,
    ServiceStateError,
    UnitInServiceError,
    UnknownContractError,
    UnknownPositionError,
    UnknownUnitError,
    WrongProductClassError,
)
from fleet_server.domain.life_cycle import UnitState
from fleet_server.domain.local_time import local_day
from fleet_server.services import audit
from fleet_server.services import tables as t
from fleet_server.services.audit import Actor, Entry
from fleet_server.services.fleet import Fleet
from fleet_server.services.served_units import queue_installation
from fleet_server.services.units import change_state


@dataclass(frozen=True, slots=True)
class Enrolment:
    """What a unit must be given: DER certificates, the command key as x and y, and addresses."""

    endpoint_id: str
    certificate_der: bytes
    ca_der: bytes
    command_key: bytes
    broker_host: str
    broker_port: int
    controller_id: str
    position: str


def enrol(
    fleet: Fleet,
    serial_number: str,
    csr_der: bytes,
    contract: str,
    position: str,
    actor: Actor,
    now: datetime,
) -> Enrolment:
    """Issue the certificate of one unit and assign it to its position, both or neither.

    The customer receives the unit at that moment: it is there that the warranty starts [7.2.2].

    The operator's systems are told in the same transaction, through the outbox.

    Raises a RuleError of `domain/errors.py` when the registry forbids it.
    """
    with fleet.writing() as connection:
        unit = _unit(connection, serial_number)
        wanted = _positions(connection, contract, position, unit)
        _assign(connection, unit, contract, wanted, actor, now)
        issued = fleet.authority.issue(csr_der, unit.endpoint_id, now)
        connection.execute(
            update(t.certificate)
            .where(
                t.certificate.c.endpoint_id == unit.endpoint_id,
                t.certificate.c.revoked_at.is_(None),
            )
            .values(revoked_at=now)
        )
        connection.execute(
            t.certificate.insert().values(
                certificate_serial_number=issued.certificate_serial_number,
                endpoint_id=unit.endpoint_id,
                not_before=issued.not_before,
                not_after=issued.not_after,
                issued_at=now,
            )
        )
        decision = f"enrolment-{issued.certificate_serial_number}"
        queue_installation(connection, contract, unit.id, decision, now)
    return Enrolment(
        endpoint_id=unit.endpoint_id,
        certificate_der=issued.certificate_der,
        ca_der=fleet.authority.root_der(),
        command_key=fleet.command_key.public_point(),
        broker_host=fleet.broker_host,
        broker_port=fleet.broker_port,
        controller_id=fleet.controller_id,
        position=position,
    )


def _unit(connection: Connection, serial_number: str) -> Row[Any]:
    unit = connection.execute(
        select(t.unit).where(t.unit.c.serial_number == serial_number)
    ).one_or_none()
    if unit is None:
        raise UnknownUnitError(f"No unit with serial number {serial_number} is in stock.")
    if unit.endpoint_id is None:
        raise NoEndpointError(f"{serial_number} is a smart card; it is paired, not enrolled.")
    if unit.blacklisted:
        raise BlacklistedUnitError(f"Unit {serial_number} is blacklisted.")
    if unit.lab:
        raise LabUnitError(f"Unit {serial_number} is a lab board and may not serve a contract.")
    return unit


def _positions(
    connection: Connection, contract: str, position: str, unit: Row[Any]
) -> dict[int, str]:
    row = connection.execute(
        select(t.contract).where(t.contract.c.number == contract)
    ).one_or_none()
    if row is None:
        raise UnknownContractError(f"There is no contract {contract}.")
    if row.terminated_on is not None:
        raise ServiceStateError(f"Contract {contract} has ended; it needs a new one [2].")
    found: dict[int, str] = {}
    for name in position.split("+"):
        place = connection.execute(
            select(t.service_position).where(
                t.service_position.c.contract_id == row.id,
                t.service_position.c.name == name,
            )
        ).one_or_none()
        if place is None:
            raise UnknownPositionError(f"Contract {contract} has no position {name!r}.")
        if unit.product_class not in place.product_classes.split(","):
            raise WrongProductClassError(f"Position {name!r} takes {place.product_classes}.")
        found[place.id] = name
    return found


def _assign(
    connection: Connection,
    unit: Row[Any],
    contract: str,
    wanted: dict[int, str],
    actor: Actor,
    now: datetime,
) -> None:
    held = set(
        connection.scalars(
            select(t.assignment.c.service_position_id).where(
                t.assignment.c.unit_id == unit.id, t.open_assignment
            )
        )
    )
    if held:
        if held != set(wanted) or _was_online(connection, unit.endpoint_id):
            raise UnitInServiceError(f"Unit {unit.serial_number} is in service already.")
        return
    for place, name in wanted.items():
        holder = connection.scalar(
            select(t.unit.c.serial_number)
            .join(t.assignment, t.assignment.c.unit_id == t.unit.c.id)
            .where(t.assignment.c.service_position_id == place, t.open_assignment)
        )
        if holder is not None:
            raise PositionTakenError(f"Position {name!r} is held by unit {holder}.")
        connection.execute(
            t.assignment.insert().values(
                unit_id=unit.id,
                service_position_id=place,
                since_at=now,
                handed_over_on=local_day(now),
                recorded_at=now,
            )
        )
    change_state(connection, unit.id, UnitState.INSTALLED, actor, now)
    taken = {"contract": contract, "position": "+".join(wanted.values())}
    audit.append(
        connection, actor, [Entry("unit_assigned", f"unit:{unit.serial_number}", taken)], now
    )


def _was_online(connection: Connection, endpoint_id: str) -> bool:
    found = select(t.presence.c.endpoint_id).where(t.presence.c.endpoint_id == endpoint_id)
    return connection.scalar(found) is not None
