"""A made-up registry to try the system with, loaded by the same rules as an import.

Five contracts in two streets. C-1001 to C-1004 wait for the boards of `make run`; C-1101 has had
television and internet for more than a year, with a modem replaced and a day of hand-over that was
recorded wrongly at first. One model waits for its approval. Nothing in it is anybody's.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime, timedelta

from sqlalchemy import Connection, select

from fleet_server.domain.life_cycle import UnitState
from fleet_server.domain.local_time import local_day
from fleet_server.domain.rows import FileRow
from fleet_server.services import tables as t
from fleet_server.services.assignments import Papers, replace_unit
from fleet_server.services.audit import Actor
from fleet_server.services.corrections import Correction, correct
from fleet_server.services.import_handlers import handler_of
from fleet_server.services.registry_import import Import

ACTOR = Actor.system("demo data")
_REASON = "made-up data"
# The OUI for documentation; no device carries it.
_OUI = "00256D"
_LONG_AGO = timedelta(days=400)
_SWAPPED = timedelta(days=90)
_CORRECTED = timedelta(days=80)

_Rows = Sequence[Mapping[str, str]]

_SUPPLIERS: _Rows = [{"code": "SUP-EX", "name": "Example Supplies"}]
_PLACES: _Rows = [
    {"code": "WH-1", "kind": "warehouse", "name": "Central warehouse"},
    {"code": "ST-1", "kind": "store", "name": "Store in the centre"},
    {"code": "VAN-1", "kind": "van", "name": "Van 1"},
    {"code": "CON-1", "kind": "contractor", "name": "Repair contractor"},
    {"code": "SUP-EX", "kind": "supplier", "name": "Example Supplies"},
]
_NETWORK: _Rows = [
    {"code": "N1", "kind": "node"},
    {"code": "N1-A1", "kind": "amplifier", "parent": "N1"},
    {"code": "N1-A2", "kind": "amplifier", "parent": "N1-A1"},
    {"code": "N1-S1", "kind": "street", "parent": "N1-A1"},
    {"code": "N1-S2", "kind": "street", "parent": "N1-A2"},
]
_MODEL_NAMES = {"MODEM": "CM-31", "VOICEMODEM": "EMTA-31", "STB": "STB-40", "CARD": "CARD-EX"}


def _model(product_class: str, model_name: str, approval: str) -> dict[str, str]:
    return {
        "manufacturer_oui": _OUI,
        "product_class": product_class,
        "model_name": model_name,
        "manufacturer": "Example Devices",
        "approval_reference": approval,
        "hardware_revisions": "A0",
        "supplier_warranty_months": "24",
    }


_MODELS: _Rows = [
    *(
        _model(product_class, name, f"EXAMPLE-APPROVAL-{number}")
        for number, (product_class, name) in enumerate(_MODEL_NAMES.items(), 1)
    ),
    _model("MODEM", "CM-41", ""),
]


def _unit(product_class: str, serial: str, model_name: str = "") -> dict[str, str]:
    row = {
        "serial_number": serial,
        "product_class": product_class,
        "manufacturer_oui": _OUI,
        "model_name": model_name or _MODEL_NAMES[product_class],
        "hardware_version": "A0",
        "supplier": "SUP-EX",
        "place": "WH-1",
    }
    if product_class == "CARD":
        return row
    row["mac_cable" if product_class != "STB" else "mac_ethernet"] = f"{_OUI}10{serial[-4:]}"
    if product_class == "VOICEMODEM":
        row["mac_emta"] = f"{_OUI}20{serial[-4:]}"
    return row


_BOARDS: _Rows = [
    _unit("MODEM", "00000001"),
    _unit("VOICEMODEM", "00000002"),
    _unit("STB", "00000003"),
    _unit("VOICEMODEM", "00000004"),
]
_SPARE_UNITS: _Rows = [
    _unit("CARD", "EX000001"),
    _unit("STB", "00000031"),
    _unit("CARD", "EX000031"),
    _unit("MODEM", "00000041", "CM-41"),
]
_OLD_UNITS: _Rows = [
    _unit("MODEM", "00000011"),
    _unit("MODEM", "00000012"),
    _unit("STB", "00000013"),
    _unit("CARD", "EX000013"),
]
_PAIRINGS: _Rows = [{"card": "EX000001", "box": "00000003"}]
_OLD_PAIRINGS: _Rows = [{"card": "EX000013", "box": "00000013"}]


def _contract(number: str, package: str, street: str, positions: str) -> dict[str, str]:
    return {
        "number": number,
        "package": package,
        "network_element": street,
        "positions": positions,
    }


_CONTRACTS: _Rows = [
    _contract("C-1001", "TOP S", "N1-S1", "internet;voice"),
    _contract("C-1002", "TOP M", "N1-S1", "internet"),
    _contract("C-1003", "TOP L", "N1-S2", "tv-1;card-1"),
    _contract("C-1004", "TOP S", "N1-S2", "internet;voice"),
]
_OLD_CONTRACTS: _Rows = [_contract("C-1101", "TOP L", "N1-S2", "internet;tv-1;card-1")]
_OLD_ASSIGNMENTS: _Rows = [
    {"contract": "C-1101", "position": "internet", "serial_number": "00000011"},
    {"contract": "C-1101", "position": "tv-1", "serial_number": "00000013"},
    {"contract": "C-1101", "position": "card-1", "serial_number": "EX000013"},
]


def load_demo_data(connection: Connection, now: datetime) -> None:
    """Add what is missing of what the boards of `make run` need: their units and contracts."""
    _load_catalogue(connection, now)
    _take(connection, "units", _BOARDS, now)
    _take(connection, "contracts", _with_day(_CONTRACTS, "signed_on", local_day(now)), now)


def load_demo_history(connection: Connection, now: datetime) -> None:
    """Add that and the rest: spare units, cards, and a contract with a past."""
    then = now - _LONG_AGO
    _load_catalogue(connection, then)
    if connection.scalar(select(t.contract.c.id).where(t.contract.c.number == "C-1101")) is None:
        _load_old_contract(connection, then, now)
    load_demo_data(connection, now)
    _take(connection, "units", _SPARE_UNITS, now)
    _take(connection, "pairings", _PAIRINGS, now)


def _load_catalogue(connection: Connection, now: datetime) -> None:
    for subject, rows in (
        ("suppliers", _SUPPLIERS),
        ("places", _PLACES),
        ("network", _NETWORK),
        ("models", _MODELS),
    ):
        _take(connection, subject, rows, now)


def _load_old_contract(connection: Connection, then: datetime, now: datetime) -> None:
    day = local_day(then)
    _take(connection, "units", _with_day(_OLD_UNITS, "received_on", day), then)
    _take(connection, "contracts", _with_day(_OLD_CONTRACTS, "signed_on", day), then)
    _take(connection, "pairings", _OLD_PAIRINGS, then)
    held = [
        {
            **row,
            "since_on": day.isoformat(),
            "handed_over_on": day.isoformat(),
            "value_cents": cents,
        }
        for row, cents in zip(_OLD_ASSIGNMENTS, ("4500", "6000", "1200"), strict=True)
    ]
    _take(connection, "assignments", held, then)
    swapped_at = now - _SWAPPED
    replace_unit(
        connection,
        ACTOR,
        "00000011",
        "00000012",
        UnitState.RETURNED,
        Papers(local_day(swapped_at), 5500),
        swapped_at,
        place_id=connection.scalar(select(t.place.c.id).where(t.place.c.code == "WH-1")),
        reason=_REASON,
    )
    successor = connection.scalars(
        select(t.assignment.c.id)
        .join(t.unit, t.unit.c.id == t.assignment.c.unit_id)
        .where(t.unit.c.serial_number == "00000012")
    ).one()
    received_on = local_day(swapped_at) - timedelta(days=1)
    correction = Correction(local_day(swapped_at), Papers(received_on, 5500))
    correct(connection, ACTOR, successor, correction, _REASON, now - _CORRECTED)


def _take(connection: Connection, subject: str, rows: _Rows, now: datetime) -> None:
    job = Import(handler_of(subject), ACTOR, _REASON, dry_run=False)
    job.take(connection, [FileRow(line, row) for line, row in enumerate(rows, 1)], now)


def _with_day(rows: _Rows, column: str, day: date) -> _Rows:
    return [{**row, column: day.isoformat()} for row in rows]
