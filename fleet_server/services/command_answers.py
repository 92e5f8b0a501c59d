"""Requests of the dispatcher, and what a device's answer to one of them says.

Everything needed to match an answer is in its msg_id, so that a fresh process understands what was
asked by the one before it: `<kind>.<number of the command>.<counter of the token, or 0>`.
"""

from __future__ import annotations

import json
import re
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from sqlalchemy import Row

from agent.wire.codes import (
    AUTHORIZATION_ARGUMENT,
    OBJECT_DOES_NOT_EXIST,
    OVERTAKE,
    PERMISSION_DENIED,
    REQUEST_DENIED,
    RESOURCES_EXCEEDED,
)
from fleet_server.domain.command import (
    Answered,
    Event,
    Looked,
    Overtaken,
    OvertakingRefused,
    Refusal,
    Refused,
    Taken,
)
from fleet_server.domain.event import storable
from fleet_server.protocol import usp_pb2 as usp
from fleet_server.services.records import request

COUNTER = "Device.LocalAgent.X_IPKO-COM_CommandCounter"
# Their answer only says that they begin; a Boot! with their CommandKey says that they were done.
ENDS_WITH_BOOT = ("Device.Reboot()",)
_MSG_ID = re.compile(r"(command|overtake|look|stop)\.([1-9][0-9]{0,17})\.([0-9]{1,16})")
_NUMBER = re.compile(r"[0-9]{1,16}")
_LONGEST_OUTPUT = 16_384
_AUTHORISATION = "authorisation "
_BUSY = "busy"
_PASSES = ("counter cannot be kept", "counter cannot be read")


class Kind(StrEnum):
    """What was asked; STOP is the Cancel() of a Request."""

    COMMAND = "command"
    OVERTAKE = "overtake"
    LOOK = "look"
    STOP = "stop"


@dataclass(frozen=True, slots=True)
class Heard:
    """An answer of a device, as the broker proves who sent it."""

    endpoint_id: str
    message: usp.Msg


@dataclass(frozen=True, slots=True)
class About:
    """Which request an answer belongs to."""

    kind: Kind
    number: int
    counter: int


def about(msg_id: str) -> About | None:
    """None for an answer to nothing of ours."""
    found = _MSG_ID.fullmatch(msg_id)
    return About(Kind(found[1]), int(found[2]), int(found[3])) if found else None


def command_message(row: Row[Any], counter: int, token: str) -> usp.Msg:
    """The request that a row of `command` stands for; `token` is "" for one without."""
    msg_id = f"{Kind.COMMAND}.{row.id}.{counter}"
    args = json.loads(row.args)
    if not row.command:
        return request(msg_id, set=_set(args))
    if token:
        args[AUTHORIZATION_ARGUMENT] = token
    operate = usp.Operate(
        command=row.command, command_key=row.command_key, send_resp=True, input_args=args
    )
    return request(msg_id, operate=operate)


def overtaking_key(row: Row[Any]) -> str:
    """The CommandKey of the overtaking of a command."""
    return f"overtake-{row.id}"


def overtaking_message(row: Row[Any], counter: int, token: str) -> usp.Msg:
    operate = usp.Operate(
        command=OVERTAKE,
        command_key=overtaking_key(row),
        send_resp=True,
        input_args={AUTHORIZATION_ARGUMENT: token},
    )
    return request(f"{Kind.OVERTAKE}.{row.id}.{counter}", operate=operate)


def look_message(row: Row[Any]) -> usp.Msg:
    """Asks which counter the device accepted last."""
    return request(f"{Kind.LOOK}.{row.id}.{row.counter}", get=usp.Get(param_paths=[COUNTER]))


def stop_message(row: Row[Any]) -> usp.Msg:
    """Cancels the Request that carries a command out."""
    path = row.request_path if row.request_path.endswith(".") else row.request_path + "."
    operate = usp.Operate(command=path + "Cancel()", send_resp=True)
    return request(f"{Kind.STOP}.{row.id}.{row.counter}", operate=operate)


