"""What the controller hears that concerns commands, handed to the dispatcher through the database.

The controller only adds rows, in the transaction in which it keeps the event; the dispatcher takes
them in and removes them. So neither waits for the other, and nothing is lost between them.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import Connection, delete, insert, literal, select

from agent.wire.codes import BOOT_EVENT, COMMAND_CANCELLED, RESULT_EVENT
from fleet_server.domain.command import Booted, Completed, Event, NotCompleted
from fleet_server.domain.event import storable
from fleet_server.protocol import usp_pb2 as usp
from fleet_server.services import tables as t
from fleet_server.services.command_answers import outputs_of

_MOST_AT_ONCE = 500
_LONGEST_KEY = 64


class Kind(StrEnum):
    """CONNECTED: the device of an open command connected."""

    CONNECTED = "connected"
    BOOTED = "booted"
    COMPLETED = "completed"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class News:
    """One piece; `event` is None for CONNECTED."""

    endpoint_id: str
    command_key: str
    event: Event | None


def add_notifications(
    connection: Connection, told: Iterable[tuple[str, usp.Notify]], now: datetime
) -> None:
    """Keep those of an endpoint's notifications that tell the end of a command."""
    rows = [row for endpoint_id, notify in told for row in _rows(endpoint_id, notify, now)]
    if rows:
        connection.execute(t.command_news.insert(), rows)


def add_connected(connection: Connection, endpoint_ids: Iterable[str], now: datetime) -> None:
    """Keep that devices connected, as far as commands wait for them."""
    names = sorted(endpoint_ids)
    if not names:
        return
    waiting = (
        select(t.command.c.endpoint_id, literal(Kind.CONNECTED), literal(""), literal("{}"))
        .add_columns(literal(now, t.Timestamp))
        .where(t.command.c.endpoint_id.in_(names), t.command.c.finished_at.is_(None))
        .distinct()
    )
    columns = ["endpoint_id", "kind", "command_key", "content", "at"]
    connection.execute(insert(t.command_news).from_select(columns, waiting))


def take(connection: Connection) -> list[News]:
    """The oldest news, which are removed; the caller's transaction takes them in."""
    query = select(t.command_news).order_by(t.command_news.c.id).limit(_MOST_AT_ONCE)
    rows = connection.execute(query).all()
    if rows:
        ids = [row.id for row in rows]
        connection.execute(delete(t.command_news).where(t.command_news.c.id.in_(ids)))
    return [News(row.endpoint_id, row.command_key, _event(row)) for row in rows]


def _rows(endpoint_id: str, notify: usp.Notify, now: datetime) -> Sequence[dict[str, Any]]:
    kind, key, content = _content(notify)
    if not key or len(key) > _LONGEST_KEY or "\0" in key:
        return ()
    text = json.dumps(content, ensure_ascii=False)
    return (
        {"endpoint_id": endpoint_id, "kind": kind, "command_key": key, "content": text, "at": now},
    )


def _content(notify: usp.Notify) -> tuple[Kind, str, dict[str, Any]]:
    """Kind, CommandKey ("" for what tells no end) and what is to be kept."""
    if notify.event.event_name == BOOT_EVENT:
        return Kind.BOOTED, notify.event.params.get("CommandKey", ""), {}
    if notify.event.event_name == RESULT_EVENT:  # of a diagnostic: outlives link and restart
        args = dict(notify.event.params)
        return Kind.COMPLETED, args.get("CommandKey", ""), dict(outputs_of(args))
    done = notify.oper_complete
    if done.WhichOneof("operation_resp") == "cmd_failure":
        failure = done.cmd_failure
        content = {"code": failure.err_code, "text": storable(failure.err_msg, 256)}
        return Kind.FAILED, done.command_key, content
    outputs = dict(outputs_of(dict(done.req_output_args.output_args)))
    return Kind.COMPLETED, done.command_key, outputs


def _event(row: Any) -> Event | None:
    content = json.loads(row.content)
    match Kind(row.kind):
        case Kind.CONNECTED:
            return None
        case Kind.BOOTED:
            return Booted()
        case Kind.COMPLETED:
            return Completed(tuple(content.items()))
        case Kind.FAILED:
            code: int = content["code"]
            return NotCompleted(code, content["text"], stopped=code == COMMAND_CANCELLED)
