"""Repair cases: the contractor's steps, and the operator's decisions.

A unit is named by its serial number; no answer says which contract or customer it belongs to. What
concerns money is left out for a role that may not see prices.
"""

from __future__ import annotations

from datetime import date
from typing import Annotated, Any

from fastapi import APIRouter, Path, Query
from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from fleet_server.api.caller import Caller, Context, CurrentCaller
from fleet_server.api.paging import Page, Paging
from fleet_server.api.repair_views import RepairRow, RepairView, case_view, row_view
from fleet_server.domain.proposal import Choice, Subject
from fleet_server.domain.repair import (
    CaseState,
    Cause,
    Defect,
    Finding,
    Outcome,
    Symptom,
)
from fleet_server.domain.roles import Permission
from fleet_server.domain.warranty import CoverState
from fleet_server.services.console_context import ConsoleContext
from fleet_server.services.repair_decisions import decide
from fleet_server.services.repairs import (
    LONGEST_WORDS,
    Intake,
    close,
    find,
    log,
    open_case,
    receive,
    use_part,
    withdraw,
)
from fleet_server.services.views_repairs import CaseFilter, for_the_bench, list_cases, read_case

router = APIRouter(prefix="/repairs", tags=["repairs"])

Number = Annotated[str, Path(max_length=24, examples=["RMA-000001"])]
Words = Annotated[str, StringConstraints(max_length=LONGEST_WORDS)]
NeededWords = Annotated[str, StringConstraints(min_length=1, max_length=LONGEST_WORDS)]
Code = Annotated[str, StringConstraints(min_length=1, max_length=32)]


def _example(**values: Any) -> ConfigDict:
    return ConfigDict(json_schema_extra={"examples": [dict(values)]})


class IntakeRequest(BaseModel):
    """`defect_on`: the day it showed, null where the customer cannot say. `words` name nobody."""

    model_config = _example(
        serial_number="00000003",
        symptom="no_picture",
        reported_on="2026-11-20",
        defect_on="2026-11-18",
        words="picture freezes when warm",
    )

    serial_number: Code
    symptom: Symptom
    reported_on: date
    defect_on: date | None = None
    words: Words = ""


class ReceiptRequest(BaseModel):
    """`place`: code of the contractor's place the unit is at, where there are several."""

    model_config = _example(place="REP-1", words="")

    place: Code | None = None
    words: Words = ""


class LogRequest(BaseModel):
    model_config = _example(words="5 V rail is at 3.9 V under load")

    words: NeededWords


class FindingRequest(BaseModel):
    """`term`: the contractor's word on the cover; where it differs from the reckoned one `words`
    says why. It changes neither the reckoned cover nor what is proposed."""

    model_config = _example(
        defect="power_supply", cause="normal_use", usable_again=True, term="in_term", words=""
    )

    defect: Defect
    cause: Cause
    usable_again: bool
    term: CoverState
    words: Words = ""


class PartRequest(BaseModel):
    model_config = _example(code="PSU-12", quantity=1)

    code: Code
    quantity: Annotated[int, Field(ge=1, le=1_000)]


class OutcomeRequest(BaseModel):
    """`replacement`: serial number of the unit given instead, for the outcome `replaced` alone."""

    model_config = _example(outcome="repaired", replacement=None, words="supply changed")

    outcome: Outcome
    replacement: Code | None = None
    words: Words = ""


class DecisionRequest(BaseModel):
    """`amount_cents` goes with `charge` alone; `reason` stands in the audit log."""

    model_config = _example(
        subject="replacement", choice="replace_free", amount_cents=None, reason="unusable, 7.2.6"
    )

    subject: Subject
    choice: Choice
    amount_cents: Annotated[int, Field(ge=1, le=10_000_000)] | None = None
    reason: NeededWords


@router.get("")
def get_repairs(
    caller: CurrentCaller,
    context: Context,
    paging: Paging,
    serial_number: Annotated[str, Query(max_length=32)] = "",
    state: CaseState | None = None,
    open_only: bool = False,
) -> Page[RepairRow]:
    """Cases, the newest first."""
    caller.require(Permission.SEE_REPAIRS)
    narrowed = CaseFilter(serial_number, state, open_only)
    before = paging.after_id() or None
    with context.fleet.reading() as connection:
        rows = list_cases(connection, narrowed, before, paging.fetch, context.now())
    return paging.page(rows, key=lambda row: (row.case.id,), view=row_view)


