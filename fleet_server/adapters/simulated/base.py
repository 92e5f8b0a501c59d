"""What all simulated systems share: memory in one SQLite file, idempotency, faults on request."""

from __future__ import annotations

import json
import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from fleet_server.domain.operations import Operation, encode, kind_of
from fleet_server.services.operator_ports import (
    Answer,
    OperationRefusedError,
    SystemBusyError,
    SystemUnavailableError,
)

_BUSY_TIMEOUT_S = 10.0
_SCHEMA = """
CREATE TABLE IF NOT EXISTS done (
    operation_id TEXT PRIMARY KEY, kind TEXT NOT NULL, arguments TEXT NOT NULL,
    reference TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS call (
    number INTEGER PRIMARY KEY, at TEXT NOT NULL, operation_id TEXT NOT NULL, kind TEXT NOT NULL,
    arguments TEXT NOT NULL, outcome TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS item (name TEXT PRIMARY KEY, value TEXT NOT NULL);
"""
_BEHAVIOUR = "behaviour"
_LATE_ANSWER = "late answer"


@dataclass(frozen=True, slots=True)
class Behaviour:
    """What the system does wrong: with every call (delay), or with the next so many calls.

    `refuse_calls` does nothing and says never; `fail_before` does nothing and says nothing;
    `fail_after` does it and the answer is lost; `answer_twice` answers, and then once more in place
    of the answer to the next call.
    """

    delay_ms: int = 0
    refuse_calls: int = 0
    fail_before: int = 0
    fail_after: int = 0
    answer_twice: int = 0


@dataclass(frozen=True, slots=True)
class Call:
    """One call as the system saw it; `outcome` is done, again, or the code of what was raised."""

    at: str
    operation_id: str
    kind: str
    arguments: dict[str, Any]
    outcome: str


