"""The database: engine with its safety settings, and migrations.

SQLite runs in WAL mode so that pages read while the controller writes; `synchronous=FULL` makes a
commit durable, which is what a NotifyResp promises. PostgreSQL promises the same as it comes.

A connection with the execution option `writes=False` sees one state of the database throughout.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from alembic import command
from alembic.config import Config as AlembicConfig
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import URL, Connection, Engine, create_engine, event, make_url
from sqlalchemy.exc import ArgumentError

from fleet_server.errors import OperatorError

PEOPLE_VERSION_TABLE = "people_version"
_MIGRATIONS = Path(__file__).parent / "migrations"
_PEOPLE_MIGRATIONS = Path(__file__).parent / "people_migrations"
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


def migrate(engine: Engine, revision: str = "head") -> None:
    """Bring the schema to the newest revision; does nothing when it is there already.

    SQLite changes a table by building it anew, which foreign keys would take for the removal of
    all it holds: they are off meanwhile, and checked as a whole before the commit.
    """
    _upgrade(engine, revision, _MIGRATIONS)


def migrate_people(engine: Engine) -> None:
    """The same for the personal data store."""
    _upgrade(engine, "head", _PEOPLE_MIGRATIONS)


def _upgrade(engine: Engine, revision: str, migrations: Path) -> None:
    with engine.connect() as connection:
        if engine.dialect.name == "sqlite":
            _foreign_keys(connection, "OFF")
        settings = _settings(migrations)
        settings.attributes["connection"] = connection
        command.upgrade(settings, revision)
        if engine.dialect.name == "sqlite":
            broken = connection.exec_driver_sql("PRAGMA foreign_key_check").all()
            if broken:
                raise OperatorError(
                    f"After the migration {len(broken)} rows of {broken[0][0]} would refer to "
                    "nothing; the database was left as it was.",
                    "Restore the last backup beside it and report this.",
                )
        connection.commit()
        if engine.dialect.name == "sqlite":
            _foreign_keys(connection, "ON")


def _foreign_keys(connection: Connection, state: str) -> None:
    # Outside of any transaction, where alone SQLite heeds it.
    driver = connection.connection.driver_connection
    if driver is not None:
        driver.execute(f"PRAGMA foreign_keys={state}")


def is_current(engine: Engine) -> bool:
    """Whether the schema is at the newest revision."""
    return _revision(engine, {}) == newest_revision()


def is_people_current(engine: Engine) -> bool:
    """The same for the personal data store."""
    newest = ScriptDirectory.from_config(_settings(_PEOPLE_MIGRATIONS)).get_current_head()
    return _revision(engine, {"version_table": PEOPLE_VERSION_TABLE}) == newest


def newest_revision() -> str:
    """The revision of this version of the server."""
    return str(ScriptDirectory.from_config(_settings(_MIGRATIONS)).get_current_head())


def _revision(engine: Engine, options: dict[str, Any]) -> str | None:
    with engine.connect() as connection:
        return MigrationContext.configure(connection, opts=options).get_current_revision()


def _settings(migrations: Path) -> AlembicConfig:
    settings = AlembicConfig()
    settings.set_main_option("script_location", str(migrations))
    return settings


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
