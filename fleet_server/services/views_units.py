"""Looking up one unit by its serial number."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, exists, select

from fleet_server.domain.errors import UnknownUnitError
from fleet_server.services.tables import assignment, open_assignment, unit


@dataclass(frozen=True, slots=True)
class UnitRecord:
    """What everybody who handles a unit may know of it; nothing of the contract it serves.

    `endpoint_id` is empty for a smart card.
    """

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


def read_unit(connection: Connection, serial_number: str) -> UnitRecord:
    """The unit of exactly this serial number. Raises UnknownUnitError."""
    row = connection.execute(select(unit).where(unit.c.serial_number == serial_number)).first()
    if row is None:
        raise UnknownUnitError(f"No unit with serial number {serial_number} was taken into stock.")
    in_service = connection.scalar(
        select(exists().where(assignment.c.unit_id == row.id, open_assignment))
    )
    return UnitRecord(
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
        in_service=bool(in_service),
        received_at=row.received_at,
    )
