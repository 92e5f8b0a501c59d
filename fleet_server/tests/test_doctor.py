"""The doctor: a sound installation is fine, and each thing that is wrong is named with its cure."""

from __future__ import annotations

import os
import shutil
import socket
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import text

from fleet_server import backup, bootstrap, doctor, doctor_service, installation
from fleet_server.adapters.clock import utc_now
from fleet_server.config import Config
from fleet_server.domain.people import ErasureGround
from fleet_server.services import people
from fleet_server.services.audit import Actor, Entry, append
from fleet_server.services.demo_data import load_demo_data
from fleet_server.supervisor import claimed
from fleet_server.tests.databases import Database
from fleet_server.tests.installation import free_port


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    config = Config(state=tmp_path_factory.mktemp("made") / "state")
    installation.initialise(config, utc_now())
    fleet = bootstrap.build(config)
    with fleet.writing() as connection:
        load_demo_data(connection, utc_now())
    bootstrap.close(fleet)
    return config.state


@pytest.fixture
def config(made: Path, tmp_path: Path) -> Config:
    state = tmp_path / "state"
    shutil.copytree(made, state)
    state.chmod(0o700)
    return Config(state=state, http_port=free_port(), mqtt_port=free_port())


def bad(config: Config, now: datetime | None = None) -> list[str]:
    return [one.text for one in doctor.examine(config, now or utc_now()) if not one.good]


def test_a_fresh_installation_is_fine(config: Config) -> None:
    found = doctor.examine(config, utc_now())
    assert [one.text for one in found if not one.good] == []
    said = "\n".join(one.text for one in found)
    for word in ("GB are free", "mosquitto", "ports", "audit chain is whole", "clock", "backup"):
        assert word in said


def _break_chain(config: Config) -> None:
    with bootstrap.build(config).writing() as connection:
        connection.execute(text("UPDATE audit_head SET digest = '0'"))


def _damage(config: Config) -> None:
    with bootstrap.build(config).engine.connect() as connection:
        driver = connection.connection.driver_connection
        assert driver is not None
        driver.execute("PRAGMA foreign_keys=OFF")
        driver.execute("INSERT INTO service_position VALUES (99, 9999, 'x', 'x')")


def _old_schema(config: Config) -> None:
    with bootstrap.build(config).writing() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '0002'"))


def _ahead(config: Config) -> None:
    with bootstrap.build(config).writing() as connection:
        later = utc_now() + timedelta(days=1)
        append(connection, Actor.system("test"), [Entry("noted", "x:1")], later)


def _old_backup(config: Config) -> None:
    before = utc_now() - timedelta(days=3)
    backup.make_backup(config, config.state.parent / "b", before, with_keys=False)


def _erased_since(config: Config) -> None:
    before = utc_now() - timedelta(minutes=1)
    backup.make_backup(config, config.state.parent / "b", before, with_keys=False)
    fleet = bootstrap.build(config)
    actor = Actor.system("test")
    people.erase(fleet, "C-1001", ErasureGround.REQUEST, actor, utc_now())


def _old_passwords(config: Config) -> None:
    os.utime(config.state / "first-sign-in.txt", (0, 0))


CASES: list[tuple[Callable[[Config], object], str]] = [
    (_break_chain, "audit chain is broken"),
    (_damage, "restore the last backup beside it"),
    (_old_schema, "fleet-server migrate"),
    (_ahead, "the clock is behind"),
    (_old_backup, "fleet-server backup FOLDER, daily"),
    (_erased_since, "persons were erased since the last backup"),
    (_old_passwords, "hand them out and delete it"),
    (lambda config: (config.state / "people.db").unlink(), "there is no personal data store"),
    (lambda config: (config.state / "people.db").chmod(0o644), "chmod 600"),
    (lambda config: config.state.chmod(0o755), "chmod 700"),
    (lambda config: (config.pki / "root.key").unlink(), "restore it from the keys' backup"),
    (lambda config: (config.pki / "root.pem").unlink(), "fleet-server init"),
]


@pytest.mark.parametrize(("spoil", "said"), CASES)
def test_what_is_wrong_is_named_with_what_helps(
    config: Config, spoil: Callable[[Config], object], said: str
) -> None:
    spoil(config)
    (found,) = bad(config)
    assert said in found


def test_a_host_whose_clock_went_back_is_told_so(config: Config) -> None:
    found = bad(config, utc_now() - timedelta(days=100 * 365))
    assert any("set the clock of this host" in one for one in found)
    assert any("the clock is behind" in one for one in found)


def test_a_full_disk_is_named(config: Config, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda _path: _Usage(100 << 30, 1 << 20))
    (found,) = bad(config)
    assert "make room" in found


class _Usage:
    def __init__(self, total: int, free: int) -> None:
        self.total, self.free = total, free


def test_a_port_that_another_holds_is_named(config: Config) -> None:
    with socket.socket() as other:
        other.bind((config.bind, config.http_port))
        other.listen()
        (found,) = bad(config)
    assert "Choose another with --http-port" in found


def test_a_server_that_runs_is_asked_whether_it_answers(config: Config) -> None:
    with claimed(config.state), socket.socket() as console:
        console.bind((config.bind, config.http_port))
        console.listen()
        found = doctor.examine(config, utc_now())
    assert any(one.text == f"the console answers on port {config.http_port}" for one in found)
    wrong = [one.text for one in found if not one.good]
    assert [said for said in wrong if "broker does not answer" in said]
    assert [said for said in wrong if "not reported its connection" in said]
    assert len(wrong) == 2


@pytest.mark.parametrize(
    ("said", "expected"),
    [("mosquitto version 1.6.9", "2.0 or later"), ("", "does not start")],
)
def test_a_broker_too_old_or_broken_is_named(
    config: Config, said: str, expected: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    program = config.state / "mosquitto-played"
    program.write_text(f"#!/bin/sh\necho '{said}'\n")
    program.chmod(0o700)
    monkeypatch.setattr(doctor_service, "find_mosquitto", lambda _state: program)
    (found,) = bad(config)
    assert expected in found


def test_a_postgresql_that_may_lose_commits_is_named(database: Database, config: Config) -> None:
    if database.server is None:
        pytest.skip("SQLite waits for the disk by our own setting")
    url = database.fresh_url()
    found = bad(Config(state=config.state, database_url=url))
    for setting in ("fsync", "synchronous_commit", "full_page_writes"):
        assert f"the database may lose commits: switch {setting} on" in found
