"""Personal data is where it belongs and nowhere else, and after erasure nowhere.

Marked, made-up data is put in wherever it can enter; then everything that is kept, said or logged
is searched for the marks. The words of a reason may name a person: they may stand beside the audit
chain and in answers to those who may read them, and go with the person.
"""

from __future__ import annotations

import copy
import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from sqlalchemy import Engine, inspect, text

from fleet_server.api.examples import Schema
from fleet_server.api.openapi import operations
from fleet_server.domain.roles import Role
from fleet_server.services import audit, people
from fleet_server.services.audit import Actor, Entry
from fleet_server.services.people_tables import person_look
from fleet_server.tests.console_site import VOICE_MODEM, Site, add_event
from fleet_server.tests.test_people import URL

MARK = "zqmark"
PERSON = {
    "name": f"{MARK}name",
    "surname": f"{MARK}surname",
    "personal_number": "770770770770",
    "address": f"Rruga {MARK}address 1",
    "fixed_number": "+383 38 770 771",
    "mobile_number": "+383 44 770 772",
    "e_mail": f"{MARK}@example.org",
}
REASON = f"{MARK}reason called from +383 44 770 772"
MARKS = [MARK, "770770770770", "770 771", "770 772"]
PATHS = {
    "serial": "00000002",
    "number": "C-1001",
    "name": "return_days",
    "account_id": "1",
    "token_id": "1",
    "subject": "places",
}
WORDS = {"audit_reason"}
"""Tables that may hold people's words; none other may hold a mark."""


def marks_in(where: str | bytes) -> list[str]:
    if isinstance(where, bytes):
        return [mark for mark in MARKS if mark.encode() in where]
    return [mark for mark in MARKS if mark in where]


def marked_tables(engine: Engine) -> set[str]:
    with engine.connect() as connection:
        return {
            name
            for name in inspect(engine).get_table_names()
            if marks_in(str(connection.execute(text(f'SELECT * FROM "{name}"')).all()))  # noqa: S608 - our tables
        }


def files_of(engine: Engine, folder: Path) -> Iterator[Path]:
    """What the database keeps on disk, but for PostgreSQL's own log."""
    if engine.dialect.name == "sqlite":
        yield from folder.glob(f"{Path(str(engine.url.database)).name}*")
        return
    with engine.connect() as connection:
        number = connection.execute(
            text("SELECT oid FROM pg_database WHERE datname = current_database()")
        ).scalar_one()
        connection.execute(text("CHECKPOINT"))
    yield from (Path(str(engine.url.query["host"])) / "data" / "base" / str(number)).iterdir()


def bytes_of(engine: Engine, folder: Path) -> bytes:
    return b"".join(path.read_bytes() for path in files_of(engine, folder) if path.is_file())


@pytest.fixture
def planted(site: Site) -> Site:
    """A site with marked data everywhere it can enter."""
    headers = site.bearer(Role.CALL_CENTRE) | {"Idempotency-Key": f"{MARK}-0123456789"}
    answer = site.browser().request("PUT", URL, json=PERSON, headers=headers)
    assert answer.status_code == 204
    setting = {"value": "6", "reason": REASON}
    boss = site.bearer(Role.ADMINISTRATOR)
    key = {"Idempotency-Key": "0123456789-0123456789"}
    ask = site.browser().request
    assert ask("PUT", "/api/v1/policy/return_days", json=setting, headers=boss | key).is_success
    with site.context.fleet.writing() as connection:
        for subject in ("contract:C-1001", "unit:00000002"):
            audit.append(connection, Actor.account(1), [Entry("noted", subject)], site.now, REASON)
    add_event(site, VOICE_MODEM, 1, "PowerLoss!")
    for role, purpose in ((Role.TECHNICIAN, "visit"), (Role.CALL_CENTRE, "contract_data")):
        answer = ask("GET", f"{URL}?purpose={purpose}", headers=site.bearer(role))
        assert marks_in(answer.text)
    return site


def test_personal_data_stands_in_its_own_store_and_words_beside_the_chain(planted: Site) -> None:
    assert planted.people is not None
    assert marked_tables(planted.people) == {"person"}
    assert marked_tables(planted.engine) == WORDS
    with planted.people.connect() as connection:
        assert len(connection.execute(person_look.select()).all()) == 2


