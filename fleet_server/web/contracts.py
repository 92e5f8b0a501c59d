"""One contract: what is on it, what was on it on any day, and everything ever recorded."""

from __future__ import annotations

from datetime import date
from typing import Annotated

from fastapi import APIRouter, Query, Response
from fastapi.responses import RedirectResponse

from fleet_server.domain.errors import UnknownContractError
from fleet_server.domain.local_time import day_bounds, local_day
from fleet_server.domain.roles import Permission
from fleet_server.services.as_of import contract_history
from fleet_server.services.views_contract import contract_day
from fleet_server.web.page import CurrentPage, Page

router = APIRouter(include_in_schema=False)

_Text = Annotated[str, Query(max_length=32)]


@router.get("/contracts")
def find(page: CurrentPage, number: _Text = "") -> Response:
    """The form; a number leads to its contract."""
    page.require(Permission.SEE_CONTRACT)
    if number.strip():
        return RedirectResponse(page.request.url_for("contract", number=number.strip()).path, 303)
    return page.render("contract.html", found=None, number="", on="", known="", wrong=False)


@router.get("/contracts/{number}")
def contract(page: CurrentPage, number: str, on: _Text = "", known: _Text = "") -> Response:
    """What was on the contract on the day `on`, as it was known when the day `known` ended."""
    page.require(Permission.SEE_CONTRACT)
    try:
        day = date.fromisoformat(on) if on else local_day(page.now)
        known_day = date.fromisoformat(known) if known else None
        bounds = day_bounds(day), day_bounds(known_day) if known_day else None
    except (ValueError, OverflowError):
        return _form(page, number, on, known, 422)
    known_at = bounds[1][1] if bounds[1] else None
    try:
        with page.context.fleet.reading() as connection:
            found = contract_day(connection, number, day, known_at)
            history = contract_history(connection, number)
    except UnknownContractError:
        return _form(page, number, on, known, 404)
    return page.render(
        "contract.html",
        found=found,
        history=history,
        number=number,
        on=day.isoformat(),
        known=known,
        wrong=False,
    )


def _form(page: Page, number: str, on: str, known: str, status: int) -> Response:
    return page.render(
        "contract.html", status, found=None, number=number, on=on, known=known, wrong=status == 422
    )
