"""The database: an engine with its safety settings.

SQLite runs in WAL mode so that pages read while the controller writes; `synchronous=FULL` makes a
commit durable, which is what a NotifyResp promises. PostgreSQL promises the same as it comes.

A connection with the execution option `writes=False` sees one state of the database throughout.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import URL, Engine, create_engine, event, make_url
from sqlalchemy.exc import ArgumentError

from fleet_server.errors import OperatorError

_BUSY_TIMEOUT_MS = 10_000
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


def _prepare_sqlite(connection: Any, _record: object) -> None:
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
    cursor.close()


def _begin_reading(connection: Any) -> None:
    if not connection.get_execution_options().get("writes", True):
        connection.exec_driver_sql("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")


def _begin_immediately(connection: Any) -> None:
    # A deferred transaction that turns into a writer half-way fails instead of waiting.
    writes = connection.get_execution_options().get("writes", True)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")
