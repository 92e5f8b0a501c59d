"""What a use case works with: the database and the ports, put together by `bootstrap.build`."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from sqlalchemy import Connection, Engine, func, select

from fleet_server.errors import OperatorError
from fleet_server.services.ports import CertificateAuthority, SettingsKey, SigningKey

_ONE_WRITER = 0x49504B4F


@dataclass(frozen=True, slots=True)
class Fleet:
    """One installation. `broker_host` and `broker_port` are what devices dial; `people` is the
    personal data store, None in a process that has no business with it.

    `command_key` signs what devices obey, `document_key` what people are given; `settings_key`
    opens the customer's settings that a replacement carries over, None where nobody may.
    """

    engine: Engine
    authority: CertificateAuthority
    command_key: SigningKey
    document_key: SigningKey
    controller_id: str
    broker_host: str
    broker_port: int
    people: Engine | None = None
    settings_key: SettingsKey | None = None

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """A connection that sees one state of the database and blocks no writer."""
        with self.engine.connect().execution_options(writes=False) as connection:
            yield connection

    @contextmanager
    def writing(self) -> Iterator[Connection]:
        """A transaction: committed at the end, rolled back when an exception leaves it.

        One at a time: what it reads stays so until it has written. SQLite has one writer anyway.
        """
        with self.engine.begin() as connection:
            if connection.dialect.name == "postgresql":
                connection.execute(select(func.pg_advisory_xact_lock(_ONE_WRITER)))
            yield connection

    @contextmanager
    def reading_people(self) -> Iterator[Connection]:
        """`reading` of the personal data store; services/people.py alone has a use for it."""
        with self._people().connect().execution_options(writes=False) as connection:
            yield connection

    @contextmanager
    def writing_people(self) -> Iterator[Connection]:
        """`writing` of the personal data store."""
        with self._people().begin() as connection:
            yield connection

    def _people(self) -> Engine:
        if self.people is None:
            raise OperatorError(
                "This process has no personal data store.", "Ask the console for personal data."
            )
        return self.people
