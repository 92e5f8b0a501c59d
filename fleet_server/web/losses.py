"""Stolen and lost units: report one, add the police report, lift one that was found."""

from __future__ import annotations

from datetime import date
from typing import Annotated

from fastapi import APIRouter, Form, Path, Query, Response
from fastapi.responses import RedirectResponse

from fleet_server.domain.errors import (
    ConflictError,
    InvalidPoliceReportError,
    RefusedError,
    RuleError,
    UnknownPlaceError,
    UnknownUnitError,
)
from fleet_server.domain.roles import Permission
from fleet_server.services import blacklist
from fleet_server.services.audit import Actor
from fleet_server.services.blacklist import Cause, PoliceReport
from fleet_server.web.page import CurrentPage, Page

router = APIRouter(include_in_schema=False)

Text = Annotated[str, Form(max_length=512)]
Reason = Annotated[str, Form(min_length=3, max_length=512)]
Serial = Annotated[str, Path(max_length=32)]
_ROWS = 50
_REFUSALS = (
    ConflictError,
    InvalidPoliceReportError,
    RefusedError,
    UnknownPlaceError,
    UnknownUnitError,
)


@router.get("/losses")
def losses(page: CurrentPage, after: Annotated[int, Query(ge=0, lt=1 << 63)] = 0) -> Response:
    page.require(Permission.SEE_OWED)
    return _all(page, after)


@router.post("/losses")
def bar(
    page: CurrentPage,
    serial: Annotated[str, Form(min_length=1, max_length=32)],
    cause: Annotated[Cause, Form()],
    reason: Reason,
    reference: Text = "",
    reported_on: Annotated[date | None, Form()] = None,
    form_token: Text = "",
) -> Response:
    """Bar a unit at once; the police report may come later."""
    account = page.require(Permission.BLACKLIST_UNIT)
    page.check_form(form_token)
    report = PoliceReport(reference.strip(), reported_on) if reference and reported_on else None
    actor = Actor.account(account.id)
    try:
        with page.context.fleet.writing() as connection:
            blacklist.blacklist(connection, serial.strip(), cause, report, actor, reason, page.now)
    except _REFUSALS as error:
        return _all(page, 0, error)
    return RedirectResponse("/losses", 303)


@router.post("/losses/{serial}/police-report")
def add_police_report(
    page: CurrentPage,
    serial: Serial,
    reference: Annotated[str, Form(min_length=1, max_length=64)],
    reported_on: Annotated[date, Form()],
    form_token: Text = "",
) -> Response:
    account = page.require(Permission.BLACKLIST_UNIT)
    page.check_form(form_token)
    report = PoliceReport(reference.strip(), reported_on)
    try:
        with page.context.fleet.writing() as connection:
            actor = Actor.account(account.id)
            blacklist.add_police_report(connection, serial, report, actor, page.now)
    except _REFUSALS as error:
        return _all(page, 0, error)
    return RedirectResponse("/losses", 303)


@router.post("/losses/{serial}/lifting")
def lift(
    page: CurrentPage,
    serial: Serial,
    place: Annotated[str, Form(min_length=1, max_length=32)],
    reason: Reason,
    form_token: Text = "",
) -> Response:
    account = page.require(Permission.LIFT_BLACKLISTING)
    page.check_form(form_token)
    try:
        with page.context.fleet.writing() as connection:
            actor = Actor.account(account.id)
            blacklist.lift(connection, serial, place, actor, reason, page.now)
    except _REFUSALS as error:
        return _all(page, 0, error)
    return RedirectResponse("/losses", 303)


def _all(page: Page, after: int, error: RuleError | None = None) -> Response:
    with page.context.fleet.reading() as connection:
        found = blacklist.list_barred(connection, after or None, _ROWS + 1)
        places = blacklist.place_codes(connection)
    return page.render(
        "losses.html",
        409 if error else 200,
        found=found[:_ROWS],
        more=found[_ROWS - 1].id if len(found) > _ROWS else 0,
        places=places,
        causes=list(Cause),
        refusal=type(error).__name__ if error else "",
        error=error,
    )
