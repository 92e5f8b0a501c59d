"""A made-up registry to try the system with: four units in stock, four contracts."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import Connection, select

from fleet_server.services import tables as t
from fleet_server.services.upsert import insert_new

# The OUI for documentation; no device carries it.
_OUI = "00256D"
_UNITS = (
    ("MODEM", "00000001"),
    ("VOICEMODEM", "00000002"),
    ("STB", "00000003"),
    ("VOICEMODEM", "00000004"),
)
_ANY_MODEM = "MODEM,VOICEMODEM"
_CONTRACTS: dict[str, dict[str, str]] = {
    "C-1001": {"internet": _ANY_MODEM, "voice": "VOICEMODEM"},
    "C-1002": {"internet": _ANY_MODEM},
    "C-1003": {"tv-1": "STB"},
    "C-1004": {"internet": _ANY_MODEM, "voice": "VOICEMODEM"},
}


def load_demo_data(connection: Connection, now: datetime) -> None:
    """Add what is missing of the made-up registry."""
    insert_new(connection, t.unit, [_unit(*unit, now) for unit in _UNITS], ("id",))
    contracts = [{"number": number, "created_at": now} for number in _CONTRACTS]
    insert_new(connection, t.contract, contracts, ("id",))
    found = connection.execute(select(t.contract.c.number, t.contract.c.id)).all()
    positions = [
        {"contract_id": row.id, "name": name, "product_classes": classes}
        for row in found
        for name, classes in _CONTRACTS.get(row.number, {}).items()
    ]
    insert_new(connection, t.service_position, positions, ("id",))


def _unit(product_class: str, serial_number: str, now: datetime) -> dict[str, Any]:
    return {
        "serial_number": serial_number,
        "endpoint_id": f"ops::{_OUI}-{product_class}-{serial_number}",
        "manufacturer_oui": _OUI,
        "product_class": product_class,
        "lab": False,
        "blacklisted": False,
        "received_at": now,
    }
