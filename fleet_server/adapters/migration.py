"""Brings a database to the schema of this version, and says whether it has it.

Apart from the database, because the processes that serve have no use for it at their start.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from alembic import command
from alembic.config import Config as AlembicConfig
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, Engine

from fleet_server.errors import OperatorError

PEOPLE_VERSION_TABLE = "people_version"
_MIGRATIONS = Path(__file__).parent / "migrations"
_PEOPLE_MIGRATIONS = Path(__file__).parent / "people_migrations"


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
