"""Telephone lines at risk, their history, and units seen elsewhere than their contract says."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Annotated

from fastapi import APIRouter, Path, Query
from fastapi.responses import StreamingResponse
from pydantic import AwareDatetime, BaseModel, ConfigDict, StringConstraints

from fleet_server.api.caller import Context, CurrentCaller
from fleet_server.api.paging import Page, Paging
from fleet_server.domain.errors import InvalidTimeError
from fleet_server.domain.roles import Permission
from fleet_server.services import sightings, views_voice
from fleet_server.services.fleet import Fleet
from fleet_server.services.sightings import Finding, Outcome, SeenBy
from fleet_server.services.views_voice import LineAtRisk

router = APIRouter(tags=["voice"])

Key = Annotated[int, Path(ge=1, lt=1 << 63)]
Moment = Annotated[AwareDatetime, Query(examples=["2027-03-01T00:00:00Z"])]
CSV_HEADER = (
    "contract",
    "endpoint_id",
    "node",
    "element",
    "reach",
    "reason",
    "from_at",
    "until_at",
    "noted_at",
)

_CSV_EXAMPLE = (
    ",".join(CSV_HEADER) + "\r\nC-1001,ops::00256D-VOICEMODEM-00000002,N-117,S-9,no,NoNetwork,"
    "2027-03-04T11:52:00Z,2027-03-04T12:40:00Z,2027-03-04T11:52:03Z\r\n"
)


class LineView(BaseModel):
    """`reach`: no, or unknown; `until_at` null while it lasts; minutes null when not reported."""

    id: int
    endpoint_id: str
    contract: str
    element: str
    node: str
    reach: str
    reason: str
    from_at: datetime
    until_at: datetime | None
    noted_at: datetime
    battery_minutes_left: int | None


class NodeView(BaseModel):
    """Lines at risk below a node; an empty code stands for lines without a place."""

    node: str
    cannot: int
    unknown: int


class NodeList(BaseModel):
    items: list[NodeView]


class SightingRequest(BaseModel):
    """Behind which element the network sees a unit."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "serial": "00000002",
                    "element": "N-118",
                    "source": "cmts",
                    "seen_at": "2027-03-04T11:52:00Z",
                }
            ]
        }
    )

    serial: Annotated[str, StringConstraints(min_length=1, max_length=32)]
    element: Annotated[str, StringConstraints(min_length=1, max_length=32)]
    source: SeenBy
    seen_at: AwareDatetime


class FindingView(BaseModel):
    """A unit seen elsewhere than its contract says."""

    id: int
    serial_number: str
    endpoint_id: str | None
    product_class: str
    contract: str
    expected: str
    seen: str
    source: SeenBy
    noticed_at: datetime


class SightingView(BaseModel):
    """`finding` is null when the place fits the contract, or the unit is on none."""

    finding: FindingView | None


class Settlement(BaseModel):
    outcome: Outcome
    reason: Annotated[str, StringConstraints(min_length=3, max_length=512)]


@router.get("/voice-risk")
def get_lines(
    caller: CurrentCaller,
    context: Context,
    paging: Paging,
    node: Annotated[str, Query(max_length=32)] = "",
) -> Page[LineView]:
    """Lines that cannot reach emergency numbers now, or of which it is not known [11.3]."""
    caller.require(Permission.SEE_OUTAGES)
    with context.fleet.reading() as connection:
        rows = views_voice.lines_at_risk(
            connection, context.now(), node, paging.after_id(), paging.fetch
        )
    return paging.page(rows, key=lambda row: (row.id,), view=_line)


@router.get("/voice-risk/nodes")
def get_nodes(caller: CurrentCaller, context: Context) -> NodeList:
    """How many lines are at risk now, by node, the most first."""
    caller.require(Permission.SEE_OUTAGES)
    with context.fleet.reading() as connection:
        found = views_voice.count_by_node(connection)
    return NodeList(items=[NodeView.model_validate(one, from_attributes=True) for one in found])


