"""Equipment that comes back, and what is proposed for what did not."""

from __future__ import annotations

from datetime import date, datetime
from typing import Annotated

from fastapi import APIRouter, Path
from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from fleet_server.api.caller import Context, CurrentCaller
from fleet_server.api.paging import Page, Paging
from fleet_server.domain.returns import Condition, Verdict
from fleet_server.domain.roles import Permission
from fleet_server.services import charges, returns
from fleet_server.services.charges import ChargeDecision, Ground, Owed
from fleet_server.services.policy import read_policy
from fleet_server.services.returns import HandedIn, ReturnRecord

router = APIRouter(tags=["returns"])

Serial = Annotated[str, Path(max_length=32, examples=["00000002"])]
Words = Annotated[str, StringConstraints(min_length=3, max_length=512)]


class ReturnView(BaseModel):
    """`receipt` is what the QR code says; anyone checks it with the server's certificate."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "number": "R-00000001",
                    "serial_number": "00000002",
                    "product_class": "VOICEMODEM",
                    "returned_on": "2026-11-26",
                    "place": "STORE-1",
                    "condition": "complete",
                    "receipt": "eyJhbGciOiJFUzI1NiIs.eyJubyI6IlIt.MEUCIQ",
                }
            ]
        }
    )

    number: str
    serial_number: str
    product_class: str
    returned_on: date
    place: str
    condition: Condition
    receipt: str


class ReturnRequest(BaseModel):
    """`place` is the code of the store, van or warehouse that takes it in."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [{"serial_number": "00000002", "place": "STORE-1", "condition": "complete"}]
        }
    )

    serial_number: Annotated[str, StringConstraints(min_length=1, max_length=32)]
    place: Annotated[str, StringConstraints(min_length=1, max_length=32)]
    condition: Condition


class OwedView(BaseModel):
    """A unit that is not back. `proposal` is `nothing`, `wait`, `charge` or `decide`; never billed.

    `proposed_cents` is null where the terms name a price that is not in our papers; `due_at` and
    `charge_from` are the first moments too late.
    """

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "serial_number": "00000003",
                    "product_class": "STB",
                    "contract": "C-1003",
                    "ground": "unreturned",
                    "due_at": "2026-12-01T23:00:00Z",
                    "charge_from": "2026-12-05T23:00:00Z",
                    "value_cents": 8000,
                    "proposal": "charge",
                    "proposed_cents": 8000,
                    "articles": ["7.2.1", "7.2.6", "9.9"],
                    "reasons": ["not_returned"],
                    "decision": None,
                    "decided_cents": None,
                }
            ]
        }
    )

    serial_number: str
    product_class: str
    contract: str
    ground: Ground
    due_at: datetime | None
    charge_from: datetime | None
    value_cents: int | None
    proposal: Verdict
    proposed_cents: int | None
    articles: list[str]
    reasons: list[str]
    decision: str | None
    decided_cents: int | None


class ChargeDecisionRequest(BaseModel):
    """`amount_cents` counts for a charge alone."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [{"decision": "charge", "amount_cents": 8000, "reason": "Asked twice"}]
        }
    )

    decision: ChargeDecision
    amount_cents: Annotated[int, Field(ge=0, le=10_000_000)] = 0
    reason: Words


@router.get("/returns")
def list_returns(paging: Paging, caller: CurrentCaller, context: Context) -> Page[ReturnView]:
    """What was handed in, the newest first."""
    caller.require(Permission.SEE_RETURNS)
    after = paging.after(int)
    with context.fleet.reading() as connection:
        rows = returns.list_returns(connection, int(after[0]) if after else None, paging.fetch)
    return paging.page(rows, key=lambda row: (row[0],), view=lambda row: _view(row[1]))


@router.post("/returns", status_code=201)
def take_back(body: ReturnRequest, caller: CurrentCaller, context: Context) -> ReturnView:
    """Take a unit in and sign its receipt; 409 when it cannot come back from where it is."""
    caller.require(Permission.TAKE_BACK)
    handed_in = HandedIn(body.serial_number.strip(), body.place, body.condition)
    with context.fleet.writing() as connection:
        record = returns.take_back(
            connection, context.fleet.document_key, handed_in, caller.actor, context.now()
        )
    return _view(record)


@router.get("/returns/{number}")
def get_return(
    number: Annotated[str, Path(max_length=24, examples=["R-00000001"])],
    caller: CurrentCaller,
    context: Context,
) -> ReturnView:
    """One return by the number of its receipt."""
    caller.require(Permission.SEE_RETURNS)
    with context.fleet.reading() as connection:
        return _view(returns.read_return(connection, number))


@router.get("/owed-units")
def list_owed(paging: Paging, caller: CurrentCaller, context: Context) -> Page[OwedView]:
    """Units that are not back, stolen or lost, by key, with what is proposed for each."""
    caller.require(Permission.SEE_OWED)
    with context.fleet.reading() as connection:
        policy = read_policy(connection)
        rows = charges.list_owed(connection, policy, context.now(), paging.after_id(), paging.fetch)
    return paging.page(rows, key=lambda row: (row.unit_id,), view=_owed)


@router.put("/units/{serial}/charge-decision")
def decide_charge(
    serial: Serial, body: ChargeDecisionRequest, caller: CurrentCaller, context: Context
) -> OwedView:
    """What a named person decides on the proposal, once; billing takes it from there."""
    caller.require(Permission.DECIDE_CHARGE)
    now = context.now()
    with context.fleet.writing() as connection:
        policy = read_policy(connection)
        found = charges.owed_for(connection, policy, serial, now)
        charges.decide_charge(
            connection, found, body.decision, body.amount_cents, caller.actor, body.reason, now
        )
        return _owed(charges.owed_for(connection, policy, serial, now))


def _view(record: ReturnRecord) -> ReturnView:
    receipt = record.receipt
    return ReturnView(
        number=receipt.number,
        serial_number=receipt.serial_number,
        product_class=receipt.product_class,
        returned_on=receipt.returned_on,
        place=receipt.place,
        condition=Condition(receipt.condition),
        receipt=record.text,
    )


def _owed(one: Owed) -> OwedView:
    return OwedView(
        serial_number=one.serial_number,
        product_class=one.product_class,
        contract=one.contract,
        ground=one.ground,
        due_at=one.clock.due_at if one.clock else None,
        charge_from=one.clock.charge_from_at if one.clock else None,
        value_cents=one.value_cents,
        proposal=one.proposal.verdict,
        proposed_cents=one.proposal.amount_cents,
        articles=list(one.proposal.articles),
        reasons=list(one.proposal.reasons),
        decision=one.decision,
        decided_cents=one.decided_cents,
    )
