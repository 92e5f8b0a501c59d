"""Replacements of units: ordered, approved, watched, called off [7.1.7].

A planned swap (`/contracts/{number}/swaps`) holds notice and consent; the replacement is the work.
"""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Path, Query
from pydantic import AwareDatetime, BaseModel, ConfigDict, StringConstraints

from fleet_server.api.body import Body
from fleet_server.api.caller import Context, CurrentCaller
from fleet_server.api.paging import Page, Paging
from fleet_server.domain.roles import Permission
from fleet_server.services import swaps
from fleet_server.services.swap_consent import order_with_consent
from fleet_server.services.swap_orders import MOST_VALUE_CENTS
from fleet_server.services.swap_paper import Paper, read_paper
from fleet_server.services.swaps import SwapOrder, SwapPhase, Todo, Trigger

router = APIRouter(prefix="/replacements", tags=["replacements"])

Number = Annotated[int, Path(ge=1, lt=1 << 63, examples=[5])]
Serial = Annotated[str, StringConstraints(min_length=1, max_length=32)]
Words = Annotated[str, StringConstraints(min_length=3, max_length=512)]
_ORDER: dict[str, Any] = {
    "contract": "C-1001",
    "position": "internet+voice",
    "old_serial": "00000002",
    "new_serial": "00000012",
    "trigger": "remote",
    "outlets": 1,
    "planned_swap": 5,
    "value_cents": None,
    "posted_at": None,
    "reason": "Restarts by itself",
}
_STEP: dict[str, Any] = {
    "step": "close_old",
    "undo": False,
    "outcome": "done",
    "asked_at": "2026-11-27T00:10:01Z",
    "known_at": "2026-11-27T00:10:01.400Z",
    "took_ms": 400,
    "text": "",
}
_EVENT: dict[str, Any] = {
    "id": 77,
    "at": "2026-11-27T00:10:01.400Z",
    "kind": "done",
    "step": "close_old",
    "target": "access",
    "operation": "close_old",
    "key": "swap-5.3",
    "text": "",
}
_VIEW: dict[str, Any] = {
    "id": 5,
    **{name: value for name, value in _ORDER.items() if name != "reason"},
    "kind": "VOICEMODEM",
    "ordered_at": "2026-11-26T12:00:00Z",
    "approved_at": "2026-11-26T12:05:00Z",
    "phase": "forward",
    "step": "open_new",
    "is_undoing": False,
    "is_committed": False,
    "may_abort": True,
    "may_waive": False,
    "may_resume": True,
    "todo": "nothing",
    "todo_text": "Nothing: it goes on by itself.",
    "waits_for": "",
    "waits_for_code": "",
    "why": "",
    "owed": [],
    "came_up_at": None,
    "ended_at": None,
    "service_gap_ms": None,
    "approval_to_service_ms": None,
}
_PAPER: dict[str, Any] = {
    "number": "S-00000005",
    "contract": "C-1001",
    "position": "internet+voice",
    "serial_number": "00000012",
    "product_class": "VOICEMODEM",
    "model_name": "EMTA-31",
    "value_cents": 7000,
    "handed_over_on": "2026-11-27",
    "replaces": "00000002",
    "text": "eyJhbGciOiJFUzI1NiJ9.eyJubyI6IlMtMDAwMDAwMDUifQ.made-up",
}


class OrderRequest(Body):
    """`position` as in `internet+voice`; `old_serial` null where no unit held it: one that was
    stolen or lost is named.

    `outlets`: RF outlets at the customer's. `planned_swap` holds notice or consent; `consent`
    without one: the unit is faulty and the customer agrees now, which is put on record [7.1.7].
    `value_cents` null for the price list. `posted_at` only with trigger `posted`.
    """

    model_config = ConfigDict(json_schema_extra={"examples": [_ORDER]})

    contract: Annotated[str, StringConstraints(min_length=1, max_length=32)]
    position: Annotated[str, StringConstraints(min_length=1, max_length=64)]
    old_serial: Serial | None = None
    new_serial: Serial
    trigger: Trigger
    outlets: Annotated[int, Query(ge=1, le=2)] = 1
    planned_swap: Annotated[int, Query(ge=1, lt=1 << 63)] | None = None
    consent: bool = False
    value_cents: Annotated[int, Query(ge=0, le=MOST_VALUE_CENTS)] | None = None
    posted_at: AwareDatetime | None = None
    reason: Words