@router.get("/voice-risk/history")
def get_history(
    caller: CurrentCaller, context: Context, paging: Paging, from_at: Moment, until_at: Moment
) -> Page[LineView]:
    """Every time at risk that touches the span."""
    caller.require(Permission.SEE_OUTAGES)
    _check(from_at, until_at)
    with context.fleet.reading() as connection:
        rows = views_voice.history(
            connection,
            from_at.astimezone(UTC),
            until_at.astimezone(UTC),
            context.now(),
            paging.after_id(),
            paging.fetch,
        )
    return paging.page(rows, key=lambda row: (row.id,), view=_line)


@router.get(
    "/voice-risk/history.csv",
    response_class=StreamingResponse,
    responses={200: {"content": {"text/csv": {"example": _CSV_EXAMPLE}}}},
)
def get_history_csv(
    caller: CurrentCaller, context: Context, from_at: Moment, until_at: Moment
) -> StreamingResponse:
    """The same as one CSV file for the regulator; times in UTC."""
    caller.require(Permission.SEE_OUTAGES)
    _check(from_at, until_at)
    lines = _csv(context.fleet, from_at.astimezone(UTC), until_at.astimezone(UTC), context.now())
    return StreamingResponse(
        lines,
        media_type="text/csv; charset=utf-8",
        headers={"Content-Disposition": 'attachment; filename="voice-at-risk.csv"'},
    )


@router.post("/sightings", status_code=201)
def post_sighting(body: SightingRequest, caller: CurrentCaller, context: Context) -> SightingView:
    """Where the network sees a unit; a place that does not fit its contract opens a finding."""
    caller.require(Permission.REPORT_CAUSE)
    with context.fleet.writing() as connection:
        found = sightings.note_sighting(
            connection,
            caller.actor,
            body.serial,
            body.element,
            body.source,
            body.seen_at.astimezone(UTC),
            context.now(),
        )
    return SightingView(finding=_finding(found) if found else None)


@router.get("/misplaced-units")
def get_findings(caller: CurrentCaller, context: Context, paging: Paging) -> Page[FindingView]:
    """Units seen elsewhere than their contract says that wait for a person [4.10, 11.3]."""
    caller.require(Permission.SEE_OUTAGES)
    with context.fleet.reading() as connection:
        rows = sightings.list_findings(connection, paging.after_id(), paging.fetch)
    return paging.page(rows, key=lambda row: (row.id,), view=_finding)


@router.post("/misplaced-units/{finding_id}/outcome", status_code=204)
def settle_finding(
    finding_id: Key, body: Settlement, caller: CurrentCaller, context: Context
) -> None:
    """A person has cleared it up; 404 when nothing waits under this number."""
    caller.require(Permission.SETTLE_PLACE)
    with context.fleet.writing() as connection:
        sightings.settle(
            connection, caller.account.id, finding_id, body.outcome, body.reason, context.now()
        )


def _check(from_at: datetime, until_at: datetime) -> None:
    if until_at <= from_at:
        raise InvalidTimeError("until_at lies after from_at.")


def _csv(fleet: Fleet, from_at: datetime, until_at: datetime, now: datetime) -> Iterator[str]:
    buffer = io.StringIO()
    writer = csv.writer(buffer)
    writer.writerow(CSV_HEADER)
    with fleet.reading() as connection:
        for line in views_voice.whole_history(connection, from_at, until_at, now):
            writer.writerow([_cell(getattr(line, name)) for name in CSV_HEADER])
            yield buffer.getvalue()
            buffer.seek(0)
            buffer.truncate()
    yield buffer.getvalue()


def _cell(value: object) -> str:
    if isinstance(value, datetime):
        return value.isoformat(timespec="seconds").replace("+00:00", "Z")
    return "" if value is None else str(value)


def _line(row: LineAtRisk) -> LineView:
    return LineView.model_validate(row, from_attributes=True)


def _finding(row: Finding) -> FindingView:
    return FindingView.model_validate(row, from_attributes=True)
