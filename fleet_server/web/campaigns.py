"""Campaigns: the list, a draft, one with its waves and sums live, and what a person may do."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Form, Path, Query, Response
from fastapi.responses import RedirectResponse
from sqlalchemy import Connection

from fleet_server.domain.campaign import ItemState, State
from fleet_server.domain.campaign_plan import (
    CommandAction,
    Limits,
    Plan,
    SwapAction,
    Wave,
    Way,
)
from fleet_server.domain.errors import InvalidError, NotFoundError, RuleError
from fleet_server.domain.roles import Permission
from fleet_server.services import campaigns
from fleet_server.services.accounts import usernames
from fleet_server.services.audit import Actor
from fleet_server.services.campaign_views import (
    CampaignView,
    list_campaigns,
    list_items,
    read_campaign,
)
from fleet_server.services.campaigns import Draft
from fleet_server.services.fleet_actions import FleetActions
from fleet_server.web.page import CurrentPage, Page

router = APIRouter(include_in_schema=False)

Key = Annotated[int, Path(ge=1, lt=1 << 63)]
Text = Annotated[str, Form(max_length=512)]
Number = Annotated[int, Form(ge=0, lt=1 << 31)]
_ROWS = 50
_EXAMPLE = '{"all": [{"field": "product_class", "is": "MODEM"}, {"field": "node", "is": "N1"}]}'
_TONES = {
    State.DRAFT: "never",
    State.PLANNED: "suspect",
    State.APPROVED: "suspect",
    State.RUNNING: "online",
    State.PAUSED: "offline",
    State.ABORTING: "offline",
    State.ABORTED: "offline",
    State.FINISHED: "online",
}
_RUN = Permission.RUN_CAMPAIGN
# What a form does: the permission, the states in which it is possible, whether it needs words.
_ACTIONS: dict[str, tuple[Permission, tuple[State, ...], bool]] = {
    "plan": (_RUN, (State.DRAFT, State.PLANNED), False),
    "approval": (Permission.APPROVE_CAMPAIGN, (State.PLANNED,), True),
    "start": (_RUN, (State.APPROVED,), False),
    "pause": (_RUN, (State.RUNNING,), True),
    "resumption": (_RUN, (State.PAUSED,), True),
    "abort": (
        _RUN,
        (State.DRAFT, State.PLANNED, State.APPROVED, State.RUNNING, State.PAUSED),
        True,
    ),
}


@router.get("/campaigns")
def campaign_list(
    page: CurrentPage, before: Annotated[int | None, Query(ge=1, lt=1 << 63)] = None
) -> Response:
    page.require(Permission.SEE_CAMPAIGNS)
    return _list(page, before)


@router.post("/campaigns")
def make(
    page: CurrentPage,
    name: Text = "",
    selection: Annotated[str, Form(max_length=64_000)] = "",
    kind: Text = "command",
    model_name: Text = "",
    place: Text = "",
    way: Text = "remote",
    canary: Number = 1,
    per_minute: Number = 60,
    at_once: Number = 50,
    max_failed_percent: Number = 5,
    reason: Text = "",
    form_token: Text = "",
) -> Response:
    """Make a draft, or show the form again with what is wrong."""
    account = page.require(_RUN)
    page.check_form(form_token)
    try:
        action = SwapAction(model_name, place, _way(way)) if kind == "swap" else CommandAction()
        plan = Plan(
            action=action,
            waves=(Wave(percent=canary), Wave(percent=10), Wave()),
            limits=Limits(per_minute, at_once, max_failed_percent),
        )
        draft = Draft(name.strip(), _selection(selection), plan)
        if len(reason.strip()) < 3:
            raise InvalidError("Say why, in three characters or more.")
        with page.context.fleet.writing() as connection:
            actor = Actor.account(account.id)
            made = campaigns.create(connection, actor, draft, reason.strip(), page.now)
    except RuleError as error:
        return _list(page, None, error, selection)
    return RedirectResponse(f"/campaigns/{made}", 303)


@router.get("/campaigns/{number}")
def campaign(page: CurrentPage, number: Key) -> Response:
    page.require(Permission.SEE_CAMPAIGNS)
    return _one(page, number)


@router.get("/campaigns/{number}/live")
def campaign_live(page: CurrentPage, number: Key) -> Response:
    page.require(Permission.SEE_CAMPAIGNS)
    return page.render("campaign_live.html", **_values(page, number))


@router.get("/campaigns/{number}/units")
def campaign_units(
    page: CurrentPage,
    number: Key,
    state: Annotated[ItemState, Query()] = ItemState.EXCLUDED,
    after: Annotated[int, Query(ge=0, lt=1 << 63)] = 0,
) -> Response:
    """The units of a campaign in one state, with the reason."""
    page.require(Permission.SEE_CAMPAIGNS)
    with page.context.fleet.reading() as connection:
        view = read_campaign(connection, number)
        found = list_items(connection, number, state, None, after, _ROWS + 1)
    more = found[_ROWS - 1].unit_id if len(found) > _ROWS else 0
    return page.render(
        "campaign_units.html",
        view=view,
        rows=found[:_ROWS],
        more=more,
        state=state,
        states=list(ItemState),
    )


@router.post("/campaigns/{number}/{action}")
def act(
    page: CurrentPage,
    number: Key,
    action: str,
    reason: Text = "",
    revision: Number = 0,
    form_token: Text = "",
) -> Response:
    """`action`: plan, approval, start, pause, resumption or abort."""
    if action not in _ACTIONS:
        raise NotFoundError("There is no such action.")
    permission, _states, needs_words = _ACTIONS[action]
    account = page.require(permission)
    page.check_form(form_token)
    actor, words, now = Actor.account(account.id), reason.strip(), page.now
    try:
        if needs_words and len(words) < 3:
            raise InvalidError("Say why, in three characters or more.")
        with page.context.fleet.writing() as connection:
            _do(page, connection, action, actor, number, revision, words, now)
    except NotFoundError:
        raise
    except RuleError as error:
        return _one(page, number, error)
    return RedirectResponse(f"/campaigns/{number}", 303)


def _do(
    page: Page,
    connection: Connection,
    action: str,
    actor: Actor,
    number: int,
    revision: int,
    words: str,
    now: datetime,
) -> None:
    simple: dict[str, Callable[[Connection, Actor, int, datetime], None]] = {
        "plan": campaigns.plan,
        "start": campaigns.start,
    }
    if action in simple:
        simple[action](connection, actor, number, now)
    elif action == "approval":
        campaigns.approve(connection, actor, number, revision, words, now)
    elif action == "pause":
        campaigns.pause(connection, actor, number, words, now)
    elif action == "resumption":
        campaigns.resume(connection, actor, number, words, now)
    else:
        campaigns.abort(connection, actor, number, words, FleetActions(), now)


def _list(
    page: Page, before: int | None, error: RuleError | None = None, selection: str = _EXAMPLE
) -> Response:
    with page.context.fleet.reading() as connection:
        found = list_campaigns(connection, before, _ROWS + 1)
    return page.render(
        "campaigns.html",
        422 if error else 200,
        rows=found[:_ROWS],
        more=found[_ROWS - 1].id if len(found) > _ROWS else 0,
        tones=_TONES,
        ways=list(Way),
        selection=selection,
        refusal="InvalidError" if error else "",
        detail=str(error) if error else "",
        done_of=_done_of,
    )


def _one(page: Page, number: int, error: RuleError | None = None) -> Response:
    name = type(error).__name__ if error else ""
    is_known = page.label("campaign_refusal", name) != name
    return page.render(
        "campaign.html",
        409 if error else 200,
        refusal=name if is_known else "InvalidError" if error else "",
        detail="" if is_known and name != "InvalidError" else str(error or ""),
        **_values(page, number),
    )


def _values(page: Page, number: int) -> dict[str, Any]:
    with page.context.fleet.reading() as connection:
        view = read_campaign(connection, number)
        names = {view.created_by, view.planned_by, view.approved_by}
        accounts = {int(name.partition(":")[2]) for name in names if name.startswith("account:")}
        known = usernames(connection, accounts)
    account = page.account
    return {
        "view": view,
        "tones": _TONES,
        "waves": _waves(view),
        "columns": [state for state in ItemState if state is not ItemState.EXCLUDED],
        "excluded": {c.why: c.units for c in view.counts if c.state is ItemState.EXCLUDED},
        "reasons": [c for c in view.counts if c.why and c.state is not ItemState.EXCLUDED],
        "done_of": _done_of,
        "who": lambda name: known.get(name.partition(":")[2], name.partition(":")[2]),
        "selection": json.dumps(view.selection, ensure_ascii=False, indent=1),
        "actions": [
            (code, needs_words)
            for code, (permission, states, needs_words) in _ACTIONS.items()
            if account is not None and account.may(permission) and view.state in states
        ],
    }


def _waves(view: CampaignView) -> dict[int, dict[ItemState, int]]:
    """How many units of each wave are in each state."""
    found: dict[int, dict[ItemState, int]] = {}
    for count in view.counts:
        if count.state is not ItemState.EXCLUDED:
            wave = found.setdefault(count.wave, dict.fromkeys(ItemState, 0))
            wave[count.state] += count.units
    return dict(sorted(found.items()))


def _done_of(view: CampaignView) -> tuple[int, int]:
    """Units that have ended, and all that are not left out."""
    ended = view.total(ItemState.DONE, ItemState.FAILED, ItemState.STOPPED)
    return ended, view.units - view.total(ItemState.EXCLUDED)


def _selection(text: str) -> Any:
    """Raises InvalidError."""
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        raise InvalidError(f"selection: not JSON: {error}") from error


def _way(text: str) -> Way:
    """Raises InvalidError."""
    try:
        return Way(text)
    except ValueError as error:
        raise InvalidError(f"{text} is no way of replacing.") from error
