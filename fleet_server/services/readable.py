"""Records and Messages as lines a person can read."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Protocol

from google.protobuf.message import DecodeError

from agent.wire import codes
from fleet_server.protocol import usp_pb2 as usp

_LONGEST_VALUE = 200
# Said where the agent gives no words of its own. Source: TR-369, "Error codes".
_MEANINGS = {
    codes.REQUEST_DENIED: "request denied",
    codes.PERMISSION_DENIED: "permission denied",
    codes.INVALID_PATH_SYNTAX: "not a path of the data model",
    codes.UNSUPPORTED_PARAMETER: "no such parameter",
    codes.INVALID_TYPE: "wrong type of value",
    codes.INVALID_VALUE: "value not allowed",
    codes.NOT_WRITABLE: "cannot be changed",
    codes.OBJECT_DOES_NOT_EXIST: "no such object",
    codes.INVALID_PATH: "no such path",
}


class _Failure(Protocol):
    """Any of the messages that carry an error."""

    err_code: int
    err_msg: str


def record_lines(payload: bytes) -> list[str]:
    """One line per Record, then indented lines for what it carries."""
    try:
        record = usp.Record.FromString(payload)
    except DecodeError:
        return [f"undecodable Record, {len(payload)} bytes"]
    kind = record.WhichOneof("record_type")
    ends = f"{record.from_id or '?'} > {record.to_id or '?'}"
    if kind == "mqtt_connect":
        return [f"{ends}  connect, reads {record.mqtt_connect.subscribed_topic}"]
    if kind == "disconnect":
        return [f"{ends}  disconnect: {record.disconnect.reason}"]
    if kind != "no_session_context":
        return [f"{ends}  {kind or 'empty Record'}"]
    try:
        message = usp.Msg.FromString(record.no_session_context.payload)
    except DecodeError:
        return [f"{ends}  undecodable Message, {len(record.no_session_context.payload)} bytes"]
    name, lines = message_lines(message)
    return [f"{ends}  {name} {message.header.msg_id}", *(f"    {line}" for line in lines)]


def message_lines(message: usp.Msg) -> tuple[str, list[str]]:
    """The name of the message, and its content line by line."""
    kind = message.body.WhichOneof("msg_body")
    if kind == "request":
        request = message.body.request
        return request.WhichOneof("req_type") or "empty request", list(_request_lines(request))
    if kind == "response":
        response = message.body.response
        return response.WhichOneof("resp_type") or "empty response", list(response_lines(response))
    if kind == "error":
        error = message.body.error
        lines = [f"{one.param_path}: {_error(one)}" for one in error.param_errs]
        return "error", [_error(error), *lines]
    return "empty message", []


def response_lines(response: usp.Response) -> Iterator[str]:
    """What an agent answered."""
    kind = response.WhichOneof("resp_type")
    if kind == "get_resp":
        yield from _get_lines(response.get_resp)
    elif kind == "set_resp":
        yield from _set_lines(response.set_resp)
    elif kind == "operate_resp":
        yield from _operate_lines(response.operate_resp)
    elif kind == "get_instances_resp":
        yield from _instance_lines(response.get_instances_resp)
    elif kind == "get_supported_dm_resp":
        yield from _supported_lines(response.get_supported_dm_resp)
    elif kind == "get_supported_protocol_resp":
        yield response.get_supported_protocol_resp.agent_supported_protocol_versions
    elif kind == "notify_resp":
        yield f"subscription {response.notify_resp.subscription_id}"
    elif kind == "add_resp":
        yield from _add_lines(response.add_resp)
    elif kind == "delete_resp":
        for result in response.delete_resp.deleted_obj_results:
            yield f"{result.requested_path}: {result.oper_status.WhichOneof('oper_status')}"


def _request_lines(request: usp.Request) -> Iterator[str]:
    kind = request.WhichOneof("req_type")
    if kind == "get":
        yield from request.get.param_paths
    elif kind == "get_instances":
        yield from request.get_instances.obj_paths
    elif kind == "get_supported_dm":
        yield from request.get_supported_dm.obj_paths
    elif kind == "delete":
        yield from request.delete.obj_paths
    elif kind == "operate":
        yield request.operate.command
        yield from _map_lines(request.operate.input_args)
    elif kind == "set":
        for update in request.set.update_objs:
            yield from (f"{update.obj_path}{s.param} = {s.value}" for s in update.param_settings)
    elif kind == "add":
        for create in request.add.create_objs:
            yield create.obj_path
            yield from (f"  {s.param} = {s.value}" for s in create.param_settings)
    elif kind == "notify":
        yield from _notify_lines(request.notify)


def _notify_lines(notify: usp.Notify) -> Iterator[str]:
    kind = notify.WhichOneof("notification")
    asked = ", wants an answer" if notify.send_resp else ""
    yield f"subscription {notify.subscription_id!r}{asked}"
    if kind == "event":
        yield notify.event.obj_path + notify.event.event_name
        yield from _map_lines(notify.event.params)
    elif kind == "value_change":
        yield f"{notify.value_change.param_path} = {_short(notify.value_change.param_value)}"
    elif kind == "oper_complete":
        done = notify.oper_complete
        yield f"{done.obj_path}{done.command_name} complete, key {done.command_key!r}"
        yield from _map_lines(done.req_output_args.output_args)
    elif kind is not None:
        yield kind


def _get_lines(answer: usp.GetResp) -> Iterator[str]:
    for requested in answer.req_path_results:
        if requested.err_code:
            yield f"{requested.requested_path}: {_error(requested)}"
        for resolved in requested.resolved_path_results:
            for name, value in sorted(resolved.result_params.items()):
                yield f"{resolved.resolved_path}{name} = {_short(value)}"


def _set_lines(answer: usp.SetResp) -> Iterator[str]:
    for result in answer.updated_obj_results:
        failure = result.oper_status.oper_failure
        if result.oper_status.WhichOneof("oper_status") == "oper_failure":
            yield f"{result.requested_path}: {_error(failure)}"
        for updated in result.oper_status.oper_success.updated_inst_results:
            for name, value in sorted(updated.updated_params.items()):
                yield f"{updated.affected_path}{name} = {_short(value)}"
            for error in updated.param_errs:
                yield f"{updated.affected_path}{error.param}: {_error(error)}"


def _add_lines(answer: usp.AddResp) -> Iterator[str]:
    for result in answer.created_obj_results:
        status = result.oper_status
        if status.WhichOneof("oper_status") == "oper_failure":
            failure = status.oper_failure
            yield f"{result.requested_path}: {_error(failure)}"
        else:
            yield f"{status.oper_success.instantiated_path} added"


def _operate_lines(answer: usp.OperateResp) -> Iterator[str]:
    for result in answer.operation_results:
        kind = result.WhichOneof("operation_resp")
        if kind == "cmd_failure":
            failure = result.cmd_failure
            yield f"{result.executed_command}: {_error(failure)}"
        elif kind == "req_obj_path":
            yield f"{result.executed_command} runs as {result.req_obj_path}"
        else:
            yield f"{result.executed_command} done"
            yield from _map_lines(result.req_output_args.output_args)


def _instance_lines(answer: usp.GetInstancesResp) -> Iterator[str]:
    for requested in answer.req_path_results:
        if requested.err_code:
            yield f"{requested.requested_path}: {_error(requested)}"
        for instance in requested.curr_insts:
            keys = ", ".join(f"{k}={v}" for k, v in sorted(instance.unique_keys.items()))
            yield f"{instance.instantiated_obj_path}  {keys}"


def _supported_lines(answer: usp.GetSupportedDMResp) -> Iterator[str]:
    for requested in answer.req_obj_results:
        if requested.err_code:
            yield f"{requested.req_obj_path}: {_error(requested)}"
        for supported in requested.supported_objs:
            path = supported.supported_obj_path
            yield path
            yield from (f"{path}{one.param_name}" for one in supported.supported_params)
            yield from (f"{path}{one.command_name}" for one in supported.supported_commands)
            yield from (f"{path}{one.event_name}" for one in supported.supported_events)


def _error(failure: _Failure) -> str:
    return f"{failure.err_code} {failure.err_msg or _MEANINGS.get(failure.err_code, 'refused')}"


def _map_lines(values: Mapping[str, str]) -> Iterator[str]:
    for name, value in sorted(values.items()):
        yield f"  {name} = {_short(value)}"


def _short(value: str) -> str:
    return value if len(value) <= _LONGEST_VALUE else f"{value[:_LONGEST_VALUE]}… ({len(value)})"
