"""What the operator's systems and devices were asked, for whoever has to look."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Form, Path, Query, Response
from fastapi.responses import RedirectResponse

from fleet_server.domain.errors import InvalidError, OperationNotOpenError, RuleError
from fleet_server.domain.roles import Permission
from fleet_server.services import outbox
from fleet_server.services.audit import Actor
from fleet_server.services.outbox import State
from fleet_server.services.views_service import list_operations, read_operation
from fleet_server.web.page import CurrentPage, Page

router = APIRouter(include_in_schema=False)

Key = Annotated[int, Path(ge=1, lt=1 << 63)]
Text = Annotated[str, Form(max_length=512)]
_ROWS = 50


@router.get("/operations")
def operations(
    page: CurrentPage,
    state: Annotated[State, Query()] = State.REFUSED,
    after: Annotated[int, Query(ge=0, lt=1 << 63)] = 0,
) -> Response:
    """Operations in one state, the newest first."""
    page.require(Permission.SEE_OPERATIONS)
    with page.context.fleet.reading() as connection:
        found = list_operations(connection, state, after or None, _ROWS + 1)
    more = found[_ROWS - 1].id if len(found) > _ROWS else 0
    return page.render(
        "operations.html", found=found[:_ROWS], more=more, state=state, states=list(State)
    )


@router.get("/operations/{number}")
def operation(page: CurrentPage, number: Key) -> Response:
    page.require(Permission.SEE_OPERATIONS)
    return _one(page, number)


@router.post("/operations/{number}")
def handle(
    page: CurrentPage,
    number: Key,
    reason: Annotated[str, Form(min_length=3, max_length=512)],
    action: Text = "",
    form_token: Text = "",
) -> Response:
    """`action`: retry or drop."""
    account = page.require(Permission.HANDLE_OPERATIONS)
    page.check_form(form_token)
    actor = Actor.account(account.id)
    act = {"retry": outbox.try_again, "drop": outbox.drop}.get(action)
    try:
        with page.context.fleet.writing() as connection:
            found, _tries = read_operation(connection, number)
            if act is None:
                raise InvalidError("No such action.")
            act(connection, found.operation_id, actor, reason, page.now)
    except (InvalidError, OperationNotOpenError) as error:
        return _one(page, number, error)
    return RedirectResponse(f"/operations/{number}", 303)


def _one(page: Page, number: int, error: RuleError | None = None) -> Response:
    with page.context.fleet.reading() as connection:
        found, tries = read_operation(connection, number)
    return page.render(
        "operation.html",
        409 if error else 200,
        found=found,
        tries=tries,
        refusal=type(error).__name__ if error else "",
        error=error,
        open_states=[State.QUEUED, State.REFUSED],
    )
