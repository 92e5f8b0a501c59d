"""Outages: the list, and one with its verdicts, its devices and who answers for it."""

from __future__ import annotations

from typing import Annotated
from urllib.parse import urlencode

from fastapi import APIRouter, Form, Path, Query, Response
from fastapi.responses import RedirectResponse

from fleet_server.domain.causes import Cause
from fleet_server.domain.credit import Decision
from fleet_server.domain.errors import InvalidError, RuleError
from fleet_server.domain.liability import Liability
from fleet_server.domain.roles import Permission
from fleet_server.services.accounts import usernames
from fleet_server.services.liability import SHORTEST_REASON, decide_outage
from fleet_server.services.pieces import from_ms, to_ms
from fleet_server.services.policy import read_policy
from fleet_server.services.sightings import waiting_findings
from fleet_server.services.surroundings import read_topology
from fleet_server.services.views_outages import PAGE, list_members, list_outages, read_outage
from fleet_server.web.page import CurrentPage, Page

router = APIRouter(include_in_schema=False)

RowKey = Annotated[int, Query(ge=0, lt=1 << 63)]
OutageId = Annotated[int, Path(ge=1, lt=1 << 63)]
Short = Annotated[str, Form(max_length=64)]
DECIDABLE = (Liability.OPERATOR, Liability.CUSTOMER_SIDE, Liability.FORCE_MAJEURE)


@router.get("/outages")
def outages(
    page: CurrentPage, open: bool = False, began: RowKey | None = None, before: RowKey = 0
) -> Response:
    page.require(Permission.SEE_OUTAGES)
    key = None if began is None else (from_ms(began), before)
    with page.context.fleet.reading() as connection:
        rows = list_outages(connection, open, key)
        waiting = waiting_findings(connection)
    shown = rows[:PAGE]
    next_url = ""
    if len(rows) > PAGE:
        query = {"began": to_ms(shown[-1].started_at), "before": shown[-1].id}
        next_url = "/outages?" + urlencode({**query, **({"open": "1"} if open else {})})
    return page.render(
        "outages.html", outages=shown, only_open=open, next_url=next_url, waiting=waiting
    )


@router.get("/outages/{outage_id}")
def outage(page: CurrentPage, outage_id: OutageId, after: RowKey = 0) -> Response:
    page.require(Permission.SEE_OUTAGES)
    return _one(page, outage_id, after)


@router.post("/outages/{outage_id}")
def decide(
    page: CurrentPage,
    outage_id: OutageId,
    form_token: Annotated[str, Form(max_length=256)] = "",
    cause: Short = "",
    liability: Short = "",
    counts: Short = "",
    reason: Annotated[str, Form(max_length=512)] = "",
) -> Response:
    """Put a decision on record, or show the page again with what is wrong."""
    account = page.require(Permission.DECIDE_LIABILITY)
    page.check_form(form_token)
    try:
        decision = Decision(Cause(cause), Liability(liability), counts == "yes")
        with page.context.fleet.writing() as connection:
            decide_outage(
                connection,
                read_topology(connection),
                read_policy(connection),
                account.id,
                outage_id,
                decision,
                reason,
                page.now,
            )
    except InvalidError as error:
        return _one(page, outage_id, 0, 422, sent_reason=reason, error=error)
    except ValueError:
        return _one(page, outage_id, 0, 422, sent_reason=reason)
    return RedirectResponse(f"/outages/{outage_id}", 303)


def _one(
    page: Page,
    outage_id: int,
    after: int,
    status: int = 200,
    sent_reason: str = "",
    error: RuleError | None = None,
) -> Response:
    with page.context.fleet.reading() as connection:
        found = read_outage(connection, outage_id)
        members = list_members(connection, outage_id, after)
        names = usernames(
            connection, {one.decided.account_id for one in found.liability if one.decided}
        )
    shown = members[:PAGE]
    more = f"/outages/{outage_id}?after={shown[-1].interruption_id}" if len(members) > PAGE else ""
    return page.render(
        "outage.html",
        status,
        found=found,
        members=shown,
        next_url=more,
        usernames=names,
        decidable=[one.value for one in DECIDABLE],
        refused=status != 200,
        error=error,
        sent_reason=sent_reason,
        shortest_reason=SHORTEST_REASON,
    )
