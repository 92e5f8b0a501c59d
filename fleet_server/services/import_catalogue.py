"""Importing what units and contracts refer to: suppliers, places, the plant, models."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, Table, select

from fleet_server.domain import import_subjects as subjects
from fleet_server.domain.import_subjects import Subject
from fleet_server.domain.rows import Values
from fleet_server.services import audit
from fleet_server.services import tables as t
from fleet_server.services.audit import Actor, Entry
from fleet_server.services.registry_import import NEW, UNCHANGED, Outcome, refused


def by_code(connection: Connection, table: Table, codes: set[str | None]) -> dict[str, Row[Any]]:
    """The rows of a table with a column `code` that carry these."""
    wanted = sorted(code for code in codes if code)
    found = connection.execute(select(table).where(table.c.code.in_(wanted)))
    return {row.code: row for row in found}


def compare(row: Row[Any], said: Mapping[str, Any]) -> Outcome:
    """Unchanged when the record says the same, else refused with the first column that differs."""
    for name, value in said.items():
        kept = getattr(row, name)
        if kept != value:
            return refused(name, f"is on record already, as {kept or 'empty'}")
    return UNCHANGED


@dataclass(frozen=True, slots=True)
class CodeHandler:
    """Suppliers and places: rows of a table that are known by their code."""

    subject: Subject
    table: Table
    action: str

    def check(
        self, connection: Connection, batch: Sequence[Values], now: datetime
    ) -> list[Outcome]:
        there = by_code(connection, self.table, {row["code"] for row in batch})
        return [compare(there[row["code"]], row) if row["code"] in there else NEW for row in batch]

    def add(
        self,
        connection: Connection,
        batch: Sequence[Values],
        actor: Actor,
        reason: str,
        now: datetime,
    ) -> None:
        connection.execute(self.table.insert(), list(batch))
        entries = [Entry(self.action, f"{self.table.name}:{row['code']}") for row in batch]
        audit.append(connection, actor, entries, now, reason)


class NetworkHandler:
    """The plant. A parent stands in the file before what hangs on it, or is on record."""

    subject = subjects.NETWORK
    _above: Mapping[str, tuple[str, ...]] = {
        "node": (),
        "amplifier": ("node", "amplifier"),
        "street": ("node", "amplifier"),
    }

    def __init__(self) -> None:
        self._kinds: dict[str, str] = {}

    def check(
        self, connection: Connection, batch: Sequence[Values], now: datetime
    ) -> list[Outcome]:
        codes = {row["code"] for row in batch} | {row["parent"] for row in batch}
        there = by_code(connection, t.network_element, codes)
        self._kinds.update({code: row.kind for code, row in there.items()})
        parents = self._codes_of(connection, {row.parent_id for row in there.values()})
        outcomes = []
        for row in batch:
            outcome = self._check_row(row, there, parents)
            if not outcome.faults:
                self._kinds[row["code"]] = row["kind"]
            outcomes.append(outcome)
        return outcomes

    def _check_row(
        self, row: Values, there: Mapping[str, Row[Any]], parents: Mapping[int, str]
    ) -> Outcome:
        if row["code"] in there:
            kept = there[row["code"]]
            if parents.get(kept.parent_id) != row["parent"]:
                return refused("parent", "is on record already, under another element")
            return compare(kept, {"kind": row["kind"]})
        if row["parent"] and row["parent"] not in self._kinds:
            return refused("parent", f"{row['parent']} is not on record, nor above in this file")
        if row["parent"] and self._kinds[row["parent"]] not in self._above[row["kind"]]:
            return refused("parent", f"nothing hangs on a {self._kinds[row['parent']]} as this")
        return NEW

    @staticmethod
    def _codes_of(connection: Connection, ids: set[int | None]) -> dict[int, str]:
        element = t.network_element
        found = connection.execute(
            select(element.c.id, element.c.code).where(element.c.id.in_(ids - {None}))
        )
        return {row.id: row.code for row in found}

    def add(
        self,
        connection: Connection,
        batch: Sequence[Values],
        actor: Actor,
        reason: str,
        now: datetime,
    ) -> None:
        for kind in subjects.NETWORK_KINDS:
            self._add_kind(connection, [row for row in batch if row["kind"] == kind])
        entries = [
            Entry("network_element_added", f"network:{row['code']}", {"parent": row["parent"]})
            for row in batch
        ]
        audit.append(connection, actor, entries, now, reason)

    @staticmethod
    def _add_kind(connection: Connection, rows: Sequence[Values]) -> None:
        """Elements of one kind, those first whose parent is there (amplifiers form chains)."""
        left = list(rows)
        while left:
            parents = by_code(connection, t.network_element, {row["parent"] for row in left})
            ready = [row for row in left if not row["parent"] or row["parent"] in parents]
            connection.execute(
                t.network_element.insert(),
                [
                    {
                        "code": row["code"],
                        "kind": row["kind"],
                        "parent_id": parents[row["parent"]].id if row["parent"] else None,
                    }
                    for row in ready
                ],
            )
            left = [row for row in left if row not in ready]


class ModelHandler:
    """Models, by OUI, kind and name. The approval may be filled in later, see models.py."""

    subject = subjects.MODELS

    def check(
        self, connection: Connection, batch: Sequence[Values], now: datetime
    ) -> list[Outcome]:
        there = models_by_key(connection, batch)
        return [
            compare(there[model_key(row)], _model_row(row)) if model_key(row) in there else NEW
            for row in batch
        ]

    def add(
        self,
        connection: Connection,
        batch: Sequence[Values],
        actor: Actor,
        reason: str,
        now: datetime,
    ) -> None:
        connection.execute(t.model.insert(), [_model_row(row) for row in batch])
        numbers = models_by_key(connection, batch)
        entries = [
            Entry(
                "model_added",
                f"model:{numbers[model_key(row)].id}",
                {"approval_reference": row["approval_reference"]},
            )
            for row in batch
        ]
        audit.append(connection, actor, entries, now, reason)


def model_key(row: Values) -> tuple[str, str, str]:
    return row["manufacturer_oui"], row["product_class"], row["model_name"]


def models_by_key(
    connection: Connection, batch: Sequence[Values]
) -> dict[tuple[str, str, str], Row[Any]]:
    """The models that rows with OUI, kind and model name mean."""
    names = sorted({row["model_name"] for row in batch})
    found = connection.execute(select(t.model).where(t.model.c.model_name.in_(names)))
    return {(row.manufacturer_oui, row.product_class, row.model_name): row for row in found}


def _model_row(row: Values) -> dict[str, Any]:
    lists = {name: json.dumps(row[name]) for name in ("hardware_revisions", "sensors")}
    return {**row, **lists}


SUPPLIER_HANDLER = CodeHandler(subjects.SUPPLIERS, t.supplier, "supplier_added")
PLACE_HANDLER = CodeHandler(subjects.PLACES, t.place, "place_added")
