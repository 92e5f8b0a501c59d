"""Whether the databases are sound, current, whole and backed up."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator
from datetime import datetime, timedelta

from sqlalchemy import Engine, func, select
from sqlalchemy.exc import SQLAlchemyError

from fleet_server import bootstrap
from fleet_server.adapters import database_copy as copies
from fleet_server.adapters.migration import is_current, is_people_current
from fleet_server.backup import last_backup
from fleet_server.config import Config
from fleet_server.doctor_service import is_running
from fleet_server.services import audit
from fleet_server.services import tables as t
from fleet_server.services.fleet import Fleet
from fleet_server.services.people_tables import erasure
from fleet_server.services.readiness import readiness

_BACKUP_EVERY = timedelta(days=2)
_CLOCK_SLACK = timedelta(minutes=5)
_DURABLE = ("fsync", "synchronous_commit", "full_page_writes")

Found = tuple[bool, str]


def examine(config: Config, now: datetime) -> Iterator[Found]:
    fleet = bootstrap.build(config)
    try:
        whole = yield from _database("database", config.database, fleet.engine, is_current)
        people = False
        if fleet.people is not None:
            people = yield from _database(
                "personal data store", config.people_database, fleet.people, is_people_current
            )
        if whole:
            yield from _contents(config, fleet, now)
        if whole and people:
            yield from _backup(config, fleet, now)
    finally:
        bootstrap.close(fleet)


def _database(
    name: str, url: str, engine: Engine, current: Callable[[Engine], bool]
) -> Generator[Found, None, bool]:
    """What is found; in the end, by `return`, whether more can be asked of it."""
    if copies.kind_of(engine) == "sqlite" and copies.is_empty(engine):
        yield False, f"there is no {name} at {url.removeprefix('sqlite:///')}: fleet-server init"
        return False
    try:
        is_of_this_version = current(engine)
        damage = copies.damage(engine) if is_of_this_version else ""
        lax = _lax_settings(engine)
    except SQLAlchemyError as error:
        yield False, f"the {name} cannot be opened: {_cause(error)}"
        return False
    for setting in lax:
        yield False, f"the {name} may lose commits: switch {setting} on"
    if damage:
        yield False, f"the {name} is damaged: {damage}; restore the last backup beside it"
    elif is_of_this_version:
        yield True, f"the {name} is sound and has the schema of this version"
    else:
        yield False, f"the {name} has another schema: fleet-server migrate"
    return is_of_this_version and not damage


def _lax_settings(engine: Engine) -> list[str]:
    if copies.kind_of(engine) == "sqlite":
        return []
    with engine.connect().execution_options(writes=False) as connection:
        return [
            name
            for name in _DURABLE
            if connection.exec_driver_sql(f"SHOW {name}").scalar_one() == "off"
        ]


def _contents(config: Config, fleet: Fleet, now: datetime) -> Iterator[Found]:
    with fleet.reading() as connection:
        report = audit.verify(connection)
        newest = connection.scalar(select(func.max(t.audit_entry.c.at)))
        ready = readiness(connection, now)
    if report.broken_at is None:
        yield True, f"the audit chain is whole, {report.entries} entries"
    else:
        yield (
            False,
            f"the audit chain is broken at entry {report.broken_at}: keep the database as it is "
            "and compare it with the backups",
        )
    if newest is not None and newest > now + _CLOCK_SLACK:
        yield False, f"the clock is behind: an entry was made at {newest:%Y-%m-%d %H:%M} UTC"
    else:
        yield True, f"the clock says {now:%Y-%m-%d %H:%M} UTC and nothing on record is later"
    if is_running(config):
        if ready.ready:
            yield True, f"the controller has the broker, {ready.agents_online} agents are online"
        else:
            yield False, "the controller has not reported its connection to the broker: see the log"


def _backup(config: Config, fleet: Fleet, now: datetime) -> Iterator[Found]:
    made_at = last_backup(config)
    with fleet.reading() as connection:
        since = connection.scalar(select(func.min(t.account.c.created_at)))
    with fleet.reading_people() as connection:
        erased_at = connection.scalar(select(func.max(erasure.c.erased_at)))
    if made_at is None:
        young = since is None or now - since < _BACKUP_EVERY
        yield young, "no backup was made yet: fleet-server backup FOLDER, daily"
        return
    good = now - made_at < _BACKUP_EVERY
    yield (
        good,
        f"the last backup is of {made_at:%Y-%m-%d %H:%M} UTC"
        + ("" if good else ": fleet-server backup FOLDER, daily"),
    )
    if erased_at is not None and erased_at > made_at:
        yield False, "persons were erased since the last backup: fleet-server backup FOLDER"
    if copies.kind_of(fleet.engine) != "sqlite" and copies.find_tool("pg_dump") is None:
        yield False, "pg_dump is missing: apt install postgresql-client"


def _cause(error: SQLAlchemyError) -> str:
    return str(error.__cause__ or error).splitlines()[0]
