"""Credits for interruptions with their proof line by line [5.4]."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Path
from pydantic import BaseModel, ConfigDict, StringConstraints

from fleet_server.api.caller import Context, CurrentCaller
from fleet_server.api.paging import Page, Paging
from fleet_server.domain.liability import Liability
from fleet_server.domain.roles import Permission
from fleet_server.services import credits as desk
from fleet_server.services.credit_book import CreditState
from fleet_server.services.credits import CreditCase, Proof, ReleaseForm

router = APIRouter(tags=["credits"])

Number = Annotated[str, Path(max_length=32, examples=["C-1001"])]
CreditId = Annotated[int, Path(ge=1, lt=1 << 63, examples=[3])]
LineNumber = Annotated[int, Path(ge=1, lt=1 << 31, examples=[1])]
Words = Annotated[str, StringConstraints(min_length=desk.SHORTEST_REASON, max_length=512)]
_CASE: dict[str, Any] = {
    "id": 3,
    "contract": "C-1001",
    "position": "internet",
    "started_at": "2026-06-01T08:00:00Z",
    "ended_at": "2026-06-02T14:00:00Z",
    "assessed_until_at": "2026-06-02T14:00:00Z",
    "counted_ms": 90000000,
    "to_decide_ms": 18000000,
    "excluded_ms": 0,
    "remainder_ms": 3600000,
    "days": 1,
    "credit_days": 2,
    "days_at_most": 1,
    "released_days": 0,
    "due_days": 2,
    "state": "proposed",
    "revision": 1,
    "updated_at": "2026-06-02T14:00:12Z",
}
_LINE: dict[str, Any] = {
    "number": 1,
    "started_at": "2026-06-01T08:00:00Z",
    "ended_at": "2026-06-02T09:00:00Z",
    "length_ms": 90000000,
    "cause": "access network",
    "proposed": "operator",
    "liability": "operator",
    "standing": "counts",
    "articles": ["5.4"],
    "reason": "operators_network",
    "evidence": ["outage 3"],
}


class CreditView(BaseModel):
    """`state`: lasting, to_decide, proposed, released, none, withdrawn.

    `remainder_ms` of the counted time makes no whole day; `days_at_most` is what it comes to if all
    that is still to decide counts; `due_days` are not yet given back.
    """

    model_config = ConfigDict(json_schema_extra={"examples": [_CASE]})

    id: int
    contract: str
    position: str
    started_at: datetime
    ended_at: datetime | None
    assessed_until_at: datetime
    counted_ms: int
    to_decide_ms: int
    excluded_ms: int
    remainder_ms: int
    days: int
    credit_days: int
    days_at_most: int
    released_days: int
    due_days: int
    state: CreditState
    revision: int
    updated_at: datetime


class LineView(BaseModel):
    """`standing`: counts, excluded, to_confirm (proposed not to count), undecided."""

    model_config = ConfigDict(json_schema_extra={"examples": [_LINE]})

    number: int
    started_at: datetime
    ended_at: datetime
    length_ms: int
    cause: str
    proposed: str
    liability: str
    standing: str
    articles: list[str]
    reason: str
    evidence: list[str]


class ReleaseView(BaseModel):
    days: int
    form: ReleaseForm
    account_id: int
    released_at: datetime


class ProofView(BaseModel):
    model_config = ConfigDict(
        json_schema_extra={"examples": [{"case": _CASE, "lines": [_LINE], "releases": []}]}
    )

    case: CreditView
    lines: list[LineView]
    releases: list[ReleaseView]


class CreditList(BaseModel):
    items: list[CreditView]


class LineDecision(BaseModel):
    """`counts`: only what the operator answers for counts; announced work may be excluded."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {"liability": "force_majeure", "counts": False, "reason": "Lightning in the area"}
            ]
        }
    )

    liability: Liability
    counts: bool
    reason: Words


class ReleaseRequest(BaseModel):
    model_config = ConfigDict(
        json_schema_extra={"examples": [{"form": "extension", "reason": "Proof checked"}]}
    )

    form: ReleaseForm
    reason: Words


@router.get("/credits")
def get_credits(
    caller: CurrentCaller,
    context: Context,
    paging: Paging,
    state: CreditState = CreditState.TO_DECIDE,
) -> Page[CreditView]:
    """The cases in one state, by number."""
    caller.require(Permission.SEE_CREDITS)
    with context.fleet.reading() as connection:
        rows = desk.list_credits(connection, state, paging.after_id(), paging.fetch)
    return paging.page(rows, lambda row: (row.id,), _case)


@router.get("/credits/{credit_id}")
def get_credit(credit_id: CreditId, caller: CurrentCaller, context: Context) -> ProofView:
    """One case with its proof."""
    caller.require(Permission.SEE_CREDITS)
    with context.fleet.reading() as connection:
        return _proof(desk.read_proof(connection, credit_id))


@router.get("/contracts/{number}/credits")
def get_contract_credits(number: Number, caller: CurrentCaller, context: Context) -> CreditList:
    """The cases of a contract, the newest 50."""
    caller.require(Permission.SEE_CREDITS)
    with context.fleet.reading() as connection:
        found = desk.credits_of_contract(connection, number)
    return CreditList(items=[_case(case) for case in found])


@router.put("/credits/{credit_id}/lines/{number}/decision")
def put_decision(
    credit_id: CreditId,
    number: LineNumber,
    body: LineDecision,
    caller: CurrentCaller,
    context: Context,
) -> ProofView:
    """Decide who answers for a line; gives the proof as it then is."""
    caller.require(Permission.DECIDE_CREDIT)
    with context.fleet.writing() as connection:
        found = desk.decide_line(
            connection,
            caller.account.id,
            credit_id,
            number,
            body.liability,
            body.counts,
            body.reason,
            context.now(),
        )
    return _proof(found)


@router.post("/credits/{credit_id}/releases", status_code=201)
def post_release(
    credit_id: CreditId, body: ReleaseRequest, caller: CurrentCaller, context: Context
) -> ProofView:
    """Give back the days that are due. 409 when there are none."""
    caller.require(Permission.DECIDE_CREDIT)
    with context.fleet.writing() as connection:
        found = desk.release_credit(
            connection, caller.account.id, credit_id, body.form, body.reason, context.now()
        )
    return _proof(found)


def _case(case: CreditCase) -> CreditView:
    return CreditView.model_validate(case, from_attributes=True)


def _proof(proof: Proof) -> ProofView:
    return ProofView.model_validate(proof, from_attributes=True)
