"""Campaigns: the list, a draft, one with its waves and sums live, and what a person may do."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, time
from functools import partial
from typing import Annotated, Any

from fastapi import APIRouter, Form, Path, Query, Response
from fastapi.responses import RedirectResponse
from sqlalchemy import Connection

from fleet_server.domain.campaign import ItemState, State, Why
from fleet_server.domain.campaign_pace import may_begin
from fleet_server.domain.campaign_plan import Plan, SwapAction
from fleet_server.domain.errors import InvalidError, NotFoundError, RuleError
from fleet_server.domain.policy import Policy
from fleet_server.domain.roles import Permission
from fleet_server.services import audit, campaigns
from fleet_server.services.audit import Actor
from fleet_server.services.campaign_notices import announce
from fleet_server.services.campaign_views import (
    CampaignView,
    list_campaigns,
    list_items,
    read_campaign,
)
from fleet_server.services.fleet_actions import FleetActions
from fleet_server.services.policy import read_policy
from fleet_server.web.entry import moment_of
from fleet_server.web.page import CurrentPage, Page
from fleet_server.web.record import actors_of, name_of, names_of

router = APIRouter(include_in_schema=False)

Key = Annotated[int, Path(ge=1, lt=1 << 63)]
Text = Annotated[str, Form(max_length=512)]
Number = Annotated[int, Form(ge=0, lt=1 << 31)]
_ROWS = 50
# Refusals of several reasons: which one it is, only the error says.
_COARSE = ("CampaignStateError", "InvalidError")
_MOST_RECORD = 200
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
    "notice": (Permission.PLAN_SWAP, (State.PLANNED,), True),
    "start": (_RUN, (State.APPROVED,), False),
    "pause": (_RUN, (State.RUNNING,), True),
    "resumption": (_RUN, (State.PAUSED,), True),
    "abort": (
        _RUN,
        (State.DRAFT, State.PLANNED, State.APPROVED, State.RUNNING, State.PAUSED),
        True,
    ),
}


@dataclass(frozen=True, slots=True)
class Action:
    """One thing a person may do; `why_not` is a code of `campaign_why_not`, "" when possible.

    `change` leads to the form; everything else is done by its button.
    """

    code: str
    why_not: str
    needs_words: bool


@router.get("/campaigns")
def campaign_list(
    page: CurrentPage, before: Annotated[int | None, Query(ge=1, lt=1 << 63)] = None
) -> Response:
    page.require(Permission.SEE_CAMPAIGNS)
    with page.context.fleet.reading() as connection:
        found = list_campaigns(connection, before, _ROWS + 1)
    return page.render(
        "campaigns.html",
        rows=found[:_ROWS],
        more=found[_ROWS - 1].id if len(found) > _ROWS else 0,
        tones=_TONES,
        done_of=_done_of,
    )


@router.get("/campaigns/{number}")
def campaign(
    page: CurrentPage, number: Key, told: Annotated[int | None, Query(ge=0, lt=1 << 31)] = None
) -> Response:
    """`told`: of so many positions notice to the customers was put on record just now."""
    page.require(Permission.SEE_CAMPAIGNS)
    return one_campaign(page, number, told=told)


@router.get("/campaigns/{number}/live")
def campaign_live(
    page: CurrentPage, number: Key, version: Annotated[str, Query(max_length=64)] = ""
) -> Response:
    """Where it stands; with it plan and forms, once they are others than those of `version`."""
    page.require(Permission.SEE_CAMPAIGNS)
    values = _values(page, number)
    answer = page.html("campaign_live.html", **values)
    if values["actions_version"] != version:
        answer += page.html("campaign_actions.html", **{**values, "out_of_band": True})
    return Response(answer, media_type="text/html")


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
    planned_at: Text = "",
    form_token: Text = "",
) -> Response:
    """`action`: plan, notice, approval, start, pause, resumption or abort."""
    if action not in _ACTIONS:
        raise NotFoundError("There is no such action.")
    permission, _states, needs_words = _ACTIONS[action]
    account = page.require(permission)
    page.check_form(form_token)
    given = Given(Actor.account(account.id), number, reason.strip(), page.now, revision, planned_at)
    try:
        if needs_words and len(given.words) < 3:
            raise InvalidError("Say why, in three characters or more.")
        with page.context.fleet.writing() as connection:
            told = _DO[action](connection, given)
    except campaigns.UnknownCampaignError:
        raise
    except RuleError as error:
        return one_campaign(page, number, error)
    return RedirectResponse(f"/campaigns/{number}{'' if told is None else f'?told={told}'}", 303)


@dataclass(frozen=True, slots=True)
class Given:
    """What a form gives to do; `planned_at` is a local moment as it was typed."""

    actor: Actor
    number: int
    words: str
    now: datetime
    revision: int
    planned_at: str


def _notice(connection: Connection, given: Given) -> int:
    """How many positions. Raises InvalidTimeError and what `announce` raises."""
    moment = moment_of(given.planned_at)
    return announce(connection, given.actor, given.number, moment, given.words, given.now)


_DO: dict[str, Callable[[Connection, Given], int | None]] = {
    "plan": lambda c, given: campaigns.plan(c, given.actor, given.number, given.now),
    "notice": _notice,
    "approval": lambda c, given: campaigns.approve(
        c, given.actor, given.number, given.revision, given.words, given.now
    ),
    "start": lambda c, given: campaigns.start(c, given.actor, given.number, given.now),
    "pause": lambda c, given: campaigns.pause(c, given.actor, given.number, given.words, given.now),
    "resumption": lambda c, given: campaigns.resume(
        c, given.actor, given.number, given.words, given.now
    ),
    "abort": lambda c, given: campaigns.abort(
        c, given.actor, given.number, given.words, FleetActions(), given.now
    ),
}


def one_campaign(
    page: Page, number: int, error: RuleError | None = None, told: int | None = None
) -> Response:
    name = type(error).__name__ if error else ""
    is_known = page.label("campaign_refusal", name) != name
    return page.render(
        "campaign.html",
        409 if error else 200,
        refusal=name if is_known else "InvalidError" if error else "",
        told=told,
        error=None if is_known and name not in _COARSE else error,
        **_values(page, number),
    )


def _values(page: Page, number: int) -> dict[str, Any]:
    with page.context.fleet.reading() as connection:
        view = read_campaign(connection, number)
        record = audit.history(connection, f"campaign:{number}", limit=_MOST_RECORD)
        actors = [view.created_by, view.planned_by, view.approved_by, *actors_of(record)]
        known = names_of(connection, actors)
        policy = read_policy(connection)
    actions = _actions(page, view, policy.campaign_four_eyes)
    return {
        "view": view,
        "tones": _TONES,
        "waves": _waves(view),
        "columns": [state for state in ItemState if state is not ItemState.EXCLUDED],
        "reasons": _reasons(view),
        "done_of": _done_of,
        "own_hours": _hours_of_settings(view.plan, policy),
        "rests": view.state is State.RUNNING and not may_begin(page.now, view.plan, policy),
        "record": record,
        "who": partial(name_of, page, known),
        "selection": json.dumps(view.selection, ensure_ascii=False, indent=1),
        "actions": actions,
        "actions_version": hashlib.sha256(f"{view.revision}{actions}".encode()).hexdigest()[:16],
        "out_of_band": False,
    }


def _actions(page: Page, view: CampaignView, four_eyes: bool) -> list[Action]:
    """What the state and this person's role allow."""
    account = page.account
    if account is None:
        return []
    is_own = four_eyes and f"account:{account.id}" in (view.created_by, view.planned_by)
    may_change = account.may(_RUN) and view.state in (State.DRAFT, State.PLANNED, State.APPROVED)
    change = [Action("change", "", needs_words=False)] if may_change else []
    return change + [
        Action(code, "own" if code == "approval" and is_own else "", needs_words)
        for code, (permission, states, needs_words) in _ACTIONS.items()
        if account.may(permission)
        and view.state in states
        and (code != "notice" or _lacks_notice(view))
    ]


