"""The warranty of one unit, and of the smart card paired with it, as the registry stands.

Receipts are read from the assignments that were not corrected. Rows of one stay with a customer
count as one receipt: a box in two positions, or moved from one position to another on the same
contract without a day between. Its day of receipt is the earliest that is on record.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Any

from sqlalchemy import Connection, Row, Select, bindparam, select

from fleet_server.domain.errors import UnknownUnitError
from fleet_server.domain.local_time import local_day
from fleet_server.domain.policy import Policy
from fleet_server.domain.replacement_chain import Stay, first_of
from fleet_server.domain.warranty import (
    Cover,
    Receipt,
    SupplierCover,
    cover_on,
    supplier_cover,
)
from fleet_server.services import tables as t
from fleet_server.services.chains import read_stays


@dataclass(frozen=True, slots=True)
class UnitCover:
    """`paired` is the smart card of a set-top box, or the box of a card, with its own cover."""

    unit_id: int
    serial_number: str
    product_class: str
    cover: Cover
    supplier: SupplierCover
    paired: UnitCover | None


def _paired_with(mine: str, other: str) -> Select[Any]:
    return (
        select(t.unit)
        .join(t.pairing, t.pairing.c[other] == t.unit.c.id)
        .where(t.pairing.c[mine] == bindparam("unit"), t.pairing.c.until_at.is_(None))
    )


# Built once: these are asked for at every look-up.
_UNIT = select(t.unit).where(t.unit.c.serial_number == bindparam("serial"))
_PAIRED = {
    "STB": _paired_with("box_unit_id", "card_unit_id"),
    "CARD": _paired_with("card_unit_id", "box_unit_id"),
}
_STAYS: Select[Any] = (
    select(
        t.assignment.c.since_at,
        t.assignment.c.until_at,
        t.assignment.c.handed_over_on,
        t.assignment.c.replaces_unit_id,
        t.assignment.c.service_position_id,
        t.service_position.c.contract_id,
    )
    .join_from(t.assignment, t.service_position)
    .where(t.assignment.c.unit_id == bindparam("unit"), t.assignment.c.corrected_at.is_(None))
    .order_by(t.assignment.c.since_at, t.assignment.c.id)
)


def read_cover(connection: Connection, serial_number: str, day: date, policy: Policy) -> UnitCover:
    """The cover on `day`, at most five queries. Raises UnknownUnitError."""
    unit = connection.execute(_UNIT, {"serial": serial_number}).one_or_none()
    if unit is None:
        raise UnknownUnitError(
            "No unit with serial number %(unit)s was taken into stock.", unit=serial_number
        )
    found = _unit_cover(connection, unit, day, policy)
    paired = _paired(connection, unit)
    if paired is None:
        return found
    return replace(found, paired=_unit_cover(connection, paired, day, policy))


def cover_of(
    connection: Connection, unit_id: int, product_class: str, day: date, policy: Policy
) -> Cover:
    """The cover alone of a unit whose number is known."""
    return cover_on(product_class, receipts_of(connection, unit_id, policy), day, policy)


def receipts_of(connection: Connection, unit_id: int, policy: Policy) -> list[Receipt]:
    """Every receipt of the unit by a customer, the oldest first."""
    rows = connection.execute(_STAYS, {"unit": unit_id}).all()
    receipts = [_receipt(stay) for stay in _stays(rows)]
    if policy.replacement_starts_own_term:
        return receipts
    return _with_first_receipts(connection, unit_id, rows, receipts)


def _unit_cover(connection: Connection, unit: Row[Any], day: date, policy: Policy) -> UnitCover:
    return UnitCover(
        unit_id=unit.id,
        serial_number=unit.serial_number,
        product_class=unit.product_class,
        cover=cover_of(connection, unit.id, unit.product_class, day, policy),
        supplier=supplier_cover(unit.supplier_warranty_until_on, day),
        paired=None,
    )


def _paired(connection: Connection, unit: Row[Any]) -> Row[Any] | None:
    if unit.product_class not in _PAIRED:
        return None
    return connection.execute(_PAIRED[unit.product_class], {"unit": unit.id}).one_or_none()


def _stays(rows: Sequence[Row[Any]]) -> list[list[Row[Any]]]:
    """Rows of one stay with a customer together."""
    stays: list[list[Row[Any]]] = []
    for row in rows:
        if stays and _goes_on(stays[-1], row):
            stays[-1].append(row)
        else:
            stays.append([row])
    return stays


def _goes_on(stay: list[Row[Any]], row: Row[Any]) -> bool:
    open_ = any(before.until_at is None or before.until_at >= row.since_at for before in stay)
    return open_ and stay[0].contract_id == row.contract_id


def _receipt(stay: list[Row[Any]]) -> Receipt:
    known = [row.handed_over_on for row in stay if row.handed_over_on is not None]
    ends = [row.until_at for row in stay if row.until_at is not None]
    ended_on = local_day(max(ends)) if len(ends) == len(stay) else None
    since_on = local_day(stay[0].since_at)
    return Receipt(since_on, min(known, default=None), ended_on=ended_on)


def _with_first_receipts(
    connection: Connection, unit_id: int, rows: Sequence[Row[Any]], receipts: list[Receipt]
) -> list[Receipt]:
    """With the receipt that began each chain of replacements."""
    found = []
    for stay, receipt in zip(_stays(rows), receipts, strict=True):
        row = stay[0]
        if row.replaces_unit_id is not None:
            chain = read_stays(connection, row.service_position_id)
            here = Stay(row.service_position_id, unit_id, row.since_at, row.replaces_unit_id)
            first_on = _received_on(connection, first_of(here, chain))
            receipt = replace(receipt, first_received_on=first_on)
        found.append(receipt)
    return found


def _received_on(connection: Connection, stay: Stay) -> date | None:
    since_at: datetime = stay.since_at
    day: date | None = connection.scalar(
        select(t.assignment.c.handed_over_on).where(
            t.assignment.c.unit_id == stay.unit,
            t.assignment.c.service_position_id == stay.position,
            t.assignment.c.since_at == since_at,
            t.assignment.c.corrected_at.is_(None),
        )
    )
    return day