@router.post("", status_code=201)
def post_repair(body: IntakeRequest, caller: CurrentCaller, context: Context) -> RepairView:
    """Take in what a customer reports of a unit [7.2.3].

    404 for an unknown serial number, 409 for a unit that is blacklisted or has an open case.
    """
    caller.require(Permission.WORK_ON_REPAIRS)
    intake = Intake(body.serial_number, body.symptom, body.reported_on, body.defect_on, body.words)
    with context.fleet.writing() as connection:
        number = open_case(connection, caller.actor, intake, context.now())
    return _case(number, caller, context)


@router.get("/{number}")
def get_repair(number: Number, caller: CurrentCaller, context: Context) -> RepairView:
    """One case, with what is proposed for it now and on what evidence."""
    caller.require(Permission.SEE_REPAIRS)
    return _case(number, caller, context)


@router.post("/{number}/receipt")
def post_receipt(
    number: Number, body: ReceiptRequest, caller: CurrentCaller, context: Context
) -> RepairView:
    """The unit is on the bench: turn-round time counts from here."""
    caller.require(Permission.WORK_ON_REPAIRS)
    with context.fleet.writing() as connection:
        receive(connection, caller.actor, number, body.place, body.words, context.now())
    return _case(number, caller, context)


@router.post("/{number}/log")
def post_log(
    number: Number, body: LogRequest, caller: CurrentCaller, context: Context
) -> RepairView:
    """One entry of the bench log."""
    caller.require(Permission.WORK_ON_REPAIRS)
    with context.fleet.writing() as connection:
        log(connection, caller.actor, number, body.words, context.now())
    return _case(number, caller, context)


@router.post("/{number}/finding")
def post_finding(
    number: Number, body: FindingRequest, caller: CurrentCaller, context: Context
) -> RepairView:
    """What the bench established; a later finding replaces it, both stay on record."""
    caller.require(Permission.WORK_ON_REPAIRS)
    finding = Finding(body.defect, body.cause, body.usable_again, body.term)
    with context.fleet.writing() as connection:
        find(connection, caller.account.id, number, finding, body.words, context.now())
    return _case(number, caller, context)


@router.post("/{number}/parts")
def post_part(
    number: Number, body: PartRequest, caller: CurrentCaller, context: Context
) -> RepairView:
    """Spare parts went into the unit."""
    caller.require(Permission.WORK_ON_REPAIRS)
    with context.fleet.writing() as connection:
        use_part(connection, caller.actor, number, body.code, body.quantity, context.now())
    return _case(number, caller, context)


@router.post("/{number}/outcome")
def post_outcome(
    number: Number, body: OutcomeRequest, caller: CurrentCaller, context: Context
) -> RepairView:
    """How the case ended; 409 where finding or registry contradict it."""
    caller.require(Permission.WORK_ON_REPAIRS)
    with context.fleet.writing() as connection:
        close(
            connection,
            caller.actor,
            number,
            body.outcome,
            body.replacement,
            body.words,
            context.now(),
        )
    return _case(number, caller, context)


@router.post("/{number}/withdrawal")
def post_withdrawal(
    number: Number, body: LogRequest, caller: CurrentCaller, context: Context
) -> RepairView:
    """The case ends without a finding; `words` says why."""
    caller.require(Permission.WORK_ON_REPAIRS)
    with context.fleet.writing() as connection:
        withdraw(connection, caller.actor, number, body.words, context.now())
    return _case(number, caller, context)


@router.post("/{number}/decisions", status_code=201)
def post_decision(
    number: Number, body: DecisionRequest, caller: CurrentCaller, context: Context
) -> RepairView:
    """The operator's decision on replacement, charge or a void warranty, under the caller's name.

    It may differ from what is proposed, and be taken anew; every one stays on record.
    """
    caller.require(Permission.DECIDE_REPAIRS)
    with context.fleet.writing() as connection:
        decide(
            connection,
            caller.account.id,
            number,
            body.subject,
            body.choice,
            body.amount_cents,
            body.reason,
            context.now(),
        )
    return _case(number, caller, context)


def _case(number: str, caller: Caller, context: ConsoleContext) -> RepairView:
    with context.fleet.reading() as connection:
        view = read_case(connection, number, context.now())
    if not caller.account.may(Permission.SEE_PRICES):
        view = for_the_bench(view)
    return case_view(view)
