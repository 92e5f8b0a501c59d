"""Ordering the replacement of a unit, and approving it.

- The new unit may go onto a contract [7.1.8], is in stock, has a certificate of its own (a smart
  card has none), and waits for nothing of an earlier replacement.
- One replacement at a time has a unit or a position.
- Notice or consent is asked for by a planned swap (services/swap_plan.py) and is checked when the
  old unit would go out of service [7.1.7]. A technician at the customer's has his consent, which is
  put on record with the order.
- Another person approves what one has ordered, where the setting says so. A technician at the
  customer's needs no approval; a campaign was approved as a whole. What others ordered for a
  technician's visit waits until he begins it there: his approval is the beginning. He cannot while
  its campaign is paused: it would go on when he has left.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import Connection, Row, delete, exists, or_, select
from sqlalchemy.exc import IntegrityError

from fleet_server.domain.errors import ConflictError, InvalidError, RefusedError, UnitInServiceError
from fleet_server.domain.kinds import ProductClass
from fleet_server.domain.life_cycle import UnitState
from fleet_server.domain.local_time import local_day
from fleet_server.domain.positions import kind_of, split_positions
from fleet_server.domain.swap import Operation, Swap, Target, plan_for
from fleet_server.services import audit, campaign_holds, swap_store
from fleet_server.services import tables as t
from fleet_server.services.assignments import check_assignable, find_positions, find_unit, held_by
from fleet_server.services.audit import Actor, Entry
from fleet_server.services.pairings import partner_left
from fleet_server.services.policy import read_policy
from fleet_server.services.swap_plan import agree_now, read_swap
from fleet_server.services.swap_store import Happened, SwapTakenError

# What nobody has plans for; a person may order one that was reserved or sent there for it too.
FREE = (UnitState.IN_STOCK, UnitState.VAN_STOCK, UnitState.REFURBISHED)
IN_STOCK = (*FREE, UnitState.RESERVED, UnitState.IN_TRANSIT)
MOST_VALUE_CENTS = 9_999_999
_VOICE = "voice"
_PERSON = "account"


class SwapStateError(ConflictError):
    """What was asked for is not possible where the replacement stands."""


class FourEyesError(RefusedError):
    """Another person has to approve what one has ordered."""


class NotEnrolledError(ConflictError):
    """The new unit has no certificate yet."""


class Trigger(StrEnum):
    """Who makes it happen: fleet ops, a technician at the customer's, or the customer with a unit
    that came by post."""

    REMOTE = "remote"
    TECHNICIAN = "technician"
    POSTED = "posted"


@dataclass(frozen=True, slots=True)
class SwapOrder:
    """`position` as in `internet+voice`; `old_serial` is None when there is none to take out.

    `outlets` are the RF outlets at the customer's, 1 or 2. `value_cents`: what the paper shall say
    that the new unit is worth, at most MOST_VALUE_CENTS, None for the price list. `posted_at` only
    with trigger POSTED.
    """

    contract: str
    position: str
    old_serial: str | None
    new_serial: str
    trigger: Trigger
    reason: str
    outlets: int = 1
    planned_swap: int | None = None
    value_cents: int | None = None
    posted_at: datetime | None = None


def order(connection: Connection, actor: Actor, wanted: SwapOrder, now: datetime) -> int:
    """Put a replacement on order, one at the customer's begins at once; gives its number.

    Raises what `put_on_order` raises.
    """
    swap_id = put_on_order(connection, actor, wanted, now)
    if wanted.trigger is Trigger.TECHNICIAN:
        approve(connection, actor, swap_id, now)
    return swap_id


def put_on_order(connection: Connection, actor: Actor, wanted: SwapOrder, now: datetime) -> int:
    """Put a replacement on order, to begin when it is approved; gives its number.

    Raises a RuleError of `domain/errors.py` when the registry forbids it, SwapTakenError,
    NotEnrolledError or InvalidError.
    """
    _check_words(wanted, now)
    new = find_unit(connection, wanted.new_serial)
    _check_new(connection, new)
    names = split_positions(wanted.position)
    places = find_positions(connection, wanted.contract, names, new.product_class)
    old = _old(connection, wanted, new, places)
    is_in = old is not None and bool(held_by(connection, old.id))
    wanted = _with_ground(connection, actor, wanted, is_in, now)
    partner = partner_left(connection, old, wanted.contract) if old is not None else None
    if new.product_class == ProductClass.CARD and partner is None:
        raise ConflictError(
            "The card of %(position)s is in no box; pair the new one.", position=wanted.position
        )
    plan = plan_for(
        ProductClass(new.product_class),
        outlets=2 if wanted.trigger is Trigger.POSTED else wanted.outlets,
        has_old=is_in,
        has_line=any(kind_of(name) == _VOICE for name in names),
        has_card=partner is not None,
    )
    swap_id = _insert(connection, actor, wanted, new, old, partner, Swap(plan), now)
    _claim(connection, swap_id, new, old, partner, list(places.values()))
    swap_store.note(connection, swap_id, Happened.ORDERED, now, text=wanted.trigger)
    _record(connection, actor, "swap_ordered", swap_id, wanted.contract, wanted.reason, now)
    return swap_id


def approve(connection: Connection, actor: Actor, swap_id: int, now: datetime) -> None:
    """Let an ordered replacement begin.

    Raises UnknownSwapOrderError, SwapStateError, FourEyesError.
    """
    row = swap_store.find(connection, swap_id)
    if row.approved_at is not None or row.ended_at is not None:
        raise SwapStateError("Replacement %(swap)s does not wait for approval.", swap=swap_id)
    paused = campaign_holds.paused_campaign(connection, row)
    if row.trigger == Trigger.TECHNICIAN and paused is not None:
        raise SwapStateError(
            "Campaign %(campaign)s is paused: begin replacement %(swap)s once somebody has let the "
            "campaign go on, on another visit if need be.",
            campaign=paused,
            swap=swap_id,
        )
    is_own = row.ordered_by == _name(actor) and actor.kind == _PERSON
    if is_own and row.trigger != Trigger.TECHNICIAN and read_policy(connection).swap_four_eyes:
        raise FourEyesError("Another person has to approve the replacement.")
    swap_store.change(
        connection, swap_id, approved_by=_name(actor), approved_at=now, due_at=now, asked_at=now
    )
    swap_store.note(connection, swap_id, Happened.APPROVED, now)
    contract = connection.scalar(
        select(t.contract.c.number).where(t.contract.c.id == row.contract_id)
    )
    _record(connection, actor, "swap_approved", swap_id, str(contract), "", now)


def check_new_unit(connection: Connection, unit: Row[Any]) -> None:
    """Whether a unit may be the new one, now. Raises a RuleError that says why not."""
    check_assignable(connection, unit)
    if UnitState(unit.state) not in IN_STOCK:
        raise UnitInServiceError(
            "Unit %(unit)s is %(unit_state)s; take one that is in stock.",
            unit=unit.serial_number,
            unit_state=unit.state,
        )
    if held_by(connection, unit.id):
        raise UnitInServiceError("Unit %(unit)s is in service already.", unit=unit.serial_number)
    if unit.endpoint_id and not _has_certificate(connection, unit.endpoint_id):
        raise NotEnrolledError(
            "Unit %(unit)s has no certificate; provision it first.", unit=unit.serial_number
        )


def _check_new(connection: Connection, unit: Row[Any]) -> None:
    check_new_unit(connection, unit)
    swap_store.check_owes_nothing(connection, unit)


def _has_certificate(connection: Connection, endpoint_id: str) -> bool:
    return bool(
        connection.scalar(
            select(
                exists().where(
                    t.certificate.c.endpoint_id == endpoint_id, t.certificate.c.revoked_at.is_(None)
                )
            )
        )
    )


def _check_words(wanted: SwapOrder, now: datetime) -> None:
    if wanted.outlets not in (1, 2):
        raise InvalidError("A customer has one RF outlet or two.")
    if wanted.value_cents is not None and not 0 <= wanted.value_cents <= MOST_VALUE_CENTS:
        raise InvalidError("The value of a unit is from 0 to 99999,99 EUR.")
    if wanted.posted_at is not None and wanted.trigger is not Trigger.POSTED:
        raise InvalidError("Only a unit that comes by post has a day of posting.")
    if wanted.posted_at is not None and wanted.posted_at > now:
        raise InvalidError("The day of posting is in the future.")
    if not wanted.reason.strip():
        raise InvalidError("Say why the unit is replaced.")
    if wanted.old_serial == wanted.new_serial:
        raise InvalidError("A unit is not replaced by itself.")


def _old(
    connection: Connection, wanted: SwapOrder, new: Row[Any], places: dict[str, int]
) -> Row[Any] | None:
    holders = {
        serial
        for serial in connection.scalars(
            select(t.unit.c.serial_number)
            .join(t.assignment, t.assignment.c.unit_id == t.unit.c.id)
            .where(t.assignment.c.service_position_id.in_(places.values()), t.open_assignment)
        )
    }
    if holders - {wanted.old_serial}:
        raise ConflictError(
            "%(position)s is held by %(units)s.",
            position=wanted.position,
            units=", ".join(sorted(holders)),
        )
    if wanted.old_serial is None:
        return None
    old = find_unit(connection, wanted.old_serial)
    held = {row.service_position_id for row in held_by(connection, old.id)}
    if held and held != set(places.values()):
        raise ConflictError(
            "Unit %(unit)s does not hold exactly %(position)s.",
            unit=old.serial_number,
            position=wanted.position,
        )
    if old.product_class == ProductClass.CARD and new.product_class != ProductClass.CARD:
        raise ConflictError("A smart card is replaced by a smart card.")
    return old


def _with_ground(
    connection: Connection, actor: Actor, wanted: SwapOrder, is_in: bool, now: datetime
) -> SwapOrder:
    """The order with its planned swap; `is_in`: a unit that serves is taken out."""
    if wanted.planned_swap is not None:
        _check_planned(connection, wanted)
        return wanted
    if wanted.trigger is Trigger.TECHNICIAN and is_in:
        position = split_positions(wanted.position)[0]
        planned = agree_now(connection, actor, wanted.contract, position, wanted.reason, now)
        return replace(wanted, planned_swap=planned)
    if wanted.trigger is Trigger.REMOTE or is_in:
        raise InvalidError(
            "Name the planned swap with its notice, or say that the unit is faulty and the "
            "customer agrees now [7.1.7]."
        )
    return wanted


def _check_planned(connection: Connection, wanted: SwapOrder) -> None:
    planned = read_swap(connection, wanted.planned_swap or 0)
    if planned.contract != wanted.contract or planned.cancelled_at is not None:
        raise ConflictError(
            "Planned swap %(plan)s is not one of %(contract)s.",
            plan=planned.id,
            contract=wanted.contract,
        )
    if planned.position not in split_positions(wanted.position):
        raise ConflictError(
            "Planned swap %(plan)s is of %(position)s.", plan=planned.id, position=planned.position
        )
    if spent_plans(connection, [planned.id]):
        raise ConflictError(
            "Planned swap %(plan)s was carried out already; put notice or consent for another one "
            "on record [7.1.7].",
            plan=planned.id,
        )


def spent_plans(connection: Connection, planned: Sequence[int]) -> set[int]:
    """Those planned swaps that a replacement was carried out for: each is good for one [7.1.7]."""
    swap = t.swap.c
    query = select(swap.planned_swap_id).where(
        swap.planned_swap_id.in_(planned), swap.came_up_at.is_not(None), ~swap.is_undoing
    )
    return set(connection.scalars(query))


def _insert(
    connection: Connection,
    actor: Actor,
    wanted: SwapOrder,
    new: Row[Any],
    old: Row[Any] | None,
    partner: int | None,
    swap: Swap,
    now: datetime,
) -> int:
    contract_id = connection.scalar(
        select(t.contract.c.id).where(t.contract.c.number == wanted.contract)
    )
    value = wanted.value_cents
    if value is None:
        value = _price(connection, new, now)
    number: int = connection.execute(
        t.swap.insert()
        .values(
            contract_id=contract_id,
            position="+".join(split_positions(wanted.position)),
            kind=new.product_class,
            old_unit_id=old.id if old is not None else None,
            new_unit_id=new.id,
            partner_unit_id=partner,
            trigger=wanted.trigger,
            outlets=wanted.outlets,
            planned_swap_id=wanted.planned_swap,
            value_cents=value,
            posted_at=wanted.posted_at,
            ordered_by=_name(actor),
            ordered_at=now,
            due_at=now,
            **swap_store.columns_of(swap),
        )
        .returning(t.swap.c.id)
    ).scalar_one()
    return number


def _price(connection: Connection, unit: Row[Any], now: datetime) -> int | None:
    """What a new unit of this model costs by the price list of today."""
    amount: int | None = connection.scalar(
        select(t.price.c.amount_cents)
        .where(
            t.price.c.product_class == unit.product_class,
            or_(t.price.c.model_name == unit.model_name, t.price.c.model_name == ""),
            t.price.c.valid_from_on <= local_day(now),
        )
        .order_by(t.price.c.model_name.desc(), t.price.c.valid_from_on.desc())
        .limit(1)
    )
    return amount


def _claim(
    connection: Connection,
    swap_id: int,
    new: Row[Any],
    old: Row[Any] | None,
    partner: int | None,
    place_ids: Sequence[int],
) -> None:
    unit_ids = [each for each in (new.id, old.id if old else None, partner) if each is not None]
    if old is not None:
        _drop_debts(connection, old)
    swap_store.check_free(connection, unit_ids, place_ids)
    try:
        subjects = swap_store.subjects_of(unit_ids, place_ids)
        rows = [{"subject": subject, "swap_id": swap_id} for subject in subjects]
        connection.execute(t.swap_claim.insert(), rows)
    except IntegrityError as error:
        raise SwapTakenError("Another replacement took it a moment ago.") from error


def _drop_debts(connection: Connection, old: Row[Any]) -> None:
    """A unit that is replaced now is told so anew; that it serves again need not be said."""
    connection.execute(
        delete(t.swap_debt).where(
            t.swap_debt.c.endpoint_id == old.endpoint_id,
            t.swap_debt.c.target == Target.OLD_UNIT,
            t.swap_debt.c.operation == Operation.ROLLBACK,
        )
    )


def _name(actor: Actor) -> str:
    return f"{actor.kind}:{actor.name}"[:80]


def _record(
    connection: Connection,
    actor: Actor,
    action: str,
    swap_id: int,
    contract: str,
    reason: str,
    now: datetime,
) -> None:
    entry = Entry(action, f"contract:{contract}", {"replacement": swap_id})
    audit.append(connection, actor, [entry], now, reason)
