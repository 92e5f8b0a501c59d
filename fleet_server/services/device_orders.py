"""Operations of the outbox that are for a device: each try is a command, whose end is its outcome.

The outbox says in which order and when a device is told; from then on the command is the
dispatcher's (services/command_desk.py). `outbox.reference` names the command that is awaited.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection

from agent.wire.codes import (
    INVALID_ARGUMENTS,
    INVALID_COMMAND_ARGUMENTS,
    INVALID_PATH,
    INVALID_VALUE,
)
from fleet_server.domain.command import State
from fleet_server.domain.operations import (
    DeviceOperation,
    GiveAllowList,
    SetDeviceState,
    TellWarranty,
)
from fleet_server.services import commands, outbox
from fleet_server.services.commands import LONGEST_KEY, Command, Order
from fleet_server.services.outbox import Outcome, Result, Taken

TIME_TO_TELL = timedelta(days=1)
_LOOK_AGAIN = timedelta(hours=1)
_SERVICE = "Device.X_IPKO-COM_Service."
_WARRANTY = "Device.X_IPKO-COM_Warranty."
# What repeating the same command does not change. All else may pass, such as full storage.
_FOR_GOOD = (INVALID_ARGUMENTS, INVALID_COMMAND_ARGUMENTS, INVALID_PATH, INVALID_VALUE)
_LIST_REFUSED = "allow-list "


def follow(connection: Connection, taken: Taken, now: datetime) -> None:
    """Queue the command of an operation, or settle the operation by the end of its command."""
    command = commands.find(connection, [taken.reference]).get(taken.reference)
    if command is not None and command.has_ended:
        outbox.settle(connection, taken, result_of(command), now)
        return
    if command is None:
        key = _key(taken)
        order = order_of(taken.operation, now + TIME_TO_TELL)
        commands.queue(connection, key, order, now, outbox_id=taken.id)
        outbox.await_command(connection, taken, key, now + TIME_TO_TELL)
    else:  # its end makes the operation due; its time may be over long before
        until = max(command.expires_at, now + _LOOK_AGAIN)
        outbox.await_command(connection, taken, taken.reference, until)


def order_of(operation: Any, expires_at: datetime) -> Order:
    """What the device is sent. Setting the same state, list or days twice changes nothing on it."""
    order: Callable[[Any, datetime], Order] = _ORDERS[type(operation)]
    return order(operation, expires_at)


def result_of(command: Command) -> Result:
    """What the end of a command means for its operation."""
    if command.state is State.DONE:
        return Result(Outcome.DONE, reference=command.command_key)
    if command.state is State.CANCELLED:
        return Result(Outcome.REFUSED, "cancelled")
    if command.state is State.EXPIRED:
        return Result(Outcome.UNAVAILABLE, "expired")
    for_good = command.error_code in _FOR_GOOD or command.error_text.startswith(_LIST_REFUSED)
    said = f"{command.error_code or ''} {command.error_text}".strip()
    return Result(Outcome.REFUSED if for_good else Outcome.UNAVAILABLE, said)


def _key(taken: Taken) -> str:
    """The operation's id, and the number of the try where it is not the first."""
    suffix = f"~{taken.tries}" if taken.tries > 1 else ""
    key = taken.operation_id + suffix
    return key if len(key) <= LONGEST_KEY else f"outbox-{taken.id}{suffix}"


def _set_state(operation: SetDeviceState, expires_at: datetime) -> Order:
    args = {
        "State": operation.state,
        "Reason": operation.reason,
        "Profile": operation.profile,
    }
    return Order(operation.endpoint_id, _SERVICE + "SetState()", args, expires_at, repeatable=True)


def _give_list(operation: GiveAllowList, expires_at: datetime) -> Order:
    command, args = _SERVICE + "SetAllowList()", {"Document": operation.document}
    return Order(operation.endpoint_id, command, args, expires_at, repeatable=True)


def _tell_warranty(operation: TellWarranty, expires_at: datetime) -> Order:
    days = {
        "UnitReceived": operation.unit_received,
        "UnitLastCoveredDay": operation.unit_last_covered_day,
        "CardReceived": operation.card_received,
        "CardLastCoveredDay": operation.card_last_covered_day,
    }
    args = {_WARRANTY + name: day for name, day in days.items()}
    return Order(operation.endpoint_id, "", args, expires_at)


_ORDERS: dict[type[DeviceOperation], Callable[[Any, datetime], Order]] = {
    SetDeviceState: _set_state,
    GiveAllowList: _give_list,
    TellWarranty: _tell_warranty,
}
