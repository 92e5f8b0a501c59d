"""The queue of commands to devices: what is queued, how it stands, and calling it back.

A command is one USP request to one device: an Operate, or a Set whose parameters are all required.
The dispatcher (services/command_desk.py) sends one at a time to each device, in the order they were
queued, while the device is connected. What the states mean: domain/command.py.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, Select, select

from fleet_server.domain import command as rules
from fleet_server.domain.command import CancelAsked, State
from fleet_server.domain.errors import (
    CommandEndedError,
    CommandKeyTakenError,
    InvalidCommandError,
    UnknownCommandError,
)
from fleet_server.domain.event import product_class_of
from fleet_server.services import audit, command_store
from fleet_server.services import tables as t
from fleet_server.services.audit import Actor, Entry
from fleet_server.services.authorisation import needs_authorisation
from fleet_server.services.upsert import insert_new

LONGEST_KEY = 64
_LONGEST_COMMAND = 256


@dataclass(frozen=True, slots=True)
class Order:
    """What a device shall do until `expires_at`: an Operate of `command`, a path that ends in "()";
    or, where `command` is "", a Set of `args`, full paths and their values.

    `repeatable`: carrying it out twice does no harm, so that a lost answer is no end. A Set is.
    """

    endpoint_id: str
    command: str
    args: Mapping[str, str]
    expires_at: datetime
    repeatable: bool = False


@dataclass(frozen=True, slots=True)
class Command:
    """How a command stands. `cancelling`: called back, and not known yet whether in time;
    `past_recall`: it was too late, or not possible. `sent_at`: when it left, after the last "not
    now". `error_text` of an open command: what the device said with that. `is_overdue`: its time is
    over, and what became of it is not known yet.
    """

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
    is_overdue: bool = field(default=False)

    @property
    def has_ended(self) -> bool:
        return self.state in rules.ENDED


def queue(
    connection: Connection,
    command_key: str,
    order: Order,
    now: datetime,
    outbox_id: int | None = None,
) -> None:
    """Put a command in the queue, in the caller's transaction.

    Queueing the same order under the same key again changes nothing. Raises InvalidCommandError,
    or CommandKeyTakenError when the key names another order.
    """
    _check(command_key, order)
    row = _new_row(command_key, order, now) | {"outbox_id": outbox_id}
    if insert_new(connection, t.command, [row], ("id",)):
        command_store.count(connection, State.QUEUED, 1)
        return
    found = read(connection, command_key)
    same = (order.endpoint_id, order.command, dict(order.args))
    if (found.endpoint_id, found.command, found.args) != same:
        raise CommandKeyTakenError(
            "%(command)s names another command already.", command=command_key
        )


def read(connection: Connection, command_key: str) -> Command:
    """Raises UnknownCommandError."""
    return view(_row(connection, command_key))


def find(connection: Connection, command_keys: Sequence[str]) -> dict[str, Command]:
    """Those of these commands that there are, by their keys."""
    query = select(t.command).where(t.command.c.command_key.in_(command_keys))
    return {row.command_key: view(row) for row in connection.execute(query)}


def read_id(connection: Connection, number: int) -> Command:
    """Raises UnknownCommandError."""
    row = connection.execute(select(t.command).where(t.command.c.id == number)).first()
    if row is None:
        raise UnknownCommandError("There is no command %(command)s.", command=number)
    return view(row)


def list_of_device(
    connection: Connection,
    endpoint_id: str,
    before: int | None,
    limit: int,
    state: State | None = None,
) -> list[Command]:
    """The commands of one device, in one state or all, the newest first; `before` is the id to go
    on from."""
    query = select(t.command).where(t.command.c.endpoint_id == endpoint_id)
    if state is not None:
        query = query.where(t.command.c.state == state)
    return _listed(connection, query, before, limit)


def list_in_state(
    connection: Connection, state: State, before: int | None, limit: int
) -> list[Command]:
    """The commands in one state, the newest first."""
    return _listed(connection, select(t.command).where(t.command.c.state == state), before, limit)


def list_all(connection: Connection, before: int | None, limit: int) -> list[Command]:
    """All commands, the newest first."""
    return _listed(connection, select(t.command), before, limit)


def counts(connection: Connection) -> dict[State, int]:
    """How many commands are in each state."""
    found = {State(row.state): int(row.number) for row in connection.execute(_COUNTS)}
    return {state: found.get(state, 0) for state in State}


def cancel(
    connection: Connection, actor: Actor, command_key: str, reason: str, now: datetime
) -> Command:
    """Call a command back: one that did not leave is cancelled at once, one that did is overtaken.

    Raises UnknownCommandError or CommandEndedError.
    """
    row = _row(connection, command_key)
    if row.finished_at is not None:
        raise CommandEndedError(
            "%(command)s has ended: %(command_state)s.",
            command=command_key,
            command_state=row.state,
        )
    entry = Entry("command_cancelled", f"command:{command_key}", {"state": row.state})
    audit.append(connection, actor, [entry], now, reason)
    command_store.apply(connection, row, [CancelAsked()], now)
    return read(connection, command_key)


def withdraw(connection: Connection, command_keys: Sequence[str], now: datetime) -> None:
    """Call back what another decision made needless; what has ended stays."""
    query = select(t.command).where(
        t.command.c.command_key.in_(command_keys), t.command.c.finished_at.is_(None)
    )
    for row in connection.execute(query.order_by(t.command.c.id)).all():
        command_store.apply(connection, row, [CancelAsked()], now)


def view(row: Row[Any]) -> Command:
    return Command(
        id=row.id,
        command_key=row.command_key,
        endpoint_id=row.endpoint_id,
        command=row.command,
        args=json.loads(row.args),
        state=State(row.state),
        outputs=json.loads(row.outputs),
        error_code=row.error_code,
        error_text=row.error_text,
        tries=row.tries,
        counter=row.counter,
        queued_at=row.queued_at,
        sent_at=row.sent_at,
        accepted_at=row.accepted_at,
        finished_at=row.finished_at,
        expires_at=row.expires_at,
        cancelling=row.cancelling,
        past_recall=row.past_recall,
        is_overdue=row.time_over and row.finished_at is None,
    )


_COUNTS = select(t.command_count)


def _listed(
    connection: Connection, query: Select[Any], before: int | None, limit: int
) -> list[Command]:
    if before is not None:
        query = query.where(t.command.c.id < before)
    rows = connection.execute(query.order_by(t.command.c.id.desc()).limit(limit))
    return [view(row) for row in rows]


def _row(connection: Connection, command_key: str) -> Row[Any]:
    query = select(t.command).where(t.command.c.command_key == command_key)
    row = connection.execute(query).first()
    if row is None:
        raise UnknownCommandError("There is no command %(command)s.", command=command_key)
    return row


def _new_row(command_key: str, order: Order, now: datetime) -> dict[str, Any]:
    is_ours = product_class_of(order.endpoint_id) is not None
    return {
        "command_key": command_key,
        "endpoint_id": order.endpoint_id,
        "command": order.command,
        "args": json.dumps(dict(order.args), sort_keys=True, ensure_ascii=False),
        "expires_at": order.expires_at,
        "signed": is_ours and needs_authorisation(order.command),
        "repeatable": order.repeatable or not order.command,
        "state": State.QUEUED,
        "queued_at": now,
        "due_at": now,
    }


def _check(command_key: str, order: Order) -> None:
    if not 0 < len(command_key) <= LONGEST_KEY or "\0" in command_key:
        raise InvalidCommandError("A command's key has 1 to %(most)s characters.", most=LONGEST_KEY)
    if order.command:
        if not order.command.endswith("()") or len(order.command) > _LONGEST_COMMAND:
            raise InvalidCommandError(
                "%(command)s is not the path of a command.", command=order.command
            )
    elif not order.args or not all(_is_parameter(path) for path in order.args):
        raise InvalidCommandError("A Set needs full paths of parameters.")


def _is_parameter(path: str) -> bool:
    parent, dot, name = path.rpartition(".")
    return bool(parent and dot and name) and not name.endswith(("()", "!"))