def _addresses(document: Schema) -> Iterator[tuple[str, str, Schema]]:
    for path, method, operation in operations(document):
        address = path
        for name in ("serial", "number", "name", "account_id", "token_id", "subject"):
            address = address.replace(f"{{{name}}}", PATHS[name])
        while "{" in address:
            before, _, rest = address.partition("{")
            address = before + "1" + rest.partition("}")[2]
        yield method.upper(), f"/api/v1{address}", operation


@pytest.mark.parametrize("role", [Role.CONTRACTOR, Role.WAREHOUSE])
def test_who_works_by_serial_number_is_told_nothing_of_a_person(planted: Site, role: Role) -> None:
    document = planted.browser().get("/api/v1/openapi.json").json()
    headers, seen = planted.bearer(role), 0
    for method, address, _operation in _addresses(document):
        if method == "GET":
            answer = planted.browser().get(address, headers=headers)
            assert marks_in(answer.text) == [], address
            seen += answer.is_success
    browser = planted.signed_in(role)
    for page in ("/", "/units?serial=00000002", "/contracts/C-1001", "/contracts/C-1001/person"):
        assert marks_in(browser.get(page).text) == [], page
    assert seen


def _spoilt(example: Any) -> Iterator[Any]:
    """The example with one member after the other marked, and with one too many."""
    if not isinstance(example, dict):
        return
    for name in example:
        spoilt = copy.deepcopy(example)
        spoilt[name] = {f"{MARK}key": f"{MARK}value"}
        yield spoilt
        spoilt = copy.deepcopy(example)
        spoilt[name] = f"{MARK} {'x' * 600}"
        yield spoilt
    yield [f"{MARK}list"]


def test_no_error_repeats_what_was_sent_and_no_log_tells_it(
    planted: Site, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    document = planted.browser().get("/api/v1/openapi.json").json()
    headers = {role: planted.bearer(role) for role in (Role.FLEET_OPS, Role.ADMINISTRATOR)}
    refused = 0
    for method, address, operation in _addresses(document):
        for content in operation.get("requestBody", {}).get("content", {}).values():
            for body in _spoilt(content["example"]):
                for each in headers.values():
                    answer = planted.browser().request(method, address, json=body, headers=each)
                    if not answer.is_success:
                        refused += 1
                        assert marks_in(answer.text) == [], f"{method} {address} {answer.text}"
                    if answer.status_code != 403:
                        break
    raw = planted.browser().post(
        "/api/v1/session",
        content=f"{MARK} is no JSON",
        headers={"Content-Type": "application/json"},
    )
    assert marks_in(raw.text) == []
    assert refused > 50
    assert marks_in(caplog.text) == []


def test_a_failing_database_tells_neither_caller_nor_log_what_was_written(
    planted: Site, caplog: pytest.LogCaptureFixture
) -> None:
    assert planted.people is not None
    with planted.people.begin() as connection:
        connection.execute(text("ALTER TABLE person RENAME COLUMN address TO elsewhere"))
    browser = planted.browser()
    browser.client._transport = httpx.ASGITransport(planted.app, raise_app_exceptions=False)
    headers = planted.bearer(Role.CALL_CENTRE)
    answer = browser.request("PUT", URL, json=PERSON, headers=headers)
    assert answer.status_code == 500
    assert marks_in(answer.text) == []
    with pytest.raises(Exception, match="address") as caught:
        planted.browser().request("PUT", URL, json=PERSON, headers=headers)
    logging.getLogger("test").exception("as a server would", exc_info=caught.value)
    assert marks_in(caplog.text) == []
    assert marks_in(str(caught.value)) == []


def test_after_erasure_it_is_nowhere_not_even_in_the_files(planted: Site) -> None:
    site = planted
    assert site.people is not None
    for engine in (site.engine, site.people):
        assert marks_in(bytes_of(engine, site.folder))
    headers = site.bearer(Role.ADMINISTRATOR)
    answer = site.browser().request("DELETE", f"{URL}?ground=request", headers=headers)
    assert answer.json()["texts_erased"] == 2
    for engine in (site.engine, site.people):
        assert marked_tables(engine) - WORDS == set()
    with site.engine.begin() as connection:
        left = connection.execute(text("SELECT count(*) FROM audit_reason")).scalar_one()
        assert left == 1, "the reason of a setting is about no contract"
        connection.execute(text("DELETE FROM audit_reason"))
        assert audit.verify(connection).broken_at is None
    people.reapply(site.context.fleet, [])
    for engine in (site.engine, site.people):
        assert marks_in(bytes_of(engine, site.folder)) == []
