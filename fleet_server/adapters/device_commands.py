"""The port Devices: signed USP commands to our own agents, one connection for each call."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from agent.wire.codes import (
    AUTHORIZATION_ARGUMENT,
    INVALID_ARGUMENTS,
    INVALID_COMMAND_ARGUMENTS,
    INVALID_PATH,
    INVALID_VALUE,
)
from fleet_server.domain.operations import (
    DeviceOperation,
    GiveAllowList,
    Operation,
    SetDeviceState,
    TellWarranty,
)
from fleet_server.errors import LinkError
from fleet_server.protocol import usp_pb2 as usp
from fleet_server.services.authorisation import authorise_command
from fleet_server.services.fleet import Fleet
from fleet_server.services.operator_ports import (
    CALL_TIMEOUT_S,
    Answer,
    OperationRefusedError,
    SystemUnavailableError,
)

_SERVICE = "Device.X_IPKO-COM_Service."
_WARRANTY = "Device.X_IPKO-COM_Warranty."
# What repeating the same command does not change. All else may pass: a line in use, full storage.
_FOR_GOOD = (INVALID_ARGUMENTS, INVALID_COMMAND_ARGUMENTS, INVALID_PATH, INVALID_VALUE)
_LIST_REFUSED = "allow-list "


class Asker(Protocol):
    """A connected USP client (adapters/usp_client.py)."""

    def ask(self, endpoint_id: str, timeout_s: float, **member: object) -> usp.Msg: ...


@dataclass(frozen=True, slots=True)
class DeviceCommands:
    """`connect` gives a client for one call."""

    fleet: Fleet
    connect: Callable[[], AbstractContextManager[Asker]]
    now: Callable[[], datetime]

    def carry_out(self, operation_id: str, operation: Operation, sequence: int) -> Answer:
        """Setting the same state, list or days twice changes nothing on the device.

        `sequence` is not needed: a device compares the counters of its commands.
        """
        if not isinstance(operation, DeviceOperation):
            raise OperationRefusedError("unknown_operation")
        endpoint_id = operation.endpoint_id
        member: dict[str, object]
        if isinstance(operation, TellWarranty):
            member = {"set": _warranty(operation)}
        else:
            member = {"operate": self._operate(operation_id, operation)}
        try:
            with self.connect() as client:
                answer = client.ask(endpoint_id, CALL_TIMEOUT_S, **member)
        except LinkError as error:
            raise SystemUnavailableError("no_answer") from error
        _check(answer)
        return Answer(operation_id, answer.header.msg_id)

    def _operate(self, operation_id: str, operation: SetDeviceState | GiveAllowList) -> usp.Operate:
        command, args = _command(operation)
        args[AUTHORIZATION_ARGUMENT] = authorise_command(
            self.fleet, operation.endpoint_id, command, operation_id, args, self.now()
        )
        return usp.Operate(
            command=command, command_key=operation_id, send_resp=True, input_args=args
        )


def _command(operation: SetDeviceState | GiveAllowList) -> tuple[str, dict[str, str]]:
    if isinstance(operation, GiveAllowList):
        return _SERVICE + "SetAllowList()", {"Document": operation.document}
    args = {"State": operation.state, "Reason": operation.reason}
    return _SERVICE + "SetState()", {**args, "Profile": operation.profile}


def _warranty(operation: TellWarranty) -> usp.Set:
    """All of the days or none: a failure of one is an Error."""
    days = {
        "UnitReceived": operation.unit_received,
        "UnitLastCoveredDay": operation.unit_last_covered_day,
        "CardReceived": operation.card_received,
        "CardLastCoveredDay": operation.card_last_covered_day,
    }
    settings = [
        usp.ParamSetting(param=name, value=day, required=True) for name, day in days.items()
    ]
    return usp.Set(update_objs=[usp.Set.UpdateObject(obj_path=_WARRANTY, param_settings=settings)])


def _check(answer: usp.Msg) -> None:
    """Raises what an answer that is no success means."""
    if answer.body.WhichOneof("msg_body") == "error":
        _raise(answer.body.error.err_code, answer.body.error.err_msg)
    if answer.body.response.WhichOneof("resp_type") == "set_resp":
        return
    results = answer.body.response.operate_resp.operation_results
    if not results:
        raise SystemUnavailableError("empty_answer")
    for result in results:
        if result.WhichOneof("operation_resp") == "cmd_failure":
            _raise(result.cmd_failure.err_code, result.cmd_failure.err_msg)


def _raise(code: int, text: str) -> None:
    if code in _FOR_GOOD or text.startswith(_LIST_REFUSED):
        raise OperationRefusedError(f"{code} {text}")
    raise SystemUnavailableError(f"{code} {text}")