def event_of(row: Row[Any], asked: About, message: usp.Msg) -> Event | None:
    """What an answer to a request about this command says of it."""
    if asked.kind is Kind.STOP:
        return None
    if asked.kind is Kind.LOOK:
        return Looked(counter_in(message))
    failure = _failure(message)
    if asked.kind is Kind.OVERTAKE:
        if failure is not None:
            return OvertakingRefused(refusal_of(*failure), asked.counter)
        last = _output_args(message).get("LastCounter", "")
        if _NUMBER.fullmatch(last):
            return Overtaken(asked.counter, int(last))
        return OvertakingRefused(Refusal.FINAL, asked.counter)
    if failure is not None:
        code, text = failure
        return Refused(refusal_of(code, text), asked.counter, code, storable(text, 256))
    return _success(row, asked.counter, message)


def counter_in(message: usp.Msg) -> int | None:
    """The last accepted counter that the answer to a look tells."""
    for result in message.body.response.get_resp.req_path_results:
        for found in result.resolved_path_results:
            for value in found.result_params.values():
                return int(value) if _NUMBER.fullmatch(value) else None
    return None


def refusal_of(code: int, text: str) -> Refusal:
    """What repeating a command would change. Source: agent/core/authorisation.py, call_guard.py."""
    if code == PERMISSION_DENIED and text.startswith(_AUTHORISATION):
        why = text.removeprefix(_AUTHORISATION)
        if why.startswith("was used before"):
            return Refusal.SPENT
        if why.startswith("expired"):
            return Refusal.STALE
        return Refusal.BUSY if why.startswith(_PASSES) else Refusal.FINAL
    if code == REQUEST_DENIED and text.startswith(_BUSY):
        return Refusal.BUSY
    return Refusal.FULL if code == RESOURCES_EXCEEDED else Refusal.FINAL


def outputs_of(args: Mapping[str, str]) -> tuple[tuple[str, str], ...]:
    """Output arguments as they are kept: no longer in all than a row should hold."""
    kept, room = [], _LONGEST_OUTPUT
    for name, value in args.items():
        room -= len(name) + len(value)
        if room < 0:
            break
        kept.append((storable(name, 256), storable(value, _LONGEST_OUTPUT)))
    return tuple(kept)


def _success(row: Row[Any], counter: int, message: usp.Msg) -> Event:
    results = message.body.response.operate_resp.operation_results
    if results and results[0].WhichOneof("operation_resp") == "req_obj_path":
        return Taken(counter, storable(results[0].req_obj_path, 256))
    if row.command in ENDS_WITH_BOOT:
        return Taken(counter)
    return Answered(counter, outputs_of(_output_args(message)))


def _output_args(message: usp.Msg) -> Mapping[str, str]:
    for result in message.body.response.operate_resp.operation_results:
        return dict(result.req_output_args.output_args)
    return {}


def _failure(message: usp.Msg) -> tuple[int, str] | None:
    """Code and text of an answer that is no success."""
    if message.body.WhichOneof("msg_body") == "error":
        error = message.body.error
        details = [one.err_msg for one in error.param_errs if one.err_msg]
        return error.err_code, "; ".join([error.err_msg, *details])
    response = message.body.response
    if response.WhichOneof("resp_type") == "set_resp":
        return _set_failure(response.set_resp)
    results = response.operate_resp.operation_results
    if not results:
        return OBJECT_DOES_NOT_EXIST, "the path finds nothing on the device"
    for result in results:
        if result.WhichOneof("operation_resp") == "cmd_failure":
            return result.cmd_failure.err_code, result.cmd_failure.err_msg
    return None


def _set_failure(answer: usp.SetResp) -> tuple[int, str] | None:
    for result in answer.updated_obj_results:
        if result.oper_status.WhichOneof("oper_status") == "oper_failure":
            failure = result.oper_status.oper_failure
            return failure.err_code, failure.err_msg
    if not answer.updated_obj_results:
        return OBJECT_DOES_NOT_EXIST, "the path finds nothing on the device"
    return None


def _set(values: Mapping[str, str]) -> usp.Set:
    """All of it or none: a failure of one is an Error."""
    return usp.Set(update_objs=list(_updates(values.items())))


def _updates(values: Iterable[tuple[str, str]]) -> Iterable[usp.Set.UpdateObject]:
    by_object: dict[str, list[usp.ParamSetting]] = defaultdict(list)
    for path, value in values:
        parent, _, name = path.rpartition(".")
        setting = usp.ParamSetting(param=name, value=value, required=True)
        by_object[parent + "."].append(setting)
    for parent, settings in by_object.items():
        yield usp.Set.UpdateObject(obj_path=parent, param_settings=settings)
