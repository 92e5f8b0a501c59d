"""What a unit that did not answer is told when it is seen again, months later if need be.

A replaced unit may connect until it has erased the customer's settings; the network serves it with
our own connection only. Then, or when the setting's days are over, its certificate is revoked. One
whose certificate is revoked already (stolen, handed in) can be told nothing: that is written off.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Row, exists, or_, select

from fleet_server.domain.presence import ONLINE
from fleet_server.domain.swap import Ask, Done, Operation, Phase, Target, after
from fleet_server.domain.swap_remark import Say
from fleet_server.services import commands, swap_asks, swap_registry, swap_store
from fleet_server.services import tables as t
from fleet_server.services.fleet import Fleet
from fleet_server.services.policy import read_policy
from fleet_server.services.swap_case import Case, load, may_connect
from fleet_server.services.swap_store import Happened

_MOST_AT_ONCE = 200
_AGAIN = timedelta(hours=1)
_FENCE = Ask(Target.OLD_UNIT, Operation.FENCE)


def pay(fleet: Fleet, now: datetime) -> int:
    """Tell units that are there what they are owed; gives how many debts ended."""
    with fleet.reading() as connection:
        days = read_policy(connection).fence_wait_days
        due = connection.execute(_due(now, now - timedelta(days=days))).all()
    paid = 0
    for row in due:
        with fleet.writing() as connection:
            paid += _pay(fleet, connection, row, now, now - timedelta(days=days))
    return paid


def _pay(
    fleet: Fleet, connection: Connection, row: Row[Any], now: datetime, oldest: datetime
) -> int:
    case = load(connection, row.swap_id)
    debt = Ask(Target(row.target), Operation(row.operation))
    if debt not in case.swap.owed:
        return 0
    if not may_connect(connection, row.endpoint_id) or row.since_at < oldest:
        return _end(connection, case, debt, Happened.WRITTEN_OFF, now)
    if not row.ask_key:
        key = f"{case.name}.{case.row.asks + 1}"
        swap_store.change(connection, case.id, asks=case.row.asks + 1)
        swap_store.note(connection, case.id, Happened.ASKED, now, debt, key=key)
        swap_store.change_debt(connection, case.id, debt, ask_key=key)
        swap_asks.issue(fleet, connection, case, debt, key, now)
        return 0
    found = commands.find(connection, [row.ask_key]).get(row.ask_key)
    known = swap_asks.of_command(debt, found) if found is not None else None
    if known is not None and isinstance(known.event, Done):
        return _end(connection, case, debt, Happened.PAID, now)
    if known is not None or found is None:
        swap_store.note(
            connection, case.id, Happened.FAILED, now, debt, key=row.ask_key, text=Say.ASKED_AGAIN
        )
        swap_store.change_debt(connection, case.id, debt, ask_key="", due_at=now + _AGAIN)
    return 0


def _end(connection: Connection, case: Case, debt: Ask, how: Happened, now: datetime) -> int:
    swap_store.note(connection, case.id, how, now, debt)
    changed = after(case.swap, Done(debt))
    swap_store.save(connection, case.id, changed)
    swap_store.settle_debts(connection, case.id, case.swap.owed, changed.owed, case.endpoints, now)
    if debt == _FENCE and case.old is not None and changed.phase is Phase.DONE:
        swap_registry.shut_out(connection, case.old, f"{case.name}.shut-out", now)
    if debt.target is Target.NEW_UNIT and changed.phase is Phase.ROLLED_BACK:
        swap_registry.off_the_network(connection, case.new, f"{case.name}.release", now)
    return 1


def _due(now: datetime, oldest: datetime) -> Any:
    debt = t.swap_debt.c
    online = exists().where(
        t.presence.c.endpoint_id == debt.endpoint_id, t.presence.c.state == ONLINE
    )
    certificate = t.certificate.c
    may_come = exists().where(
        certificate.endpoint_id == debt.endpoint_id, certificate.revoked_at.is_(None)
    )
    ended = exists().where(
        t.command.c.command_key == debt.ask_key, t.command.c.finished_at.is_not(None)
    )
    stands_still = exists().where(t.swap.c.id == debt.swap_id, t.swap.c.waits_for == Say.RESTORED)
    is_askable = (debt.ask_key == "") & (debt.due_at <= now) & online
    return (
        select(t.swap_debt)
        .where(or_(is_askable, (debt.ask_key != "") & ended, ~may_come, debt.since_at < oldest))
        .where(~stands_still)
        .order_by(debt.since_at)
        .limit(_MOST_AT_ONCE)
    )
