"""A replacement for who watches it: every step of its plan, its units, and what is still owed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, func, select

from fleet_server.domain.kinds import ProductClass
from fleet_server.domain.presence import ONLINE
from fleet_server.domain.swap import Ask, Operation, Target
from fleet_server.domain.swap_progress import Gap, Happening, StepProgress, gap_of, steps_of
from fleet_server.services import audit, swap_store
from fleet_server.services import tables as t
from fleet_server.services.accounts import usernames
from fleet_server.services.audit import Recorded
from fleet_server.services.swap_orders import IN_STOCK
from fleet_server.services.swap_views import EventView, SwapPhase, SwapView, read

_MOST_DECISIONS = 200


@dataclass(frozen=True, slots=True)
class SwapUnit:
    """A unit of a replacement. `seen_at` is its last sign of life."""

    serial_number: str
    endpoint_id: str
    product_class: ProductClass
    is_online: bool
    seen_at: datetime | None


@dataclass(frozen=True, slots=True)
class Debt:
    """What a unit is told when it is seen again."""

    ask: Ask
    unit: SwapUnit
    since_at: datetime


@dataclass(frozen=True, slots=True)
class SwapWatch:
    """One replacement as it stands."""

    view: SwapView
    steps: list[StepProgress]
    gap: Gap | None
    old: SwapUnit | None
    new: SwapUnit
    partner: SwapUnit | None
    ordered_by: str
    approved_by: str
    debts: list[Debt]


def watch_swap(connection: Connection, swap_id: int) -> SwapWatch:
    """Raises UnknownSwapOrderError."""
    view = read(connection, swap_id)
    row = connection.execute(select(t.swap).where(t.swap.c.id == swap_id)).one()
    happened = [_happening(one) for one in view.events]
    swap = swap_store.value_of(connection, row)
    steps = steps_of(swap, happened, is_approved=row.approved_at is not None)
    new = _unit(connection, row.new_unit_id)
    old = _unit(connection, row.old_unit_id) if row.old_unit_id else None
    return SwapWatch(
        view=view,
        steps=steps,
        gap=gap_of(steps),
        old=old,
        new=new,
        partner=_unit(connection, row.partner_unit_id) if row.partner_unit_id else None,
        ordered_by=_who(connection, view.ordered_by),
        approved_by=_who(connection, view.approved_by),
        debts=_debts(connection, swap_id, {Target.OLD_UNIT: old, Target.NEW_UNIT: new}),
    )


def decisions_on(connection: Connection, view: SwapView) -> list[Recorded]:
    """What people decided on a replacement, the newest first."""
    entries = audit.history(connection, f"contract:{view.contract}", limit=_MOST_DECISIONS)
    return [one for one in entries if one.detail.get("replacement") == view.id]


def count_open(connection: Connection) -> dict[SwapPhase, int]:
    """How many replacements that have not ended are in each phase."""
    is_approved = t.swap.c.approved_at.is_not(None)
    rows = connection.execute(
        select(t.swap.c.phase, is_approved.label("is_approved"), func.count().label("units"))
        .where(t.swap.c.ended_at.is_(None))
        .group_by(t.swap.c.phase, is_approved)
    )
    found = dict.fromkeys(
        (SwapPhase.ORDERED, SwapPhase.FORWARD, SwapPhase.BACK, SwapPhase.PERSON), 0
    )
    for row in rows:
        found[SwapPhase(row.phase) if row.is_approved else SwapPhase.ORDERED] += row.units
    return found


def count_owed(connection: Connection) -> int:
    """How many units have not heard yet what a replacement has for them."""
    return int(connection.scalar(select(func.count()).select_from(t.swap_debt)) or 0)


def units_in_stock(
    connection: Connection, product_classes: Sequence[str], limit: int
) -> list[tuple[str, str]]:
    """Serial number and model of units that may be the new one."""
    rows = connection.execute(
        select(t.unit.c.serial_number, t.unit.c.model_name)
        .where(
            t.unit.c.product_class.in_(product_classes),
            t.unit.c.state.in_([state.value for state in IN_STOCK]),
            t.unit.c.blacklisted.is_(False),
        )
        .order_by(t.unit.c.serial_number)
        .limit(limit)
    )
    return [(row.serial_number, row.model_name or "") for row in rows]


def _happening(event: EventView) -> Happening:
    asked = Ask(Target(event.target), Operation(event.operation)) if event.target else None
    return Happening(event.at, event.kind, asked, event.remark)


def _debts(
    connection: Connection, swap_id: int, units: dict[Target, SwapUnit | None]
) -> list[Debt]:
    rows = connection.execute(
        select(t.swap_debt).where(t.swap_debt.c.swap_id == swap_id).order_by(t.swap_debt.c.since_at)
    )
    found = []
    for row in rows:
        unit = units.get(Target(row.target))
        if unit is not None:
            debt = Ask(Target(row.target), Operation(row.operation))
            found.append(Debt(debt, unit, row.since_at))
    return found


def _unit(connection: Connection, unit_id: int) -> SwapUnit:
    row = connection.execute(
        select(t.unit, t.presence.c.state.label("presence"), t.presence.c.seen_at)
        .outerjoin(t.presence, t.presence.c.endpoint_id == t.unit.c.endpoint_id)
        .where(t.unit.c.id == unit_id)
    ).one()
    return SwapUnit(
        row.serial_number,
        row.endpoint_id or "",
        ProductClass(row.product_class),
        row.presence == ONLINE,
        row.seen_at,
    )


def _who(connection: Connection, actor: str) -> str:
    """The name of an account; anybody else as it stands on record."""
    kind, _, name = actor.partition(":")
    if kind != "account":
        return name
    return usernames(connection, {int(name)}).get(name, name)
