"""Databases for the tests, of both kinds: a fixture that takes `database` runs once on each.

A schema is made once for each session and kind, and copied for each test.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from threading import Lock

from sqlalchemy import Engine, event

from fleet_server.adapters.database import open_database
from fleet_server.adapters.migration import migrate
from fleet_server.tests.postgresql import PostgreSQL

SQLITE, POSTGRESQL = "sqlite", "postgresql"
Prepare = Callable[[Engine], None]


@dataclass(slots=True)
class Templates:
    """What was made so far, by kind and what it was prepared with."""

    folder: Path
    made: dict[tuple[str, Prepare], str] = field(default_factory=dict)


@dataclass(slots=True)
class Database:
    """Gives fresh databases of one kind to one test, and takes them back at its end."""

    kind: str
    folder: Path
    templates: Templates
    server: PostgreSQL | None
    engines: list[Engine] = field(default_factory=list)
    names: list[str] = field(default_factory=list)

    def fresh(self, prepare: Prepare = migrate, name: str = "fleet") -> Engine:
        """An engine on a copy of the database that `prepare` made once; `name` is its file's.

        On PostgreSQL the copy is made when the engine first connects: many tests never do.
        """
        if self.server is None:
            engine = open_database(self.fresh_url(prepare, name))
        else:
            engine = self._fresh_on_first_use(self.server, prepare)
        self.engines.append(engine)
        return engine

    def _fresh_on_first_use(self, server: PostgreSQL, prepare: Prepare) -> Engine:
        name = server.new_name()
        engine = open_database(server.url(name))
        one_at_a_time = Lock()

        def create(*_connecting: object) -> None:
            with one_at_a_time:
                if name not in self.names:
                    self.names.append(name)
                    server.create(self._template_of(prepare), name)

        event.listen(engine, "do_connect", create)
        return engine

    def fresh_url(self, prepare: Prepare = migrate, name: str = "fleet") -> str:
        template = self._template_of(prepare)
        if self.server is None:
            path = self.folder / f"{name}.db"
            shutil.copy(template, path)
            self.names.append(str(path))
            return f"sqlite:///{path}"
        self.names.append(self.server.create(template))
        return self.server.url(self.names[-1])

    def close(self) -> None:
        for engine in self.engines:
            engine.dispose()
        if self.server is not None:
            for name in self.names:
                self.server.drop(name)

    def _template_of(self, prepare: Prepare) -> str:
        return self.templates.made.get((self.kind, prepare)) or self._template(prepare)

    def _template(self, prepare: Prepare) -> str:
        if self.server is None:
            name = str(self.templates.folder / f"template{len(self.templates.made)}.db")
            url = f"sqlite:///{name}"
        else:
            name = self.server.create()
            url = self.server.url(name)
        engine = open_database(url)
        prepare(engine)
        engine.dispose()
        self.templates.made[self.kind, prepare] = name
        return name
