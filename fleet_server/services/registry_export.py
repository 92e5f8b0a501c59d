"""Exporting: every subject in the columns in which it is imported, in the order of its keys."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from sqlalchemy import Connection, Row, Select, func, select

from fleet_server.domain.import_subjects import MAC_INTERFACES, Subject
from fleet_server.domain.local_time import local_day
from fleet_server.domain.positions import join_positions, position_order
from fleet_server.domain.rows import Values
from fleet_server.services import tables as t

_PAGE = 2_000
_parent = t.network_element.alias("parent")
_box = t.unit.alias("box")


def export(connection: Connection, subject: Subject) -> Iterator[Values]:
    """All rows of a subject, read page by page."""
    after: int | None = 0
    while after is not None:
        rows, after = export_page(connection, subject, after, _PAGE)
        yield from rows


def export_page(
    connection: Connection, subject: Subject, after: int, limit: int
) -> tuple[list[Values], int | None]:
    """Rows whose key is above `after`, and the key to go on from, None at the end.

    `limit` keys are looked at; of assignments there may be fewer rows than that.
    """
    query, to_values = _EXPORTS[subject.name]
    key = query.selected_columns["id"]
    page = connection.execute(query.where(key > after).order_by(key).limit(limit)).all()
    rows = list(to_values(connection, page)) if page else []
    return rows, page[-1].id if len(page) == limit else None


def count(connection: Connection, subject: Subject) -> int:
    """About how many rows an export will have, for its progress."""
    table = _EXPORTS[subject.name][0].selected_columns["id"].table
    return int(connection.scalar(select(func.count()).select_from(table)) or 0)


def _plain(_connection: Connection, page: Sequence[Row[Any]]) -> Iterator[Values]:
    return (row._asdict() for row in page)


def _models(_connection: Connection, page: Sequence[Row[Any]]) -> Iterator[Values]:
    for row in page:
        lists = {name: json.loads(getattr(row, name)) for name in ("hardware_revisions", "sensors")}
        yield {**row._asdict(), **lists}


def _units(connection: Connection, page: Sequence[Row[Any]]) -> Iterator[Values]:
    macs: dict[int, Values] = {row.id: {} for row in page}
    found = select(t.unit_mac).where(t.unit_mac.c.unit_id.in_(list(macs)))
    for mac in connection.execute(found):
        macs[mac.unit_id][f"mac_{mac.interface}"] = mac.mac_address
    none = {f"mac_{interface}": None for interface in MAC_INTERFACES}
    for row in page:
        received_on = local_day(row.received_at)
        yield {**row._asdict(), **none, **macs[row.id], "received_on": received_on}


def _contracts(connection: Connection, page: Sequence[Row[Any]]) -> Iterator[Values]:
    names: dict[int, list[str]] = {row.id: [] for row in page}
    found = select(t.service_position).where(t.service_position.c.contract_id.in_(list(names)))
    for position in connection.execute(found):
        names[position.contract_id].append(position.name)
    for row in page:
        yield {**row._asdict(), "positions": sorted(names[row.id], key=position_order)}


def _assignments(connection: Connection, page: Sequence[Row[Any]]) -> Iterator[Values]:
    """One row for each box: the page holds units that serve."""
    rows: dict[int, list[Row[Any]]] = {row.id: [] for row in page}
    found = (
        select(t.assignment, t.service_position.c.name, t.contract.c.number)
        .join(t.service_position, t.service_position.c.id == t.assignment.c.service_position_id)
        .join(t.contract, t.contract.c.id == t.service_position.c.contract_id)
        .where(t.assignment.c.unit_id.in_(list(rows)), t.open_assignment)
    )
    for held in connection.execute(found):
        rows[held.unit_id].append(held)
    for unit in page:
        if not rows[unit.id]:
            continue
        first = rows[unit.id][0]
        yield {
            "contract": first.number,
            "position": join_positions(held.name for held in rows[unit.id]),
            "serial_number": unit.serial_number,
            "since_on": local_day(first.since_at),
            "handed_over_on": first.handed_over_on,
            "value_cents": first.value_cents,
        }


_Export = tuple[Select[Any], Callable[[Connection, Sequence[Row[Any]]], Iterator[Values]]]
_EXPORTS: dict[str, _Export] = {
    "suppliers": (select(t.supplier), _plain),
    "places": (select(t.place), _plain),
    "network": (
        select(t.network_element, _parent.c.code.label("parent")).outerjoin(
            _parent, _parent.c.id == t.network_element.c.parent_id
        ),
        _plain,
    ),
    "models": (select(t.model), _models),
    "units": (
        select(t.unit, t.supplier.c.code.label("supplier"), t.place.c.code.label("place"))
        .outerjoin(t.supplier, t.supplier.c.id == t.unit.c.supplier_id)
        .outerjoin(t.place, t.place.c.id == t.unit.c.place_id),
        _units,
    ),
    "contracts": (
        select(t.contract, t.network_element.c.code.label("network_element")).outerjoin(
            t.network_element, t.network_element.c.id == t.contract.c.network_element_id
        ),
        _contracts,
    ),
    "pairings": (
        select(
            t.pairing.c.id,
            t.unit.c.serial_number.label("card"),
            _box.c.serial_number.label("box"),
        )
        .join(t.unit, t.unit.c.id == t.pairing.c.card_unit_id)
        .join(_box, _box.c.id == t.pairing.c.box_unit_id)
        .where(t.pairing.c.until_at.is_(None)),
        _plain,
    ),
    "assignments": (select(t.unit.c.id, t.unit.c.serial_number), _assignments),
}
