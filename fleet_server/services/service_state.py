"""Suspending, barring, restoring and ending the services of a contract.

A named person decides, with a ground and a reason. Where the terms demand prior notice [10.1] the
decision waits until the notice has been taken over by the operator's gateway and its hours have
passed; until then it can be cancelled. Then its operations are queued: telephony first, the network
second, devices last. A termination is confirmed to the customer once the network has carried it
out; that confirmation starts the return clock [9.9]. Replacements on order that nobody began are
called off with it.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    Row,
    String,
    cast,
    exists,
    literal,
    or_,
    select,
    update,
)

from fleet_server.domain.errors import (
    ServiceStateError,
    UnknownContractError,
    UnknownDecisionError,
)
from fleet_server.domain.life_cycle import UnitState
from fleet_server.domain.local_time import local_day
from fleet_server.domain.operations import Channel, SendNotice, System
from fleet_server.domain.policy import Policy
from fleet_server.domain.service_state import (
    Ground,
    ServiceState,
    Stage,
    check_change,
    costs_reconnection,
    needs_notice,
    stages,
)
from fleet_server.services import audit, outbox
from fleet_server.services import tables as t
from fleet_server.services.audit import Actor, Entry
from fleet_server.services.served_units import served_by, units_of
from fleet_server.services.swap_store import CUTS, Happened
from fleet_server.services.swap_visits import call_off_orders
from fleet_server.services.units import change_state
from fleet_server.services.upsert import upsert

COURIER = Actor.system("courier")
_MOST_AT_ONCE = 100
_NOTICE = "notice-"
_OPERATIONS = "service-"


@dataclass(frozen=True, slots=True)
class Wanted:
    """A decision: which state, on which ground, not before which moment."""

    state: ServiceState
    ground: Ground
    not_before_at: datetime | None = None


def state_of(connection: Connection, contract_id: int) -> ServiceState:
    """The state that was last carried out; active where there never was another."""
    found = connection.scalar(
        select(t.contract_service.c.state).where(t.contract_service.c.contract_id == contract_id)
    )
    return ServiceState(found) if found else ServiceState.ACTIVE


def decide(
    connection: Connection,
    number: str,
    wanted: Wanted,
    actor: Actor,
    reason: str,
    policy: Policy,
    now: datetime,
) -> int:
    """Put a decision on record, send its notice, and carry it out if nothing has to pass before.

    Gives the number of the decision. Raises UnknownContractError, or ServiceStateError when the
    step is not possible or another decision waits.
    """
    contract = _contract(connection, number)
    before = state_of(connection, contract.id)
    check_change(before, wanted.state, wanted.ground)
    if _pending(connection, contract.id) is not None:
        raise ServiceStateError(
            "A decision on contract %(contract)s waits to be carried out: cancel it first.",
            contract=number,
        )
    decision_id = _record(connection, contract, before, wanted, actor, reason, policy, now)
    if needs_notice(wanted.state, wanted.ground):
        _send_notice(connection, number, decision_id, wanted, policy, now)
    _carry_out_due(connection, policy, now, contract.id)
    return decision_id


def cancel(connection: Connection, number: str, actor: Actor, reason: str, now: datetime) -> None:
    """Take back a decision that was not carried out yet.

    Raises UnknownContractError or UnknownDecisionError.
    """
    contract = _contract(connection, number)
    decision = _pending(connection, contract.id)
    if decision is None:
        raise UnknownDecisionError(
            "No decision on contract %(contract)s waits to be carried out.", contract=number
        )
    entry = Entry("service_decision_cancelled", f"contract:{number}", {"state": decision.state})
    audit.append(connection, actor, [entry], now, reason)
    _set(connection, decision.id, cancelled_at=now)


def step(connection: Connection, policy: Policy, now: datetime) -> None:
    """What time alone brings: decisions whose notice has run, confirmations that went out."""
    _carry_out_due(connection, policy, now)
    _take_confirmations(connection, now)


def confirm_termination(
    connection: Connection,
    number: str,
    actor: Actor,
    reason: str,
    confirmed_at: datetime,
    now: datetime,
) -> None:
    """Put on record that the customer has the written confirmation, on paper for one [9.9].

    Raises UnknownContractError, or UnknownDecisionError when no termination waits for it.
    """
    contract = _contract(connection, number)
    decision = connection.execute(
        _unconfirmed().where(t.service_decision.c.contract_id == contract.id)
    ).first()
    if decision is None:
        raise UnknownDecisionError(
            "No termination of contract %(contract)s waits for confirmation.", contract=number
        )
    if not decision.carried_out_at <= confirmed_at <= now:
        raise ServiceStateError("The confirmation lies before the termination or in the future.")
    _confirm(connection, decision, number, actor, confirmed_at, now, reason)


def _contract(connection: Connection, number: str) -> Row[Any]:
    found = connection.execute(
        select(t.contract).where(t.contract.c.number == number)
    ).one_or_none()
    if found is None:
        raise UnknownContractError("There is no contract %(contract)s.", contract=number)
    return found


def _pending(connection: Connection, contract_id: int) -> Row[Any] | None:
    return connection.execute(
        select(t.service_decision).where(
            t.service_decision.c.contract_id == contract_id,
            t.service_decision.c.carried_out_at.is_(None),
            t.service_decision.c.cancelled_at.is_(None),
        )
    ).one_or_none()


def _record(
    connection: Connection,
    contract: Row[Any],
    before: ServiceState,
    wanted: Wanted,
    actor: Actor,
    reason: str,
    policy: Policy,
    now: datetime,
) -> int:
    not_before_at = max(now, wanted.not_before_at or now)
    price = policy.reconnection_cents if costs_reconnection(before, wanted.ground) else 0
    restored = wanted.state is ServiceState.ACTIVE
    detail = {
        "from": before.value,
        "to": wanted.state.value,
        "ground": wanted.ground.value,
        "not_before": not_before_at.isoformat(),
        "reconnection_cents": price if restored else None,
    }
    entry = Entry("service_state_decided", f"contract:{contract.number}", detail)
    (sequence,) = audit.append(connection, actor, [entry], now, reason)
    values = {
        "contract_id": contract.id,
        "state": wanted.state,
        "ground": wanted.ground,
        "needs_notice": needs_notice(wanted.state, wanted.ground),
        "decided_at": now,
        "not_before_at": not_before_at,
        "reconnection_cents": price if restored else None,
        "audit_sequence": sequence,
    }
    decision_id: int = connection.execute(
        t.service_decision.insert().values(**values).returning(t.service_decision.c.id)
    ).scalar_one()
    return decision_id


def _send_notice(
    connection: Connection,
    number: str,
    decision_id: int,
    wanted: Wanted,
    policy: Policy,
    now: datetime,
) -> None:
    values = {"ground": wanted.ground.value, "hours": str(policy.suspension_notice_hours)}
    both: Stage = tuple(
        (System.NOTICES, SendNotice(number, channel, f"{wanted.state}_notice", values))
        for channel in Channel
    )
    outbox.queue(connection, f"{_NOTICE}{decision_id}", [both], now)


def _carry_out_due(
    connection: Connection, policy: Policy, now: datetime, contract_id: int | None = None
) -> None:
    heard_before = now - timedelta(hours=policy.suspension_notice_hours)
    name = literal(_NOTICE) + cast(t.service_decision.c.id, String)
    noticed = exists().where(
        t.outbox.c.decision == name,
        t.outbox.c.state == outbox.State.DONE,
        t.outbox.c.finished_at <= heard_before,
    )
    query = (
        select(t.service_decision, t.contract.c.number)
        .join(t.contract, t.contract.c.id == t.service_decision.c.contract_id)
        .where(
            t.service_decision.c.carried_out_at.is_(None),
            t.service_decision.c.cancelled_at.is_(None),
            t.service_decision.c.not_before_at <= now,
            or_(~t.service_decision.c.needs_notice, noticed),
            ~_is_being_swapped(),
        )
        .order_by(t.service_decision.c.not_before_at)
        .limit(_MOST_AT_ONCE)
    )
    if contract_id is not None:
        query = query.where(t.service_decision.c.contract_id == contract_id)
    for decision in connection.execute(query).all():
        _carry_out(connection, decision, now)


def _is_being_swapped() -> ColumnElement[bool]:
    """Whether a unit of the contract is just being replaced, its cut begun: decisions wait until
    that ended, so that the network is not told to serve a unit that is on its way out."""
    cut = exists().where(
        t.swap_event.c.swap_id == t.swap.c.id,
        t.swap_event.c.kind == Happened.ASKED,
        t.swap_event.c.operation.in_(CUTS),
    )
    return exists().where(
        t.swap.c.contract_id == t.service_decision.c.contract_id, t.swap.c.ended_at.is_(None), cut
    )


def _carry_out(connection: Connection, decision: Row[Any], now: datetime) -> None:
    state = ServiceState(decision.state)
    before = state_of(connection, decision.contract_id)
    served = served_by(connection, decision.contract_id)
    voice, network, devices = stages(served, state, f"decision {decision.id}")
    if state is ServiceState.TERMINATED:
        _end_contract(connection, decision, now)
        notice = SendNotice(decision.number, Channel.EMAIL, "termination_confirmed", {})
        devices = (*devices, (System.NOTICES, notice))
    name = f"{_OPERATIONS}{decision.id}"
    outbox.queue_in_place(connection, name, [voice, network, devices], now)
    upsert(
        connection,
        t.contract_service,
        [{"contract_id": decision.contract_id, "state": state, "since_at": now}],
    )
    _set(connection, decision.id, carried_out_at=now)
    entry = Entry(
        "service_state_changed",
        f"contract:{decision.number}",
        {"from": before.value, "to": state.value, "ground": decision.ground},
        (f"decision:{decision.id}",),
    )
    audit.append(connection, COURIER, [entry], now)


def _end_contract(connection: Connection, decision: Row[Any], now: datetime) -> None:
    connection.execute(
        update(t.contract)
        .where(t.contract.c.id == decision.contract_id)
        .values(terminated_on=local_day(now))
    )
    call_off_orders(connection, decision.contract_id, decision.number, now)
    for unit in units_of(connection, decision.contract_id):
        if unit.state == UnitState.INSTALLED:
            evidence = (f"decision:{decision.id}",)
            after = UnitState.TO_BE_RETURNED
            change_state(connection, unit.id, after, COURIER, now, evidence=evidence)


def _unconfirmed() -> Any:
    return select(t.service_decision).where(
        t.service_decision.c.state == ServiceState.TERMINATED,
        t.service_decision.c.carried_out_at.is_not(None),
        t.service_decision.c.confirmed_at.is_(None),
    )


def _take_confirmations(connection: Connection, now: datetime) -> None:
    name = literal(_OPERATIONS) + cast(t.service_decision.c.id, String)
    sent = t.outbox.c
    found = connection.execute(
        _unconfirmed()
        .add_columns(t.contract.c.number, sent.finished_at.label("sent_at"), sent.operation_id)
        .join(t.contract, t.contract.c.id == t.service_decision.c.contract_id)
        .join(t.outbox, sent.decision == name)
        .where(sent.system == System.NOTICES, sent.state == outbox.State.DONE)
        .limit(_MOST_AT_ONCE)
    ).all()
    for row in found:
        evidence = (f"operation:{row.operation_id}",)
        _confirm(connection, row, row.number, COURIER, row.sent_at, now, "", evidence)


def _confirm(
    connection: Connection,
    decision: Row[Any],
    number: str,
    actor: Actor,
    confirmed_at: datetime,
    now: datetime,
    reason: str,
    evidence: tuple[str, ...] = (),
) -> None:
    _set(connection, decision.id, confirmed_at=confirmed_at)
    connection.execute(
        update(t.contract)
        .where(t.contract.c.id == decision.contract_id)
        .values(termination_confirmed_at=confirmed_at)
    )
    detail = {"confirmed_at": confirmed_at.isoformat()}
    entry = Entry("termination_confirmed", f"contract:{number}", detail, evidence)
    audit.append(connection, actor, [entry], now, reason)


def _set(connection: Connection, decision_id: int, **values: Any) -> None:
    connection.execute(
        update(t.service_decision).where(t.service_decision.c.id == decision_id).values(**values)
    )
