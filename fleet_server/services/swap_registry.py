"""The registry's part of a replacement: reserve, release, commit, retire; one transaction each.

The operator's systems were told by the swap itself, so nothing is queued for them twice. A unit's
certificate stays good until it has carried out Fence(Final): it serves nobody by the network's
word, and can still be told to erase the customer's settings.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from sqlalchemy import Connection, select

from fleet_server.domain.kinds import ProductClass
from fleet_server.domain.life_cycle import UnitState
from fleet_server.domain.local_time import local_day
from fleet_server.domain.operations import AccessMode, RemoveAccess, SetAccess, System
from fleet_server.domain.service_state import ServiceState
from fleet_server.domain.swap import Ask, Operation, Step, Target
from fleet_server.services import outbox, swap_store
from fleet_server.services import tables as t
from fleet_server.services.assignments import Papers, assign, find_unit, held_by, replace_unit
from fleet_server.services.audit import Actor
from fleet_server.services.clock_book import refresh
from fleet_server.services.fleet import Fleet
from fleet_server.services.last_assignment import revoke_certificates
from fleet_server.services.pairings import move_pairing
from fleet_server.services.served_units import queue_device_state
from fleet_server.services.swap_case import Case, Unit
from fleet_server.services.swap_orders import FREE, Trigger, check_new_unit
from fleet_server.services.swap_paper import Paper, sign_paper
from fleet_server.services.units import change_state

SAGA = Actor.system("swap")
_HELD = (UnitState.RESERVED, UnitState.IN_TRANSIT)
_FENCE = Ask(Target.OLD_UNIT, Operation.FENCE)
_NEW_BACK = Ask(Target.NEW_UNIT, Operation.ROLLBACK)


def carry_out(fleet: Fleet, connection: Connection, case: Case, now: datetime) -> None:
    """What the swap asks of the registry. Raises a RuleError when it is not possible."""
    asked = case.asked
    if asked is not None:
        _DEEDS[asked.operation](fleet, connection, case, now)


def _reserve(fleet: Fleet, connection: Connection, case: Case, now: datetime) -> None:
    unit = find_unit(connection, case.new.serial_number)
    check_new_unit(connection, unit)
    swap_store.change(connection, case.id, stock_state=unit.state)
    if UnitState(unit.state) in FREE:
        change_state(
            connection,
            unit.id,
            UnitState.RESERVED,
            SAGA,
            now,
            place_id=unit.place_id,
            evidence=_evidence(case),
        )
    if Step.AWAIT_NEW in case.swap.plan:
        mode = AccessMode.MANAGEMENT_ONLY
        wanted = [(System.ACCESS, SetAccess(mac, case.package, mode)) for mac in case.new.macs]
        outbox.queue_in_place(connection, f"{case.name}.admit", [wanted], now)


def _release(fleet: Fleet, connection: Connection, case: Case, now: datetime) -> None:
    """The new unit is what it was before; one that left the stock, or failed, is set apart."""
    unit = find_unit(connection, case.new.serial_number)
    before = case.row.stock_state
    is_posted = case.row.trigger == Trigger.POSTED
    back = UnitState(before) if before and before != UnitState.REFURBISHED else UnitState.IN_STOCK
    if is_posted or swap_store.has_new_failed(connection, case.id):
        back = UnitState.QUARANTINE
    if before and unit.state in _HELD and back != unit.state:
        place_id = None if is_posted else unit.place_id
        change_state(
            connection, unit.id, back, SAGA, now, place_id=place_id, evidence=_evidence(case)
        )
    if before and _NEW_BACK not in case.swap.owed:
        off_the_network(connection, case.new, f"{case.name}.release", now)


def _commit(fleet: Fleet, connection: Connection, case: Case, now: datetime) -> None:
    day = local_day(case.row.came_up_at or now)
    papers = Papers(day, case.row.value_cents)
    old, new = case.old, case.new
    if old is not None and held_by(connection, old.id):
        replace_unit(
            connection,
            SAGA,
            old.serial_number,
            new.serial_number,
            UnitState.TO_BE_RETURNED,
            papers,
            now,
            contract=case.contract,
            tell_systems=False,
        )
    else:
        assign(
            connection,
            SAGA,
            new.serial_number,
            case.contract,
            case.row.position,
            papers,
            now,
            replaces=old.serial_number if old else None,
            tell_systems=False,
        )
    _pair(connection, case, now)
    if case.state is not ServiceState.ACTIVE:
        queue_device_state(connection, case.contract, new.id, f"{case.name}.state", now)
    swap_store.change(connection, case.id, paper=_paper(fleet, connection, case, now))


def _pair(connection: Connection, case: Case, now: datetime) -> None:
    if case.partner is None or case.partner.blacklisted:
        return
    if case.new.product_class == ProductClass.STB:
        card, box = case.partner, case.new
    else:
        card, box = case.new, case.partner
    move_pairing(connection, SAGA, card.serial_number, box.serial_number, now)


def _paper(fleet: Fleet, connection: Connection, case: Case, now: datetime) -> str:
    model = connection.scalar(select(t.unit.c.model_name).where(t.unit.c.id == case.new.id))
    paper = Paper(
        f"S-{case.id:08d}",
        case.contract,
        case.row.position,
        case.new.serial_number,
        case.new.product_class,
        model or "",
        case.row.value_cents,
        local_day(case.row.came_up_at or now),
        case.old.serial_number if case.old else "",
    )
    return sign_paper(fleet.document_key, paper)


def _retire(fleet: Fleet, connection: Connection, case: Case, now: datetime) -> None:
    if case.old is not None and _FENCE not in case.swap.owed:
        shut_out(connection, case.old, f"{case.name}.retire", now)
    refresh(connection, [case.row.contract_id], case.policy, now)


def shut_out(connection: Connection, unit: Unit, decision: str, now: datetime) -> None:
    """The broker and the network let a unit in no more."""
    if unit.endpoint_id:
        revoke_certificates(connection, unit.endpoint_id, now)
    off_the_network(connection, unit, decision, now)


def off_the_network(connection: Connection, unit: Unit, decision: str, now: datetime) -> None:
    """Not even for our own connection."""
    wanted = [(System.ACCESS, RemoveAccess(mac)) for mac in unit.macs]
    outbox.queue_in_place(connection, decision, [wanted], now)


def _evidence(case: Case) -> tuple[str, ...]:
    return (f"replacement:{case.id}",)


_Deed = Callable[[Fleet, Connection, Case, datetime], None]
_DEEDS: dict[Operation, _Deed] = {
    Operation.RESERVE: _reserve,
    Operation.RELEASE: _release,
    Operation.COMMIT: _commit,
    Operation.RETIRE: _retire,
}
