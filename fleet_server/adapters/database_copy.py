"""Copies of a database while it is in use, and back: SQLite's online backup, pg_dump, pg_restore.

Source: sqlite.org/backup.html; PostgreSQL documentation, "Backup and Restore".
"""

from __future__ import annotations

import os
import shutil
import sqlite3
import subprocess
from contextlib import closing
from pathlib import Path

from sqlalchemy import URL, Engine, inspect

from fleet_server.adapters.database import TURN_SUFFIX
from fleet_server.errors import OperatorError

_TOOLS = Path("/usr/lib/postgresql")
_SQLITE_PAGES = 50_000
_REASONS = 3


def kind_of(engine: Engine) -> str:
    return str(engine.dialect.name)


def is_empty(engine: Engine) -> bool:
    """Whether nothing could be overwritten: no file, or no table."""
    if kind_of(engine) == "sqlite":
        return not _sqlite_path(engine).exists()
    return not inspect(engine).get_table_names()


def copy_out(engine: Engine, target: Path) -> None:
    """Write a consistent copy of what is committed now; others may go on writing."""
    if kind_of(engine) == "sqlite":
        with (
            closing(
                sqlite3.connect(f"{_sqlite_path(engine).as_uri()}?mode=ro", uri=True)
            ) as source,
            closing(sqlite3.connect(target)) as copy,
        ):
            source.backup(copy, pages=_SQLITE_PAGES)
            # A copy is one file: without a write-ahead log beside it.
            copy.execute("PRAGMA journal_mode=DELETE")
        return
    _run("pg_dump", engine.url, ["--format=custom", "--no-owner", f"--file={target}"])


def copy_in(engine: Engine, source: Path) -> None:
    """Fill an empty database from a copy of the same kind. Raises OperatorError."""
    if kind_of(engine) == "sqlite":
        path = _sqlite_path(engine)
        path.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(source, path)
        path.chmod(0o600)
        return
    options = ["--single-transaction", "--exit-on-error", "--no-owner"]
    _run("pg_restore", engine.url, [*options, f"--dbname={_address(engine.url)}", str(source)])


def remove(engine: Engine) -> None:
    """Take back a copy that did not stand its tests; a PostgreSQL database is left to a person."""
    engine.dispose()
    if kind_of(engine) == "sqlite":
        path = _sqlite_path(engine)
        for suffix in ("", "-wal", "-shm", TURN_SUFFIX):
            path.with_name(path.name + suffix).unlink(missing_ok=True)


def damage(engine: Engine) -> str:
    """What an integrity check finds, in a line; empty when nothing."""
    with engine.connect().execution_options(writes=False) as connection:
        if kind_of(engine) != "sqlite":
            return ""
        found = [row[0] for row in connection.exec_driver_sql("PRAGMA integrity_check(3)")]
        broken = connection.exec_driver_sql("PRAGMA foreign_key_check").all()
    if found != ["ok"]:
        return "; ".join(" ".join(text.split()) for text in found[:_REASONS])
    return f"{len(broken)} rows of {broken[0][0]} refer to nothing" if broken else ""


def find_tool(name: str) -> str | None:
    """A program of PostgreSQL: on the path, or the newest where Debian puts it."""
    places = sorted(_TOOLS.glob(f"*/bin/{name}"), key=lambda path: int(path.parts[4]))
    return shutil.which(name) or (str(places[-1]) if places else None)


def _sqlite_path(engine: Engine) -> Path:
    return Path(engine.url.database or "").absolute()


def _run(name: str, url: URL, options: list[str]) -> None:
    program = find_tool(name)
    if program is None:
        raise OperatorError(f"{name} is missing.", "Get it with: apt install postgresql-client")
    command = [program, "--no-password", *options]
    if name == "pg_dump":
        command.append(_address(url))
    environment = dict(os.environ)
    if url.password is not None:
        environment["PGPASSWORD"] = str(url.password)
    done = subprocess.run(  # noqa: S603 - a program of PostgreSQL, our own options
        command, env=environment, stdin=subprocess.DEVNULL, capture_output=True, text=True
    )
    if done.returncode:
        said = done.stderr.strip().splitlines()[-1:] or ["no reason given"]
        raise OperatorError(f"{name} failed: {said[0]}", "Correct that and try again.")


def _address(url: URL) -> str:
    """For the command line, where anyone may read it: without the password."""
    return url.set(drivername="postgresql", password=None).render_as_string(hide_password=False)
