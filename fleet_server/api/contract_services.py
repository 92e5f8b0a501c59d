"""The state of a contract's services: what it is, who decided what, what is still to be done."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Path
from pydantic import AwareDatetime, BaseModel, ConfigDict, StringConstraints

from fleet_server.api.caller import Context, CurrentCaller
from fleet_server.domain.roles import Permission
from fleet_server.domain.service_state import Ground, ServiceState
from fleet_server.services import service_state
from fleet_server.services.policy import read_policy
from fleet_server.services.service_state import Wanted
from fleet_server.services.views_service import Decision, read_contract_service

router = APIRouter(prefix="/contracts/{number}", tags=["state of services"])

Number = Annotated[str, Path(max_length=32, examples=["C-1001"])]
Words = Annotated[str, StringConstraints(min_length=3, max_length=512)]
_DECISION: dict[str, Any] = {
    "id": 12,
    "state": "suspended",
    "ground": "debt",
    "decided_at": "2026-11-26T12:00:00Z",
    "not_before": "2026-11-26T12:00:00Z",
    "needs_notice": True,
    "notice_at": "2026-11-26T12:00:04Z",
    "carried_out_at": None,
    "cancelled_at": None,
    "confirmed_at": None,
    "reconnection_cents": None,
    "open_operations": 0,
}


class DecisionView(BaseModel):
    """It waits while `carried_out_at` and `cancelled_at` are null; cents are proposed, not billed.

    `open_operations` counts what systems and devices still have to do for it.
    """

    model_config = ConfigDict(json_schema_extra={"examples": [_DECISION]})

    id: int
    state: ServiceState
    ground: Ground
    decided_at: datetime
    not_before: datetime
    needs_notice: bool
    notice_at: datetime | None
    carried_out_at: datetime | None
    cancelled_at: datetime | None
    confirmed_at: datetime | None
    reconnection_cents: int | None
    open_operations: int


class ContractServiceView(BaseModel):
    """`state` is the one last carried out; decisions come the newest first."""

    contract: str
    state: ServiceState
    since: datetime | None
    decisions: list[DecisionView]


class DecisionRequest(BaseModel):
    """`not_before`: the moment the customer chose, for one; at once when absent."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [{"state": "suspended", "ground": "debt", "reason": "Bill of October"}]
        }
    )

    state: ServiceState
    ground: Ground
    not_before: AwareDatetime | None = None
    reason: Words


class ReasonRequest(BaseModel):
    model_config = ConfigDict(json_schema_extra={"examples": [{"reason": "Paid in a store"}]})

    reason: Words


class ConfirmationRequest(BaseModel):
    """`confirmed_at`: when the customer got it in writing [9.9]."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [{"confirmed_at": "2026-12-01T10:00:00Z", "reason": "Handed over"}]
        }
    )

    confirmed_at: AwareDatetime
    reason: Words


@router.get("/service")
def get_service(number: Number, caller: CurrentCaller, context: Context) -> ContractServiceView:
    """In which state the services are, and every decision on them."""
    caller.require(Permission.SEE_SERVICE)
    with context.fleet.reading() as connection:
        found = read_contract_service(connection, number)
    return ContractServiceView(
        contract=found.contract,
        state=ServiceState(found.state),
        since=found.since_at,
        decisions=[_view(one) for one in found.decisions],
    )


@router.post("/service-decisions", status_code=201)
def decide(
    number: Number, body: DecisionRequest, caller: CurrentCaller, context: Context
) -> DecisionView:
    """Suspend, bar, restore or end; 409 when the step or the ground is not possible."""
    caller.require(Permission.CHANGE_SERVICE)
    wanted = Wanted(body.state, body.ground, body.not_before)
    with context.fleet.writing() as connection:
        policy = read_policy(connection)
        service_state.decide(
            connection, number, wanted, caller.actor, body.reason, policy, context.now()
        )
        return _view(read_contract_service(connection, number).decisions[0])


@router.post("/service-cancellation", status_code=204)
def cancel(number: Number, body: ReasonRequest, caller: CurrentCaller, context: Context) -> None:
    """Take back the decision that waits; 404 when none does."""
    caller.require(Permission.CHANGE_SERVICE)
    with context.fleet.writing() as connection:
        service_state.cancel(connection, number, caller.actor, body.reason, context.now())


@router.put("/termination-confirmation", status_code=204)
def confirm(
    number: Number, body: ConfirmationRequest, caller: CurrentCaller, context: Context
) -> None:
    """Record a confirmation on paper; it starts the return clock [9.9]."""
    caller.require(Permission.CHANGE_SERVICE)
    with context.fleet.writing() as connection:
        service_state.confirm_termination(
            connection, number, caller.actor, body.reason, body.confirmed_at, context.now()
        )


def _view(one: Decision) -> DecisionView:
    return DecisionView(
        id=one.id,
        state=ServiceState(one.state),
        ground=Ground(one.ground),
        decided_at=one.decided_at,
        not_before=one.not_before_at,
        needs_notice=one.needs_notice,
        notice_at=one.notice_at,
        carried_out_at=one.carried_out_at,
        cancelled_at=one.cancelled_at,
        confirmed_at=one.confirmed_at,
        reconnection_cents=one.reconnection_cents,
        open_operations=one.open_operations,
    )
