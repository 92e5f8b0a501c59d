"""Events as rows: built from a Notify, stored once."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, or_, update

from agent.wire.codes import PERIODIC_EVENT
from fleet_server.domain import event as kinds
from fleet_server.domain.event import key_of, stamp_of
from fleet_server.protocol import usp_pb2 as usp
from fleet_server.services import tables as t
from fleet_server.services.records import NOTIFY, BadRecordError, Incoming
from fleet_server.services.upsert import insert_new

_LONGEST = {"path": 256, "name": 64, "subscription_id": 64}


def row_of(incoming: Incoming, connection_number: int, now: datetime) -> dict[str, Any] | None:
    """The row of a Notify; None for one that leaves no history: `Periodic!`, or a repeat.

    Raises BadRecordError when a name is longer than any the data model has.
    """
    if incoming.kind != NOTIFY or incoming.message is None:
        return None
    notify = incoming.message.body.request.notify
    kind, path, name, params = _content(notify)
    key = key_of(incoming.endpoint_id, incoming.msg_id, connection_number)
    if key is None or (kind == kinds.EVENT and name == PERIODIC_EVENT):
        return None
    stamp = stamp_of(params if kind == kinds.EVENT else {})
    row = {
        "endpoint_id": incoming.endpoint_id,
        "event_key": key.text,
        "epoch": key.epoch,
        "sequence": key.sequence,
        "msg_id": incoming.msg_id,
        "subscription_id": notify.subscription_id,
        "kind": kind,
        "path": path,
        "name": name,
        "params": json.dumps(params, ensure_ascii=True, sort_keys=True),
        "boot_count": stamp.boot_count,
        "up_time_ms": stamp.up_time_ms,
        "device_at": stamp.at,
        "device_error_ms": stamp.error_ms,
        "grade": stamp.grade,
        "received_at": now,
    }
    _check(row)
    return row


def store(connection: Connection, rows: Sequence[dict[str, Any]]) -> set[tuple[str, str]]:
    """Insert the rows that are new; gives their (endpoint_id, event_key).

    A row that is there already gains a date of the device when the copy is better dated.
    """
    inserted = insert_new(connection, t.event, rows, ("endpoint_id", "event_key"))
    new = {(row.endpoint_id, row.event_key) for row in inserted}
    for row in rows:
        if (row["endpoint_id"], row["event_key"]) not in new and row["device_at"] is not None:
            _date_better(connection, row)
    return new


def _date_better(connection: Connection, row: dict[str, Any]) -> None:
    worse = or_(
        t.event.c.device_at.is_(None),
        t.event.c.device_error_ms > (row["device_error_ms"] or 0),
    )
    connection.execute(
        update(t.event)
        .where(
            t.event.c.endpoint_id == row["endpoint_id"],
            t.event.c.event_key == row["event_key"],
            worse,
        )
        .values(
            device_at=row["device_at"],
            device_error_ms=row["device_error_ms"],
            params=row["params"],
        )
    )


def _content(notify: usp.Notify) -> tuple[str, str, str, dict[str, str]]:
    member = notify.WhichOneof("notification")
    if member == "event":
        event = notify.event
        return kinds.EVENT, event.obj_path, event.event_name, dict(event.params)
    if member == "value_change":
        change = notify.value_change
        path, _, name = change.param_path.rpartition(".")
        return kinds.VALUE_CHANGE, path + ".", name, {"Value": change.param_value}
    if member == "obj_creation":
        created = notify.obj_creation
        return kinds.OBJECT_CREATION, created.obj_path, "", dict(created.unique_keys)
    if member == "obj_deletion":
        return kinds.OBJECT_DELETION, notify.obj_deletion.obj_path, "", {}
    if member == "oper_complete":
        done = notify.oper_complete
        return kinds.OPERATION_COMPLETE, done.obj_path, done.command_name, _result(done)
    if member == "on_board_req":
        return kinds.ON_BOARD_REQUEST, "Device.", "", {}
    raise BadRecordError("empty_notify")


def _result(done: usp.Notify.OperationComplete) -> dict[str, str]:
    if done.WhichOneof("operation_resp") == "cmd_failure":
        failure = done.cmd_failure
        return {"err_code": str(failure.err_code), "err_msg": failure.err_msg}
    return dict(done.req_output_args.output_args)


def _check(row: dict[str, Any]) -> None:
    for name, longest in _LONGEST.items():
        if len(row[name]) > longest or "\0" in row[name]:
            raise BadRecordError("too_long")