def _hours_of_settings(plan: Plan, policy: Policy) -> list[tuple[time, time]]:
    """Something begins in all of these alone, whatever the campaign says itself."""
    hours = [(policy.disruptive_from, policy.disruptive_until)]
    if isinstance(plan.action, SwapAction):
        hours.append((policy.cut_over_from, policy.cut_over_until))
    return hours


def _lacks_notice(view: CampaignView) -> bool:
    return any(count.why is Why.NO_NOTICE and count.units for count in view.counts)


def _waves(view: CampaignView) -> dict[int, dict[ItemState, int]]:
    """How many units of each wave are in each state."""
    found: dict[int, dict[ItemState, int]] = {}
    for count in view.counts:
        if count.state is not ItemState.EXCLUDED:
            wave = found.setdefault(count.wave, dict.fromkeys(ItemState, 0))
            wave[count.state] += count.units
    return dict(sorted(found.items()))


def _reasons(view: CampaignView) -> Counter[tuple[ItemState, Why]]:
    """How many units of all waves are left out, put off or ended for which reason."""
    found: Counter[tuple[ItemState, Why]] = Counter()
    for count in view.counts:
        if count.why is not Why.NONE:
            found[count.state, count.why] += count.units
    return found


def _done_of(view: CampaignView) -> tuple[int, int]:
    """Units that have ended, and all that are not left out."""
    ended = view.total(ItemState.DONE, ItemState.FAILED, ItemState.STOPPED)
    return ended, view.units - view.total(ItemState.EXCLUDED)
