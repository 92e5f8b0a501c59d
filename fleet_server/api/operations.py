"""What the operator's systems and devices were asked, and every try."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Path, Query
from pydantic import BaseModel, ConfigDict, StringConstraints

from fleet_server.api.caller import Context, CurrentCaller
from fleet_server.api.paging import Page, Paging
from fleet_server.domain.roles import Permission
from fleet_server.services import outbox
from fleet_server.services.outbox import State
from fleet_server.services.views_service import (
    OperationRow,
    OperationTry,
    list_operations,
    read_operation,
)

router = APIRouter(prefix="/operations", tags=["operator's systems"])

OperationId = Annotated[int, Path(ge=1, lt=1 << 63, examples=[31])]
Words = Annotated[str, StringConstraints(min_length=3, max_length=512)]
_OPERATION: dict[str, Any] = {
    "id": 31,
    "operation_id": "service-12/2.1",
    "system": "access",
    "kind": "set_access",
    "target": "access/mac:02:00:5E:00:00:01",
    "arguments": {
        "mac_address": "02:00:5E:00:00:01",
        "mode": "walled_garden",
        "service_class": "TOP L",
    },
    "state": "refused",
    "tries": 1,
    "queued_at": "2026-11-26T12:00:00Z",
    "due_at": "2026-11-26T12:02:00Z",
    "finished_at": "2026-11-26T12:00:01Z",
    "reference": "",
}


class OperationView(BaseModel):
    """`state`: queued, done, refused (waits for a person) or dropped."""

    model_config = ConfigDict(json_schema_extra={"examples": [_OPERATION]})

    id: int
    operation_id: str
    system: str
    kind: str
    target: str
    arguments: dict[str, Any]
    state: State
    tries: int
    queued_at: datetime
    due_at: datetime
    finished_at: datetime | None
    reference: str


class TryView(BaseModel):
    """`outcome`: done, unavailable, busy or refused; `code` says more."""

    at: datetime
    outcome: str
    code: str


class OperationDetail(BaseModel):
    operation: OperationView
    tries: list[TryView]


class OperationReason(BaseModel):
    model_config = ConfigDict(json_schema_extra={"examples": [{"reason": "Done by hand"}]})

    reason: Words


@router.get("")
def get_operations(
    paging: Paging,
    caller: CurrentCaller,
    context: Context,
    state: Annotated[State, Query()] = State.REFUSED,
) -> Page[OperationView]:
    """Operations in one state, the newest first; those that wait for a person unless told."""
    caller.require(Permission.SEE_OPERATIONS)
    after = paging.after(int)
    with context.fleet.reading() as connection:
        before = int(after[0]) if after else None
        rows = list_operations(connection, state, before, paging.fetch)
    return paging.page(rows, key=lambda row: (row.id,), view=_view)


@router.get("/{number}")
def get_operation(number: OperationId, caller: CurrentCaller, context: Context) -> OperationDetail:
    """One operation and every try of it."""
    caller.require(Permission.SEE_OPERATIONS)
    with context.fleet.reading() as connection:
        return _detail(*read_operation(connection, number))


@router.post("/{number}/retry")
def try_again(
    number: OperationId, body: OperationReason, caller: CurrentCaller, context: Context
) -> OperationDetail:
    """Have it tried at once; 409 when it is done or was dropped."""
    caller.require(Permission.HANDLE_OPERATIONS)
    with context.fleet.writing() as connection:
        operation, _tries = read_operation(connection, number)
        name = operation.operation_id
        outbox.try_again(connection, name, caller.actor, body.reason, context.now())
        return _detail(*read_operation(connection, number))


@router.post("/{number}/drop")
def drop(
    number: OperationId, body: OperationReason, caller: CurrentCaller, context: Context
) -> OperationDetail:
    """Give it up, so that what waits for it goes on."""
    caller.require(Permission.HANDLE_OPERATIONS)
    with context.fleet.writing() as connection:
        operation, _tries = read_operation(connection, number)
        outbox.drop(connection, operation.operation_id, caller.actor, body.reason, context.now())
        return _detail(*read_operation(connection, number))


def _detail(operation: OperationRow, tries: Any) -> OperationDetail:
    return OperationDetail(operation=_view(operation), tries=[_try(one) for one in tries])


def _try(one: OperationTry) -> TryView:
    return TryView(at=one.at, outcome=one.outcome, code=one.code)


def _view(one: OperationRow) -> OperationView:
    return OperationView(
        id=one.id,
        operation_id=one.operation_id,
        system=one.system,
        kind=one.kind,
        target=one.target,
        arguments=_shown(one.arguments),
        state=State(one.state),
        tries=one.tries,
        queued_at=one.queued_at,
        due_at=one.due_at,
        finished_at=one.finished_at,
        reference=one.reference,
    )


def _shown(arguments: dict[str, Any]) -> dict[str, Any]:
    """Without the signed document, which is large and stands under /allow-lists."""
    return {name: value for name, value in arguments.items() if name != "document"}
