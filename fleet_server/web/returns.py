"""Taking units back, their receipts, and what is owed for the rest."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Form, Path, Query, Response
from fastapi.responses import RedirectResponse

from fleet_server.domain.errors import ConflictError, RuleError, UnknownPlaceError, UnknownUnitError
from fleet_server.domain.returns import Condition
from fleet_server.domain.roles import Permission
from fleet_server.services import charges, returns
from fleet_server.services.audit import Actor
from fleet_server.services.blacklist import place_codes
from fleet_server.services.charges import ChargeDecision, Owed
from fleet_server.services.policy import read_policy
from fleet_server.services.returns import HandedIn
from fleet_server.web.page import CurrentPage, Page
from fleet_server.web.qr import qr_svg

router = APIRouter(include_in_schema=False)

Text = Annotated[str, Form(max_length=512)]
Reason = Annotated[str, Form(min_length=3, max_length=512)]
Key = Annotated[int, Query(ge=0, lt=1 << 63)]
_ROWS = 50


@router.get("/returns")
def list_returns(page: CurrentPage, after: Key = 0) -> Response:
    page.require(Permission.SEE_RETURNS)
    return _all(page, after)


@router.post("/returns")
def take_back(
    page: CurrentPage,
    serial: Annotated[str, Form(min_length=1, max_length=32)],
    place: Annotated[str, Form(min_length=1, max_length=32)],
    condition: Annotated[Condition, Form()],
    form_token: Text = "",
) -> Response:
    """Take a unit in and show its receipt."""
    account = page.require(Permission.TAKE_BACK)
    page.check_form(form_token)
    handed_in = HandedIn(serial.strip(), place, condition)
    try:
        with page.context.fleet.writing() as connection:
            record = returns.take_back(
                connection,
                page.context.fleet.document_key,
                handed_in,
                Actor.account(account.id),
                page.now,
            )
    except (ConflictError, UnknownPlaceError, UnknownUnitError) as error:
        return _all(page, 0, error)
    return RedirectResponse(f"/returns/{record.receipt.number}", 303)


@router.get("/returns/{number}")
def receipt(page: CurrentPage, number: Annotated[str, Path(max_length=24)]) -> Response:
    """The receipt to print, with its QR code."""
    page.require(Permission.SEE_RETURNS)
    with page.context.fleet.reading() as connection:
        record = returns.read_return(connection, number)
    return page.render(
        "return.html", receipt=record.receipt, text=record.text, code=qr_svg(record.text)
    )


@router.get("/owed")
def list_owed(page: CurrentPage, after: Key = 0) -> Response:
    page.require(Permission.SEE_OWED)
    return _owed(page, after)


@router.post("/owed/{serial}")
def decide_charge(
    page: CurrentPage,
    serial: Annotated[str, Path(max_length=32)],
    decision: Annotated[ChargeDecision, Form()],
    reason: Reason,
    euros: Annotated[float, Form(ge=0, le=100_000)] = 0.0,
    form_token: Text = "",
) -> Response:
    account = page.require(Permission.DECIDE_CHARGE)
    page.check_form(form_token)
    actor = Actor.account(account.id)
    try:
        with page.context.fleet.writing() as connection:
            found = charges.owed_for(connection, read_policy(connection), serial, page.now)
            cents = round(euros * 100)
            charges.decide_charge(connection, found, decision, cents, actor, reason, page.now)
    except (ConflictError, UnknownUnitError) as error:
        return _owed(page, 0, error)
    return RedirectResponse("/owed", 303)


def _all(page: Page, after: int, error: RuleError | None = None) -> Response:
    with page.context.fleet.reading() as connection:
        found = returns.list_returns(connection, after or None, _ROWS + 1)
        places = place_codes(connection)
    return page.render(
        "returns.html",
        409 if error else 200,
        found=[record.receipt for _key, record in found[:_ROWS]],
        more=found[_ROWS - 1][0] if len(found) > _ROWS else 0,
        places=places,
        conditions=list(Condition),
        refusal=type(error).__name__ if error else "",
        error=error,
    )


def _owed(page: Page, after: int, error: RuleError | None = None) -> Response:
    with page.context.fleet.reading() as connection:
        policy = read_policy(connection)
        found: list[Owed] = charges.list_owed(connection, policy, page.now, after, _ROWS + 1)
    return page.render(
        "owed.html",
        409 if error else 200,
        found=found[:_ROWS],
        more=found[_ROWS - 1].unit_id if len(found) > _ROWS else 0,
        refusal=type(error).__name__ if error else "",
        error=error,
    )
