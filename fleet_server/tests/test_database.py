"""Schema, migrations and the promise of a commit."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Engine, select, text

from fleet_server.adapters.database import open_database
from fleet_server.adapters.migration import is_current, migrate
from fleet_server.errors import OperatorError
from fleet_server.services import tables as t
from fleet_server.services.demo_data import load_demo_data
from fleet_server.services.readiness import CONTROLLER, readiness, report
from fleet_server.services.upsert import add_to, upsert
from fleet_server.tests.console_site import Site
from fleet_server.tests.databases import Database

NOW = datetime(2027, 1, 15, 12, 0, 0, 123_000, tzinfo=UTC)


@pytest.fixture
def sqlite(tmp_path: Path) -> Iterator[Engine]:
    made = open_database(f"sqlite:///{tmp_path / 'fleet.db'}")
    assert not is_current(made)
    migrate(made)
    yield made
    made.dispose()


def test_migrations_lead_to_the_tables_the_services_use(engine: Engine) -> None:
    migrate(engine)
    assert is_current(engine)
    with engine.connect() as connection:
        found = compare_metadata(MigrationContext.configure(connection), t.metadata)
    # A comment is for whoever reads the tables here; only PostgreSQL would keep it.
    assert [one for one in found if "comment" not in str(one[0])] == []


def test_a_commit_of_sqlite_is_durable(sqlite: Engine) -> None:
    with sqlite.connect() as connection:
        assert connection.scalar(text("PRAGMA synchronous")) == 2
        assert connection.scalar(text("PRAGMA journal_mode")) == "wal"


def test_a_reader_sees_one_state_and_writes_nothing(engine: Engine) -> None:
    with engine.connect().execution_options(writes=False) as reader:
        assert reader.execute(select(t.contract)).all() == []
        with engine.begin() as writer:
            writer.execute(t.contract.insert().values(number="C-1", created_at=NOW))
        assert reader.execute(select(t.contract)).all() == []


def test_a_writer_that_writes_again_and_again_keeps_nobody_out(sqlite: Engine) -> None:
    stopping = threading.Event()

    def write_again_and_again() -> None:
        while not stopping.is_set():
            with sqlite.begin() as connection:
                connection.execute(text("DELETE FROM contract"))
                time.sleep(0.02)  # the work of a batch

    busy = threading.Thread(target=write_again_and_again)
    busy.start()
    try:
        for _ in range(5):
            asked_s = time.monotonic()
            with sqlite.begin() as connection:
                connection.execute(text("DELETE FROM contract"))
            assert time.monotonic() - asked_s < 2
    finally:
        stopping.set()
        busy.join()


@pytest.mark.parametrize("url", ["", "fleet.db", "mysql://host/fleet", "oracle://x"])
def test_an_address_of_no_known_database_is_refused_with_what_helps(url: str) -> None:
    with pytest.raises(OperatorError, match=r"postgresql://user@host/name"):
        open_database(url)


def test_one_transaction_writes_at_a_time(engine: Engine) -> None:
    fleet = Site(Path(), engine).context.fleet
    inside: list[int] = []
    most: list[int] = []

    def write(number: int) -> None:
        with fleet.writing() as connection:
            inside.append(number)
            most.append(len(inside))
            taken = len(connection.execute(select(t.contract)).all())
            time.sleep(0.02)
            connection.execute(t.contract.insert().values(number=f"C-{taken}", created_at=NOW))
            inside.remove(number)

    threads = [threading.Thread(target=write, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert max(most) == 1
    with engine.connect() as connection:
        assert len(connection.execute(select(t.contract)).all()) == 4


def test_readers_do_not_wait_for_writers(engine: Engine) -> None:
    with engine.begin() as writer:
        writer.execute(t.contract.insert().values(number="C-1", created_at=NOW))
        with engine.connect().execution_options(writes=False) as reader:
            assert reader.execute(select(t.contract)).all() == []
    with engine.connect().execution_options(writes=False) as reader:
        assert [row.created_at for row in reader.execute(select(t.contract))] == [NOW]


def test_the_made_up_registry_can_be_loaded_again(engine: Engine) -> None:
    for _ in range(2):
        with engine.begin() as connection:
            load_demo_data(connection, NOW)
    with engine.connect() as connection:
        assert len(connection.execute(select(t.unit)).all()) == 4
        assert len(connection.execute(select(t.contract)).all()) == 4
        assert len(connection.execute(select(t.service_position)).all()) == 7


def test_upserts_insert_and_then_change(engine: Engine) -> None:
    row = {"endpoint_id": "a", "path": "Device.X", "reported_at": NOW}
    with engine.begin() as connection:
        upsert(connection, t.parameter, [{**row, "value": "1"}])
        upsert(connection, t.parameter, [{**row, "value": "2"}])
        upsert(connection, t.parameter, [])
        add_to(connection, t.ingest_counter, {"name": "sender"}, "value", 2)
        add_to(connection, t.ingest_counter, {"name": "sender"}, "value", 3)
        assert connection.scalar(select(t.parameter.c.value)) == "2"
        assert connection.scalar(select(t.ingest_counter.c.value)) == 5


def test_the_fleet_is_ready_while_the_controller_says_so(engine: Engine) -> None:
    with engine.begin() as connection:
        assert not readiness(connection, NOW).ready
        report(connection, CONTROLLER, "connecting", NOW)
        assert not readiness(connection, NOW).ready
        report(connection, CONTROLLER, "connected", NOW)
        assert readiness(connection, NOW).ready
        assert not readiness(connection, NOW.replace(minute=1)).ready


def test_an_older_schema_is_brought_forward_with_what_it_holds(tmp_path: Path) -> None:
    old = open_database(f"sqlite:///{tmp_path / 'old.db'}")
    migrate(old, "0002")
    with old.begin() as connection:
        for statement in (
            "INSERT INTO unit (id, serial_number, endpoint_id, manufacturer_oui, product_class, "
            "lab, blacklisted, received_at) VALUES (1, '1', 'ops::00256D-STB-1', '00256D', 'STB', "
            "0, 0, 1000), (2, '2', 'ops::00256D-STB-2', '00256D', 'STB', 0, 0, 2000)",
            "INSERT INTO contract (id, number, created_at) VALUES (1, 'C-1', 1000)",
            "INSERT INTO service_position (id, contract_id, name, product_classes) "
            "VALUES (1, 1, 'tv-1', 'STB')",
            "INSERT INTO assignment (unit_id, service_position_id, since_at) VALUES (1, 1, 5000)",
        ):
            connection.execute(text(statement))
    migrate(old)
    with old.connect() as connection:
        assert connection.scalar(text("PRAGMA foreign_keys")) == 1
        states = connection.execute(select(t.unit_state.c.unit_id, t.unit_state.c.state)).all()
        held = connection.execute(select(t.assignment)).one()
    assert states == [(1, "installed"), (2, "in_stock")]
    assert held.recorded_at == held.since_at
    assert held.handed_over_on is None
    old.dispose()


def _before_tries_named_their_system(engine: Engine) -> None:
    migrate(engine, "0016")


def test_tries_on_record_learn_which_system_they_were_calls_to(database: Database) -> None:
    engine = database.fresh(_before_tries_named_their_system)
    with engine.begin() as connection:
        for statement in (
            "INSERT INTO outbox (id, operation_id, decision, stage, system, kind, arguments, "
            "target, queued_at, due_at, tries, state) VALUES "
            "(1, 'd/1', 'd', 1, 'access', 'x', '{}', 'access/1', 1000, 1000, 1, 'done'), "
            "(2, 'd/2', 'd', 1, 'voice', 'x', '{}', 'voice/1', 1000, 1000, 1, 'queued')",
            "INSERT INTO outbox_try (outbox_id, at, outcome) VALUES "
            "(2, 2000, 'unavailable'), (1, 2000, 'done'), (2, 3000, 'unavailable')",
        ):
            connection.execute(text(statement))
    migrate(engine)
    with engine.connect() as connection:
        found = connection.scalars(select(t.outbox_try.c.system).order_by(t.outbox_try.c.id)).all()
    assert found == ["voice", "access", "voice"]
