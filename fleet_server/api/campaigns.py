"""Campaigns: make, plan (the dry run), approve, start, pause, resume, abort; progress and items."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Annotated, TypeVarTuple

from fastapi import APIRouter, Depends, Path, Query
from pydantic import BaseModel
from sqlalchemy import Connection

from fleet_server.api.caller import Caller, Context, CurrentCaller
from fleet_server.api.campaign_views import (
    ApprovalBody,
    CampaignBody,
    CampaignView,
    ItemView,
    NoticeBody,
    NoticeView,
    ReasonBody,
    Words,
    view_of,
)
from fleet_server.api.paging import Page, Paging
from fleet_server.domain.campaign import ItemState, Why
from fleet_server.domain.roles import Permission
from fleet_server.services import campaigns, protected_contracts
from fleet_server.services.audit import Actor
from fleet_server.services.campaign_notices import announce
from fleet_server.services.campaign_views import list_campaigns, list_items, read_campaign
from fleet_server.services.console_context import ConsoleContext
from fleet_server.services.fleet_actions import FleetActions

router = APIRouter(tags=["campaigns"])

Key = Annotated[int, Path(ge=1, lt=1 << 63, examples=[7])]
Number = Annotated[str, Path(max_length=32, examples=["C-1001"])]
Given = TypeVarTuple("Given")


@router.get("/campaigns")
def get_campaigns(caller: CurrentCaller, context: Context, paging: Paging) -> Page[CampaignView]:
    """All campaigns, the newest first."""
    caller.require(Permission.SEE_CAMPAIGNS)
    with context.fleet.reading() as connection:
        rows = list_campaigns(connection, paging.after_id() or None, paging.fetch)
    return paging.page(rows, key=lambda row: (row.id,), view=view_of)


@router.post("/campaigns", status_code=201)
def post_campaign(body: CampaignBody, caller: CurrentCaller, context: Context) -> CampaignView:
    """Make a draft; nothing is planned yet."""
    caller.require(Permission.RUN_CAMPAIGN)
    with context.fleet.writing() as connection:
        made = campaigns.create(connection, caller.actor, body.draft(), body.reason, context.now())
        return _view(connection, made)


@router.get("/campaigns/{campaign_id}")
def get_campaign(campaign_id: Key, caller: CurrentCaller, context: Context) -> CampaignView:
    """One campaign with its progress; the counts add up to `units` at every moment."""
    caller.require(Permission.SEE_CAMPAIGNS)
    with context.fleet.reading() as connection:
        return _view(connection, campaign_id)


@dataclass(frozen=True, slots=True)
class Step:
    """One change of one campaign by the caller, answered with how the campaign stands then."""

    campaign_id: int
    caller: Caller
    context: ConsoleContext

    def take(
        self,
        needs: Permission,
        change: Callable[[Connection, Actor, int, *Given, datetime], None],
        *given: *Given,
    ) -> CampaignView:
        self.caller.require(needs)
        with self.context.fleet.writing() as connection:
            change(connection, self.caller.actor, self.campaign_id, *given, self.context.now())
            return _view(connection, self.campaign_id)


async def _step(campaign_id: Key, caller: CurrentCaller, context: Context) -> Step:
    return Step(campaign_id, caller, context)


CurrentStep = Annotated[Step, Depends(_step)]


@router.put("/campaigns/{campaign_id}")
def put_campaign(body: CampaignBody, step: CurrentStep) -> CampaignView:
    """Change one that has not started; it is a draft then, to be planned and approved anew."""
    return step.take(Permission.RUN_CAMPAIGN, campaigns.change, body.draft(), body.reason)


@router.post("/campaigns/{campaign_id}/plan")
def post_plan(step: CurrentStep) -> CampaignView:
    """The dry run: every unit with its wave, or why it is left out; acts on nobody."""
    return step.take(Permission.RUN_CAMPAIGN, campaigns.plan)


@router.post("/campaigns/{campaign_id}/approval")
def post_approval(body: ApprovalBody, step: CurrentStep) -> CampaignView:
    """Approve the plan of that revision; by another person than who made or planned it."""
    needs = Permission.APPROVE_CAMPAIGN
    return step.take(needs, campaigns.approve, body.revision, body.reason)


@router.post("/campaigns/{campaign_id}/start")
def post_start(step: CurrentStep) -> CampaignView:
    """Let the first wave begin, within hours and limits."""
    return step.take(Permission.RUN_CAMPAIGN, campaigns.start)


@router.post("/campaigns/{campaign_id}/pause")
def post_pause(body: ReasonBody, step: CurrentStep) -> CampaignView:
    """Begin nothing new; what is under way goes on."""
    return step.take(Permission.RUN_CAMPAIGN, campaigns.pause, body.reason)


@router.post("/campaigns/{campaign_id}/resumption")
def post_resumption(body: ReasonBody, step: CurrentStep) -> CampaignView:
    """Go on; failures count anew, and a wave that missed its goal is let pass."""
    return step.take(Permission.RUN_CAMPAIGN, campaigns.resume, body.reason)


@router.post("/campaigns/{campaign_id}/abort")
def post_abort(body: ReasonBody, step: CurrentStep) -> CampaignView:
    """Stop what was not sent, at once; what was sent is called back as far as it can be."""
    return step.take(Permission.RUN_CAMPAIGN, campaigns.abort, body.reason, FleetActions())


@router.post("/campaigns/{campaign_id}/notices")
def post_notices(
    campaign_id: Key, body: NoticeBody, caller: CurrentCaller, context: Context
) -> NoticeView:
    """Customers who are left out for want of notice were told of their swap [7.1.7]."""
    caller.require(Permission.PLAN_SWAP)
    with context.fleet.writing() as connection:
        moment = body.planned_at.astimezone(UTC)
        told = announce(connection, caller.actor, campaign_id, moment, body.reason, context.now())
    return NoticeView(positions=told)


@router.get("/campaigns/{campaign_id}/items")
def get_items(
    campaign_id: Key,
    caller: CurrentCaller,
    context: Context,
    paging: Paging,
    state: Annotated[ItemState | None, Query()] = None,
    why: Annotated[Why | None, Query()] = None,
) -> Page[ItemView]:
    """Its units; `state=excluded` lists those left out, each with the reason."""
    caller.require(Permission.SEE_CAMPAIGNS)
    after = paging.after_id()
    with context.fleet.reading() as connection:
        rows = list_items(connection, campaign_id, state, why, after, paging.fetch)
    return paging.page(
        rows,
        key=lambda row: (row.unit_id,),
        view=lambda row: ItemView.model_validate(row, from_attributes=True),
    )


class ProtectedView(BaseModel):
    contract: str


@router.get("/protected-contracts")
def get_protected(caller: CurrentCaller, context: Context, paging: Paging) -> Page[ProtectedView]:
    """Contracts that campaigns leave out unless their plan admits them."""
    caller.require(Permission.SEE_CAMPAIGNS)
    after = paging.after(str)
    with context.fleet.reading() as connection:
        rows = protected_contracts.list_protected(
            connection, str(after[0]) if after else "", paging.fetch
        )
    return paging.page(
        rows, key=lambda number: (number,), view=lambda number: ProtectedView(contract=number)
    )


@router.put("/contracts/{number}/protection", status_code=204)
def put_protection(
    number: Number, body: ReasonBody, caller: CurrentCaller, context: Context
) -> None:
    """Have campaigns leave the contract out: others rely on it in an emergency."""
    caller.require(Permission.PROTECT_CONTRACT)
    with context.fleet.writing() as connection:
        protected_contracts.protect(connection, caller.actor, number, body.reason, context.now())


@router.delete("/contracts/{number}/protection", status_code=204)
def delete_protection(
    number: Number,
    caller: CurrentCaller,
    context: Context,
    reason: Annotated[Words, Query(examples=["The station has moved"])],
) -> None:
    """End that."""
    caller.require(Permission.PROTECT_CONTRACT)
    with context.fleet.writing() as connection:
        protected_contracts.lift(connection, caller.actor, number, reason, context.now())


def _view(connection: Connection, campaign_id: int) -> CampaignView:
    return view_of(read_campaign(connection, campaign_id))
