"""The calendar of work on the network, and the notices that customers got [4.6, 11.3]."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated

from fastapi import APIRouter, Path
from pydantic import AwareDatetime, BaseModel, ConfigDict, StringConstraints

from fleet_server.api.caller import Context, CurrentCaller
from fleet_server.api.paging import Page, Paging
from fleet_server.domain.roles import Permission
from fleet_server.services.maintenance import (
    Channel,
    NoticeGiven,
    Plan,
    PlannedWork,
    WorkKind,
    add_notice,
    cancel_work,
    list_work,
    plan_work,
    read_work,
)
from fleet_server.services.pieces import from_ms, to_ms

router = APIRouter(prefix="/maintenance", tags=["maintenance"])

Key = Annotated[int, Path(ge=1, lt=1 << 63)]
Reason = Annotated[str, StringConstraints(min_length=3, max_length=512)]


class WorkRequest(BaseModel):
    """`voice_down`: telephone lines cannot reach emergency numbers meanwhile [11.3]."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "element": "N-117",
                    "kind": "upgrade",
                    "starts_at": "2027-03-09T00:00:00Z",
                    "ends_at": "2027-03-09T04:00:00Z",
                    "voice_down": True,
                    "reason": "New amplifiers in two streets",
                }
            ]
        }
    )

    element: Annotated[str, StringConstraints(min_length=1, max_length=32)]
    kind: WorkKind
    starts_at: AwareDatetime
    ends_at: AwareDatetime
    voice_down: bool
    reason: Reason


class NoticeRequest(BaseModel):
    """What customers were told, when, and of which time."""

    channel: Channel
    sent_at: AwareDatetime
    starts_at: AwareDatetime
    ends_at: AwareDatetime


class Cancellation(BaseModel):
    reason: Reason


class NoticeView(BaseModel):
    channel: Channel
    sent_at: datetime
    starts_at: datetime
    ends_at: datetime


class SpanView(BaseModel):
    starts_at: datetime
    ends_at: datetime


class WorkView(BaseModel):
    """`announced`: the time that counts as maintenance; `notice_due_at`: the last moment."""

    id: int
    element: str
    kind: WorkKind
    starts_at: datetime
    ends_at: datetime
    voice_down: bool
    cancelled_at: datetime | None
    notices: list[NoticeView]
    announced: list[SpanView]
    is_announced: bool
    notice_due_at: datetime


@router.get("")
def get_calendar(caller: CurrentCaller, context: Context, paging: Paging) -> Page[WorkView]:
    """The calendar, the latest first."""
    caller.require(Permission.SEE_OUTAGES)
    after = paging.after(int, int)
    before = None if after is None else (from_ms(int(after[0])), int(after[1]))
    with context.fleet.reading() as connection:
        rows = list_work(connection, before, paging.fetch)
    return paging.page(rows, key=lambda row: (to_ms(row.starts_at), row.id), view=_view)


@router.get("/{work_id}")
def get_work(work_id: Key, caller: CurrentCaller, context: Context) -> WorkView:
    """One entry of the calendar; 404 when there is none."""
    caller.require(Permission.SEE_OUTAGES)
    with context.fleet.reading() as connection:
        return _view(read_work(connection, work_id))


@router.post("", status_code=201)
def post_work(body: WorkRequest, caller: CurrentCaller, context: Context) -> WorkView:
    """Enter work; it counts as announced only with a notice in time."""
    caller.require(Permission.PLAN_MAINTENANCE)
    plan = Plan(
        body.element,
        body.kind,
        body.starts_at.astimezone(UTC),
        body.ends_at.astimezone(UTC),
        body.voice_down,
    )
    with context.fleet.writing() as connection:
        return _view(plan_work(connection, caller.actor, plan, body.reason, context.now()))


@router.post("/{work_id}/notices", status_code=201)
def post_notice(
    work_id: Key, body: NoticeRequest, caller: CurrentCaller, context: Context
) -> WorkView:
    """Put on record that customers were told."""
    caller.require(Permission.PLAN_MAINTENANCE)
    given = NoticeGiven(
        body.channel,
        body.sent_at.astimezone(UTC),
        body.starts_at.astimezone(UTC),
        body.ends_at.astimezone(UTC),
    )
    with context.fleet.writing() as connection:
        return _view(add_notice(connection, caller.actor, work_id, given, context.now()))


@router.post("/{work_id}/cancellation")
def cancel(work_id: Key, body: Cancellation, caller: CurrentCaller, context: Context) -> WorkView:
    """Call work off; 409 when it is over or was called off."""
    caller.require(Permission.PLAN_MAINTENANCE)
    with context.fleet.writing() as connection:
        return _view(cancel_work(connection, caller.actor, work_id, body.reason, context.now()))


def _view(work: PlannedWork) -> WorkView:
    return WorkView.model_validate(work, from_attributes=True)
