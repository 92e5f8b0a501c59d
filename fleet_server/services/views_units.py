"""Looking up one unit by its serial number, with its warranty; and listing units."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import Connection, Row, bindparam, exists, select

from fleet_server.domain.errors import UnknownUnitError
from fleet_server.domain.policy import Policy
from fleet_server.services import tables as t
from fleet_server.services.cover import UnitCover, read_cover
from fleet_server.services.tables import assignment, open_assignment, unit


@dataclass(frozen=True, slots=True)
class UnitRecord:
    """What everybody who handles a unit may know of it; nothing of the contract it serves.

    `endpoint_id` is empty for a smart card, `place` where the unit is at none of the operator's.
    `approval_reference` is None when its model is not on record. `mac_addresses` are by interface.
    """

    id: int
    serial_number: str
    endpoint_id: str
    product_class: str
    manufacturer_oui: str
    manufacturer: str
    model_name: str
    hardware_version: str
    software_version: str
    lab: bool
    blacklisted: bool
    in_service: bool
    received_at: datetime
    state: str
    place: str
    approval_reference: str | None
    supplier: str
    mac_addresses: dict[str, str]


@dataclass(frozen=True, slots=True)
class UnitRow:
    """One unit of a list."""

    id: int
    serial_number: str
    product_class: str
    model_name: str
    state: str
    place: str


# Built once: this is asked for at every look-up.
_ONE_UNIT = (
    select(
        unit,
        t.place.c.code.label("place"),
        t.model.c.approval_reference,
        t.supplier.c.code.label("supplier"),
        exists().where(assignment.c.unit_id == unit.c.id, open_assignment).label("in_service"),
    )
    .outerjoin(t.place, t.place.c.id == unit.c.place_id)
    .outerjoin(t.model, t.model.c.id == unit.c.model_id)
    .outerjoin(t.supplier, t.supplier.c.id == unit.c.supplier_id)
    .where(unit.c.serial_number == bindparam("serial"))
)
_MACS = (
    select(t.unit_mac.c.interface, t.unit_mac.c.mac_address)
    .where(t.unit_mac.c.unit_id == bindparam("unit"))
    .order_by(t.unit_mac.c.interface)
)


def read_unit(connection: Connection, serial_number: str) -> UnitRecord:
    """The unit of exactly this serial number. Raises UnknownUnitError."""
    row = connection.execute(_ONE_UNIT, {"serial": serial_number}).first()
    if row is None:
        raise UnknownUnitError(
            "No unit with serial number %(unit)s was taken into stock.", unit=serial_number
        )
    macs = connection.execute(_MACS, {"unit": row.id})
    return _record(row, {mac.interface: mac.mac_address for mac in macs})


def look_up(
    connection: Connection, serial_number: str, day: date, policy: Policy
) -> tuple[UnitRecord, UnitCover]:
    """A unit with its warranty on `day`. Raises UnknownUnitError."""
    record = read_unit(connection, serial_number)
    return record, read_cover(connection, serial_number, day, policy)


def list_units(
    connection: Connection,
    after: int,
    limit: int,
    *,
    state: str = "",
    place: str = "",
    product_class: str = "",
) -> list[UnitRow]:
    """Units with a number above `after`, in that order; an empty text narrows nothing."""
    query = (
        select(unit, t.place.c.code.label("place"))
        .outerjoin(t.place, t.place.c.id == unit.c.place_id)
        .where(unit.c.id > after)
        .order_by(unit.c.id)
        .limit(limit)
    )
    if state:
        query = query.where(unit.c.state == state)
    if place:
        place_id = select(t.place.c.id).where(t.place.c.code == place).scalar_subquery()
        query = query.where(unit.c.place_id == place_id)
    if product_class:
        query = query.where(unit.c.product_class == product_class)
    return [
        UnitRow(
            row.id,
            row.serial_number,
            row.product_class,
            row.model_name,
            row.state,
            row.place or "",
        )
        for row in connection.execute(query)
    ]


def _record(row: Row[Any], mac_addresses: dict[str, str]) -> UnitRecord:
    return UnitRecord(
        id=row.id,
        serial_number=row.serial_number,
        endpoint_id=row.endpoint_id or "",
        product_class=row.product_class,
        manufacturer_oui=row.manufacturer_oui,
        manufacturer=row.manufacturer,
        model_name=row.model_name,
        hardware_version=row.hardware_version,
        software_version=row.software_version,
        lab=row.lab,
        blacklisted=row.blacklisted,
        in_service=bool(row.in_service),
        received_at=row.received_at,
        state=row.state,
        place=row.place or "",
        approval_reference=row.approval_reference,
        supplier=row.supplier or "",
        mac_addresses=mac_addresses,
    )
