"""Importing rows: each is checked against the registry, taken over, found there, or refused.

Nothing is overwritten: a row that says of something on record what the record does not say is
refused. So a file can be imported again after a break; what is there already counts as unchanged.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

from sqlalchemy import Connection

from fleet_server.domain.import_subjects import Subject
from fleet_server.domain.rows import Fault, FileRow, Refusal, Values
from fleet_server.services.audit import Actor

BATCH_ROWS = 1_000


@dataclass(frozen=True, slots=True)
class Outcome:
    """What the registry says of a row: new unless it is there already or has faults."""

    faults: tuple[Fault, ...] = ()
    unchanged: bool = False


NEW = Outcome()
UNCHANGED = Outcome(unchanged=True)


def refused(column: str, text: str) -> Outcome:
    return Outcome((Fault(column, text),))


class Handler(Protocol):
    """What one subject needs to be imported. `check` may put what it found into the values."""

    @property
    def subject(self) -> Subject: ...

    def check(
        self, connection: Connection, batch: Sequence[Values], now: datetime
    ) -> list[Outcome]: ...

    def add(
        self,
        connection: Connection,
        batch: Sequence[Values],
        actor: Actor,
        reason: str,
        now: datetime,
    ) -> None: ...


@dataclass(slots=True)
class Tally:
    """How an import went so far."""

    added: int = 0
    unchanged: int = 0
    refused: int = 0

    @property
    def rows(self) -> int:
        return self.added + self.unchanged + self.refused


@dataclass(slots=True)
class Import:
    """One file being imported, batch by batch; each batch is a transaction of the caller's.

    `dry_run` checks and writes nothing. What no two rows may share is remembered with its line.
    """

    handler: Handler
    actor: Actor
    reason: str
    dry_run: bool
    tally: Tally = field(default_factory=Tally)
    _lines: dict[str, int] = field(default_factory=dict)

    def take(
        self, connection: Connection, batch: Iterable[FileRow], now: datetime
    ) -> list[Refusal]:
        """Check these rows and take over those that are new; gives what was refused."""
        refusals: list[Refusal] = []
        sound: list[tuple[int, Values]] = []
        for row in batch:
            values, faults = self._read(row)
            if faults:
                refusals += self._refuse(row.line, values, faults)
            else:
                sound.append((row.line, values))
        outcomes = self.handler.check(connection, [values for _, values in sound], now)
        new: list[Values] = []
        for (line, values), outcome in zip(sound, outcomes, strict=True):
            if outcome.faults:
                refusals += self._refuse(line, values, outcome.faults)
            elif outcome.unchanged:
                self.tally.unchanged += 1
            else:
                new.append(values)
        if new and not self.dry_run:
            self.handler.add(connection, new, self.actor, self.reason, now)
        self.tally.added += len(new)
        return sorted(refusals, key=lambda refusal: refusal.line)

    def _read(self, row: FileRow) -> tuple[Values, Sequence[Fault]]:
        if row.faults:
            return dict(row.fields), row.faults
        values, faults = self.handler.subject.read(dict(row.fields))
        if faults:
            return dict(row.fields), faults
        texts = self.handler.subject.unique_texts(values)
        found = [
            Fault("", f"{text} is in line {self._lines[text]} already")
            for text in texts
            if text in self._lines
        ]
        if not found:
            self._lines.update(dict.fromkeys(texts, row.line))
        return values, found

    def _refuse(self, line: int, values: Values, faults: Sequence[Fault]) -> list[Refusal]:
        self.tally.refused += 1
        key = str(values.get(self.handler.subject.key, ""))
        return [Refusal(line, key, fault.column, fault.text) for fault in faults]


def batches(rows: Iterable[FileRow], size: int = BATCH_ROWS) -> Iterable[list[FileRow]]:
    """The rows, `size` at a time."""
    batch: list[FileRow] = []
    for row in rows:
        batch.append(row)
        if len(batch) == size:
            yield batch
            batch = []
    if batch:
        yield batch
