"""A PostgreSQL server of one figure's own, with the settings it comes with, on a socket.

As root it runs as the user `postgres` that Debian's package makes: it refuses to run as root.
"""

import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg

_USER = "postgres"
_START_S = 30.0
_STOP_S = 30.0
# What an administrator sets on a machine of this size; durability is as it comes: on.
_SETTINGS = {"listen_addresses": "", "shared_buffers": "512MB", "max_wal_size": "2GB"}


@contextmanager
def postgresql() -> Iterator[str]:
    """The URL of an empty database; server and files are gone when the block ends.

    Raises FileNotFoundError when PostgreSQL is not installed.
    """
    programs = sorted(Path("/usr/lib/postgresql").glob("*/bin"))
    if not programs:
        raise FileNotFoundError("PostgreSQL is missing. Get it with: apt install postgresql")
    folder = Path(tempfile.mkdtemp(prefix="pg-"))
    account = pwd.getpwnam(_USER) if os.geteuid() == 0 else None
    user = account.pw_uid if account else None
    group = account.pw_gid if account else None
    try:
        os.chown(folder, -1 if user is None else user, -1 if group is None else group)
        initdb = [str(programs[-1] / "initdb"), "-D", str(folder / "data"), "-U", _USER, "-A"]
        subprocess.run(  # noqa: S603 - the programs of Debian's package
            [*initdb, "trust", "--encoding", "UTF8", "--locale", "C.UTF-8"],
            check=True,
            stdout=subprocess.DEVNULL,
            user=user,
            group=group,
            cwd="/",
        )
        command = [str(programs[-1] / "postgres"), "-D", str(folder / "data"), "-k", str(folder)]
        for name, value in _SETTINGS.items():
            command += ["-c", f"{name}={value}"]
        with (folder / "log").open("wb") as log:
            process = subprocess.Popen(  # noqa: S603 - the programs of Debian's package
                command, stdout=log, stderr=log, user=user, group=group, cwd="/"
            )
        try:
            _wait(folder, process)
            yield f"postgresql+psycopg://{_USER}@/postgres?host={folder}"
        finally:
            process.send_signal(signal.SIGINT)
            process.wait(_STOP_S)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _wait(folder: Path, process: subprocess.Popen[bytes]) -> None:
    until_s = time.monotonic() + _START_S
    while True:
        try:
            psycopg.connect(host=str(folder), user=_USER, dbname="postgres").close()
        except psycopg.OperationalError:
            if process.poll() is not None or time.monotonic() > until_s:
                raise
            time.sleep(0.05)
        else:
            return
