"""Which command of a device may go, and which waits for one before it.

A device does one command after another, in the order they were queued. One that leaves nothing to
settle and of which nothing was heard for minutes lets the next pass: no answer may ever come, and
nothing that is sent later is the worse for it. How it ended stays unknown meanwhile. A command with
a token lets none pass before the device accepted it: it is settled by the counter, and that of a
later one would hide what became of it.

What was passed is not sent again: an old value would undo a newer one. Called back, the Request
that carries it out is asked to stop.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, and_, exists, or_, select, update

from fleet_server.domain.command import State
from fleet_server.services import tables as t

TIME_TO_END = timedelta(minutes=10)
_TIME_TO_ANSWER = timedelta(minutes=2)


def silent_from(row: Row[Any]) -> datetime | None:
    """From when on an open command lets the next one pass, if nothing is heard of it; None while it
    has to be settled first."""
    silent_from: datetime | None = None
    if row.state == State.ACCEPTED:
        silent_from = row.accepted_at + TIME_TO_END
    elif row.state == State.SENT and not row.signed:
        silent_from = row.sent_at + _TIME_TO_ANSWER
    return silent_from


def waits_for_none(now: datetime) -> ColumnElement[bool]:
    """Whether no earlier command of its device keeps one of `command` from going."""
    earlier = t.command.alias("earlier")
    return ~exists().where(
        earlier.c.endpoint_id == t.command.c.endpoint_id,
        earlier.c.id < t.command.c.id,
        earlier.c.finished_at.is_(None),
        ~_is_silent(earlier.c, now),
    )


def was_passed(connection: Connection, row: Row[Any]) -> bool:
    """Whether a later command of the device left already."""
    later = select(t.command.c.id).where(
        t.command.c.endpoint_id == row.endpoint_id,
        t.command.c.id > row.id,
        t.command.c.sent_at.is_not(None),
    )
    return connection.execute(later.limit(1)).first() is not None


def wake(connection: Connection, endpoint_ids: Sequence[str], now: datetime) -> None:
    """Have the dispatcher look at the open commands of these devices that wait for none."""
    _wake(connection, t.command.c.endpoint_id.in_(endpoint_ids), now)


def let_pass(connection: Connection, row: Row[Any], now: datetime) -> None:
    """Have it look at the one that waited for this one, which is silent."""
    is_next = (t.command.c.endpoint_id == row.endpoint_id) & ~_is_silent(t.command.c, now)
    _wake(connection, is_next, now)


def _wake(connection: Connection, which: ColumnElement[bool], now: datetime) -> None:
    found = select(t.command.c.id).where(
        which, t.command.c.finished_at.is_(None), waits_for_none(now)
    )
    connection.execute(
        update(t.command)
        .where(t.command.c.id.in_(found), t.command.c.due_at > now)
        .values(due_at=now)
    )


def _is_silent(command: Any, now: datetime) -> ColumnElement[bool]:
    """`silent_from` has come, of a row with these columns."""
    return or_(
        and_(command.state == State.ACCEPTED, command.accepted_at <= now - TIME_TO_END),
        and_(
            command.state == State.SENT, ~command.signed, command.sent_at <= now - _TIME_TO_ANSWER
        ),
    )
