"""Importing contracts, what is on them now, and which card belongs into which box."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

from sqlalchemy import Connection, Row, select, update

from fleet_server.domain import import_subjects as subjects
from fleet_server.domain.approval import UnapprovedModelError, check_approved
from fleet_server.domain.errors import WrongProductClassError
from fleet_server.domain.life_cycle import LifeCycleError, UnitState, check_step
from fleet_server.domain.local_time import day_bounds, local_day
from fleet_server.domain.positions import (
    check_product_class,
    join_positions,
    product_classes_for,
)
from fleet_server.domain.rows import Values
from fleet_server.services import audit
from fleet_server.services import tables as t
from fleet_server.services.audit import Actor, Entry
from fleet_server.services.import_catalogue import by_code, compare
from fleet_server.services.import_units import units_by_serial
from fleet_server.services.registry_import import NEW, UNCHANGED, Outcome, refused


@dataclass(slots=True)
class _Held:
    """Open assignments: by unit, and the positions they hold."""

    by_unit: dict[int, list[Row[Any]]] = field(default_factory=dict)
    positions: set[int] = field(default_factory=set)


class ContractHandler:
    """Contracts with their service positions; the person behind one is kept elsewhere.

    One that an earlier version kept without its package is completed.
    """

    subject = subjects.CONTRACTS

    def check(
        self, connection: Connection, batch: Sequence[Values], now: datetime
    ) -> list[Outcome]:
        there = contracts_by_number(connection, {row["number"] for row in batch})
        names = _position_names(connection, [row.id for row in there.values()])
        elements = by_code(connection, t.network_element, {row["network_element"] for row in batch})
        return [self._check_row(row, there, names, elements, local_day(now)) for row in batch]

    def _check_row(
        self,
        row: Values,
        there: dict[str, Row[Any]],
        names: dict[int, set[str]],
        elements: dict[str, Row[Any]],
        today: date,
    ) -> Outcome:
        element = elements.get(row["network_element"])
        if row["network_element"] and element is None:
            return refused("network_element", "is not on record; import network first")
        row["network_element_id"] = element.id if element else None
        kept = row["kept"] = there.get(row["number"])
        row["there"] = names.get(kept.id, set()) if kept else set()
        if kept is None or (not kept.package and row["there"] <= set(row["positions"])):
            future = row["signed_on"] > today
            return refused("signed_on", "is in the future") if future else NEW
        if row["there"] != set(row["positions"]):
            return refused("positions", "is on record already, with other positions")
        return compare(
            kept, {name: row[name] for name in ("package", "signed_on", "network_element_id")}
        )

    def add(
        self,
        connection: Connection,
        batch: Sequence[Values],
        actor: Actor,
        reason: str,
        now: datetime,
    ) -> None:
        columns = ("package", "signed_on", "network_element_id")
        new = [row for row in batch if not row["kept"]]
        if new:
            values = [{name: row[name] for name in ("number", *columns)} for row in new]
            connection.execute(t.contract.insert(), [{**row, "created_at": now} for row in values])
        for row in batch:
            if row["kept"]:
                connection.execute(
                    update(t.contract)
                    .where(t.contract.c.id == row["kept"].id)
                    .values({name: row[name] for name in columns})
                )
        made = contracts_by_number(connection, {row["number"] for row in batch})
        positions = [
            {
                "contract_id": made[row["number"]].id,
                "name": name,
                "product_classes": ",".join(product_classes_for(name)),
            }
            for row in batch
            for name in row["positions"]
            if name not in row["there"]
        ]
        if positions:
            connection.execute(t.service_position.insert(), positions)
        entries = [
            Entry(
                "contract_completed" if row["kept"] else "contract_signed",
                f"contract:{row['number']}",
                {
                    "package": row["package"],
                    "signed_on": row["signed_on"].isoformat(),
                    "network_element": row["network_element"],
                    "positions": ";".join(row["positions"]),
                },
            )
            for row in batch
        ]
        audit.append(connection, actor, entries, now, reason)


class AssignmentHandler:
    """What is on contracts now, since a day that may be long past."""

    subject = subjects.ASSIGNMENTS

    def check(
        self, connection: Connection, batch: Sequence[Values], now: datetime
    ) -> list[Outcome]:
        units = units_by_serial(connection, {row["serial_number"] for row in batch})
        approvals = _approvals(connection, units)
        contracts = contracts_by_number(connection, {row["contract"] for row in batch})
        places = _positions(connection, [row.id for row in contracts.values()])
        held = _open_assignments(connection, units, places)
        outcomes = []
        for row in batch:
            unit, contract = units.get(row["serial_number"]), contracts.get(row["contract"])
            if unit is None:
                outcomes.append(refused("serial_number", "is not on record; import units first"))
            elif contract is None:
                outcomes.append(refused("contract", "is not on record; import contracts first"))
            elif contract.terminated_on is not None:
                outcomes.append(refused("contract", "has ended; it needs a new one [2]"))
            else:
                row["unit"] = unit
                row["places"] = [places.get((contract.id, name)) for name in row["position"]]
                outcomes.append(
                    _fits(row, unit, approvals.get(unit.model_id), local_day(now))
                    or _free(row, unit, held)
                )
        return outcomes

    def add(
        self,
        connection: Connection,
        batch: Sequence[Values],
        actor: Actor,
        reason: str,
        now: datetime,
    ) -> None:
        entries = [_assigned(row) for row in batch]
        sequences = audit.append(connection, actor, entries, now, reason)
        connection.execute(
            t.assignment.insert(),
            [
                {
                    "unit_id": row["unit"].id,
                    "service_position_id": place,
                    "since_at": day_bounds(row["since_on"])[0],
                    "handed_over_on": row["handed_over_on"],
                    "value_cents": row["value_cents"],
                    "recorded_at": now,
                }
                for row in batch
                for place in row["places"]
            ],
        )
        ids = [row["unit"].id for row in batch]
        connection.execute(
            update(t.unit)
            .where(t.unit.c.id.in_(ids))
            .values(state=UnitState.INSTALLED.value, place_id=None)
        )
        connection.execute(
            t.unit_state.insert(),
            [
                {
                    "unit_id": row["unit"].id,
                    "state": UnitState.INSTALLED.value,
                    "place_id": None,
                    "from_at": day_bounds(row["since_on"])[0],
                    "audit_sequence": sequence,
                }
                for row, sequence in zip(batch, sequences, strict=True)
            ],
        )


class PairingHandler:
    """Which card belongs into which box, from now on."""

    subject = subjects.PAIRINGS

    def check(
        self, connection: Connection, batch: Sequence[Values], now: datetime
    ) -> list[Outcome]:
        serials = {row["card"] for row in batch} | {row["box"] for row in batch}
        units = units_by_serial(connection, serials)
        ids = [unit.id for unit in units.values()]
        found = connection.execute(
            select(t.pairing).where(
                t.pairing.c.card_unit_id.in_(ids) | t.pairing.c.box_unit_id.in_(ids),
                t.pairing.c.until_at.is_(None),
            )
        )
        pairs = [(row.card_unit_id, row.box_unit_id) for row in found]
        partners = dict(pairs) | {box: card for card, box in pairs}
        return [self._check_row(row, units, partners) for row in batch]

    @staticmethod
    def _check_row(row: Values, units: dict[str, Row[Any]], partners: dict[int, int]) -> Outcome:
        card, box = units.get(row["card"]), units.get(row["box"])
        for name, unit, kind in (("card", card, "CARD"), ("box", box, "STB")):
            if unit is None or unit.product_class != kind:
                return refused(name, f"there is no {kind} of this number; import units first")
            if unit.blacklisted:
                return refused(name, "is blacklisted")
        if card is None or box is None:
            return NEW
        row.update(card_unit_id=card.id, box_unit_id=box.id)
        if partners.get(card.id) == box.id:
            return UNCHANGED
        if card.id in partners:
            return refused("card", "is paired with another box")
        return refused("box", "is paired with another card") if box.id in partners else NEW

    def add(
        self,
        connection: Connection,
        batch: Sequence[Values],
        actor: Actor,
        reason: str,
        now: datetime,
    ) -> None:
        names = ("card_unit_id", "box_unit_id")
        connection.execute(
            t.pairing.insert(),
            [{**{name: row[name] for name in names}, "since_at": now} for row in batch],
        )
        entries = [
            Entry("card_paired", f"unit:{row[name]}", {"card": row["card"], "box": row["box"]})
            for row in batch
            for name in ("card", "box")
        ]
        audit.append(connection, actor, entries, now, reason)


def contracts_by_number(connection: Connection, numbers: set[str]) -> dict[str, Row[Any]]:
    found = connection.execute(select(t.contract).where(t.contract.c.number.in_(sorted(numbers))))
    return {row.number: row for row in found}


def _position_names(connection: Connection, contract_ids: Sequence[int]) -> dict[int, set[str]]:
    names: dict[int, set[str]] = {}
    for contract_id, name in _positions(connection, contract_ids):
        names.setdefault(contract_id, set()).add(name)
    return names


def _positions(connection: Connection, contract_ids: Sequence[int]) -> dict[tuple[int, str], int]:
    found = connection.execute(
        select(t.service_position).where(t.service_position.c.contract_id.in_(contract_ids))
    )
    return {(row.contract_id, row.name): row.id for row in found}


def _approvals(connection: Connection, units: dict[str, Row[Any]]) -> dict[int | None, str]:
    wanted = {unit.model_id for unit in units.values()} - {None}
    found = connection.execute(
        select(t.model.c.id, t.model.c.approval_reference).where(t.model.c.id.in_(wanted))
    )
    return {row.id: row.approval_reference for row in found}


def _open_assignments(
    connection: Connection, units: dict[str, Row[Any]], places: dict[tuple[int, str], int]
) -> _Held:
    ids = [unit.id for unit in units.values()]
    found = connection.execute(
        select(t.assignment).where(
            t.assignment.c.unit_id.in_(ids)
            | t.assignment.c.service_position_id.in_(list(places.values())),
            t.open_assignment,
        )
    )
    held = _Held()
    for row in found:
        held.by_unit.setdefault(row.unit_id, []).append(row)
        held.positions.add(row.service_position_id)
    return held


def _fits(row: Values, unit: Row[Any], approval: str | None, today: date) -> Outcome | None:
    """What the row and its unit say by themselves; None when nothing is against it."""
    for name, place in zip(row["position"], row["places"], strict=True):
        if place is None:
            return refused("position", f"the contract has no {name}")
    try:
        check_product_class(unit.product_class, row["position"])
        check_approved(unit.serial_number, unit.model_name, approval)
    except (WrongProductClassError, UnapprovedModelError) as error:
        return refused("serial_number", str(error))
    if unit.blacklisted or unit.lab:
        return refused("serial_number", "is blacklisted" if unit.blacklisted else "is a lab board")
    if row["since_on"] < local_day(unit.received_at):
        return refused("since_on", "is before the unit was received")
    if max(row["since_on"], row["handed_over_on"] or row["since_on"]) > today:
        return refused("since_on", "or the hand-over is in the future")
    return None


def _free(row: Values, unit: Row[Any], held: _Held) -> Outcome:
    mine = held.by_unit.get(unit.id, [])
    if mine and {found.service_position_id for found in mine} == set(row["places"]):
        if local_day(mine[0].since_at) != row["since_on"]:
            return refused("since_on", "is on record already, as another day")
        return compare(mine[0], {name: row[name] for name in ("handed_over_on", "value_cents")})
    if mine:
        return refused("serial_number", "holds other positions already")
    if not held.positions.isdisjoint(row["places"]):
        return refused("position", "is held by another unit already")
    try:
        check_step(UnitState(unit.state), UnitState.INSTALLED)
    except LifeCycleError as error:
        return refused("serial_number", str(error))
    return NEW


def _assigned(row: Values) -> Entry:
    handed_over_on = row["handed_over_on"]
    return Entry(
        "unit_assigned",
        f"unit:{row['serial_number']}",
        {
            "contract": row["contract"],
            "position": join_positions(row["position"]),
            "since": row["since_on"].isoformat(),
            "handed_over": handed_over_on.isoformat() if handed_over_on else None,
            "value_cents": row["value_cents"],
        },
    )
