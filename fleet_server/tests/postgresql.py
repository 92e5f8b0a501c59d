"""A real PostgreSQL for the tests: a server of its own, on a socket in a temporary folder.

It never runs as root: then it is started as the user `postgres` that Debian's package makes.
Nothing listens on TCP. What it holds need not survive, so that it waits for no disk.
"""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import IO, Any

import psycopg
import pytest

_USER = "postgres"
_START_S = 30.0
_STOP_S = 10.0
_SETTINGS = {
    "listen_addresses": "",
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
    "autovacuum": "off",
    "max_connections": "60",
    "shared_buffers": "64MB",
    "max_wal_size": "256MB",
    "unix_socket_permissions": "0777",
}


class NoPostgreSQLError(Exception):
    """There is none on this machine; the text says how to get it."""


@dataclass(slots=True)
class PostgreSQL:
    """A running server; databases are copies of others, named by number."""

    folder: Path
    numbers: Iterator[int] = field(default_factory=count)

    def url(self, name: str) -> str:
        return f"postgresql+psycopg://{_USER}@/{name}?host={self.folder}"

    def new_name(self) -> str:
        return f"t{next(self.numbers)}"

    def create(self, template: str = "template0", name: str = "") -> str:
        """A new database, equal to `template`; gives its name."""
        name = name or self.new_name()
        self.do(f'CREATE DATABASE "{name}" TEMPLATE "{template}"')
        return name

    def drop(self, name: str) -> None:
        self.do(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')

    def do(self, statement: str) -> None:
        with psycopg.connect(
            host=str(self.folder), user=_USER, dbname="postgres", autocommit=True
        ) as connection:
            connection.execute(statement.encode())


def programs() -> Path:
    """The folder of `initdb` and `postgres`. Raises NoPostgreSQLError."""
    found = sorted(
        Path("/usr/lib/postgresql").glob("*/bin/postgres"), key=lambda path: int(path.parts[4])
    )
    if found:
        return found[-1].parent
    on_path = shutil.which("postgres")
    if on_path is None:
        raise NoPostgreSQLError("PostgreSQL is missing. Get it with: apt install postgresql")
    return Path(on_path).resolve().parent


@contextmanager
def running() -> Iterator[PostgreSQL]:
    """A server that ends with the block. Raises NoPostgreSQLError when it cannot be had."""
    folder = Path(tempfile.mkdtemp(prefix="pg-", dir="/tmp"))
    try:
        identity = _identity()
        os.chown(folder, *(identity or (-1, -1)))
        data = folder / "data"
        initdb = [str(programs() / "initdb"), "--pgdata", str(data), "--username", _USER]
        initdb += ["--auth", "trust", "--encoding", "UTF8", "--locale", "C.UTF-8", "--no-sync"]
        with (folder / "log").open("ab") as log:
            subprocess.run(initdb, check=True, stdout=log, stderr=log, **_as(identity))  # noqa: S603
            process = _start(data, folder, log, identity)
        try:
            yield _answering(PostgreSQL(folder), process)
        finally:
            process.send_signal(signal.SIGINT)  # ends at once: waits for no client
            process.wait(_STOP_S)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def skip_or_fail(error: Exception) -> None:
    """Left out for want of a program where a person tests; in CI nothing is left out."""
    if os.environ.get("CI"):
        pytest.fail(str(error))
    pytest.skip(str(error))


def _start(
    data: Path, folder: Path, log: IO[bytes], identity: tuple[int, int] | None
) -> subprocess.Popen[bytes]:
    command = [str(programs() / "postgres"), "-D", str(data), "-k", str(folder)]
    for name, value in _SETTINGS.items():
        command += ["-c", f"{name}={value}"]
    return subprocess.Popen(  # noqa: S603
        command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, **_as(identity)
    )


def _answering(server: PostgreSQL, process: subprocess.Popen[bytes]) -> PostgreSQL:
    until_s = time.monotonic() + _START_S
    while True:
        try:
            server.do("SELECT 1")
            return server
        except psycopg.OperationalError:
            if process.poll() is not None or time.monotonic() > until_s:
                raise AssertionError((server.folder / "log").read_text()) from None
            time.sleep(0.02)


def _identity() -> tuple[int, int] | None:
    """User and group to run as, None for our own. Raises NoPostgreSQLError."""
    programs()
    if os.geteuid() != 0:
        return None
    try:
        user = pwd.getpwnam(_USER)
    except KeyError as error:
        raise NoPostgreSQLError(
            f"PostgreSQL does not run as root and there is no user {_USER}. "
            "Get it with: apt install postgresql"
        ) from error
    return user.pw_uid, user.pw_gid


def _as(identity: tuple[int, int] | None) -> dict[str, Any]:
    if identity is None:
        return {"cwd": "/"}
    return {"user": identity[0], "group": identity[1], "extra_groups": [], "cwd": "/"}
