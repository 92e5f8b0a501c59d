"""The database: an engine with its safety settings.

SQLite runs in WAL mode so that pages read while the controller writes; `synchronous=FULL` makes a
commit durable, which is what a NotifyResp promises. PostgreSQL promises the same as it comes.

Writers of SQLite take turns. It lets whoever asks at the right moment in: one that writes again and
again keeps all others out for ever. So who is next in line holds the turn, a lock on a file beside,
until it is in; whoever was in and wants in again comes behind.

A connection with the execution option `writes=False` sees one state of the database throughout.
"""

from __future__ import annotations

import fcntl
import os
import weakref
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from sqlalchemy import URL, Engine, create_engine, event, make_url
from sqlalchemy.exc import ArgumentError

from fleet_server.errors import OperatorError

_BUSY_TIMEOUT_MS = 30_000
_TURN = "turn"
TURN_SUFFIX = "-turn"
_REMEDY = (
    "Use postgresql://user@host/name, or leave it unset for a SQLite file under the state folder."
)


def open_database(url: str) -> Engine:
    """An engine for `url`; nothing connects before its first use. Raises OperatorError."""
    # What a statement was given may be personal: errors, and so the log, do not show it.
    engine = create_engine(
        _checked(url), pool_pre_ping=not url.startswith("sqlite"), hide_parameters=True
    )
    if engine.dialect.name == "sqlite":
        event.listen(engine, "connect", _prepare_sqlite)
        event.listen(engine, "begin", _begin_immediately)
    else:
        event.listen(engine, "begin", _begin_reading)
    return engine


def _checked(url: str) -> URL:
    """Raises OperatorError when it names no database this server knows."""
    try:
        made = make_url(url)
    except ArgumentError as error:
        raise OperatorError("FLEET_DATABASE is not the URL of a database.", _REMEDY) from error
    if made.get_backend_name() not in ("sqlite", "postgresql"):
        raise OperatorError(
            f"FLEET_DATABASE names {made.get_backend_name()}, which is not supported.", _REMEDY
        )
    if made.drivername == "postgresql":
        return made.set(drivername="postgresql+psycopg")
    return made


def _prepare_sqlite(connection: Any, record: Any) -> None:
    # Transactions are ours to begin: the driver's own rules would start them too late.
    connection.isolation_level = None
    cursor = connection.cursor()
    for pragma in (
        f"busy_timeout={_BUSY_TIMEOUT_MS}",
        "journal_mode=WAL",
        "synchronous=FULL",
        "foreign_keys=ON",
        "secure_delete=ON",  # what is erased is overwritten, not only forgotten
    ):
        cursor.execute(f"PRAGMA {pragma}")
    path = cursor.execute("PRAGMA database_list").fetchone()[2]
    cursor.close()
    if path:  # not one in memory
        record.info[_TURN] = turn = os.open(path + TURN_SUFFIX, os.O_RDWR | os.O_CREAT, 0o600)
        weakref.finalize(record, os.close, turn)


def _begin_reading(connection: Any) -> None:
    if not connection.get_execution_options().get("writes", True):
        connection.exec_driver_sql("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")


def _begin_immediately(connection: Any) -> None:
    # A deferred transaction that turns into a writer half-way fails instead of waiting.
    if not connection.get_execution_options().get("writes", True):
        connection.exec_driver_sql("BEGIN")
        return
    with _turn_of(connection):
        connection.exec_driver_sql("BEGIN IMMEDIATE")


@contextmanager
def _turn_of(connection: Any) -> Iterator[None]:
    turn = connection.info.get(_TURN)
    if turn is None:
        yield
        return
    fcntl.flock(turn, fcntl.LOCK_EX)
    try:
        yield
    finally:
        fcntl.flock(turn, fcntl.LOCK_UN)
