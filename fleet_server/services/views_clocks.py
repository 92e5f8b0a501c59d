"""What is due: read from the clocks as they are kept, asked with a moment."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, Select, and_, literal, or_, select, tuple_

from fleet_server.domain.clocks import (
    CUSTOMER,
    Clock,
    ClockKind,
    ClockState,
    Step,
    articles_of,
    who_acts,
)
from fleet_server.domain.errors import UnknownContractError
from fleet_server.domain.policy import Policy
from fleet_server.domain.roles import Role
from fleet_server.services import tables as t
from fleet_server.services.clock_facts import KeptClock, clocks_of

_OPERATORS_KINDS = tuple(kind for kind in ClockKind if kind != ClockKind.COMPENSATION_REQUEST)
WHO = (Role.DISPATCHER.value, Role.CALL_CENTRE.value, Role.FLEET_OPS.value, CUSTOMER)


@dataclass(frozen=True, slots=True)
class Due:
    """A clock as it stands at a moment, with what it is about, for a list.

    `id` is 0 where it was not read from the list. `position`, `serial_number` and `product_class`
    are empty where the clock is about none.
    """

    id: int
    contract: str
    position: str
    serial_number: str
    product_class: str
    subject: str
    clock: Clock
    value_cents: int | None
    state: ClockState
    step: Step
    who: str


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a list of deadlines is narrowed to; `who` is a role or `customer`."""

    kind: ClockKind | None = None
    who: str = ""


def list_due(
    connection: Connection,
    wanted: Wanted,
    now: datetime,
    after: tuple[datetime, int] | None = None,
    limit: int = 50,
) -> list[Due]:
    """What runs or is overdue, the earliest due first; `after` is the key of the row before.

    Each kind is read along its own index and the first of all are shown. What only the customer
    may do [5.3] is listed when it is asked for.
    """
    rows: list[Row[Any]] = []
    for kind in _OPERATORS_KINDS if wanted.kind is None else (wanted.kind,):
        query = _due_rows().where(t.open_clock, *_narrowed(kind, wanted.who, now))
        if after is not None:
            key = tuple_(t.clock.c.due_at, t.clock.c.id)
            query = query.where(key > tuple_(literal(after[0], t.Timestamp), after[1]))
        ordered = query.order_by(t.clock.c.due_at, t.clock.c.id).limit(limit)
        rows += connection.execute(ordered)
    rows.sort(key=lambda row: (row.due_at, row.id))
    return [_due(row, now) for row in rows[:limit]]


def open_counts(connection: Connection) -> dict[str, int]:
    """How many clocks of each kind are open, as kept."""
    rows = connection.execute(select(t.clock_count)).all()
    found = {row.kind: row.open for row in rows}
    return {kind.value: found.get(kind.value, 0) for kind in _OPERATORS_KINDS}


def clocks_of_contract(
    connection: Connection, number: str, policy: Policy, now: datetime
) -> list[Due]:
    """Every clock of a contract, those that ended too, the earliest due first.

    Raises UnknownContractError.
    """
    contract_id = contract_id_of(connection, number)
    made = clocks_of(connection, [contract_id], policy)
    about = _about(connection, made)
    found = [
        _shown(
            0,
            number,
            about[one.service_position_id, one.unit_id],
            one.subject,
            one.clock,
            one.value_cents,
            now,
        )
        for one in made
    ]
    return sorted(found, key=lambda due: (due.clock.due_at, due.clock.kind, due.subject))


def contract_id_of(connection: Connection, number: str) -> int:
    """Raises UnknownContractError."""
    found = connection.scalar(select(t.contract.c.id).where(t.contract.c.number == number))
    if found is None:
        raise UnknownContractError("There is no contract %(contract)s.", contract=number)
    return int(found)


def positions_of_contract(connection: Connection, number: str) -> list[str]:
    """The names of its service positions, without those of cards. Raises UnknownContractError."""
    contract_id = contract_id_of(connection, number)
    names = connection.scalars(
        select(t.service_position.c.name).where(t.service_position.c.contract_id == contract_id)
    )
    return sorted(name for name in names if not name.startswith("card"))


def _due_rows() -> Select[Any]:
    return (
        select(
            t.clock,
            t.contract.c.number,
            t.service_position.c.name,
            t.unit.c.serial_number,
            t.unit.c.product_class,
        )
        .join(t.contract, t.contract.c.id == t.clock.c.contract_id)
        .outerjoin(t.service_position, t.service_position.c.id == t.clock.c.service_position_id)
        .outerjoin(t.unit, t.unit.c.id == t.clock.c.unit_id)
    )


def _narrowed(kind: ClockKind, who: str, now: datetime) -> list[ColumnElement[bool]]:
    narrowed: list[ColumnElement[bool]] = [t.clock.c.kind == kind.value]
    if kind == ClockKind.COMPENSATION_REQUEST:
        narrowed.append(t.clock.c.due_at > now)
    if who:
        narrowed.append(_acted_by(who, now))
    return narrowed


def _acted_by(who: str, now: datetime) -> ColumnElement[bool]:
    """The open clocks on which `who` acts now; the same as `Clock.step` says of each."""
    c = t.clock.c
    returning = c.kind == ClockKind.RETURN
    charged = and_(returning, c.charge_from_at <= now)
    reminded = and_(
        returning, c.due_at <= now, or_(c.charge_from_at.is_(None), c.charge_from_at > now)
    )
    by_whom: dict[str, ColumnElement[bool]] = {
        Role.DISPATCHER: c.kind == ClockKind.INSTALLATION,
        Role.CALL_CENTRE: or_(c.kind == ClockKind.DEFECT_ANSWER, reminded),
        Role.FLEET_OPS: or_(c.kind == ClockKind.SWAP_NOTICE, charged),
        CUSTOMER: or_(c.kind == ClockKind.COMPENSATION_REQUEST, and_(returning, c.due_at > now)),
    }
    return by_whom.get(who, c.id.is_(None))


def _due(row: Row[Any], now: datetime) -> Due:
    kind = ClockKind(row.kind)
    clock = Clock(
        kind,
        articles_of(kind, row.product_class or ""),
        row.started_at,
        row.due_at,
        row.binding,
        row.done_at,
        row.stopped_at,
        row.charge_from_at,
    )
    about = (row.name or "", row.serial_number or "", row.product_class or "")
    return _shown(row.id, row.number, about, row.subject, clock, row.value_cents, now)


def _shown(
    key: int,
    contract: str,
    about: tuple[str, str, str],
    subject: str,
    clock: Clock,
    value_cents: int | None,
    now: datetime,
) -> Due:
    step = clock.step(now)
    return Due(
        key, contract, *about, subject, clock, value_cents, clock.state(now), step, who_acts(step)
    )


def _about(
    connection: Connection, made: Iterable[KeptClock]
) -> dict[tuple[int | None, int | None], tuple[str, str, str]]:
    """Position, serial number and product class of each, by the ids that a clock carries."""
    keys = {(one.service_position_id, one.unit_id) for one in made}
    positions = {
        row.id: row.name
        for row in connection.execute(
            select(t.service_position).where(
                t.service_position.c.id.in_({place for place, _unit in keys if place})
            )
        )
    }
    units = {
        row.id: (row.serial_number, row.product_class)
        for row in connection.execute(
            select(t.unit).where(t.unit.c.id.in_({unit for _place, unit in keys if unit}))
        )
    }
    return {
        (place, unit): (positions.get(place or 0, ""), *units.get(unit or 0, ("", "")))
        for place, unit in keys
    }
