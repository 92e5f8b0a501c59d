"""What is on a contract: today, on any day, and as it was believed; putting on and correcting."""

from __future__ import annotations

from datetime import date, datetime
from typing import Annotated, Any

from fastapi import APIRouter, Path, Query
from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from fleet_server.api.caller import Context, CurrentCaller
from fleet_server.domain.errors import InvalidError
from fleet_server.domain.life_cycle import UnitState
from fleet_server.domain.local_time import local_day
from fleet_server.domain.roles import Permission
from fleet_server.services.as_of import Holding, contract_history, read_assignments
from fleet_server.services.assignments import Papers, assign, replace_unit
from fleet_server.services.corrections import Correction, correct, withdraw
from fleet_server.services.stock_moves import place_number
from fleet_server.services.views_contract import ContractDay, contract_day

router = APIRouter(tags=["contracts"])

Number = Annotated[str, Path(max_length=32, examples=["C-1001"])]
AssignmentNumber = Annotated[int, Path(ge=1, lt=1 << 63, examples=[17])]
Reason = Annotated[str, StringConstraints(min_length=3, max_length=512)]
_Serial = Annotated[str, StringConstraints(min_length=1, max_length=32)]
_Code = Annotated[str, StringConstraints(max_length=32)]
_Cents = Annotated[int, Field(ge=0, le=10_000_000)]

_HOLDING: dict[str, Any] = {
    "id": 17,
    "contract": "C-1001",
    "position": "voice",
    "serial_number": "00000002",
    "product_class": "VOICEMODEM",
    "model_name": "EMTA-31",
    "since_at": "2027-01-15T12:00:00Z",
    "until_at": None,
    "handed_over_on": "2027-01-14",
    "value_cents": 5500,
    "replaces": None,
    "recorded_at": "2027-01-15T12:00:00Z",
    "corrected_at": None,
}


class HoldingView(BaseModel):
    """One unit in one position. `handed_over_on` null: not known. `value_cents`: euro cents, of
    the unit, as in the papers handed over; a box in two positions repeats it and owes it once.
    `corrected_at` is set where the row was found wrong."""

    model_config = ConfigDict(json_schema_extra={"examples": [_HOLDING]})

    id: int
    contract: str
    position: str
    serial_number: str
    product_class: str
    model_name: str
    since_at: datetime
    until_at: datetime | None
    handed_over_on: date | None
    value_cents: int | None
    replaces: str | None
    recorded_at: datetime
    corrected_at: datetime | None


class PairingView(BaseModel):
    """A smart card and the set-top box it belongs into."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "card": "EX000001",
                    "box": "00000003",
                    "since_at": "2027-01-15T12:00:00Z",
                    "until_at": None,
                }
            ]
        }
    )

    card: str
    box: str
    since_at: datetime
    until_at: datetime | None


class ContractView(BaseModel):
    """The contract, and what was on it at any moment of the local day `on`."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "number": "C-1001",
                    "package": "TOP S",
                    "signed_on": "2027-01-10",
                    "network_element": "N1-S1",
                    "terminated_on": None,
                    "positions": ["internet", "voice"],
                    "on": "2027-05-03",
                    "known_at": None,
                    "holdings": [_HOLDING],
                    "pairings": [],
                }
            ]
        }
    )

    number: str
    package: str
    signed_on: date | None
    network_element: str
    terminated_on: date | None
    positions: list[str]
    on: date
    known_at: datetime | None
    holdings: list[HoldingView]
    pairings: list[PairingView]


class HoldingList(BaseModel):
    items: list[HoldingView]


class AssignmentRequest(BaseModel):
    """`position`: one, or `internet+voice` of one box. `handed_over_on`: the day the customer
    received it; left out while it is not known."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "examples": [
                {
                    "serial_number": "00000031",
                    "position": "tv-1",
                    "handed_over_on": "2027-01-14",
                    "value_cents": 6000,
                    "reason": "Work order 7",
                }
            ]
        },
    )

    serial_number: _Serial
    position: Annotated[str, StringConstraints(min_length=1, max_length=64)]
    handed_over_on: date | None = None
    value_cents: _Cents | None = None
    reason: Reason


class ReplacementRequest(BaseModel):
    """`before` is what holds the positions now; it is in `state` at `place` from then on."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "examples": [
                {
                    "before": "00000003",
                    "successor": "00000031",
                    "state": "returned",
                    "place": "ST-1",
                    "handed_over_on": "2027-05-03",
                    "value_cents": 6000,
                    "reason": "No picture, customer agreed",
                }
            ]
        },
    )

    before: _Serial
    successor: _Serial
    state: UnitState = UnitState.RETURNED
    place: _Code = ""
    handed_over_on: date | None = None
    value_cents: _Cents | None = None
    reason: Reason


class CorrectionRequest(BaseModel):
    """All that the record should have said, what was right included."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "examples": [
                {
                    "since_on": "2027-01-15",
                    "handed_over_on": "2027-01-14",
                    "value_cents": 5500,
                    "reason": "Day of the signed paper",
                }
            ]
        },
    )

    since_on: date
    handed_over_on: date | None
    value_cents: _Cents | None
    reason: Reason


class WithdrawalRequest(BaseModel):
    """`place` is where the unit turned out to be, if that is known."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={"examples": [{"reason": "Wrong serial scanned", "place": "ST-1"}]},
    )

    reason: Reason
    place: _Code = ""


