"""Backup and restore, proved by restoring: on SQLite and on PostgreSQL."""

from __future__ import annotations

import json
import shutil
import sqlite3
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import func, select, text

from fleet_server import backup, bootstrap, installation
from fleet_server.adapters.clock import utc_now
from fleet_server.config import Config
from fleet_server.domain.people import ErasureGround, PersonField
from fleet_server.errors import OperatorError
from fleet_server.services import audit, people
from fleet_server.services import tables as t
from fleet_server.services.audit import Actor, Entry
from fleet_server.services.demo_data import load_demo_data
from fleet_server.services.fleet import Fleet
from fleet_server.services.people_tables import person
from fleet_server.services.retention import Kind, RetentionError, forget
from fleet_server.tests.databases import SQLITE, Database

CLERK = Actor.account(3)
SHEMBULL = {PersonField.NAME: "MARK-name", PersonField.ADDRESS: "MARK-address 1"}


@dataclass
class Place:
    """An installation and where others may be made."""

    database: Database
    folder: Path
    config: Config
    fleet: Fleet

    def empty(self, name: str) -> Config:
        """Settings of an installation that has nothing yet."""
        return _settings(self.database, self.folder / name)

    def backup(self, name: str = "backup", *, with_keys: bool = True) -> Path:
        backup.make_backup(self.config, self.folder / name, utc_now(), with_keys=with_keys)
        return self.folder / name


def _settings(database: Database, state: Path) -> Config:
    if database.server is None:
        return Config(state=state)
    names = [database.server.create() for _ in range(2)]
    database.names += names
    fleet, people = (database.server.url(name) for name in names)
    return Config(state=state, database_url=fleet, people_database_url=people)


@pytest.fixture
def place(database: Database, tmp_path: Path) -> Iterator[Place]:
    """An installation with keys, the made-up registry, a person, an entry and a session."""
    config = _settings(database, tmp_path / "state")
    (config.state / "pki").mkdir(parents=True)
    (config.pki / "root.key").write_text("MARK-key")
    (config.pki / "root.pem").write_text("certificate")
    (config.state / "allow-lists").mkdir()
    (config.state / "allow-lists" / "1.jws").write_text("list")
    fleet = bootstrap.build(config)
    installation.migrate_all(fleet)
    now = utc_now()
    with fleet.writing() as connection:
        load_demo_data(connection, now)
        entry = Entry("noted", "contract:C-1001")
        audit.append(connection, CLERK, [entry], now, "MARK-name called")
        connection.execute(t.command_counter.insert().values(endpoint_id="a", last=7))
        connection.execute(
            t.account.insert().values(
                username="x", role="auditor", language="", password_hash="", created_at=now
            )
        )
        connection.execute(
            t.api_token.insert().values(
                account_id=1, token_hash="h", expires_at=now + timedelta(days=1)
            )
        )
    people.keep(fleet, "C-1001", SHEMBULL, CLERK, now)
    yield Place(database, tmp_path, config, fleet)
    bootstrap.close(fleet)


def rows(fleet: Fleet, table: str) -> list[object]:
    with fleet.reading() as connection:
        return list(connection.execute(text(f"SELECT * FROM {table} ORDER BY 1, 2")))  # noqa: S608 - our tables


def test_what_is_restored_is_what_was_backed_up(place: Place) -> None:
    folder = place.backup()
    config = place.empty("again")
    done = backup.restore(config, folder)
    fleet = bootstrap.build(config)
    for table in ("unit", "contract", "service_position", "audit_entry", "audit_reason", "account"):
        assert rows(fleet, table) == rows(place.fleet, table), table
    with fleet.reading_people() as connection:
        assert connection.scalar(select(person.c.name)) == "MARK-name"
    with fleet.reading() as connection:
        assert audit.verify(connection).broken_at is None
    assert (config.pki / "root.key").read_text() == "MARK-key"
    assert (config.state / "allow-lists" / "1.jws").read_text() == "list"
    assert done.audit_entries == len(rows(fleet, "audit_entry"))
    installation.migrate_all(fleet)
    bootstrap.close(fleet)


def test_restored_counters_are_ahead_and_nobody_is_signed_in(place: Place) -> None:
    config = place.empty("again")
    backup.restore(config, place.backup())
    fleet = bootstrap.build(config)
    with fleet.reading() as connection:
        assert connection.scalar(select(t.command_counter.c.last)) == 1_000_007
        assert connection.scalar(select(func.count()).select_from(t.api_token)) == 0
    bootstrap.close(fleet)


def test_nothing_is_overwritten(place: Place) -> None:
    folder = place.backup()
    with pytest.raises(OperatorError, match="is there already"):
        backup.restore(place.config, folder)
    with pytest.raises(OperatorError, match="is there already"):
        place.backup()
    config = place.empty("again")
    config.pki.mkdir(parents=True)
    with pytest.raises(OperatorError, match="nothing is overwritten"):
        backup.restore(config, folder)
    assert rows(place.fleet, "unit")


def test_private_keys_go_along_only_when_asked_for(place: Place) -> None:
    folder = place.backup(with_keys=False)
    assert [path.name for path in (folder / "pki").iterdir()] == ["root.pem"]
    config = place.empty("again")
    assert backup.restore(config, folder).with_keys is False
    assert not config.pki.exists()


def test_a_backup_while_others_write_is_whole(place: Place) -> None:
    stop = threading.Event()

    def write() -> None:
        number = 0
        while not stop.is_set():
            number += 1
            with place.fleet.writing() as connection:
                audit.append(connection, CLERK, [Entry("noted", f"x:{number}")], utc_now())

    writer = threading.Thread(target=write)
    writer.start()
    try:
        folder = place.backup()
    finally:
        stop.set()
        writer.join(30)
    config = place.empty("again")
    backup.restore(config, folder)


