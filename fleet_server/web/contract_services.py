"""The state of a contract's services, and the decisions on it."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Form, Path, Query, Response
from fastapi.responses import RedirectResponse

from fleet_server.domain.errors import RuleError, ServiceStateError, UnknownDecisionError
from fleet_server.domain.local_time import ZONE
from fleet_server.domain.roles import Permission
from fleet_server.domain.service_state import Ground, ServiceState
from fleet_server.services import service_state
from fleet_server.services.audit import Actor
from fleet_server.services.policy import read_policy
from fleet_server.services.service_state import Wanted
from fleet_server.services.views_service import read_contract_service, suspended_contracts
from fleet_server.web.page import CurrentPage, Page

router = APIRouter(include_in_schema=False)

Number = Annotated[str, Path(max_length=32)]
Text = Annotated[str, Form(max_length=512)]
Reason = Annotated[str, Form(min_length=3, max_length=512)]
_ROWS = 50


@router.get("/services")
def services(
    page: CurrentPage,
    number: Annotated[str, Query(max_length=32)] = "",
    after: Annotated[str, Query(max_length=32)] = "",
) -> Response:
    """Contracts that are not active, or where a decision waits; a look-up of any other."""
    page.require(Permission.SEE_SERVICE)
    if number.strip():
        return RedirectResponse(f"/services/{number.strip()}", 303)
    with page.context.fleet.reading() as connection:
        found = suspended_contracts(connection, after, _ROWS + 1)
    more = found[_ROWS - 1][0] if len(found) > _ROWS else ""
    return page.render("services.html", found=found[:_ROWS], more=more)


@router.get("/services/{number}")
def service(page: CurrentPage, number: Number) -> Response:
    page.require(Permission.SEE_SERVICE)
    return _one(page, number)


@router.post("/services/{number}/decision")
def decide(
    page: CurrentPage,
    number: Number,
    state: Annotated[ServiceState, Form()],
    ground: Annotated[Ground, Form()],
    reason: Reason,
    form_token: Text = "",
    not_before: Annotated[datetime | None, Form()] = None,
) -> Response:
    """`not_before` is a local moment; at once when it is empty."""
    account = page.require(Permission.CHANGE_SERVICE)
    page.check_form(form_token)
    moment = not_before.replace(tzinfo=ZONE) if not_before else None
    wanted = Wanted(state, ground, moment)
    try:
        with page.context.fleet.writing() as connection:
            policy = read_policy(connection)
            actor = Actor.account(account.id)
            service_state.decide(connection, number, wanted, actor, reason, policy, page.now)
    except ServiceStateError as error:
        return _one(page, number, error)
    return RedirectResponse(f"/services/{number}", 303)


@router.post("/services/{number}/cancellation")
def cancel(page: CurrentPage, number: Number, reason: Reason, form_token: Text = "") -> Response:
    account = page.require(Permission.CHANGE_SERVICE)
    page.check_form(form_token)
    try:
        with page.context.fleet.writing() as connection:
            service_state.cancel(connection, number, Actor.account(account.id), reason, page.now)
    except UnknownDecisionError as error:
        return _one(page, number, error)
    return RedirectResponse(f"/services/{number}", 303)


@router.post("/services/{number}/confirmation")
def confirm(page: CurrentPage, number: Number, reason: Reason, form_token: Text = "") -> Response:
    """The customer was given the confirmation on paper just now."""
    account = page.require(Permission.CHANGE_SERVICE)
    page.check_form(form_token)
    actor = Actor.account(account.id)
    try:
        with page.context.fleet.writing() as connection:
            service_state.confirm_termination(connection, number, actor, reason, page.now, page.now)
    except UnknownDecisionError as error:
        return _one(page, number, error)
    return RedirectResponse(f"/services/{number}", 303)


def _one(page: Page, number: str, error: RuleError | None = None) -> Response:
    with page.context.fleet.reading() as connection:
        found = read_contract_service(connection, number)
        policy = read_policy(connection)
    return page.render(
        "service.html",
        409 if error else 200,
        found=found,
        states=list(ServiceState),
        grounds=list(Ground),
        refusal=type(error).__name__ if error else "",
        error=error,
        notice_hours=policy.suspension_notice_hours,
    )
