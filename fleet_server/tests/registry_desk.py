"""A registry with the made-up data, for tests of what is recorded in it; `now` is the test's."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Engine, Row, Table, select

from fleet_server.domain.rows import FileRow, Refusal
from fleet_server.services import as_of, assignments
from fleet_server.services import tables as t
from fleet_server.services.assignments import Papers
from fleet_server.services.audit import Actor, history
from fleet_server.services.demo_data import load_demo_history
from fleet_server.services.import_handlers import handler_of
from fleet_server.services.registry_import import Import, Tally

NOW = datetime(2027, 1, 15, 12, 0, tzinfo=UTC)
CLERK = Actor.system("clerk")


class RegistryDesk:
    """Somebody who keeps the registry, one step after the other."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self.now = NOW

    def reading(self) -> Connection:
        return self.engine.connect().execution_options(writes=False)

    def load_history(self) -> None:
        with self.engine.begin() as connection:
            load_demo_history(connection, self.now)

    def later(self, **length: float) -> datetime:
        self.now += timedelta(**length)
        return self.now

    def take(
        self, subject: str, rows: Sequence[Mapping[str, str]], *, dry_run: bool = False
    ) -> tuple[Tally, list[Refusal]]:
        """Import rows as lines 2, 3, … of a file."""
        job = Import(handler_of(subject), CLERK, "delivery 7", dry_run)
        lines = [FileRow(line, row) for line, row in enumerate(rows, 2)]
        with self.engine.begin() as connection:
            refusals = job.take(connection, lines, self.now)
        return job.tally, refusals

    def assign(
        self,
        serial: str,
        contract: str,
        position: str,
        handed_over_on: date | None = None,
        value_cents: int | None = None,
    ) -> None:
        papers = Papers(handed_over_on, value_cents)
        with self.engine.begin() as connection:
            assignments.assign(connection, CLERK, serial, contract, position, papers, self.now)

    def on(
        self, contract: str, day: date, known_at: datetime | None = None
    ) -> list[tuple[str, str]]:
        """Position and serial number of everything that was on a contract that day."""
        with self.reading() as connection:
            found = as_of.contract_on(connection, contract, day, known_at)
        return [(one.position, one.serial_number) for one in found]

    def number(self, serial: str) -> int:
        """The newest assignment of a unit."""
        with self.reading() as connection:
            found = connection.scalars(
                select(t.assignment.c.id)
                .join(t.unit, t.unit.c.id == t.assignment.c.unit_id)
                .where(t.unit.c.serial_number == serial)
            )
            return int(max(found))

    def unit(self, serial: str) -> Row[Any]:
        with self.reading() as connection:
            return connection.execute(select(t.unit).where(t.unit.c.serial_number == serial)).one()

    def rows(self, table: Table) -> Sequence[Row[Any]]:
        with self.reading() as connection:
            return connection.execute(select(table)).all()

    def log(self, subject: str) -> list[tuple[str, dict[str, Any], str | None]]:
        """Action, detail and reason, the newest first."""
        with self.reading() as connection:
            found = history(connection, subject)
        return [(one.action, one.detail, one.reason) for one in found]
