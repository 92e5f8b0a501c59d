"""What was on a contract, and where a unit was, on any day; and what was believed of it then.

Two times are asked for. `day` is the local day that is meant; `known_at` is the moment whose
knowledge is asked for, None for what is known now. Corrections that came after `known_at` are not
seen, so "what did we think in June was there on 3 May" has an answer of its own.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, Select, and_, func, or_, select

from fleet_server.domain.errors import UnknownContractError
from fleet_server.domain.local_time import day_bounds
from fleet_server.domain.positions import position_order
from fleet_server.services import tables as t


@dataclass(frozen=True, slots=True)
class Holding:
    """One assignment: which unit held which position, and what was recorded of it when.

    `corrected_at` is set on a row that was recorded wrongly; what it should have said stands in a
    row of its own.
    """

    assignment_id: int
    contract: str
    position: str
    serial_number: str
    product_class: str
    model_name: str
    since_at: datetime
    until_at: datetime | None
    handed_over_on: date | None
    value_cents: int | None
    replaces: str | None
    recorded_at: datetime
    corrected_at: datetime | None


@dataclass(frozen=True, slots=True)
class Stay:
    """A unit in one state at one place, from `from_at` on; `until_at` None while it lasts."""

    state: str
    place: str | None
    from_at: datetime
    until_at: datetime | None


@dataclass(frozen=True, slots=True)
class PairedWith:
    """A card and a box, and how long they belonged together."""

    card: str
    box: str
    since_at: datetime
    until_at: datetime | None


def contract_on(
    connection: Connection, contract: str, day: date, known_at: datetime | None = None
) -> list[Holding]:
    """What was on a contract at any moment of a local day, by position and time.

    Raises UnknownContractError.
    """
    _require_contract(connection, contract)
    query = _holdings().where(
        t.contract.c.number == contract, _overlaps(t.assignment, day), _believed(known_at)
    )
    return _sorted(connection, query, known_at)


def contract_history(connection: Connection, contract: str) -> list[Holding]:
    """Everything ever recorded of a contract, what was corrected too.

    Raises UnknownContractError.
    """
    _require_contract(connection, contract)
    return _sorted(connection, _holdings().where(t.contract.c.number == contract), None)


def read_assignments(connection: Connection, numbers: list[int]) -> list[Holding]:
    """The assignments of these numbers, corrected or not."""
    return _sorted(connection, _holdings().where(t.assignment.c.id.in_(numbers)), None)


def unit_holdings(connection: Connection, unit_id: int) -> list[Holding]:
    """Every position a unit ever held, what was corrected too."""
    return _sorted(connection, _holdings().where(t.assignment.c.unit_id == unit_id), None)


def unit_stays(connection: Connection, unit_id: int) -> list[Stay]:
    """Where a unit was, in the order of time."""
    rows = connection.execute(
        select(t.unit_state.c.state, t.unit_state.c.from_at, t.place.c.code)
        .outerjoin(t.place, t.place.c.id == t.unit_state.c.place_id)
        .where(t.unit_state.c.unit_id == unit_id)
        .order_by(t.unit_state.c.from_at, t.unit_state.c.id)
    ).all()
    ends: list[datetime | None] = [*(row.from_at for row in rows[1:]), None]
    return [
        Stay(row.state, row.code, row.from_at, end) for row, end in zip(rows, ends, strict=False)
    ]


def stay_on(connection: Connection, unit_id: int, day: date) -> Stay | None:
    """Where a unit was when a local day ended; None before it was received."""
    end = day_bounds(day)[1]
    before = [stay for stay in unit_stays(connection, unit_id) if stay.from_at < end]
    return before[-1] if before else None


def unit_pairings(connection: Connection, unit_id: int) -> list[PairedWith]:
    """Every pairing of a card or a box, in the order of time."""
    return _pairings(
        connection,
        (t.pairing.c.card_unit_id == unit_id) | (t.pairing.c.box_unit_id == unit_id),
    )


def pairings_on(connection: Connection, serials: list[str], day: date) -> list[PairedWith]:
    """The pairings of these cards and boxes at any moment of a local day."""
    units = select(t.unit.c.id).where(t.unit.c.serial_number.in_(serials))
    asked = t.pairing.c.card_unit_id.in_(units) | t.pairing.c.box_unit_id.in_(units)
    return _pairings(connection, and_(asked, _overlaps(t.pairing, day)))


def _require_contract(connection: Connection, contract: str) -> None:
    if connection.scalar(select(t.contract.c.id).where(t.contract.c.number == contract)) is None:
        raise UnknownContractError("There is no contract %(contract)s.", contract=contract)


def _overlaps(table: Any, day: date) -> ColumnElement[bool]:
    start, end = day_bounds(day)
    return and_(table.c.since_at < end, or_(table.c.until_at.is_(None), table.c.until_at > start))


def _believed(known_at: datetime | None) -> ColumnElement[bool]:
    row = t.assignment.c
    if known_at is None:
        return row.corrected_at.is_(None)
    return and_(
        func.coalesce(row.recorded_at, row.since_at) <= known_at,
        or_(row.corrected_at.is_(None), row.corrected_at > known_at),
    )


def _holdings() -> Select[Any]:
    before = t.unit.alias("before")
    return (
        select(
            t.assignment,
            t.contract.c.number,
            t.service_position.c.name,
            t.unit.c.serial_number,
            t.unit.c.product_class,
            t.unit.c.model_name,
            before.c.serial_number.label("replaces"),
        )
        .join(t.service_position, t.service_position.c.id == t.assignment.c.service_position_id)
        .join(t.contract, t.contract.c.id == t.service_position.c.contract_id)
        .join(t.unit, t.unit.c.id == t.assignment.c.unit_id)
        .outerjoin(before, before.c.id == t.assignment.c.replaces_unit_id)
    )


def _sorted(connection: Connection, query: Select[Any], known_at: datetime | None) -> list[Holding]:
    found = [_holding(row, known_at) for row in connection.execute(query)]
    return sorted(
        found,
        key=lambda one: (
            position_order(one.position),
            one.since_at,
            one.recorded_at,
            one.assignment_id,
        ),
    )


def _holding(row: Row[Any], known_at: datetime | None) -> Holding:
    """An end or a correction that came after `known_at` was not known then."""

    def known(at: datetime | None) -> datetime | None:
        return None if at is None or (known_at is not None and at > known_at) else at

    return Holding(
        assignment_id=row.id,
        contract=row.number,
        position=row.name,
        serial_number=row.serial_number,
        product_class=row.product_class,
        model_name=row.model_name,
        since_at=row.since_at,
        until_at=known(row.until_at),
        handed_over_on=row.handed_over_on,
        value_cents=row.value_cents,
        replaces=row.replaces,
        recorded_at=row.recorded_at or row.since_at,
        corrected_at=known(row.corrected_at),
    )


def _pairings(connection: Connection, asked: ColumnElement[bool]) -> list[PairedWith]:
    box = t.unit.alias("box")
    rows = connection.execute(
        select(
            t.unit.c.serial_number.label("card"),
            box.c.serial_number.label("box"),
            t.pairing.c.since_at,
            t.pairing.c.until_at,
        )
        .join(t.pairing, t.pairing.c.card_unit_id == t.unit.c.id)
        .join(box, box.c.id == t.pairing.c.box_unit_id)
        .where(asked)
        .order_by(t.pairing.c.since_at, t.pairing.c.id)
    )
    return [PairedWith(row.card, row.box, row.since_at, row.until_at) for row in rows]
