"""Telephone lines at risk: now, by node, for the regulator; and units seen elsewhere."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated
from urllib.parse import urlencode

from fastapi import APIRouter, Form, Path, Query, Response
from fastapi.responses import RedirectResponse

from fleet_server.domain.errors import InvalidError, RuleError
from fleet_server.domain.roles import Permission
from fleet_server.services.sightings import SHORTEST_REASON, Outcome, list_findings, settle
from fleet_server.services.views_voice import PAGE, count_by_node, lines_at_risk
from fleet_server.web.page import CurrentPage, Page

router = APIRouter(include_in_schema=False)

_REPORTED = timedelta(days=30)
RowKey = Annotated[int, Query(ge=0, lt=1 << 63)]
FindingId = Annotated[int, Path(ge=1, lt=1 << 63)]
Node = Annotated[str, Query(max_length=32)]


@router.get("/voice-risk")
def voice_risk(page: CurrentPage, node: Node = "", after: RowKey = 0) -> Response:
    page.require(Permission.SEE_OUTAGES)
    return _lines(page, node, after)


@router.post("/voice-risk/findings/{finding_id}")
def settle_finding(
    page: CurrentPage,
    finding_id: FindingId,
    form_token: Annotated[str, Form(max_length=256)] = "",
    outcome: Annotated[str, Form(max_length=64)] = "",
    reason: Annotated[str, Form(max_length=512)] = "",
) -> Response:
    """Settle a unit seen elsewhere, or show the page again."""
    account = page.require(Permission.SETTLE_PLACE)
    page.check_form(form_token)
    try:
        with page.context.fleet.writing() as connection:
            settle(connection, account.id, finding_id, Outcome(outcome), reason, page.now)
    except InvalidError as error:
        return _lines(page, "", 0, 422, error)
    except ValueError:
        return _lines(page, "", 0, 422)
    return RedirectResponse("/voice-risk", 303)


def _lines(
    page: Page, node: str, after: int, status: int = 200, error: RuleError | None = None
) -> Response:
    with page.context.fleet.reading() as connection:
        nodes = count_by_node(connection)
        lines = lines_at_risk(connection, page.now, node, after)
        findings = list_findings(connection)
    shown = lines[:PAGE]
    more = urlencode({"node": node, "after": shown[-1].id}) if len(lines) > PAGE else ""
    span = {"from_at": (page.now - _REPORTED).isoformat(), "until_at": page.now.isoformat()}
    return page.render(
        "voice_risk.html",
        status,
        nodes=nodes,
        cannot=sum(one.cannot for one in nodes),
        unknown=sum(one.unknown for one in nodes),
        lines=shown,
        node=node,
        findings=findings,
        outcomes=[one.value for one in Outcome],
        next_url=f"/voice-risk?{more}" if more else "",
        history_url=f"/api/v1/voice-risk/history.csv?{urlencode(span)}",
        refused=status != 200,
        error=error,
        shortest_reason=SHORTEST_REASON,
    )
