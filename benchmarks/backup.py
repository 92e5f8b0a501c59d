"""How long a backup of a million units takes, and bringing it back, with every check it makes.

The registry is made up and written straight into a database that `fleet-server init` made: units,
their states and their MAC addresses, on SQLite. Both are measured as a person runs them, process
start included. References are goals: a restore within two minutes, a backup within one.
"""

import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

from benchmarks.figure import Figure

FIGURES = ("backup.make_s.1m", "backup.restore_s.1m")
UNITS = 1_000_000
GOAL_MAKE_S, GOAL_RESTORE_S = 60.0, 120.0
_PROGRAM = str(Path(sys.executable).parent / "fleet-server")
_LIMIT_S = 1800.0
_NUMBERS = (
    "CREATE TEMPORARY TABLE number AS WITH RECURSIVE number(n) AS "
    "(SELECT 1 UNION ALL SELECT n + 1 FROM number WHERE n < ?) SELECT n FROM number"
)
_FILL = (
    "INSERT INTO unit (id, serial_number, endpoint_id, manufacturer_oui, product_class, lab, "
    "blacklisted, received_at) SELECT n, printf('%08d', n), "
    "printf('ops::00256D-MODEM-%08d', n), '00256D', 'MODEM', 0, 0, 1790000000000 FROM number",
    "INSERT INTO unit_state (unit_id, state, from_at, audit_sequence) "
    "SELECT n, 'in_stock', 1790000000000, 0 FROM number",
    "INSERT INTO unit_mac (mac_address, unit_id, interface) "
    "SELECT printf('02:00:5E:%02X:%02X:%02X', n >> 16, (n >> 8) & 255, n & 255), n, 'cable' "
    "FROM number",
)


def measure() -> Iterator[Figure]:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        state = folder / "state"
        _run("init", "--state", str(state))
        with closing(sqlite3.connect(state / "fleet.db")) as database:
            database.execute(_NUMBERS, (UNITS,))
            for statement in _FILL:
                database.execute(statement)
            database.commit()
        copy = str(folder / "backup")
        made_s = _run("backup", copy, "--state", str(state))
        yield Figure("backup.make_s.1m", made_s, "s", GOAL_MAKE_S)
        restored_s = _run("restore", copy, "--state", str(folder / "again"))
        yield Figure("backup.restore_s.1m", restored_s, "s", GOAL_RESTORE_S)


def _run(*words: str) -> float:
    """Seconds a command took; raises CalledProcessError when it failed."""
    began_s = time.monotonic()
    subprocess.run(  # noqa: S603 - our own command
        [_PROGRAM, *words], check=True, timeout=_LIMIT_S, stdout=subprocess.DEVNULL
    )
    return time.monotonic() - began_s
