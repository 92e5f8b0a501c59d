"""The form that makes the draft of a campaign or changes it; refused, it keeps what was entered."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated
from urllib.parse import quote_plus

from fastapi import APIRouter, Form, Response
from fastapi.responses import RedirectResponse
from sqlalchemy import Connection

from fleet_server.domain.campaign import ADMISSIBLE, Act, CampaignStateError, State, next_state
from fleet_server.domain.campaign_plan import OnFailures, Way
from fleet_server.domain.errors import InvalidError, RuleError
from fleet_server.domain.roles import Permission
from fleet_server.services import campaigns
from fleet_server.services.audit import Actor
from fleet_server.services.campaign_views import CampaignView, read_campaign
from fleet_server.services.campaigns import OlderRevisionError
from fleet_server.services.console_context import MAX_BODY_BYTES
from fleet_server.services.policy import read_policy
from fleet_server.web.campaign_entry import FIRST, Entered, entered_of, not_held
from fleet_server.web.campaigns import Key, one_campaign
from fleet_server.web.page import CurrentPage, Page
from fleet_server.web.record import name_of, names_of

router = APIRouter(include_in_schema=False)

# What a selection may take of a form, as the browser sends it.
_MOST_SELECTION = MAX_BODY_BYTES * 3 // 4


@dataclass(frozen=True, slots=True)
class Changed:
    """The campaign that the form changes. `approved_by`: whose approval is void then, "" without
    one; `not_held`: what of its plan the form cannot say."""

    view: CampaignView
    four_eyes: bool
    approved_by: str
    not_held: list[str]


@router.get("/campaigns/new")
def form(page: CurrentPage) -> Response:
    page.require(Permission.RUN_CAMPAIGN)
    return _form(page, FIRST)


@router.post("/campaigns/new")
def make(page: CurrentPage, entered: Annotated[Entered, Form()]) -> Response:
    """Make a draft, or show the form again with what is wrong."""
    account = page.require(Permission.RUN_CAMPAIGN)
    page.check_form(entered.form_token)
    try:
        draft = entered.draft()
        with page.context.fleet.writing() as connection:
            actor = Actor.account(account.id)
            made = campaigns.create(connection, actor, draft, entered.reason, page.now)
    except RuleError as error:
        return _form(page, entered, error)
    return RedirectResponse(f"/campaigns/{made}", 303)


@router.get("/campaigns/{number}/change")
def change_form(page: CurrentPage, number: Key) -> Response:
    """The form filled from the campaign; the campaign itself once it has started."""
    page.require(Permission.RUN_CAMPAIGN)
    with page.context.fleet.reading() as connection:
        changed = _changed(page, connection, number)
    view = changed.view
    entered = entered_of(view.name, view.selection, view.plan, view.revision)
    try:
        next_state(State(view.state), Act.CHANGE)
        if len(quote_plus(entered.selection)) > _MOST_SELECTION:
            raise InvalidError(
                "%(part)s: too long for the form; change it by fleet-server campaign change.",
                part="selection",
            )
    except RuleError as error:
        return one_campaign(page, number, error)
    return _form(page, entered, changed=changed)


@router.post("/campaigns/{number}/change")
def change(page: CurrentPage, number: Key, entered: Annotated[Entered, Form()]) -> Response:
    """Make it a draft with what was entered, or show the form again with what is wrong."""
    account = page.require(Permission.RUN_CAMPAIGN)
    page.check_form(entered.form_token)
    try:
        draft = entered.draft()
        with page.context.fleet.writing() as connection:
            campaigns.change(
                connection,
                Actor.account(account.id),
                number,
                draft,
                entered.reason,
                page.now,
                entered.revision,
            )
    except campaigns.UnknownCampaignError:
        raise
    except CampaignStateError as error:
        return one_campaign(page, number, error)
    except RuleError as error:
        with page.context.fleet.reading() as connection:
            changed = _changed(page, connection, number)
        if isinstance(error, OlderRevisionError):
            entered = entered.model_copy(update={"revision": changed.view.revision})
        return _form(page, entered, error, changed)
    return RedirectResponse(f"/campaigns/{number}", 303)


def _changed(page: Page, connection: Connection, number: int) -> Changed:
    """Raises UnknownCampaignError."""
    view = read_campaign(connection, number)
    known = names_of(connection, [view.approved_by])
    return Changed(
        view,
        read_policy(connection).campaign_four_eyes,
        name_of(page, known, view.approved_by),
        not_held(view.plan),
    )


def _form(
    page: Page,
    entered: Entered,
    error: RuleError | None = None,
    changed: Changed | None = None,
) -> Response:
    is_older = isinstance(error, OlderRevisionError)
    return page.render(
        "campaign_form.html",
        (409 if is_older else 422) if error else 200,
        entered=entered,
        changed=changed,
        ways=list(Way),
        reactions=list(OnFailures),
        admissible=ADMISSIBLE,
        refusal=("OlderRevisionError" if is_older else "InvalidError") if error else "",
        error=None if is_older else error,
    )
