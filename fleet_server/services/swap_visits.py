"""Replacements ordered for a technician's visit: a work order sends him, and he begins it there.

Nothing is cut on the day of the visit before he is at the customer's. One that he did not begin
stays on order until he does, another day if need be, or until it is called off. Where the contract
ends, nobody is left to serve: it is called off with it, and so is what waits for its approval.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from sqlalchemy import Connection, select

from fleet_server.domain.local_time import local_day
from fleet_server.domain.operations import CancelWorkOrder, OpenWorkOrder, System
from fleet_server.domain.swap import Phase
from fleet_server.domain.swap_remark import Say, remark
from fleet_server.services import outbox, swap_store
from fleet_server.services import tables as t
from fleet_server.services.audit import Actor
from fleet_server.services.swap_orders import SwapOrder, Trigger, put_on_order
from fleet_server.services.swap_store import Happened

_KIND = "swap"


def order_visit(connection: Connection, actor: Actor, wanted: SwapOrder, now: datetime) -> int:
    """Put a replacement on order and have a technician sent today; gives its number.

    Raises what `put_on_order` raises.
    """
    swap_id = put_on_order(connection, actor, wanted, now)
    due_on = local_day(now).isoformat()
    send = OpenWorkOrder(_name(swap_id), _KIND, wanted.contract, wanted.old_serial or "", due_on)
    outbox.queue(connection, f"{_name(swap_id)}.visit", [[(System.WORK_ORDERS, send)]], now)
    return swap_id


def call_off_orders(connection: Connection, contract_id: int, contract: str, now: datetime) -> None:
    """Call off what nobody began or approved of a contract, which has ended."""
    swap = t.swap.c
    is_on_order = swap.approved_at.is_(None) & swap.ended_at.is_(None)
    rows = connection.execute(
        select(swap.id, swap.trigger).where(swap.contract_id == contract_id, is_on_order)
    ).all()
    why = remark(Say.CONTRACT_ENDED, contract=contract)
    for row in rows:
        swap_store.change(connection, row.id, phase=Phase.ROLLED_BACK, why=why, ended_at=now)
        swap_store.free(connection, row.id)
        swap_store.note(connection, row.id, Happened.ABORTED, now, text=why)
    visits = [row.id for row in rows if row.trigger == Trigger.TECHNICIAN]
    call_off_visits(connection, visits, now)


def call_off_visits(connection: Connection, swap_ids: Iterable[int], now: datetime) -> None:
    """Nobody has to go there: these were called off before a technician began them."""
    for swap_id in swap_ids:
        stay = CancelWorkOrder(_name(swap_id))
        outbox.queue(connection, f"{_name(swap_id)}.no-visit", [[(System.WORK_ORDERS, stay)]], now)


def _name(swap_id: int) -> str:
    return f"swap-{swap_id}"