class ReasonRequest(Body):
    model_config = ConfigDict(json_schema_extra={"examples": [{"reason": "The customer is away"}]})

    reason: Words


class StepAnswer(BaseModel):
    """`outcome`: done, failed, unreachable; empty while it is not known."""

    model_config = ConfigDict(json_schema_extra={"examples": [_STEP]})

    step: str
    undo: bool
    outcome: str
    asked_at: datetime | None
    known_at: datetime | None
    took_ms: int | None
    text: str


class EventAnswer(BaseModel):
    model_config = ConfigDict(json_schema_extra={"examples": [_EVENT]})

    id: int
    at: datetime
    kind: str
    step: str
    target: str
    operation: str
    key: str
    text: str


class ReplacementAnswer(BaseModel):
    """`todo` and `todo_text`: what a person must do. `waits_for`: why the step is not asked for
    now, `waits_for_code` the same for programs. `service_gap_ms`: from the old unit's last moment
    of service to the new one proven well."""

    model_config = ConfigDict(json_schema_extra={"examples": [_VIEW]})

    id: int
    contract: str
    position: str
    kind: str
    old_serial: str | None
    new_serial: str
    trigger: Trigger
    outlets: int
    planned_swap: int | None
    value_cents: int | None
    posted_at: datetime | None
    ordered_at: datetime
    approved_at: datetime | None
    phase: SwapPhase
    step: str
    is_undoing: bool
    is_committed: bool
    may_abort: bool
    may_waive: bool
    may_resume: bool
    todo: Todo
    todo_text: str
    waits_for: str
    waits_for_code: str
    why: str
    owed: list[str]
    came_up_at: datetime | None
    ended_at: datetime | None
    service_gap_ms: int | None
    approval_to_service_ms: int | None


class ReplacementDetail(ReplacementAnswer):
    """With every step and every line of its record, the oldest first."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{**_VIEW, "steps": [_STEP], "events": [_EVENT]}]}
    )

    steps: list[StepAnswer]
    events: list[EventAnswer]


class PaperAnswer(BaseModel):
    """What is handed over with the new unit; `text` is the paper as signed, for a QR code."""

    model_config = ConfigDict(json_schema_extra={"examples": [_PAPER]})

    number: str
    contract: str
    position: str
    serial_number: str
    product_class: str
    model_name: str
    value_cents: int | None
    handed_over_on: str
    replaces: str
    text: str


@router.post("", status_code=201)
def order(body: OrderRequest, caller: CurrentCaller, context: Context) -> ReplacementDetail:
    """Order a replacement; a technician's begins at once, every other one waits for approval."""
    caller.require(Permission.ORDER_SWAP)
    caller.require(swaps.needed_to_begin(body.trigger))
    wanted = SwapOrder(**body.model_dump(exclude={"consent"}))
    give = order_with_consent if body.consent else swaps.order
    with context.fleet.writing() as connection:
        number = give(connection, caller.actor, wanted, context.now())
        return _detail(swaps.read(connection, number))


@router.get("")
def list_replacements(
    paging: Paging,
    caller: CurrentCaller,
    context: Context,
    phase: Annotated[SwapPhase | None, Query(description="in this phase only")] = None,
    contract: Annotated[str, Query(max_length=32, description="of this contract only")] = "",
    serial_number: Annotated[str, Query(max_length=32, description="with this unit only")] = "",
) -> Page[ReplacementAnswer]:
    """Replacements, the newest first."""
    caller.require(Permission.SEE_SWAPS)
    with context.fleet.reading() as connection:
        found = swaps.list_swaps(
            connection,
            paging.after_id() or None,
            paging.fetch,
            phase=phase,
            contract=contract,
            serial_number=serial_number,
        )
    return paging.page(found, lambda one: [one.id], _answer)


