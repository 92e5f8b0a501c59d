"""The calendar of work on the network: what is planned, who was told, what counts as announced."""

from __future__ import annotations

from typing import Annotated
from urllib.parse import urlencode

from fastapi import APIRouter, Form, Path, Query, Response
from fastapi.responses import RedirectResponse

from fleet_server.domain.errors import (
    InvalidError,
    RuleError,
    UnknownNetworkElementError,
    WorkOverError,
)
from fleet_server.domain.roles import Permission
from fleet_server.services.audit import Actor
from fleet_server.services.maintenance import (
    Channel,
    NoticeGiven,
    Plan,
    WorkKind,
    add_notice,
    cancel_work,
    list_work,
    plan_work,
    read_work,
)
from fleet_server.services.pieces import from_ms, to_ms
from fleet_server.web.entry import moment_of
from fleet_server.web.page import CurrentPage, Page

router = APIRouter(include_in_schema=False)

_PAGE = 50
RowKey = Annotated[int, Query(ge=0, lt=1 << 63)]
WorkId = Annotated[int, Path(ge=1, lt=1 << 63)]
Token = Annotated[str, Form(max_length=256)]
Short = Annotated[str, Form(max_length=64)]
Words = Annotated[str, Form(max_length=512)]


@router.get("/maintenance")
def calendar(page: CurrentPage, begins: RowKey | None = None, before: RowKey = 0) -> Response:
    page.require(Permission.SEE_OUTAGES)
    return _calendar(page, None if begins is None else (begins, before))


@router.post("/maintenance")
def plan(
    page: CurrentPage,
    form_token: Token = "",
    element: Short = "",
    kind: Short = "",
    starts: Short = "",
    ends: Short = "",
    voice_down: Short = "",
    reason: Words = "",
) -> Response:
    """Enter work, or show the form again."""
    account = page.require(Permission.PLAN_MAINTENANCE)
    page.check_form(form_token)
    try:
        planned = Plan(
            element, WorkKind(kind), moment_of(starts), moment_of(ends), voice_down == "yes"
        )
        with page.context.fleet.writing() as connection:
            work = plan_work(connection, Actor.account(account.id), planned, reason, page.now)
    except (InvalidError, UnknownNetworkElementError) as error:
        return _calendar(page, None, 422, error)
    except ValueError:
        return _calendar(page, None, 422)
    return RedirectResponse(f"/maintenance/{work.id}", 303)


@router.get("/maintenance/{work_id}")
def work(page: CurrentPage, work_id: WorkId) -> Response:
    page.require(Permission.SEE_OUTAGES)
    return _work(page, work_id)


@router.post("/maintenance/{work_id}/notices")
def notice(
    page: CurrentPage,
    work_id: WorkId,
    form_token: Token = "",
    channel: Short = "",
    sent: Short = "",
    starts: Short = "",
    ends: Short = "",
) -> Response:
    """Put on record that customers were told, or show the form again."""
    account = page.require(Permission.PLAN_MAINTENANCE)
    page.check_form(form_token)
    try:
        given = NoticeGiven(Channel(channel), moment_of(sent), moment_of(starts), moment_of(ends))
        with page.context.fleet.writing() as connection:
            add_notice(connection, Actor.account(account.id), work_id, given, page.now)
    except InvalidError as error:
        return _work(page, work_id, 422, error)
    except ValueError:
        return _work(page, work_id, 422)
    return RedirectResponse(f"/maintenance/{work_id}", 303)


@router.post("/maintenance/{work_id}/cancellation")
def cancel(
    page: CurrentPage, work_id: WorkId, form_token: Token = "", reason: Words = ""
) -> Response:
    """Call work off."""
    account = page.require(Permission.PLAN_MAINTENANCE)
    page.check_form(form_token)
    try:
        with page.context.fleet.writing() as connection:
            cancel_work(connection, Actor.account(account.id), work_id, reason, page.now)
    except WorkOverError as error:
        return _work(page, work_id, 409, error)
    return RedirectResponse(f"/maintenance/{work_id}", 303)


def _calendar(
    page: Page,
    before: tuple[int, int] | None,
    status: int = 200,
    error: RuleError | None = None,
) -> Response:
    key = None if before is None else (from_ms(before[0]), before[1])
    with page.context.fleet.reading() as connection:
        rows = list_work(connection, key, _PAGE + 1)
    shown = rows[:_PAGE]
    next_url = ""
    if len(rows) > _PAGE:
        last = shown[-1]
        query = urlencode({"begins": to_ms(last.starts_at), "before": last.id})
        next_url = f"/maintenance?{query}"
    return page.render(
        "maintenance.html",
        status,
        works=shown,
        kinds=[one.value for one in WorkKind],
        next_url=next_url,
        refused=status != 200,
        error=error,
    )


def _work(page: Page, work_id: int, status: int = 200, error: RuleError | None = None) -> Response:
    with page.context.fleet.reading() as connection:
        found = read_work(connection, work_id)
    return page.render(
        "work.html",
        status,
        work=found,
        channels=[one.value for one in Channel],
        refused=status != 200,
        error=error,
    )
