"""Ordering a replacement: from a contract or a serial number to the unit that is replaced."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated
from urllib.parse import urlencode

from fastapi import APIRouter, Depends, Form, Query, Response
from fastapi.responses import RedirectResponse
from sqlalchemy import Connection, select

from fleet_server.domain.errors import InvalidError, RuleError, UnknownContractError
from fleet_server.domain.local_time import day_bounds
from fleet_server.domain.roles import Permission
from fleet_server.services import swaps
from fleet_server.services import tables as t
from fleet_server.services.accounts import Account
from fleet_server.services.audit import Actor
from fleet_server.services.last_assignment import last_assignment
from fleet_server.services.swap_consent import (
    held_positions,
    holder_of,
    last_holders,
    order_with_consent,
)
from fleet_server.services.swap_orders import spent_plans
from fleet_server.services.swap_plan import swaps_of_contract
from fleet_server.services.swaps import SwapOrder, Trigger
from fleet_server.services.views_clocks import positions_of_contract
from fleet_server.services.views_swaps import units_in_stock
from fleet_server.web.entry import cents_of, day_of
from fleet_server.web.labels_swap import COARSE_REFUSALS
from fleet_server.web.page import CurrentPage, Page

router = APIRouter(include_in_schema=False)

Text = Annotated[str, Form(max_length=512)]
_MOST_STOCK = 200
_CONSENT = "consent"


@dataclass(frozen=True, slots=True)
class Entered:
    """What the form holds; `ground` is a planned swap's number, `consent`, or nothing; `value` euro
    as a person writes them."""

    contract: str = ""
    position: str = ""
    new_serial: str = ""
    trigger: str = ""
    outlets: int = 1
    ground: str = ""
    posted_on: str = ""
    value: str = ""
    reason: str = ""


def _entered(
    contract: Text = "",
    position: Text = "",
    new_serial: Text = "",
    trigger: Text = "",
    outlets: Annotated[int, Form(ge=1, le=2)] = 1,
    ground: Text = "",
    posted_on: Text = "",
    value: Text = "",
    reason: Text = "",
) -> Entered:
    return Entered(
        contract.strip(),
        position.strip(),
        new_serial.strip(),
        trigger,
        outlets,
        ground,
        posted_on,
        value,
        reason.strip(),
    )


@router.get("/swaps/new")
def order_form(
    page: CurrentPage,
    contract: Annotated[str, Query(max_length=32)] = "",
    serial: Annotated[str, Query(max_length=64)] = "",
    position: Annotated[str, Query(max_length=128)] = "",
) -> Response:
    """The look-up, and for a contract the form; a serial number leads to its contract."""
    account = _who_orders(page)
    if serial.strip():
        return _contract_of(page, serial.strip())
    triggers = _triggers(account)
    entered = Entered(contract.strip(), position, trigger=triggers[0])
    try:
        return _form(page, entered)
    except UnknownContractError:
        return _look_up(page, contract.strip(), "UnknownContractError", 404)


@router.post("/swaps/new")
def order(
    page: CurrentPage, entered: Annotated[Entered, Depends(_entered)], form_token: Text = ""
) -> Response:
    """Order it and go to its page, or show the form again with what is wrong."""
    account = _who_orders(page)
    page.check_form(form_token)
    try:
        if entered.trigger not in _triggers(account):
            raise InvalidError("This way of replacing is not one of yours.")
        with page.context.fleet.writing() as connection:
            wanted = _order(connection, entered)
            give = order_with_consent if entered.ground == _CONSENT else swaps.order
            number = give(connection, Actor.account(account.id), wanted, page.now)
    except RuleError as error:
        return _again(page, entered, error)
    return RedirectResponse(f"/swaps/{number}", 303)


def _again(page: Page, entered: Entered, error: RuleError) -> Response:
    """The form with what is wrong; the look-up where there is no such contract."""
    try:
        return _form(page, entered, error, 422)
    except UnknownContractError:
        return _look_up(page, entered.contract, "UnknownContractError", 422)


def _who_orders(page: Page) -> Account:
    """Raises NotSignedInError or NotPermittedError."""
    return page.require(Permission.ORDER_SWAP)


def _triggers(account: Account) -> list[Trigger]:
    """How the account may have units replaced: from afar only who may approve such orders too, on
    site whoever does it."""
    afar = [Trigger.REMOTE, Trigger.POSTED] if account.may(Permission.APPROVE_SWAP) else []
    return [*afar, Trigger.TECHNICIAN] if account.may(Permission.SWAP_ON_SITE) else afar


def _contract_of(page: Page, serial: str) -> Response:
    """To the form for the contract on which the unit serves, or did until it was stolen or lost."""
    with page.context.fleet.reading() as connection:
        found = connection.scalar(
            select(t.contract.c.number)
            .join(t.service_position, t.service_position.c.contract_id == t.contract.c.id)
            .join(t.assignment, t.assignment.c.service_position_id == t.service_position.c.id)
            .join(t.unit, t.unit.c.id == t.assignment.c.unit_id)
            .where(t.unit.c.serial_number == serial, t.open_assignment)
            .limit(1)
        )
        held = held_positions(connection, found).get(serial, "") if found else ""
        if not found:
            found, held = _last_of(connection, serial)
    if not found:
        return _look_up(page, serial, "not_in_service", 404)
    query = urlencode({"contract": found, "position": held})
    return RedirectResponse(f"/swaps/new?{query}", 303)


def _last_of(connection: Connection, serial: str) -> tuple[str, str]:
    """The contract that a unit was on last and what it held there, if nobody holds that now."""
    unit_id = connection.scalar(select(t.unit.c.id).where(t.unit.c.serial_number == serial))
    last = last_assignment(connection, unit_id) if unit_id is not None else None
    held = last_holders(connection, last.contract).get(serial, "") if last else ""
    return (last.contract, held) if last and held else ("", "")


def _look_up(page: Page, looked_for: str, refusal: str, status: int) -> Response:
    entered = Entered(looked_for)
    return page.render(
        "swap_order.html", status, entered=entered, held=None, refusal=refusal, error=None
    )


def _form(
    page: Page, entered: Entered, error: RuleError | None = None, status: int = 200
) -> Response:
    """Raises UnknownContractError."""
    if not entered.contract:
        return page.render(
            "swap_order.html", status, entered=entered, held=None, refusal="", error=None
        )
    triggers = _triggers(_who_orders(page))
    with page.context.fleet.reading() as connection:
        positions = positions_of_contract(connection, entered.contract)
        held = held_positions(connection, entered.contract)
        gone = last_holders(connection, entered.contract)
        planned = swaps_of_contract(connection, entered.contract)
        spent = spent_plans(connection, [one.id for one in planned])
        stock = units_in_stock(connection, _classes(connection, held | gone, entered), _MOST_STOCK)
    taken = {name for names in (held | gone).values() for name in names.split("+")}
    refusal, detail = _refusal_of(page, error)
    return page.render(
        "swap_order.html",
        status,
        entered=entered,
        held=held,
        gone=gone,
        free=[name for name in positions if name not in taken],
        planned=[one for one in planned if not one.cancelled_at and one.id not in spent],
        stock=stock,
        triggers=triggers,
        is_on_site=triggers == [Trigger.TECHNICIAN],
        refusal=refusal,
        error=detail,
    )


def _classes(connection: Connection, held: dict[str, str], entered: Entered) -> list[str]:
    """Which kinds of units may come in: as the one that goes out, or as any on the contract."""
    going = [one for one, names in held.items() if names == entered.position] or list(held)
    return list(
        connection.scalars(
            select(t.unit.c.product_class).where(t.unit.c.serial_number.in_(going)).distinct()
        )
    )


def _order(connection: Connection, entered: Entered) -> SwapOrder:
    """Raises InvalidError and what `holder_of` raises."""
    if not entered.position:
        raise InvalidError("Choose what is replaced.")
    if not entered.new_serial:
        raise InvalidError("Name the new unit by its serial number.")
    if len(entered.reason) < 3:
        raise InvalidError("Say why the unit is replaced.")
    posted_on = day_of(entered.posted_on)
    planned = entered.ground if entered.ground.isascii() and entered.ground.isdigit() else ""
    return SwapOrder(
        contract=entered.contract,
        position=entered.position,
        old_serial=holder_of(connection, entered.contract, entered.position),
        new_serial=entered.new_serial,
        trigger=Trigger(entered.trigger),
        reason=entered.reason,
        outlets=entered.outlets,
        planned_swap=int(planned) if planned else None,
        value_cents=cents_of(entered.value),
        posted_at=day_bounds(posted_on)[0] if posted_on else None,
    )


def _refusal_of(page: Page, error: RuleError | None) -> tuple[str, RuleError | None]:
    """The code of the refusal, and the error itself where the code alone says too little."""
    if error is None:
        return "", None
    for kind in type(error).__mro__:
        if page.label("swap_refusal", kind.__name__) != kind.__name__:
            is_plain = kind is type(error) and kind.__name__ not in COARSE_REFUSALS
            return kind.__name__, None if is_plain else error
    return "InvalidError", error
