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

from fleet_server.domain.operations import Operation, decode, encode, kind_of, settles
from fleet_server.errors import FleetError
from fleet_server.services.operator_ports import (
    OVERTAKEN,
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
CREATE TABLE IF NOT EXISTS last_taken (name TEXT PRIMARY KEY, sequence INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS item (name TEXT PRIMARY KEY, value TEXT NOT NULL);
"""
_BEHAVIOUR = "behaviour"
_LATE_ANSWER = "late answer"
_LATE_CALL = "late call"


@dataclass(frozen=True, slots=True)
class Behaviour:
    """What the system does wrong: with every call (delay), or with the next so many calls.

    `skip`: so many calls are well before anything goes wrong. `refuse_calls` does nothing and says
    never; `fail_before` does nothing and says nothing; `fail_after` does it and the answer is lost;
    `late` does nothing, and carries the call out when it has answered the next one; `answer_twice`
    answers, and then once more in place of the answer to the next call.
    """

    delay_ms: int = 0
    skip: int = 0
    refuse_calls: int = 0
    fail_before: int = 0
    fail_after: int = 0
    answer_twice: int = 0
    late: int = 0


# `skip` comes first, because it says that nothing goes wrong.
_IN_ORDER = ("skip", "late", "fail_before", "refuse_calls", "fail_after", "answer_twice")
_NOTHING_DONE: dict[str | None, tuple[type[FleetError], str]] = {
    "late": (SystemUnavailableError, "on_its_way"),
    "fail_before": (SystemUnavailableError, "no_answer"),
    "refuse_calls": (OperationRefusedError, "refused"),
}


@dataclass(frozen=True, slots=True)
class Request:
    """One call as it came in."""

    operation_id: str
    kind: str
    arguments: str
    sequence: int


@dataclass(frozen=True, slots=True)
class Call:
    """One call as the system saw it; `outcome` is done, again, or the code of what was raised.

    A call that came late stands there twice: `on_its_way`, and what came of it when it arrived.
    """

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

    def carry_out(self, operation_id: str, operation: Operation, sequence: int) -> Answer:
        """As the port says, apart from what `behave` asked for."""
        request = Request(operation_id, kind_of(operation), encode(operation), sequence)
        self._sleep(self.behaviour().delay_ms / 1000)
        with self._open() as file:
            late = _get(file, _LATE_CALL, None)
            _put(file, _LATE_CALL, None)
            answer, problem = self._answer(file, request)
            if late:
                self._arrive(file, Request(**late))
        if problem:
            raise problem
        return answer

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
        self, file: sqlite3.Connection, request: Request
    ) -> tuple[Answer, Exception | None]:
        """The answer, or what is raised in its place; notes the call."""
        nothing = Answer(request.operation_id, "")
        fault = _next_fault(file)
        if fault == "late":
            _put(file, _LATE_CALL, asdict(request))
        if fault in _NOTHING_DONE:
            kind, code = _NOTHING_DONE[fault]
            self._note(file, request, code)
            return nothing, kind(code)
        try:
            answer, outcome = self._do(file, request)
        except (OperationRefusedError, SystemBusyError) as error:
            self._note(file, request, error.args[0])
            return nothing, error
        if fault == "fail_after":
            self._note(file, request, "answer_lost")
            return nothing, SystemUnavailableError("answer_lost")
        self._note(file, request, outcome)
        late = _get(file, _LATE_ANSWER, None)
        _put(file, _LATE_ANSWER, asdict(answer) if fault == "answer_twice" else None)
        return Answer(**late) if late else answer, None

    def _arrive(self, file: sqlite3.Connection, request: Request) -> None:
        """A call that was long under way; nobody waits for the answer."""
        try:
            outcome = self._do(file, request)[1]
        except (OperationRefusedError, SystemBusyError) as error:
            outcome = error.args[0]
        self._note(file, request, outcome)

    def _do(self, file: sqlite3.Connection, request: Request) -> tuple[Answer, str]:
        found = file.execute(
            "SELECT kind, arguments, reference FROM done WHERE operation_id = ?",
            (request.operation_id,),
        ).fetchone()
        if found:
            if found[:2] != (request.kind, request.arguments):
                raise OperationRefusedError("operation_id_reused")
            return Answer(request.operation_id, found[2]), "again"
        operation = decode(request.kind, request.arguments)
        names = [f"{operation.target} {each}" for each in settles(operation)]
        if any(request.sequence < _last_taken(file, name) for name in names):
            raise OperationRefusedError(OVERTAKEN)
        self.apply(State(file, self._now()), operation)
        for name in names:
            file.execute(
                "INSERT OR REPLACE INTO last_taken VALUES (?, ?)", (name, request.sequence)
            )
        (number,) = file.execute("SELECT count(*) FROM done").fetchone()
        reference = f"{request.kind}-{number + 1}"
        file.execute(
            "INSERT INTO done VALUES (?, ?, ?, ?)",
            (request.operation_id, request.kind, request.arguments, reference),
        )
        return Answer(request.operation_id, reference), "done"

    def _note(self, file: sqlite3.Connection, request: Request, outcome: str) -> None:
        file.execute(
            "INSERT INTO call (at, operation_id, kind, arguments, outcome) VALUES (?, ?, ?, ?, ?)",
            (
                self._now().isoformat(),
                request.operation_id,
                request.kind,
                request.arguments,
                outcome,
            ),
        )

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


def _last_taken(file: sqlite3.Connection, name: str) -> int:
    found = file.execute("SELECT sequence FROM last_taken WHERE name = ?", (name,)).fetchone()
    return int(found[0]) if found else 0


def _next_fault(file: sqlite3.Connection) -> str | None:
    """The way the next call goes wrong, if it does; counts it."""
    behaviour = _get(file, _BEHAVIOUR, {})
    for name in _IN_ORDER:
        if left := behaviour.get(name, 0):
            _put(file, _BEHAVIOUR, {**behaviour, name: left - 1})
            return name
    return None
