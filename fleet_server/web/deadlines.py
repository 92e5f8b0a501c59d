"""What is due, for those who act on it; for one contract every deadline, its reports and swaps."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Annotated
from urllib.parse import urlencode

from fastapi import APIRouter, Form, Path, Query, Response
from fastapi.responses import RedirectResponse
from sqlalchemy import Connection

from fleet_server.domain.clocks import ClockKind
from fleet_server.domain.errors import ConflictError, InvalidError, RuleError, UnknownPositionError
from fleet_server.domain.local_time import ZONE
from fleet_server.domain.roles import Permission
from fleet_server.services import defects as desk
from fleet_server.services import swap_plan as plan
from fleet_server.services.audit import Actor
from fleet_server.services.defects import Answer, Symptom
from fleet_server.services.policy import read_policy
from fleet_server.services.swap_plan import Ground
from fleet_server.services.views_clocks import (
    WHO,
    Due,
    Wanted,
    clocks_of_contract,
    list_due,
    open_counts,
    positions_of_contract,
)
from fleet_server.web.page import CurrentPage, Page

router = APIRouter(include_in_schema=False)

_ROWS = 50
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND = timedelta(milliseconds=1)

Text = Annotated[str, Form(max_length=512)]
Number = Annotated[str, Path(max_length=32)]
Key = Annotated[int, Path(ge=1, lt=1 << 63)]
_AFTER = Annotated[str, Query(pattern="^$|^[0-9]{1,15}-[0-9]{1,18}$")]


@router.get("/deadlines")
def deadlines(
    page: CurrentPage,
    kind: Annotated[str, Query(max_length=24)] = "",
    who: Annotated[str, Query(max_length=16)] = "",
    after: _AFTER = "",
) -> Response:
    """What runs or is overdue, the earliest due first."""
    page.require(Permission.SEE_CLOCKS)
    wanted = Wanted(ClockKind(kind) if kind in list(ClockKind) else None, who)
    with page.context.fleet.reading() as connection:
        found = list_due(connection, wanted, page.now, _key(after), _ROWS + 1)
        counts = open_counts(connection)
    shown = found[:_ROWS]
    narrowed = {"kind": wanted.kind or "", "who": who}
    return page.render(
        "deadlines.html",
        found=shown,
        counts=counts,
        kinds=list(ClockKind),
        whos=WHO,
        narrowed=narrowed,
        next_url=_next_url(narrowed, shown[-1]) if len(found) > _ROWS else "",
    )


@router.get("/deadlines/{number}")
def contract_deadlines(page: CurrentPage, number: Number) -> Response:
    page.require(Permission.SEE_CLOCKS)
    return _contract(page, number)


@router.post("/deadlines/{number}/defects")
def report(
    page: CurrentPage,
    number: Number,
    symptom: Annotated[Symptom, Form()] = Symptom.OTHER,
    position: Text = "",
    form_token: Text = "",
) -> Response:
    actor = _checked(page, Permission.RECORD_DEFECT, form_token)
    with page.context.fleet.writing() as connection:
        desk.report_defect(connection, actor, number, position, symptom, page.now, page.now)
    return _back(number)


@router.post("/defects/{defect_id}")
def settle(
    page: CurrentPage,
    defect_id: Key,
    action: Text = "",
    answer: Annotated[Answer | None, Form()] = None,
    words: Text = "",
    form_token: Text = "",
) -> Response:
    """`action`: clearing, answer or request."""
    actor = _checked(page, Permission.RECORD_DEFECT, form_token)
    with page.context.fleet.reading() as connection:
        number = desk.read_defect(connection, defect_id).contract

    def change(connection: Connection) -> None:
        if action == "clearing":
            desk.clear_by_phone(connection, actor, defect_id, page.now)
        elif action == "answer" and answer is not None:
            desk.answer_defect(connection, actor, defect_id, answer, words, page.now)
        elif action == "request":
            desk.request_compensation(connection, actor, defect_id, page.now, page.now)
        else:
            raise InvalidError("No such action.")

    return _changed(page, number, change)


@router.post("/deadlines/{number}/swaps")
def plan_swap(
    page: CurrentPage,
    number: Number,
    position: Text = "",
    ground: Annotated[Ground, Form()] = Ground.OPERATOR,
    planned: Text = "",
    reason: Text = "",
    form_token: Text = "",
) -> Response:
    """`planned`: local time, as the form's field gives it."""
    actor = _checked(page, Permission.PLAN_SWAP, form_token)

    def change(connection: Connection) -> None:
        if len(reason.strip()) < 3:
            raise InvalidError("A plan needs its reason.")
        plan.plan_swap(
            connection, actor, number, position, ground, _local(planned), reason, page.now
        )

    return _changed(page, number, change)


@router.post("/planned-swaps/{swap_id}")
def change_swap(
    page: CurrentPage, swap_id: Key, action: Text = "", reason: Text = "", form_token: Text = ""
) -> Response:
    """`action`: notice, consent or cancellation."""
    actor = _checked(page, Permission.PLAN_SWAP, form_token)
    with page.context.fleet.reading() as connection:
        number = plan.read_swap(connection, swap_id).contract

    def change(connection: Connection) -> None:
        if action == "notice":
            plan.announce_swap(connection, actor, swap_id, page.now)
        elif action == "consent":
            plan.consent_to_swap(connection, actor, swap_id, page.now)
        elif action == "cancellation":
            plan.cancel_swap(connection, actor, swap_id, reason, page.now)
        else:
            raise InvalidError("No such action.")

    return _changed(page, number, change)


def _checked(page: Page, permission: Permission, form_token: str) -> Actor:
    account = page.require(permission)
    page.check_form(form_token)
    return Actor.account(account.id)


def _changed(page: Page, number: str, change: Callable[[Connection], None]) -> Response:
    """Make a change and go back, or show the page with what was wrong."""
    try:
        with page.context.fleet.writing() as connection:
            change(connection)
    except (InvalidError, UnknownPositionError) as error:
        return _contract(page, number, 422, error)
    except ConflictError as error:
        return _contract(page, number, 409, error)
    return _back(number)


def _contract(
    page: Page, number: str, status: int = 200, error: RuleError | None = None
) -> Response:
    with page.context.fleet.reading() as connection:
        found = clocks_of_contract(connection, number, read_policy(connection), page.now)
        reports = desk.defects_of_contract(connection, number)
        swaps = plan.swaps_of_contract(connection, number)
        positions = positions_of_contract(connection, number)
    return page.render(
        "contract_deadlines.html",
        status,
        number=number,
        found=found,
        reports=reports,
        swaps=swaps,
        symptoms=list(Symptom),
        answers=list(Answer),
        grounds=list(Ground),
        positions=positions,
        refused=status,
        error=error,
    )


def _back(number: str) -> Response:
    return RedirectResponse(f"/deadlines/{number}", 303)


def _local(text: str) -> datetime:
    """A moment of the local clock; of an hour that happens twice the first. Raises InvalidError."""
    try:
        return datetime.fromisoformat(text).replace(tzinfo=ZONE).astimezone(UTC)
    except ValueError as error:
        raise InvalidError("Not a local date and time.") from error


def _key(after: str) -> tuple[datetime, int] | None:
    due_ms, _, key = after.partition("-")
    return (_EPOCH + int(due_ms) * _MILLISECOND, int(key)) if key else None


def _next_url(narrowed: dict[str, str], last: Due) -> str:
    after = f"{(last.clock.due_at - _EPOCH) // _MILLISECOND}-{last.id}"
    return f"/deadlines?{urlencode({**narrowed, 'after': after})}"
