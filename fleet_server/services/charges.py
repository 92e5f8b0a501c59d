"""What is proposed for units that are not back, and what people decided; nothing is billed here."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import Connection, Row, select

from fleet_server.domain.clocks import Clock, return_clock
from fleet_server.domain.errors import (
    ChargeDecidedError,
    ChargeNotProposedError,
    UnknownUnitError,
)
from fleet_server.domain.kinds import ProductClass
from fleet_server.domain.life_cycle import UnitState
from fleet_server.domain.policy import Policy
from fleet_server.domain.returns import (
    Proposal,
    Verdict,
    for_lost,
    for_stolen,
    for_unreturned,
)
from fleet_server.services import audit
from fleet_server.services import tables as t
from fleet_server.services.audit import Actor, Entry
from fleet_server.services.blacklist import Cause
from fleet_server.services.last_assignment import LastAssignment, last_assignment


class Ground(StrEnum):
    """What a charge is proposed for."""

    UNRETURNED = "unreturned"
    STOLEN = "stolen"
    LOST = "lost"


class ChargeDecision(StrEnum):
    """What a named person decides on a proposal."""

    CHARGE = "charge"
    WAIVE = "waive"


@dataclass(frozen=True, slots=True)
class Owed:
    """A unit that is not back, with what is proposed for it; amounts in euro cents."""

    unit_id: int
    serial_number: str
    product_class: ProductClass
    contract: str
    ground: Ground
    clock: Clock | None
    value_cents: int | None
    proposal: Proposal
    decision: str | None
    decided_cents: int | None


def list_owed(
    connection: Connection, policy: Policy, now: datetime, after: int, limit: int
) -> list[Owed]:
    """Units that are not back or are stolen or lost, by key, with what is proposed."""
    rows = connection.execute(
        select(t.unit)
        .where(
            t.unit.c.state.in_([UnitState.TO_BE_RETURNED, UnitState.STOLEN, UnitState.LOST]),
            t.unit.c.id > after,
        )
        .order_by(t.unit.c.id)
        .limit(limit)
    ).all()
    return [_owed(connection, policy, now, row) for row in rows]


def owed_for(connection: Connection, policy: Policy, serial_number: str, now: datetime) -> Owed:
    """Raises UnknownUnitError, or ChargeNotProposedError for a unit that nobody misses."""
    row = connection.execute(
        select(t.unit).where(t.unit.c.serial_number == serial_number)
    ).one_or_none()
    if row is None:
        raise UnknownUnitError("No unit %(unit)s was ever taken into stock.", unit=serial_number)
    if row.state not in (UnitState.TO_BE_RETURNED, UnitState.STOLEN, UnitState.LOST):
        raise ChargeNotProposedError(
            "Unit %(unit)s is %(unit_state)s: nothing is owed for it.",
            unit=serial_number,
            unit_state=row.state,
        )
    return _owed(connection, policy, now, row)


def decide_charge(
    connection: Connection,
    owed: Owed,
    decision: ChargeDecision,
    amount_cents: int,
    actor: Actor,
    reason: str,
    now: datetime,
) -> None:
    """Put on record what a named person decided; billing takes it from there.

    Raises ChargeDecidedError the second time, ChargeNotProposedError for a charge that the terms do
    not name or that is above the value in the papers.
    """
    last = last_assignment(connection, owed.unit_id)
    if last is None:
        raise ChargeNotProposedError(
            "Unit %(unit)s was never on a contract.", unit=owed.serial_number
        )
    if owed.decision is not None:
        raise ChargeDecidedError(
            "It was decided for unit %(unit)s: %(decision)s.",
            unit=owed.serial_number,
            decision=owed.decision,
        )
    amount = amount_cents if decision is ChargeDecision.CHARGE else 0
    if decision is ChargeDecision.CHARGE:
        _check_amount(owed, amount)
    detail = {"decision": decision.value, "amount_cents": amount, "proposed": owed.proposal.verdict}
    entry = Entry(
        "charge_decided", f"unit:{owed.serial_number}", {**detail, "ground": owed.ground.value}
    )
    (sequence,) = audit.append(connection, actor, [entry], now, reason)
    connection.execute(
        t.charge_decision.insert().values(
            unit_id=owed.unit_id,
            contract_id=last.contract_id,
            ground=owed.ground,
            proposed=owed.proposal.verdict,
            proposed_cents=owed.proposal.amount_cents,
            articles=",".join(owed.proposal.articles),
            decision=decision,
            amount_cents=amount,
            decided_at=now,
            audit_sequence=sequence,
        )
    )


def _check_amount(owed: Owed, amount_cents: int) -> None:
    if owed.proposal.verdict not in (Verdict.CHARGE, Verdict.DECIDE):
        why = ", ".join(owed.proposal.reasons)
        raise ChargeNotProposedError(
            "No charge is proposed for %(unit)s: %(reasons)s.", unit=owed.serial_number, reasons=why
        )
    if amount_cents < 1:
        raise ChargeNotProposedError("A charge of nothing is a waiver.")
    limit = owed.proposal.amount_cents
    if limit is not None and amount_cents > limit:
        raise ChargeNotProposedError(
            "The papers name %(limit)s cents; more is not owed [7.1.1].", limit=limit
        )


def _owed(connection: Connection, policy: Policy, now: datetime, unit: Row[Any]) -> Owed:
    last = last_assignment(connection, unit.id)
    product_class = ProductClass(unit.product_class)
    value_cents = last.value_cents if last else None
    clock = None
    if unit.state == UnitState.TO_BE_RETURNED:
        ground = Ground.UNRETURNED
        clock = _clock(policy, product_class, last)
        proposal = _for_unreturned(clock, last, value_cents, now)
    else:
        ground = Ground(unit.state)
        proposal = _for_missing(connection, policy, unit.id, product_class, ground)
    decided = connection.execute(
        select(t.charge_decision).where(
            t.charge_decision.c.unit_id == unit.id,
            t.charge_decision.c.contract_id == (last.contract_id if last else None),
            t.charge_decision.c.ground == ground,
        )
    ).one_or_none()
    return Owed(
        unit.id,
        unit.serial_number,
        product_class,
        last.contract if last else "",
        ground,
        clock,
        value_cents,
        proposal,
        decided.decision if decided else None,
        decided.amount_cents if decided else None,
    )


def _for_unreturned(
    clock: Clock | None, last: LastAssignment | None, value_cents: int | None, now: datetime
) -> Proposal:
    if last is not None and last.terminated_on is None:
        return Proposal(Verdict.WAIT, (), ("contract_runs",), value_cents)
    return for_unreturned(clock, value_cents, now)


def _clock(
    policy: Policy, product_class: ProductClass, last: LastAssignment | None
) -> Clock | None:
    if last is None or last.terminated_on is None:
        return None
    return return_clock(policy, product_class, last.terminated_on, last.confirmed_at)


def _for_missing(
    connection: Connection,
    policy: Policy,
    unit_id: int,
    product_class: ProductClass,
    ground: Ground,
) -> Proposal:
    if ground is Ground.LOST:
        return for_lost()
    report = connection.scalar(
        select(t.blacklisting.c.police_report).where(
            t.blacklisting.c.unit_id == unit_id,
            t.blacklisting.c.cause == Cause.STOLEN,
            t.blacklisting.c.lifted_at.is_(None),
        )
    )
    return for_stolen(policy, product_class, bool(report))