@router.get("/contracts/{number}")
def get_contract(
    number: Number,
    caller: CurrentCaller,
    context: Context,
    on: Annotated[date | None, Query(description="local day; today when left out")] = None,
    known_at: Annotated[
        datetime | None, Query(description="answer as it was known then; with its UTC offset")
    ] = None,
) -> ContractView:
    """What was on the contract on a day; 404 when there is no such contract."""
    caller.require(Permission.SEE_CONTRACT)
    day = on or local_day(context.now())
    with context.fleet.reading() as connection:
        return _view(contract_day(connection, number, day, _aware(known_at)))


@router.get("/contracts/{number}/history")
def get_history(number: Number, caller: CurrentCaller, context: Context) -> HoldingList:
    """Everything ever recorded of it, what was corrected too."""
    caller.require(Permission.SEE_CONTRACT)
    with context.fleet.reading() as connection:
        return HoldingList(items=[holding(one) for one in contract_history(connection, number)])


@router.post("/contracts/{number}/assignments", status_code=201)
def post_assignment(
    number: Number, body: AssignmentRequest, caller: CurrentCaller, context: Context
) -> ContractView:
    """Put a unit that needs no certificate, or has one, onto the contract from now on.

    409 when the registry forbids it: unapproved model, blacklisted, position taken.
    """
    caller.require(Permission.ASSIGN_UNIT)
    now = context.now()
    papers = Papers(body.handed_over_on, body.value_cents)
    with context.fleet.writing() as connection:
        assign(
            connection,
            caller.actor,
            body.serial_number,
            number,
            body.position,
            papers,
            now,
            reason=body.reason,
        )
        return _view(contract_day(connection, number, local_day(now)))


@router.post("/contracts/{number}/replacements", status_code=201)
def post_replacement(
    number: Number, body: ReplacementRequest, caller: CurrentCaller, context: Context
) -> ContractView:
    """Let another unit take over all that one holds on this contract, both steps or neither."""
    caller.require(Permission.ASSIGN_UNIT)
    now = context.now()
    with context.fleet.writing() as connection:
        replace_unit(
            connection,
            caller.actor,
            body.before,
            body.successor,
            body.state,
            Papers(body.handed_over_on, body.value_cents),
            now,
            contract=number,
            place_id=place_number(connection, body.place) if body.place else None,
            reason=body.reason,
        )
        return _view(contract_day(connection, number, local_day(now)))


@router.post("/assignments/{assignment_id}/correction", status_code=201)
def post_correction(
    assignment_id: AssignmentNumber,
    body: CorrectionRequest,
    caller: CurrentCaller,
    context: Context,
) -> HoldingList:
    """Record anew what an assignment should have said; the wrong rows stay, marked as corrected."""
    caller.require(Permission.CORRECT_RECORD)
    correction = Correction(body.since_on, Papers(body.handed_over_on, body.value_cents))
    with context.fleet.writing() as connection:
        made = correct(
            connection, caller.actor, assignment_id, correction, body.reason, context.now()
        )
        return HoldingList(items=[holding(one) for one in read_assignments(connection, made)])


@router.post("/assignments/{assignment_id}/withdrawal", status_code=204)
def post_withdrawal(
    assignment_id: AssignmentNumber,
    body: WithdrawalRequest,
    caller: CurrentCaller,
    context: Context,
) -> None:
    """Record that an assignment never was."""
    caller.require(Permission.CORRECT_RECORD)
    with context.fleet.writing() as connection:
        withdraw(
            connection,
            caller.actor,
            assignment_id,
            body.reason,
            context.now(),
            place_id=place_number(connection, body.place) if body.place else None,
        )


def holding(one: Holding) -> HoldingView:
    return HoldingView(
        id=one.assignment_id,
        contract=one.contract,
        position=one.position,
        serial_number=one.serial_number,
        product_class=one.product_class,
        model_name=one.model_name,
        since_at=one.since_at,
        until_at=one.until_at,
        handed_over_on=one.handed_over_on,
        value_cents=one.value_cents,
        replaces=one.replaces,
        recorded_at=one.recorded_at,
        corrected_at=one.corrected_at,
    )


def _view(found: ContractDay) -> ContractView:
    return ContractView(
        number=found.contract.number,
        package=found.contract.package,
        signed_on=found.contract.signed_on,
        network_element=found.contract.network_element,
        terminated_on=found.contract.terminated_on,
        positions=list(found.contract.positions),
        on=found.day,
        known_at=found.known_at,
        holdings=[holding(one) for one in found.holdings],
        pairings=[
            PairingView(card=one.card, box=one.box, since_at=one.since_at, until_at=one.until_at)
            for one in found.pairings
        ],
    )


def _aware(at: datetime | None) -> datetime | None:
    """Raises InvalidError for a moment without its UTC offset."""
    if at is not None and at.tzinfo is None:
        raise InvalidError("known_at needs its UTC offset, such as 2027-06-01T12:00:00Z.")
    return at
