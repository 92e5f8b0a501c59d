"""Commands to devices: what is queued, how it stands, giving one and calling it back."""

from __future__ import annotations

import secrets
from datetime import datetime, timedelta
from typing import Annotated, Any

from fastapi import APIRouter, Path, Query
from pydantic import BaseModel, ConfigDict, Field, StringConstraints
from sqlalchemy import Connection

from fleet_server.api.body import Body
from fleet_server.api.caller import Context, CurrentCaller
from fleet_server.api.paging import Page, Paging
from fleet_server.domain.command import State
from fleet_server.domain.roles import Permission
from fleet_server.services import command_orders, commands
from fleet_server.services.commands import Command, Order

router = APIRouter(tags=["commands"])

CommandId = Annotated[int, Path(ge=1, lt=1 << 63, examples=[17])]
EndpointQuery = Annotated[str, Query(max_length=64, examples=["ops::00256D-STB-00000003"])]
Words = Annotated[str, StringConstraints(min_length=3, max_length=512)]
Value = Annotated[str, StringConstraints(max_length=4096)]
Name = Annotated[str, StringConstraints(min_length=1, max_length=256)]
_MOST_ARGUMENTS = 64
_EXAMPLE: dict[str, Any] = {
    "id": 17,
    "command_key": "api-0f3a9c5e1b2d4f60",
    "endpoint_id": "ops::00256D-STB-00000003",
    "command": "Device.Reboot()",
    "args": {"Reason": "asked by the customer"},
    "state": "accepted",
    "outputs": {},
    "error_code": 0,
    "error_text": "",
    "tries": 1,
    "counter": 42,
    "queued_at": "2026-11-26T12:00:00Z",
    "sent_at": "2026-11-26T12:00:00.100Z",
    "accepted_at": "2026-11-26T12:00:00.250Z",
    "finished_at": None,
    "expires_at": "2026-11-27T12:00:00Z",
    "cancelling": False,
    "past_recall": False,
    "is_overdue": False,
}


class CommandView(BaseModel):
    """`state`: queued, sent, accepted, done, failed, expired or cancelled; never ahead of what is
    known. `cancelling`: called back, and not known yet whether in time; `past_recall`: too late.
    `is_overdue`: its time is over, and what became of it is not known yet."""

    model_config = ConfigDict(json_schema_extra={"examples": [_EXAMPLE]})

    id: int
    command_key: str
    endpoint_id: str
    command: str
    args: dict[str, str]
    state: State
    outputs: dict[str, str]
    error_code: int
    error_text: str
    tries: int
    counter: int
    queued_at: datetime
    sent_at: datetime | None
    accepted_at: datetime | None
    finished_at: datetime | None
    expires_at: datetime
    cancelling: bool
    past_recall: bool
    is_overdue: bool


class CommandOrder(Body):
    """An Operate of `command`, a path that ends in "()"; without one a Set of `args`, full paths
    of parameters and their values, all or none."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "endpoint_id": "ops::00256D-STB-00000003",
                    "command": "Device.Reboot()",
                    "args": {"Reason": "asked by the customer"},
                    "hours": 24,
                    "reason": "The box shows no picture; asked by the customer",
                }
            ]
        }
    )

    endpoint_id: Annotated[str, StringConstraints(min_length=1, max_length=64)]
    command: Annotated[str, StringConstraints(max_length=256)] = ""
    args: Annotated[dict[Name, Value], Field(default_factory=dict, max_length=_MOST_ARGUMENTS)]
    hours: Annotated[int, Field(ge=1, le=720)] = 24
    reason: Words


class CommandCancellation(Body):
    model_config = ConfigDict(json_schema_extra={"examples": [{"reason": "No longer needed"}]})

    reason: Words


class CommandCounts(BaseModel):
    """How many commands are in each state; kept with every change."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "queued": 12,
                    "sent": 1,
                    "accepted": 2,
                    "done": 4711,
                    "failed": 3,
                    "expired": 5,
                    "cancelled": 1,
                }
            ]
        }
    )

    queued: int
    sent: int
    accepted: int
    done: int
    failed: int
    expired: int
    cancelled: int


@router.get("/commands")
def get_commands(
    paging: Paging,
    caller: CurrentCaller,
    context: Context,
    endpoint_id: EndpointQuery = "",
    state: Annotated[State | None, Query()] = None,
) -> Page[CommandView]:
    """Commands, the newest first: of one device, or in one state, or all."""
    caller.require(Permission.SEE_COMMANDS)
    after = paging.after(int)
    before = int(after[0]) if after else None
    with context.fleet.reading() as connection:
        rows = _found(connection, endpoint_id, state, before, paging.fetch)
    return paging.page(rows, key=lambda row: (row.id,), view=_view)


@router.get("/command-counts")
def get_command_counts(caller: CurrentCaller, context: Context) -> CommandCounts:
    """How many commands are in each state."""
    caller.require(Permission.SEE_COMMANDS)
    with context.fleet.reading() as connection:
        return CommandCounts(**{str(k): v for k, v in commands.counts(connection).items()})


@router.get("/commands/{number}")
def get_command(number: CommandId, caller: CurrentCaller, context: Context) -> CommandView:
    """One command as it stands; 404 when there is none of this number."""
    caller.require(Permission.SEE_COMMANDS)
    with context.fleet.reading() as connection:
        return _view(commands.read_id(connection, number))


@router.post("/commands", status_code=201)
def post_command(body: CommandOrder, caller: CurrentCaller, context: Context) -> CommandView:
    """Queue a command; it leaves when the device is connected.

    404 when there is no such device. 422 for what the device does not have, as far as its model is
    known, and for what is never given by hand: replacement and the state of a service.
    """
    caller.require(Permission.SEND_COMMAND)
    now = context.now()
    key = f"api-{secrets.token_hex(8)}"
    until = now + timedelta(hours=body.hours)
    order = Order(body.endpoint_id, body.command, body.args, until)
    with context.fleet.writing() as connection:
        return _view(command_orders.give(connection, caller.actor, key, order, body.reason, now))


@router.post("/commands/{number}/cancellation")
def cancel_command(
    number: CommandId, body: CommandCancellation, caller: CurrentCaller, context: Context
) -> CommandView:
    """Call it back: at once while it did not leave, else by overtaking it on the device.

    `past_recall` says that it was too late. 409 when it has ended.
    """
    caller.require(Permission.CANCEL_COMMAND)
    with context.fleet.writing() as connection:
        key = commands.read_id(connection, number).command_key
        return _view(commands.cancel(connection, caller.actor, key, body.reason, context.now()))


def _found(
    connection: Connection, endpoint_id: str, state: State | None, before: int | None, limit: int
) -> list[Command]:
    if endpoint_id:
        return commands.list_of_device(connection, endpoint_id, before, limit, state)
    if state is not None:
        return commands.list_in_state(connection, state, before, limit)
    return commands.list_all(connection, before, limit)


def _view(found: Command) -> CommandView:
    return CommandView.model_validate(found, from_attributes=True)
