"""Putting a unit into service: its certificate, and the service position it holds from then on.

A unit takes every position named, joined by `+` (`internet+voice`): one box may carry both. Asking
again for the same positions gives a new certificate as long as the unit was never online, so that
a provisioning that broke off half-way can be repeated; after that the unit counts as in service.

A spare unit takes the position `spare` of no contract: it has its certificate and is in reach, and
stays in stock until it is assigned or adopted in a replacement.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, select, update

from agent.wire.replacement import SPARE_POSITION
from fleet_server.domain.errors import InvalidError, NoEndpointError, UnitInServiceError
from fleet_server.domain.life_cycle import UnitState
from fleet_server.domain.local_time import local_day
from fleet_server.domain.positions import split_positions
from fleet_server.services import tables as t
from fleet_server.services.assignments import (
    Papers,
    assign,
    check_assignable,
    find_positions,
    find_unit,
    held_by,
)
from fleet_server.services.audit import Actor, Entry, append
from fleet_server.services.fleet import Fleet
from fleet_server.services.served_units import queue_installation
from fleet_server.services.swap_orders import IN_STOCK


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
    A spare one, with the position `spare` and the contract "", is assigned to nobody.

    The operator's systems are told in the same transaction, through the outbox.

    Raises a RuleError of `domain/errors.py` when the registry forbids it.
    """
    with fleet.writing() as connection:
        unit = _unit(connection, serial_number)
        spare = position == SPARE_POSITION
        if spare:
            _check_spare(connection, unit, contract)
        else:
            _assign(connection, unit, contract, position, actor, now)
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
                public_point=issued.public_point,
                spare=spare,
            )
        )
        if spare:
            entry = Entry("spare_unit_enrolled", f"unit:{serial_number}", {})
            append(connection, actor, [entry], now, "")
        else:
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


def device_point(connection: Connection, endpoint_id: str) -> bytes | None:
    """x and y of the key in the device's certificate in force: what to seal for. None without a
    certificate, or for one issued before points were kept."""
    query = (
        select(t.certificate.c.public_point)
        .where(t.certificate.c.endpoint_id == endpoint_id, t.certificate.c.revoked_at.is_(None))
        .order_by(t.certificate.c.issued_at.desc())
        .limit(1)
    )
    point: bytes | None = connection.scalar(query)
    return point


def _unit(connection: Connection, serial_number: str) -> Row[Any]:
    unit = find_unit(connection, serial_number)
    if unit.endpoint_id is None:
        raise NoEndpointError(
            "%(unit)s is a smart card; it is paired, not enrolled.", unit=serial_number
        )
    check_assignable(connection, unit)
    return unit


def _check_spare(connection: Connection, unit: Row[Any], contract: str) -> None:
    if contract:
        raise InvalidError("A %(spare)s unit is for no contract.", spare=SPARE_POSITION)
    if held_by(connection, unit.id):
        raise UnitInServiceError("Unit %(unit)s is in service already.", unit=unit.serial_number)
    if UnitState(unit.state) not in IN_STOCK:
        raise UnitInServiceError(
            "Unit %(unit)s is %(unit_state)s, not in stock.",
            unit=unit.serial_number,
            unit_state=unit.state,
        )


def _assign(
    connection: Connection,
    unit: Row[Any],
    contract: str,
    position: str,
    actor: Actor,
    now: datetime,
) -> None:
    held = {row.service_position_id for row in held_by(connection, unit.id)}
    if not held:
        papers = Papers(handed_over_on=local_day(now))
        assign(connection, actor, unit.serial_number, contract, position, papers, now)
        return
    names = split_positions(position)
    wanted = find_positions(connection, contract, names, unit.product_class)
    if held != set(wanted.values()) or _was_online(connection, unit.endpoint_id):
        raise UnitInServiceError("Unit %(unit)s is in service already.", unit=unit.serial_number)


def _was_online(connection: Connection, endpoint_id: str) -> bool:
    found = select(t.presence.c.endpoint_id).where(t.presence.c.endpoint_id == endpoint_id)
    return connection.scalar(found) is not None
