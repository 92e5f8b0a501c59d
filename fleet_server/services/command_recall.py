"""Calling back many commands at once: those that never left, as a set."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import Connection, select, update

from fleet_server.domain.command import State
from fleet_server.services import command_store
from fleet_server.services import tables as t
from fleet_server.services.chunks import chunks


def cancel_unsent(connection: Connection, command_keys: Sequence[str], now: datetime) -> list[str]:
    """Cancel those of these commands that were never sent; gives their keys.

    One that was sent, or may have been, stays as it is: it has to be overtaken (commands.cancel).
    """
    cancelled: list[str] = []
    columns = t.command.c
    for keys in chunks(command_keys):
        rows = connection.execute(
            update(t.command)
            .where(
                columns.command_key.in_(keys),
                columns.state == State.QUEUED,
                columns.sent_at.is_(None),
                columns.counter == 0,
                columns.tries == 0,
            )
            .values(state=State.CANCELLED, finished_at=now, due_at=now)
            .returning(columns.command_key, columns.endpoint_id)
        ).all()
        cancelled += [row.command_key for row in rows]
        _wake_the_next(connection, [row.endpoint_id for row in rows], now)
    if cancelled:
        command_store.count(connection, State.QUEUED, -len(cancelled))
        command_store.count(connection, State.CANCELLED, len(cancelled))
    return cancelled


def _wake_the_next(connection: Connection, endpoint_ids: Sequence[str], now: datetime) -> None:
    waiting = select(t.command.c.id).where(
        t.command.c.endpoint_id.in_(endpoint_ids),
        t.command.c.finished_at.is_(None),
        t.command.c.state == State.QUEUED,
        t.command.c.tries == 0,
        t.command.c.due_at > now,
    )
    connection.execute(update(t.command).where(t.command.c.id.in_(waiting)).values(due_at=now))