class SimulatedSystem:
    """Keeps its state in `path`; several processes may use the file at once."""

    def __init__(
        self, path: Path, now: Callable[[], datetime], sleep: Callable[[float], None] = time.sleep
    ) -> None:
        self._path = path
        self._now = now
        self._sleep = sleep

    def carry_out(self, operation_id: str, operation: Operation) -> Answer:
        """As the port says, apart from what `behave` asked for."""
        self._sleep(self.behaviour().delay_ms / 1000)
        with self._open() as file:
            answer, problem = self._answer(file, operation_id, operation)
            outcome = problem.args[0] if problem else ""
            _note(file, self._now(), operation_id, operation, outcome or answer[1])
        if problem:
            raise problem
        return answer[0]

    def behave(self, behaviour: Behaviour) -> None:
        """From now on; `Behaviour()` is well again."""
        with self._open() as file:
            _put(file, _BEHAVIOUR, asdict(behaviour))

    def behaviour(self) -> Behaviour:
        with self._open() as file:
            return Behaviour(**_get(file, _BEHAVIOUR, {}))

    def calls(self) -> list[Call]:
        """Everything it was asked, in order, and what came of it."""
        with self._open() as file:
            rows = file.execute(
                "SELECT at, operation_id, kind, arguments, outcome FROM call ORDER BY number"
            ).fetchall()
        return [Call(at, name, kind, json.loads(args), end) for at, name, kind, args, end in rows]

    def items(self, prefix: str) -> dict[str, Any]:
        """What it keeps under names that begin with `prefix`, without it."""
        with self._open() as file:
            rows = file.execute(
                "SELECT name, value FROM item WHERE substr(name, 1, ?) = ? ORDER BY rowid",
                (len(prefix), prefix),
            ).fetchall()
        return {name[len(prefix) :]: json.loads(value) for name, value in rows}

    def item(self, name: str, default: Any = None) -> Any:
        with self._open() as file:
            return _get(file, name, default)

    def keep(self, name: str, value: Any) -> None:
        """Set what somebody else would: a telephone that is picked up, for one."""
        with self._open() as file:
            _put(file, name, value)

    def apply(self, state: State, operation: Operation) -> None:
        """Change the state. Raises OperationRefusedError or SystemBusyError."""
        raise NotImplementedError

    def _answer(
        self, file: sqlite3.Connection, operation_id: str, operation: Operation
    ) -> tuple[tuple[Answer, str], Exception | None]:
        nothing = (Answer(operation_id, ""), "")
        if _take(file, "fail_before"):
            return nothing, SystemUnavailableError("no_answer")
        if _take(file, "refuse_calls"):
            return nothing, OperationRefusedError("refused")
        try:
            answer, outcome = self._do(file, operation_id, operation)
        except (OperationRefusedError, SystemBusyError) as error:
            return nothing, error
        if _take(file, "fail_after"):
            return nothing, SystemUnavailableError("answer_lost")
        late = _get(file, _LATE_ANSWER, None)
        _put(file, _LATE_ANSWER, asdict(answer) if _take(file, "answer_twice") else None)
        return (Answer(**late) if late else answer, outcome), None

    def _do(
        self, file: sqlite3.Connection, operation_id: str, operation: Operation
    ) -> tuple[Answer, str]:
        kind, arguments = kind_of(operation), encode(operation)
        found = file.execute(
            "SELECT kind, arguments, reference FROM done WHERE operation_id = ?", (operation_id,)
        ).fetchone()
        if found:
            if found[:2] != (kind, arguments):
                raise OperationRefusedError("operation_id_reused")
            return Answer(operation_id, found[2]), "again"
        self.apply(State(file, self._now()), operation)
        (number,) = file.execute("SELECT count(*) FROM done").fetchone()
        reference = f"{kind}-{number + 1}"
        file.execute(
            "INSERT INTO done VALUES (?, ?, ?, ?)", (operation_id, kind, arguments, reference)
        )
        return Answer(operation_id, reference), "done"

    @contextmanager
    def _open(self) -> Iterator[sqlite3.Connection]:
        self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        file = sqlite3.connect(self._path, timeout=_BUSY_TIMEOUT_S, isolation_level=None)
        try:
            file.execute("BEGIN IMMEDIATE")
            for statement in _SCHEMA.split(";\n"):
                file.execute(statement)
            yield file
            file.execute("COMMIT")
        finally:
            file.close()


@dataclass(frozen=True, slots=True)
class State:
    """What `apply` reads and changes, within the transaction of its call."""

    file: sqlite3.Connection
    now: datetime

    def get(self, name: str, default: Any = None) -> Any:
        return _get(self.file, name, default)

    def put(self, name: str, value: Any) -> None:
        _put(self.file, name, value)

    def remove(self, name: str) -> None:
        self.file.execute("DELETE FROM item WHERE name = ?", (name,))


def _get(file: sqlite3.Connection, name: str, default: Any) -> Any:
    found = file.execute("SELECT value FROM item WHERE name = ?", (name,)).fetchone()
    return json.loads(found[0]) if found else default


def _put(file: sqlite3.Connection, name: str, value: Any) -> None:
    file.execute(
        "INSERT INTO item VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET value = excluded.value",
        (name, json.dumps(value)),
    )


def _take(file: sqlite3.Connection, name: str) -> bool:
    """Whether the next call shall go wrong in this way; counts it."""
    behaviour = _get(file, _BEHAVIOUR, {})
    left = behaviour.get(name, 0)
    if left > 0:
        _put(file, _BEHAVIOUR, {**behaviour, name: left - 1})
    return bool(left > 0)


def _note(
    file: sqlite3.Connection, at: datetime, operation_id: str, operation: Operation, outcome: str
) -> None:
    file.execute(
        "INSERT INTO call (at, operation_id, kind, arguments, outcome) VALUES (?, ?, ?, ?, ?)",
        (at.isoformat(), operation_id, kind_of(operation), encode(operation), outcome),
    )
