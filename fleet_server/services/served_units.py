"""What a contract holds now, as the operator's systems and devices know it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, select

from fleet_server.domain.kinds import ProductClass
from fleet_server.domain.positions import kind_of
from fleet_server.domain.service_state import (
    Served,
    ServedUnit,
    ServiceState,
    installation,
    removal,
)
from fleet_server.services import outbox
from fleet_server.services import tables as t

_IN_THE_NETWORK = ("cable", "emta")
_MTA = "emta"
_VOICE = "voice"
_ACTIVE = "active"
_STATE_PATH = "Device.X_IPKO-COM_Service.State"


@dataclass(frozen=True, slots=True)
class ContractUnit:
    """A unit with an open assignment; `positions` are those it holds."""

    id: int
    serial_number: str
    product_class: str
    endpoint_id: str | None
    state: str
    blacklisted: bool
    positions: tuple[str, ...]


def units_of(connection: Connection, contract_id: int) -> list[ContractUnit]:
    """Every unit that holds a position of the contract, in the order of their numbers."""
    rows = connection.execute(
        select(t.unit, t.service_position.c.name.label("position"))
        .join(t.assignment, t.assignment.c.unit_id == t.unit.c.id)
        .join(t.service_position, t.service_position.c.id == t.assignment.c.service_position_id)
        .where(
            t.service_position.c.contract_id == contract_id,
            t.assignment.c.until_at.is_(None),
            t.assignment.c.corrected_at.is_(None),
        )
        .order_by(t.unit.c.id, t.service_position.c.name)
    ).all()
    positions: dict[int, list[str]] = {}
    for row in rows:
        positions.setdefault(row.id, []).append(row.position)
    units = {row.id: row for row in rows}
    return [_unit(row, positions[number]) for number, row in units.items()]


def served_by(connection: Connection, contract_id: int) -> Served:
    """The contract for the rules of `domain/service_state.py`."""
    contract = connection.execute(select(t.contract).where(t.contract.c.id == contract_id)).one()
    units = units_of(connection, contract_id)
    names = connection.scalars(
        select(t.service_position.c.name)
        .where(t.service_position.c.contract_id == contract_id)
        .order_by(t.service_position.c.name)
    )
    lines = tuple(f"{contract.number}/{name}" for name in names if kind_of(name) == _VOICE)
    return Served(contract.package, lines, tuple(served_unit(connection, one) for one in units))


def served_unit(connection: Connection, unit: ContractUnit) -> ServedUnit:
    """One unit with what the network knows it by, and a card with its box."""
    macs = connection.execute(
        select(t.unit_mac.c.mac_address, t.unit_mac.c.interface)
        .where(t.unit_mac.c.unit_id == unit.id, t.unit_mac.c.interface.in_(_IN_THE_NETWORK))
        .order_by(t.unit_mac.c.mac_address)
    ).all()
    box = connection.scalar(
        select(t.unit.c.serial_number)
        .join(t.pairing, t.pairing.c.box_unit_id == t.unit.c.id)
        .where(t.pairing.c.card_unit_id == unit.id, t.pairing.c.until_at.is_(None))
    )
    return ServedUnit(
        unit.serial_number,
        ProductClass(unit.product_class),
        unit.endpoint_id,
        tuple(mac.mac_address for mac in macs),
        box or "",
        unit.blacklisted,
        mta_mac([(mac.mac_address, mac.interface) for mac in macs]),
    )


def mta_mac(macs: Sequence[tuple[str, str]]) -> str:
    """What the softswitch knows a voice modem by: the address of its MTA, else its only one.

    `macs`: address and interface, `cable` or `emta`.
    """
    found = [mac for mac, interface in macs if interface == _MTA] or [mac for mac, _ in macs]
    return found[0] if found else ""


def queue_installation(
    connection: Connection, number: str, unit_id: int, decision: str, now: datetime
) -> None:
    """Have the operator's systems serve a unit that was just put on contract `number`.

    The device is told the state of the services only where it may have kept another: a unit that
    served somebody else before does, and a spare one serves nobody until it is told.
    """
    contract = connection.execute(
        select(t.contract, t.contract_service.c.state)
        .outerjoin(t.contract_service, t.contract_service.c.contract_id == t.contract.c.id)
        .where(t.contract.c.number == number)
    ).one()
    (unit,) = [one for one in units_of(connection, contract.id) if one.id == unit_id]
    state = ServiceState(contract.state or ServiceState.ACTIVE)
    lines = tuple(f"{number}/{name}" for name in unit.positions if kind_of(name) == _VOICE)
    before, network, devices = installation(
        contract.package, served_unit(connection, unit), state, lines
    )
    as_it_is = _kept_state(connection, unit) in (None, _ACTIVE) and not _is_spare(connection, unit)
    if state is ServiceState.ACTIVE and as_it_is:
        devices = ()
    outbox.queue_in_place(connection, decision, [before, network, devices], now)


def queue_device_state(
    connection: Connection, number: str, unit_id: int, decision: str, now: datetime
) -> None:
    """Have a unit of contract `number` told the state of its services, and nobody else."""
    contract = connection.execute(
        select(t.contract, t.contract_service.c.state)
        .outerjoin(t.contract_service, t.contract_service.c.contract_id == t.contract.c.id)
        .where(t.contract.c.number == number)
    ).one()
    (unit,) = [one for one in units_of(connection, contract.id) if one.id == unit_id]
    state = ServiceState(contract.state or ServiceState.ACTIVE)
    _, _, devices = installation(contract.package, served_unit(connection, unit), state, ())
    outbox.queue_in_place(connection, decision, [devices], now)


def queue_removal(connection: Connection, unit: Row[Any], decision: str, now: datetime) -> None:
    """Have the network serve a unit no more that is off its contract."""
    stage = removal(served_unit(connection, _unit(unit, ())))
    outbox.queue_in_place(connection, decision, [stage], now)


def _is_spare(connection: Connection, unit: ContractUnit) -> bool:
    """Whether the device was put into service for no contract."""
    query = select(t.certificate.c.spare).where(
        t.certificate.c.endpoint_id == unit.endpoint_id, t.certificate.c.revoked_at.is_(None)
    )
    return bool(connection.scalar(query.order_by(t.certificate.c.issued_at.desc()).limit(1)))


def _kept_state(connection: Connection, unit: ContractUnit) -> str | None:
    """What the device last said its services are."""
    kept: str | None = connection.scalar(
        select(t.parameter.c.value).where(
            t.parameter.c.endpoint_id == unit.endpoint_id, t.parameter.c.path == _STATE_PATH
        )
    )
    return kept


def _unit(row: Row[Any], positions: Sequence[str]) -> ContractUnit:
    return ContractUnit(
        row.id,
        row.serial_number,
        row.product_class,
        row.endpoint_id,
        row.state,
        row.blacklisted,
        tuple(positions),
    )
