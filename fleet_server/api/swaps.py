"""Swaps that are planned: notice, consent, cancellation [7.1.7]."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Path
from pydantic import AwareDatetime, BaseModel, ConfigDict, StringConstraints

from fleet_server.api.caller import Context, CurrentCaller
from fleet_server.domain.roles import Permission
from fleet_server.services import swap_plan as plan
from fleet_server.services.swap_plan import Ground, PlannedSwap

router = APIRouter(tags=["swaps"])

Number = Annotated[str, Path(max_length=32, examples=["C-1001"])]
SwapId = Annotated[int, Path(ge=1, lt=1 << 63, examples=[5])]
Words = Annotated[str, StringConstraints(min_length=3, max_length=512)]
_EXAMPLE: dict[str, Any] = {
    "id": 5,
    "contract": "C-1001",
    "position": "internet",
    "ground": "operator",
    "planned_at": "2026-04-02T01:00:00Z",
    "notice_at": None,
    "consent_at": None,
    "cancelled_at": None,
    "may_start_at": None,
}


class SwapView(BaseModel):
    """`may_start_at` is null while notice or consent is missing, and once it was cancelled."""

    model_config = ConfigDict(json_schema_extra={"examples": [_EXAMPLE]})

    id: int
    contract: str
    position: str
    ground: Ground
    planned_at: datetime
    notice_at: datetime | None
    consent_at: datetime | None
    cancelled_at: datetime | None
    may_start_at: datetime | None


class SwapList(BaseModel):
    items: list[SwapView]


class SwapPlan(BaseModel):
    """`ground`: operator (needs notice) or faulty (needs the customer's consent)."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "position": "internet",
                    "ground": "operator",
                    "planned_at": "2026-04-02T01:00:00Z",
                    "reason": "New modems for node N-12",
                }
            ]
        }
    )

    position: Annotated[str, StringConstraints(min_length=1, max_length=32)]
    ground: Ground
    planned_at: AwareDatetime
    reason: Words


class SwapCancellation(BaseModel):
    model_config = ConfigDict(json_schema_extra={"examples": [{"reason": "The customer is away"}]})

    reason: Words


@router.post("/contracts/{number}/swaps", status_code=201)
def post_swap(number: Number, body: SwapPlan, caller: CurrentCaller, context: Context) -> SwapView:
    """Plan a swap; notice of one that the operator initiates is then due."""
    caller.require(Permission.PLAN_SWAP)
    with context.fleet.writing() as connection:
        found = plan.plan_swap(
            connection,
            caller.actor,
            number,
            body.position,
            body.ground,
            body.planned_at,
            body.reason,
            context.now(),
        )
    return _view(found)


@router.get("/contracts/{number}/swaps")
def get_swaps(number: Number, caller: CurrentCaller, context: Context) -> SwapList:
    """The planned swaps of a contract, the newest 50."""
    caller.require(Permission.SEE_CLOCKS)
    with context.fleet.reading() as connection:
        found = plan.swaps_of_contract(connection, number)
    return SwapList(items=[_view(one) for one in found])


@router.get("/swaps/{swap_id}")
def get_swap(swap_id: SwapId, caller: CurrentCaller, context: Context) -> SwapView:
    """One planned swap; 404 when there is none of this number."""
    caller.require(Permission.SEE_CLOCKS)
    with context.fleet.reading() as connection:
        return _view(plan.read_swap(connection, swap_id))


@router.put("/swaps/{swap_id}/notice")
def put_notice(swap_id: SwapId, caller: CurrentCaller, context: Context) -> SwapView:
    """The customer was told; the hours of notice run from now. 409 when it was said before."""
    caller.require(Permission.PLAN_SWAP)
    with context.fleet.writing() as connection:
        return _view(plan.announce_swap(connection, caller.actor, swap_id, context.now()))


@router.put("/swaps/{swap_id}/consent")
def put_consent(swap_id: SwapId, caller: CurrentCaller, context: Context) -> SwapView:
    """The customer agreed. 409 when it was said before."""
    caller.require(Permission.PLAN_SWAP)
    with context.fleet.writing() as connection:
        return _view(plan.consent_to_swap(connection, caller.actor, swap_id, context.now()))


@router.put("/swaps/{swap_id}/cancellation")
def put_cancellation(
    swap_id: SwapId, body: SwapCancellation, caller: CurrentCaller, context: Context
) -> SwapView:
    """Call it off; one that moves is planned anew. 409 when it was cancelled before."""
    caller.require(Permission.PLAN_SWAP)
    with context.fleet.writing() as connection:
        found = plan.cancel_swap(connection, caller.actor, swap_id, body.reason, context.now())
    return _view(found)


def _view(found: PlannedSwap) -> SwapView:
    return SwapView.model_validate(found, from_attributes=True)