@router.get("/{number}")
def read(number: Number, caller: CurrentCaller, context: Context) -> ReplacementDetail:
    """How a replacement stands, with its steps and its record."""
    caller.require(Permission.SEE_SWAPS)
    with context.fleet.reading() as connection:
        return _detail(swaps.read(connection, number))


@router.get("/{number}/paper")
def paper(number: Number, caller: CurrentCaller, context: Context) -> PaperAnswer:
    """The paper to hand over with the new unit [7.1.1, 7.2.6]; 404 until it serves."""
    caller.require(Permission.SEE_SWAPS)
    with context.fleet.reading() as connection:
        text = swaps.read(connection, number).paper
    if not text:
        raise swaps.UnknownSwapOrderError(f"Replacement {number} has no paper yet.")
    found: Paper = read_paper(text)
    return PaperAnswer(
        number=found.number,
        contract=found.contract,
        position=found.position,
        serial_number=found.serial_number,
        product_class=found.product_class,
        model_name=found.model_name,
        value_cents=found.value_cents,
        handed_over_on=found.handed_over_on.isoformat(),
        replaces=found.replaces,
        text=text,
    )


@router.post("/{number}/approval")
def approve(number: Number, caller: CurrentCaller, context: Context) -> ReplacementDetail:
    """Let it begin; 403 for whoever ordered it, where the setting wants four eyes. One that was
    ordered for a visit is begun by the technician at the customer's."""
    caller.require(Permission.ORDER_SWAP)
    with context.fleet.writing() as connection:
        caller.require(swaps.needed_to_begin(swaps.read(connection, number).trigger))
        swaps.approve(connection, caller.actor, number, context.now())
        return _detail(swaps.read(connection, number))


@router.post("/{number}/abort")
def abort(
    number: Number, body: ReasonRequest, caller: CurrentCaller, context: Context
) -> ReplacementDetail:
    """Have it undone; 409 once the new unit serves."""
    caller.require(Permission.STEER_SWAP)
    with context.fleet.writing() as connection:
        swaps.abort(connection, caller.actor, number, body.reason, context.now())
        return _detail(swaps.read(connection, number))


@router.post("/{number}/waiver")
def waive(
    number: Number, body: ReasonRequest, caller: CurrentCaller, context: Context
) -> ReplacementDetail:
    """Accept that the old unit serves again only when it is seen."""
    caller.require(Permission.STEER_SWAP)
    with context.fleet.writing() as connection:
        swaps.waive(connection, caller.actor, number, body.reason, context.now())
        return _detail(swaps.read(connection, number))


@router.post("/{number}/resumption")
def resume(
    number: Number, body: ReasonRequest, caller: CurrentCaller, context: Context
) -> ReplacementDetail:
    """Try at once what waits for its time."""
    caller.require(Permission.STEER_SWAP)
    with context.fleet.writing() as connection:
        swaps.resume(connection, caller.actor, number, body.reason, context.now())
        return _detail(swaps.read(connection, number))


def _answer(found: swaps.SwapView) -> ReplacementAnswer:
    return ReplacementAnswer.model_validate(_values(found))


def _detail(found: swaps.SwapView) -> ReplacementDetail:
    steps = [StepAnswer.model_validate(one, from_attributes=True) for one in found.steps]
    events = [EventAnswer.model_validate(one, from_attributes=True) for one in found.events]
    return ReplacementDetail.model_validate({**_values(found), "steps": steps, "events": events})


def _values(found: swaps.SwapView) -> dict[str, Any]:
    names = [name for name in ReplacementAnswer.model_fields if name != "todo_text"]
    values = {name: getattr(found, name) for name in names}
    return {**values, "todo_text": swaps.TO_DO_WORDS[found.todo]}
