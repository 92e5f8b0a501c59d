"""Taking units and smart cards into stock, many at a time."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, select, update

from fleet_server.domain import import_subjects as subjects
from fleet_server.domain.identifiers import endpoint_id
from fleet_server.domain.import_subjects import MAC_INTERFACES
from fleet_server.domain.life_cycle import UnitState
from fleet_server.domain.local_time import day_bounds, local_day
from fleet_server.domain.rows import Fault, Values
from fleet_server.services import audit
from fleet_server.services import tables as t
from fleet_server.services.audit import Actor, Entry
from fleet_server.services.import_catalogue import by_code, compare, model_key, models_by_key
from fleet_server.services.registry_import import NEW, Outcome

_COMPLETED = (
    "manufacturer",
    "model_name",
    "hardware_version",
    "model_id",
    "supplier_id",
    "supplier_warranty_until_on",
)
_COMPARED = ("product_class", "manufacturer_oui", "model_name", "hardware_version")


class UnitHandler:
    """Units by serial number. A unit comes into stock at its place; later steps are recorded.

    One that an earlier version took into stock without its model is completed where it is.
    """

    subject = subjects.UNITS

    def check(
        self, connection: Connection, batch: Sequence[Values], now: datetime
    ) -> list[Outcome]:
        there = units_by_serial(connection, {row["serial_number"] for row in batch})
        models = models_by_key(connection, batch)
        suppliers = by_code(connection, t.supplier, {row["supplier"] for row in batch})
        places = by_code(connection, t.place, {row["place"] for row in batch})
        owners = _owners_of_macs(connection, batch)
        macs = _macs_of(connection, [row.id for row in there.values()])
        outcomes = []
        for row in batch:
            model, supplier = models.get(model_key(row)), suppliers.get(row["supplier"])
            place = places.get(row["place"])
            kept = row["kept"] = there.get(row["serial_number"])
            if kept is not None and kept.model_id is not None:
                outcomes.append(_compare(row, kept, supplier, macs.get(kept.id, {})))
                continue
            faults = _other_kind(row, kept) if kept else []
            faults += _unknown(row, model, supplier, place)
            faults += _taken_macs(row, owners)
            if row["received_on"] and row["received_on"] > local_day(now):
                faults.append(Fault("received_on", "is in the future"))
            row["model"] = model
            row["supplier_id"] = supplier.id if supplier else None
            row["place_id"] = place.id if place else None
            outcomes.append(Outcome(tuple(faults)) if faults else NEW)
        return outcomes

    def add(
        self,
        connection: Connection,
        batch: Sequence[Values],
        actor: Actor,
        reason: str,
        now: datetime,
    ) -> None:
        new = [row for row in batch if not row["kept"]]
        if new:
            _receive(connection, new, actor, reason, now)
        known = [row for row in batch if row["kept"]]
        if known:
            _complete(connection, known, actor, reason, now)
        ids = units_by_serial(connection, {row["serial_number"] for row in batch})
        macs = [
            {"mac_address": mac, "unit_id": ids[row["serial_number"]].id, "interface": interface}
            for row in batch
            for interface, mac in _macs_in(row)
        ]
        if macs:
            connection.execute(t.unit_mac.insert(), macs)


def _receive(
    connection: Connection, new: Sequence[Values], actor: Actor, reason: str, now: datetime
) -> None:
    state = UnitState.IN_STOCK.value
    entries = [
        Entry(
            "unit_received",
            f"unit:{row['serial_number']}",
            {"state": state, "place": row["place"]},
        )
        for row in new
    ]
    sequences = audit.append(connection, actor, entries, now, reason)
    connection.execute(t.unit.insert(), [_unit_row(row, now) for row in new])
    ids = units_by_serial(connection, {row["serial_number"] for row in new})
    connection.execute(
        t.unit_state.insert(),
        [
            {
                "unit_id": ids[row["serial_number"]].id,
                "state": state,
                "place_id": row["place_id"],
                "from_at": _received_at(row, now),
                "audit_sequence": sequence,
            }
            for row, sequence in zip(new, sequences, strict=True)
        ],
    )


def _complete(
    connection: Connection, known: Sequence[Values], actor: Actor, reason: str, now: datetime
) -> None:
    for row in known:
        said = _unit_row(row, now)
        values = {name: said[name] for name in _COMPLETED}
        connection.execute(update(t.unit).where(t.unit.c.id == row["kept"].id).values(values))
    entries = [
        Entry("unit_described", f"unit:{row['serial_number']}", {"model": row["model_name"]})
        for row in known
    ]
    audit.append(connection, actor, entries, now, reason)


def units_by_serial(connection: Connection, serials: set[str]) -> dict[str, Row[Any]]:
    found = connection.execute(select(t.unit).where(t.unit.c.serial_number.in_(sorted(serials))))
    return {row.serial_number: row for row in found}


def _macs_in(row: Values) -> list[tuple[str, str]]:
    return [(name, row[f"mac_{name}"]) for name in MAC_INTERFACES if row[f"mac_{name}"]]


def _owners_of_macs(connection: Connection, batch: Sequence[Values]) -> dict[str, str]:
    asked = sorted({mac for row in batch for _, mac in _macs_in(row)})
    found = connection.execute(
        select(t.unit_mac.c.mac_address, t.unit.c.serial_number)
        .join(t.unit, t.unit.c.id == t.unit_mac.c.unit_id)
        .where(t.unit_mac.c.mac_address.in_(asked))
    )
    return {row.mac_address: row.serial_number for row in found}


def _macs_of(connection: Connection, unit_ids: Sequence[int]) -> dict[int, dict[str, str]]:
    found = connection.execute(select(t.unit_mac).where(t.unit_mac.c.unit_id.in_(unit_ids)))
    macs: dict[int, dict[str, str]] = {}
    for row in found:
        macs.setdefault(row.unit_id, {})[row.interface] = row.mac_address
    return macs


def _compare(
    row: Values, kept: Row[Any], supplier: Row[Any] | None, macs: dict[str, str]
) -> Outcome:
    """Where the unit is now is not compared: it moves."""
    for name in MAC_INTERFACES:
        if macs.get(name) != row[f"mac_{name}"]:
            return Outcome((Fault(f"mac_{name}", "is on record already, with another address"),))
    if kept.supplier_id != (supplier.id if supplier else None):
        return Outcome((Fault("supplier", "is on record already, from another supplier"),))
    said = {name: row[name] for name in (*_COMPARED, "supplier_warranty_until_on")}
    return compare(kept, said)


def _other_kind(row: Values, kept: Row[Any]) -> list[Fault]:
    names = ("product_class", "manufacturer_oui")
    return list(compare(kept, {name: row[name] for name in names}).faults)


def _unknown(
    row: Values, model: Row[Any] | None, supplier: Row[Any] | None, place: Row[Any] | None
) -> list[Fault]:
    """What the row names and the registry does not have."""
    faults = []
    if model is None:
        text = f"no {row['product_class']} of this name and OUI; import models first"
        faults.append(Fault("model_name", text))
    elif row["hardware_version"] and row["hardware_version"] not in model.hardware_revisions:
        text = f"is not a hardware revision of {row['model_name']}"
        faults.append(Fault("hardware_version", text))
    if row["supplier"] and supplier is None:
        faults.append(Fault("supplier", "is not on record; import suppliers first"))
    if row["place"] and place is None:
        faults.append(Fault("place", "is not on record; import places first"))
    return faults


def _taken_macs(row: Values, owners: dict[str, str]) -> list[Fault]:
    return [
        Fault(f"mac_{name}", f"{mac} is that of unit {owners[mac]}")
        for name, mac in _macs_in(row)
        if mac in owners
    ]


def _received_at(row: Values, now: datetime) -> datetime:
    return day_bounds(row["received_on"])[0] if row["received_on"] else now


def _unit_row(row: Values, now: datetime) -> dict[str, Any]:
    model = row["model"]
    card = row["product_class"] == "CARD"
    identity = row["manufacturer_oui"], row["product_class"], row["serial_number"]
    return {
        "serial_number": row["serial_number"],
        "endpoint_id": None if card else endpoint_id(*identity),
        "manufacturer_oui": row["manufacturer_oui"],
        "product_class": row["product_class"],
        "manufacturer": model.manufacturer,
        "model_name": row["model_name"],
        "hardware_version": row["hardware_version"],
        "lab": False,
        "blacklisted": False,
        "received_at": _received_at(row, now),
        "model_id": model.id,
        "supplier_id": row["supplier_id"],
        "supplier_warranty_until_on": row["supplier_warranty_until_on"],
        "state": UnitState.IN_STOCK.value,
        "place_id": row["place_id"],
    }
