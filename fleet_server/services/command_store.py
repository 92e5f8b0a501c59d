"""Commands as rows: an event goes in, the changed row and all that follows from it come out.

Every writer holds the one writing transaction (`Fleet.writing`). What follows from a change: the
count of each state, the moment the dispatcher has to look again, the next command of the device,
and the operation of the outbox that waits for the end.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Row, update

from fleet_server.domain.back_off import retry_after
from fleet_server.domain.command import Command, Event, Refused, State, after
from fleet_server.services import command_passing
from fleet_server.services import tables as t
from fleet_server.services.command_passing import TIME_TO_END
from fleet_server.services.upsert import add_to

ANSWER_TIMEOUT = timedelta(seconds=15)
_LONGEST_TEXT = 256
_SEALED = "Settings"
_FIELDS = (
    "signed",
    "repeatable",
    "counter",
    "overtaking",
    "spent",
    "cancelling",
    "time_over",
    "past_recall",
    "request_path",
    "error_code",
    "error_text",
)


def command_of(row: Row[Any]) -> Command:
    """What is known of the command in a row of `command`."""
    values = {name: getattr(row, name) for name in _FIELDS}
    outputs = tuple(json.loads(row.outputs).items())
    return Command(state=State(row.state), outputs=outputs, **values)


def apply(
    connection: Connection,
    row: Row[Any],
    events: Iterable[Event],
    now: datetime,
    more: Mapping[str, Any] | None = None,
) -> Command:
    """Take events in, one after another; `more` are columns to set beside."""
    before = changed = command_of(row)
    waits = False
    for event in events:
        changed = after(changed, event)
        waits = isinstance(event, Refused) and changed.state is State.QUEUED
    values = _values(row, before, changed, now) if changed != before else {}
    if waits and not changed.cancelling:
        values["due_at"] = min(now + retry_after(row.tries), max(row.expires_at, now))
    values |= more or {}
    if values:
        connection.execute(update(t.command).where(t.command.c.id == row.id).values(values))
    if changed.state is not before.state:
        count(connection, before.state, -1)
        count(connection, changed.state, 1)
        if changed.has_ended:
            _wake_those_who_wait(connection, row, now)
    return changed


def over_at(row: Row[Any]) -> datetime:
    """When the time of an open command is over: what a device has begun by then may end."""
    ends_at: datetime = row.expires_at
    if row.state == State.ACCEPTED and row.accepted_at is not None:
        ends_at = max(ends_at, row.accepted_at + TIME_TO_END)
    return ends_at


def without_settings(text: str) -> str:
    """Arguments or outputs, JSON, without the customer's settings, sealed as they are."""
    found = json.loads(text)
    found.pop(_SEALED, None)
    return json.dumps(found, sort_keys=True, ensure_ascii=False)


def count(connection: Connection, state: State, by: int) -> None:
    add_to(connection, t.command_count, {"state": state}, "number", by)


def _values(row: Row[Any], before: Command, changed: Command, now: datetime) -> dict[str, Any]:
    values: dict[str, Any] = {
        name: getattr(changed, name)
        for name in _FIELDS
        if getattr(changed, name) != getattr(before, name)
    }
    values["state"] = changed.state
    values["outputs"] = json.dumps(dict(changed.outputs), ensure_ascii=False)
    values["error_text"] = changed.error_text[:_LONGEST_TEXT]
    values["request_path"] = changed.request_path[:_LONGEST_TEXT]
    if not changed.counter:
        values |= {"token": "", "token_expires_at": None}
    if not changed.overtaking:
        values |= {"overtaking_token": "", "overtaking_expires_at": None}
    if changed.state in (State.ACCEPTED, State.DONE) and row.accepted_at is None:
        values["accepted_at"] = now
    if changed.cancelling or changed.state is State.CANCELLED:  # nobody waits for them any more
        values["args"] = without_settings(row.args)
        values["outputs"] = without_settings(values["outputs"])
    if changed.has_ended:
        values["finished_at"] = now
    has_begun = changed.state is State.ACCEPTED and not changed.cancelling
    return values | {"due_at": now + TIME_TO_END if has_begun else now}


def _wake_those_who_wait(connection: Connection, row: Row[Any], now: datetime) -> None:
    command_passing.wake(connection, [row.endpoint_id], now)
    if row.outbox_id is not None:
        connection.execute(
            update(t.outbox).where(t.outbox.c.id == row.outbox_id).values(due_at=now)
        )
