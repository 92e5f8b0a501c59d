"""Swaps that are planned, and what has to be on record before one may be done [7.1.7].

One that the operator initiates needs notice, so many hours before; the replacement of a faulty unit
needs the customer's consent. A swap that moves is cancelled and planned anew: the notice named the
moment it was for.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import Connection, Row, select, update

from fleet_server.domain.clocks import swap_may_start
from fleet_server.domain.errors import (
    AlreadySaidError,
    ConflictError,
    ImpossibleMomentError,
    InvalidError,
    UnknownSwapError,
)
from fleet_server.domain.policy import Policy
from fleet_server.domain.swap_remark import Say, moment, read_remark, remark
from fleet_server.services import audit
from fleet_server.services import tables as t
from fleet_server.services.audit import Actor, Entry
from fleet_server.services.clock_book import refresh
from fleet_server.services.clock_facts import OPERATOR_SWAP
from fleet_server.services.defects import position_id_of
from fleet_server.services.policy import read_policy
from fleet_server.services.views_clocks import contract_id_of


class Ground(StrEnum):
    OPERATOR = OPERATOR_SWAP
    FAULTY = "faulty"


class SwapNotReadyError(ConflictError):
    """Notice or consent is missing, or it is not yet time; `lacks` is a remark that says which."""

    def __init__(self, lacks: str) -> None:
        super().__init__(f"This needs first: {read_remark(lacks)}.")
        self.lacks = lacks


@dataclass(frozen=True, slots=True)
class PlannedSwap:
    """`may_start_at` is None while notice or consent is missing, or once it was cancelled."""

    id: int
    contract: str
    position: str
    ground: Ground
    planned_at: datetime
    notice_at: datetime | None
    consent_at: datetime | None
    cancelled_at: datetime | None
    may_start_at: datetime | None


def plan_swap(
    connection: Connection,
    actor: Actor,
    contract: str,
    position: str,
    ground: Ground,
    planned_at: datetime,
    reason: str,
    now: datetime,
) -> PlannedSwap:
    """Put a swap on record for a moment to come.

    Raises UnknownContractError, UnknownPositionError, ImpossibleMomentError.
    """
    if planned_at.tzinfo is None:
        raise InvalidError("A moment needs its offset from UTC.")
    if planned_at < now:
        raise ImpossibleMomentError("A swap is planned for a moment to come.")
    contract_id = contract_id_of(connection, contract)
    place = position_id_of(connection, contract_id, position)
    if place is None:
        raise InvalidError("A swap is of one position.")
    key = connection.execute(
        t.planned_swap.insert().values(
            contract_id=contract_id,
            service_position_id=place,
            ground=ground.value,
            planned_at=planned_at,
            recorded_at=now,
        )
    ).inserted_primary_key
    swap_id = int(key[0]) if key else 0
    detail: dict[str, str | int | bool | None] = {
        "swap": swap_id,
        "position": position,
        "ground": ground.value,
        "planned_at": planned_at.isoformat(),
    }
    entry = Entry("swap_planned", f"contract:{contract}", detail)
    return _record(connection, actor, swap_id, entry, reason, now)


def announce_swap(connection: Connection, actor: Actor, swap_id: int, now: datetime) -> PlannedSwap:
    """The customer was told of it; the hours of notice run from here.

    Raises UnknownSwapError, AlreadySaidError.
    """
    return _say(connection, actor, swap_id, "swap_announced", "notice_at", now)


def consent_to_swap(
    connection: Connection, actor: Actor, swap_id: int, now: datetime
) -> PlannedSwap:
    """The customer agreed. Raises UnknownSwapError, AlreadySaidError."""
    return _say(connection, actor, swap_id, "swap_consented", "consent_at", now)


def agree_now(
    connection: Connection, actor: Actor, contract: str, position: str, reason: str, now: datetime
) -> int:
    """Put on record that the unit is faulty and the customer agrees now; gives the planned swap.

    Raises what `plan_swap` raises.
    """
    planned = plan_swap(connection, actor, contract, position, Ground.FAULTY, now, reason, now)
    consent_to_swap(connection, actor, planned.id, now)
    return planned.id


def cancel_swap(
    connection: Connection, actor: Actor, swap_id: int, reason: str, now: datetime
) -> PlannedSwap:
    """Raises UnknownSwapError, AlreadySaidError."""
    return _say(connection, actor, swap_id, "swap_cancelled", "cancelled_at", now, reason)


def read_swap(connection: Connection, swap_id: int) -> PlannedSwap:
    """Raises UnknownSwapError."""
    row = connection.execute(_swaps().where(t.planned_swap.c.id == swap_id)).one_or_none()
    if row is None:
        raise UnknownSwapError("There is no planned swap %(swap)s.", swap=swap_id)
    return _swap(row, read_policy(connection))


def swaps_of_contract(connection: Connection, contract: str, limit: int = 50) -> list[PlannedSwap]:
    """The swaps of a contract, the newest first. Raises UnknownContractError."""
    contract_id = contract_id_of(connection, contract)
    policy = read_policy(connection)
    rows = connection.execute(
        _swaps()
        .where(t.planned_swap.c.contract_id == contract_id)
        .order_by(t.planned_swap.c.id.desc())
        .limit(limit)
    )
    return [_swap(row, policy) for row in rows]


def require_ready(connection: Connection, swap_id: int, now: datetime) -> PlannedSwap:
    """The swap, if it may be done now. Raises UnknownSwapError, SwapNotReadyError."""
    swap = read_swap(connection, swap_id)
    if swap.may_start_at is None:
        missing = Say.CONSENT if swap.ground == Ground.FAULTY else Say.NOTICE
        raise SwapNotReadyError(remark(missing, plan=swap_id))
    if now < swap.may_start_at:
        at = moment(swap.may_start_at)
        raise SwapNotReadyError(remark(Say.ANNOUNCED, plan=swap_id, at=at))
    return swap


def _say(
    connection: Connection,
    actor: Actor,
    swap_id: int,
    action: str,
    column: str,
    now: datetime,
    reason: str = "",
) -> PlannedSwap:
    swap = read_swap(connection, swap_id)
    written = connection.execute(
        update(t.planned_swap)
        .where(
            t.planned_swap.c.id == swap_id,
            t.planned_swap.c[column].is_(None),
            t.planned_swap.c.cancelled_at.is_(None),
        )
        .values({column: now})
    )
    if not written.rowcount:
        raise AlreadySaidError("This stands on record for swap %(swap)s already.", swap=swap_id)
    entry = Entry(action, f"contract:{swap.contract}", {"swap": swap_id})
    return _record(connection, actor, swap_id, entry, reason, now)


def _record(
    connection: Connection, actor: Actor, swap_id: int, entry: Entry, reason: str, now: datetime
) -> PlannedSwap:
    audit.append(connection, actor, [entry], now, reason)
    swap = read_swap(connection, swap_id)
    contract_id = contract_id_of(connection, swap.contract)
    refresh(connection, [contract_id], read_policy(connection), now)
    return swap


def _swaps() -> Any:
    return (
        select(t.planned_swap, t.contract.c.number, t.service_position.c.name)
        .join(t.contract, t.contract.c.id == t.planned_swap.c.contract_id)
        .join(t.service_position, t.service_position.c.id == t.planned_swap.c.service_position_id)
    )


def _swap(row: Row[Any], policy: Policy) -> PlannedSwap:
    may_start_at = swap_may_start(
        policy, row.ground == Ground.OPERATOR, row.planned_at, row.notice_at, row.consent_at
    )
    return PlannedSwap(
        id=row.id,
        contract=row.number,
        position=row.name,
        ground=Ground(row.ground),
        planned_at=row.planned_at,
        notice_at=row.notice_at,
        consent_at=row.consent_at,
        cancelled_at=row.cancelled_at,
        may_start_at=None if row.cancelled_at else may_start_at,
    )
