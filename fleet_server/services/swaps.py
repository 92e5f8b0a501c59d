"""Replacing a unit by another: ordered, approved, watched, called off.

What each step is: domain/swap.py. How it is carried on: swap_engine.py. For people:
docs/operations/replacement.md.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

from sqlalchemy import Connection, select

from fleet_server.domain.roles import Permission
from fleet_server.domain.swap import Aborted, Phase, Waived, after, may_waive
from fleet_server.domain.swap_remark import Say
from fleet_server.services import (
    audit,
    command_passing,
    commands,
    outbox,
    swap_debts,
    swap_settings,
    swap_store,
)
from fleet_server.services import tables as t
from fleet_server.services.audit import Actor, Entry
from fleet_server.services.fleet import Fleet
from fleet_server.services.swap_case import Case, load
from fleet_server.services.swap_engine import Engine
from fleet_server.services.swap_gates import Lines
from fleet_server.services.swap_orders import (
    FourEyesError,
    NotEnrolledError,
    SwapOrder,
    SwapStateError,
    Trigger,
    approve,
    order,
)
from fleet_server.services.swap_store import Happened, SwapTakenError, UnknownSwapOrderError
from fleet_server.services.swap_views import (
    TO_DO_WORDS,
    StepView,
    SwapPhase,
    SwapView,
    Todo,
    list_swaps,
    may_resume,
    open_swap_of,
    read,
)
from fleet_server.services.swap_visits import call_off_visits

_SOON = timedelta(seconds=1)

__all__ = [
    "TO_DO_WORDS",
    "FourEyesError",
    "NotEnrolledError",
    "StepView",
    "SwapOrder",
    "SwapPhase",
    "SwapStateError",
    "SwapTakenError",
    "SwapView",
    "Todo",
    "Trigger",
    "UnknownSwapOrderError",
    "abort",
    "advance",
    "approve",
    "is_under_way",
    "list_swaps",
    "needed_to_begin",
    "open_swap_of",
    "order",
    "read",
    "resume",
    "tidy",
    "waive",
]


def advance(fleet: Fleet, now: datetime, line_of: Lines) -> int:
    """Carry on every replacement, and pay what is owed; gives how many events were taken in.

    `line_of` is the softswitch's view of a line; it may raise SystemUnavailableError.
    """
    return Engine(fleet, line_of).advance(now) + swap_debts.pay(fleet, now)


def tidy(fleet: Fleet, now: datetime) -> int:
    """Erase customers' settings of replacements that ended a month ago; gives how many."""
    return swap_settings.erase_old(fleet, now)


def is_under_way(connection: Connection, now: datetime) -> bool:
    """Whether a replacement goes on now, so that it is worth looking often."""
    swap = t.swap.c
    is_soon = (swap.due_at <= now + _SOON) | (swap.ask_key != "")
    query = select(swap.id).where(swap.ended_at.is_(None), swap.approved_at.is_not(None), is_soon)
    return connection.scalar(query.limit(1)) is not None


def needed_to_begin(trigger: Trigger) -> Permission:
    """Whoever takes the service away at the customer's is there; from afar it is approved."""
    is_on_site = trigger is Trigger.TECHNICIAN
    return Permission.SWAP_ON_SITE if is_on_site else Permission.APPROVE_SWAP


def abort(connection: Connection, actor: Actor, swap_id: int, reason: str, now: datetime) -> None:
    """Have it undone, or call off an order that nobody approved.

    Raises UnknownSwapOrderError, SwapStateError once it has ended or goes back already, and
    PointOfNoReturnError once the new unit serves.
    """
    case = load(connection, swap_id)
    if case.swap.has_ended or case.swap.is_undoing:
        raise SwapStateError("Replacement %(swap)s goes back already, or has ended.", swap=swap_id)
    changed = after(case.swap, Aborted(reason or "called off"))
    _withdraw(connection, case, now)
    if case.row.approved_at is None:
        ended = replace(case.swap, phase=Phase.ROLLED_BACK, why=changed.why)
        swap_store.save(connection, swap_id, ended, ended_at=now)
        swap_store.free(connection, swap_id)
        if case.row.trigger == Trigger.TECHNICIAN:
            call_off_visits(connection, [swap_id], now)
    else:
        swap_store.save(
            connection, swap_id, changed, ask_key="", waits_for="", due_at=now, asked_at=None
        )
    swap_store.note(connection, swap_id, Happened.ABORTED, now, case.asked, step=case.step)
    _record(connection, actor, "swap_aborted", case, reason, now)


def waive(connection: Connection, actor: Actor, swap_id: int, reason: str, now: datetime) -> None:
    """Accept that the old unit serves again only when it is seen, or that what a system refuses to
    do for it is done there by hand.

    Raises UnknownSwapOrderError, and SwapStateError where it waits for nothing of the kind.
    """
    case = load(connection, swap_id)
    if not may_waive(case.swap):
        raise SwapStateError(
            "Replacement %(swap)s waits for nothing that may be left out.", swap=swap_id
        )
    _withdraw(connection, case, now)
    swap_store.note(connection, swap_id, Happened.WAIVED, now, case.asked, step=case.step)
    changed = after(case.swap, Waived())
    ended = {"ended_at": now} if changed.has_ended else {}
    swap_store.save(
        connection, swap_id, changed, ask_key="", waits_for="", due_at=now, asked_at=None, **ended
    )
    if changed.has_ended:
        swap_store.free(connection, swap_id)
    swap_store.settle_debts(connection, swap_id, case.swap.owed, changed.owed, case.endpoints, now)
    _record(connection, actor, "swap_waived", case, reason, now)


def resume(connection: Connection, actor: Actor, swap_id: int, reason: str, now: datetime) -> None:
    """Try at once what waits for its time: another try of a system, or of a unit; after a restore
    let it go on, and tell units what they are owed.

    Raises UnknownSwapOrderError, and SwapStateError where nothing can be tried.
    """
    case = load(connection, swap_id)
    if not may_resume(case.row, case.swap):
        raise SwapStateError("Replacement %(swap)s has nothing to try.", swap=swap_id)
    values = {"asked_at": now} if case.row.waits_for == Say.RESTORED else {}
    swap_store.change(connection, swap_id, due_at=now, waits_for="", **values)
    if case.row.ask_key:
        outbox.hurry(connection, case.row.ask_key, now)
    unit = case.unit(case.asked.target) if case.asked else None
    if unit is not None and unit.endpoint_id:
        command_passing.wake(connection, [unit.endpoint_id], now)
    step = case.step if case.asked else None
    swap_store.note(connection, swap_id, Happened.RESUMED, now, case.asked, step=step)
    _record(connection, actor, "swap_resumed", case, reason, now)


def _withdraw(connection: Connection, case: Case, now: datetime) -> None:
    """What is under way to a unit is called back; an operator's system gets the opposite order.

    An answer that came just before is taken in by nobody any more: nothing of the customer's
    settings stays in it.
    """
    asked = case.asked
    if case.row.ask_key and asked is not None and asked.target in case.endpoints:
        commands.withdraw(connection, [case.row.ask_key], now)
        swap_settings.forget_in_command(connection, case.row.ask_key)


def _record(
    connection: Connection, actor: Actor, action: str, case: Case, reason: str, now: datetime
) -> None:
    entry = Entry(action, f"contract:{case.contract}", {"replacement": case.id})
    audit.append(connection, actor, [entry], now, reason)