@pytest.mark.parametrize("name", ["fleet.copy", "people.copy", "erasures.jsonl", "pki/root.key"])
def test_a_changed_or_missing_file_is_found_and_nothing_is_put_in_place(
    place: Place, name: str
) -> None:
    folder = place.backup()
    with (folder / name).open("ab") as file:
        file.write(b"x")
    config = place.empty("again")
    with pytest.raises(OperatorError, match="was changed since"):
        backup.restore(config, folder)
    (folder / name).unlink()
    with pytest.raises(OperatorError, match="is missing"):
        backup.restore(config, folder)
    assert not config.state.exists()


def test_a_folder_that_is_no_backup_is_refused(place: Place) -> None:
    config = place.empty("again")
    with pytest.raises(OperatorError, match="is no backup"):
        backup.restore(config, place.folder)
    folder = place.backup()
    manifest = json.loads((folder / "manifest.json").read_text())
    for changed, said in (
        ({"format": 99}, "another version"),
        ({"kinds": {"fleet": "other", "people": "other"}}, "FLEET_DATABASE"),
        ({"audit": {"entries": 1, "digest": "0"}}, "not the one backed up"),
    ):
        (folder / "manifest.json").write_text(json.dumps({**manifest, **changed}))
        with pytest.raises(OperatorError, match=said):
            backup.restore(place.empty(f"again {said[:3]}"), folder)


def test_what_was_erased_does_not_come_back_with_an_older_backup(place: Place) -> None:
    old = place.backup("old")
    people.erase(place.fleet, "C-1001", ErasureGround.REQUEST, CLERK, utc_now())
    new = place.backup("new")
    config = place.empty("again")
    done = backup.restore(config, old, [new / "erasures.jsonl"])
    assert done.erasures == 1
    fleet = bootstrap.build(config)
    with fleet.reading_people() as connection:
        assert connection.execute(select(person)).all() == []
        assert len(people.register(connection)) == 1
    assert "MARK" not in str(rows(fleet, "audit_reason"))
    bootstrap.close(fleet)
    kept = b"".join(path.read_bytes() for path in config.state.glob("*.db*"))
    assert b"MARK" not in kept
    with pytest.raises(OperatorError, match="no register of erasures"):
        backup.restore(place.empty("third"), old, [place.folder / "nothing"])


def test_a_chain_that_is_broken_is_not_backed_up(place: Place) -> None:
    with place.fleet.writing() as connection:
        connection.execute(t.audit_head.update().values(digest="0"))
    with pytest.raises(OperatorError, match="broken at entry"):
        place.backup()
    assert not (place.folder / "backup").exists()


def test_a_damaged_copy_is_not_put_in_place(place: Place) -> None:
    if place.database.kind != SQLITE:
        pytest.skip("pg_restore refuses a damaged archive by itself")
    folder = place.backup()
    copy = sqlite3.connect(folder / "fleet.copy")
    copy.execute("PRAGMA writable_schema=ON")
    copy.execute("UPDATE sqlite_master SET rootpage = 3 WHERE name = 'ix_event_endpoint_id_id'")
    copy.commit()
    copy.close()
    manifest = json.loads((folder / "manifest.json").read_text())
    manifest["files"]["fleet.copy"] = backup._digest(folder / "fleet.copy")
    (folder / "manifest.json").write_text(json.dumps(manifest))
    config = place.empty("again")
    with pytest.raises(OperatorError, match="damaged"):
        backup.restore(config, folder)
    assert not (config.state / "fleet.db").exists()


def test_an_unmade_installation_has_nothing_to_back_up(tmp_path: Path) -> None:
    config = Config(state=tmp_path / "state")
    with pytest.raises(OperatorError, match="no installation"):
        backup.make_backup(config, tmp_path / "b", utc_now(), with_keys=False)
    config.state.mkdir()
    with pytest.raises(OperatorError, match="no database"):
        backup.make_backup(config, tmp_path / "b", utc_now(), with_keys=False)
    shutil.rmtree(config.state)


def test_what_is_older_than_it_is_kept_goes_and_the_rest_stays(place: Place) -> None:
    now = utc_now()
    fleet = place.fleet
    with fleet.writing() as connection:
        for days in (10, 100):
            at = now - timedelta(days=days)
            connection.execute(
                t.presence_change.insert().values(
                    endpoint_id="a", state="online", at=at, seen_at=at, evidence="connect"
                )
            )
            connection.execute(
                t.health_report.insert().values(
                    endpoint_id="a", event_key=str(days), collected_at=at, received_at=at, data=""
                )
            )
            connection.execute(
                t.event.insert().values(
                    endpoint_id="a",
                    event_key=str(days),
                    msg_id="",
                    subscription_id="",
                    kind="event",
                    path="",
                    name="",
                    params="{}",
                    received_at=at,
                )
            )
    kept = dict.fromkeys(Kind, 60)
    counted = forget(fleet, kept, now, dry=True)
    assert counted == {Kind.HEALTH: 1, Kind.EVENTS: 1, Kind.PRESENCE: 1, Kind.LOOKS: 0}
    assert forget(fleet, kept, now, dry=False) == counted
    assert set(forget(fleet, kept, now, dry=False).values()) == {0}
    for table in ("presence_change", "health_report", "event"):
        assert len(rows(fleet, table)) == 1
    with pytest.raises(RetentionError, match="31 days"):
        forget(fleet, {Kind.EVENTS: 30}, now, dry=False)
