"""The simulated systems of the operator, from outside: what each was asked, and its faults.

Each keeps a SQLite file under `operator-systems/` of the state folder (table `call`, and the item
`behaviour`: docs/administrator/operator-systems.md). Nothing of `fleet_server` is imported here.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

_TIMEOUT_S = 10.0
_CALLS = """
SELECT number, at, operation_id, kind, arguments, outcome FROM call WHERE number > ? ORDER BY number
"""
_HAS_LOG = "SELECT 1 FROM sqlite_master WHERE name = 'call'"
_BEHAVE = """
INSERT INTO item VALUES ('behaviour', ?) ON CONFLICT (name) DO UPDATE SET value = excluded.value
"""


@dataclass(frozen=True, slots=True)
class Call:
    """One call as the system saw it; `at_s` is Unix time."""

    number: int
    at_s: float
    operation_id: str
    kind: str
    arguments: dict[str, Any]
    outcome: str


class OperatorSystems:
    """The systems of one installation: `access`, `voice`, `conditional_access`."""

    def __init__(self, state: Path) -> None:
        self._folder = state / "operator-systems"

    def calls(self, system: str, after: int = 0) -> list[Call]:
        """In the order in which they took effect; none while the system was never asked."""
        if not self._path(system).exists():
            return []
        with self._open(system) as file:
            is_made = file.execute(_HAS_LOG).fetchone()
            rows = file.execute(_CALLS, (after,)).fetchall() if is_made else []
        return [_call(row) for row in rows]

    def behave(self, system: str, **behaviour: int) -> None:
        """Let the next calls go wrong, in the words of `fleet-server operator-system`'s answer:
        skip, late, fail_before, refuse_calls, fail_after, answer_twice; delay_ms for every call.
        Without any it is well again."""
        with self._open(system) as file:
            file.execute(_BEHAVE, (json.dumps(behaviour),))

    def _path(self, system: str) -> Path:
        return self._folder / f"{system}.db"

    @contextmanager
    def _open(self, system: str) -> Iterator[sqlite3.Connection]:
        file = sqlite3.connect(self._path(system), timeout=_TIMEOUT_S, isolation_level=None)
        try:
            yield file
        finally:
            file.close()


def _call(row: tuple[Any, ...]) -> Call:
    number, at, operation_id, kind, arguments, outcome = row
    at_s = datetime.fromisoformat(at).timestamp()
    return Call(number, at_s, operation_id, kind, json.loads(arguments), outcome)
