"""A write that is sent again is answered again, and done once."""

from __future__ import annotations

import asyncio
import threading
from datetime import timedelta
from typing import Any

import httpx
import pytest
from fastapi import FastAPI, Response
from sqlalchemy import select

from fleet_server.api import errors
from fleet_server.api.caller import CurrentCaller
from fleet_server.api.idempotency import HEADER, IdempotencyKeys, NotKept
from fleet_server.domain.errors import ConflictError
from fleet_server.domain.roles import Role
from fleet_server.services import tables as t
from fleet_server.tests.console_site import Browser, Site

KEY = "3f1c9a52-0000-4000-8000-000000000001"
SECRET = "MARK-secret-of-an-answer"


class Counted:
    """Routes that count how often they were carried out."""

    def __init__(self, site: Site) -> None:
        self.done: list[str] = []
        self.hold = threading.Event()
        self.hold.set()
        self.started = threading.Event()
        app = FastAPI()
        app.state.context = site.context
        app.add_middleware(IdempotencyKeys, context=site.context)
        errors.install(app)
        self._routes(app)
        self.browser = Browser(app, "en")
        self.site = site

    def _routes(self, app: FastAPI) -> None:
        @app.post("/things", status_code=201)
        def make(body: dict[str, Any], caller: CurrentCaller, response: Response) -> dict[str, Any]:
            self.started.set()
            self.hold.wait(10)
            self.done.append(caller.account.username)
            response.headers["Location"] = f"/things/{len(self.done)}"
            return {"number": len(self.done), **body}

        @app.put("/things/{number}", status_code=204)
        def change(number: int, caller: CurrentCaller) -> None:
            self.done.append(f"{caller.account.username} {number}")

        @app.post("/refused")
        def refuse(caller: CurrentCaller) -> None:
            self.done.append("tried")
            raise ConflictError("It is taken.")

        @app.post("/broken")
        def broken(caller: CurrentCaller) -> None:
            self.done.append("tried")
            raise ZeroDivisionError

        @app.post("/secret")
        def secret(caller: CurrentCaller, _: NotKept) -> dict[str, str]:
            self.done.append("told")
            return {"token": SECRET}

        @app.get("/things")
        def count(caller: CurrentCaller) -> int:
            self.done.append("looked")
            return len(self.done)

    def send(
        self, url: str = "/things", key: str = KEY, role: Role = Role.FLEET_OPS, **options: Any
    ) -> httpx.Response:
        headers = {HEADER: key, **self.site.bearer(role)}
        method = options.pop("method", "POST")
        options.setdefault("json", {"name": "x"})
        return self.browser.request(method, url, headers=headers, **options)

    def rows(self) -> list[Any]:
        with self.site.context.fleet.reading() as connection:
            return list(connection.execute(select(t.idempotency_key)).all())


@pytest.fixture
def counted(site: Site) -> Counted:
    return Counted(site)


def test_the_same_request_is_done_once_and_answered_alike(counted: Counted) -> None:
    first, again = counted.send(), counted.send()
    assert counted.done == ["fleet_ops"]
    assert (first.status_code, first.json()) == (201, {"number": 1, "name": "x"})
    assert (again.status_code, again.content) == (201, first.content)
    for name in ("content-type", "location"):
        assert again.headers[name] == first.headers[name]
    assert "idempotency-replayed" not in first.headers
    assert again.headers["idempotency-replayed"] == "true"


def test_an_answer_without_a_body_is_repeated_too(counted: Counted) -> None:
    for _ in range(2):
        answer = counted.send("/things/7", method="PUT")
        assert (answer.status_code, answer.content) == (204, b"")
    assert counted.done == ["fleet_ops 7"]


@pytest.mark.parametrize(
    "changed",
    [
        {"json": {"name": "y"}},
        {"url": "/things?dry_run=1"},
        {"url": "/refused"},
        {"url": "/things/1", "method": "PUT"},
    ],
)
def test_another_request_under_the_same_key_is_refused(
    counted: Counted, changed: dict[str, Any]
) -> None:
    counted.send()
    answer = counted.send(**changed)
    assert answer.status_code == 422
    assert answer.json()["type"].endswith(":idempotency-key-reused")
    assert counted.done == ["fleet_ops"]


def test_each_account_has_keys_of_its_own(counted: Counted) -> None:
    counted.send()
    assert counted.send(role=Role.TECHNICIAN).json()["number"] == 2
    assert counted.done == ["fleet_ops", "technician"]


def test_a_request_that_comes_while_the_first_is_at_work_is_refused(counted: Counted) -> None:
    counted.hold.clear()
    first: list[httpx.Response] = []
    at_work = threading.Thread(target=lambda: first.append(counted.send()))
    at_work.start()
    assert counted.started.wait(10)
    second = counted.send()
    counted.hold.set()
    at_work.join(10)
    assert second.status_code == 409
    assert second.json()["type"].endswith(":idempotency-key-in-use")
    assert first[0].status_code == 201
    assert counted.send().content == first[0].content
    assert counted.done == ["fleet_ops"]


def test_what_was_refused_was_not_done_and_may_be_tried_again(counted: Counted) -> None:
    assert [counted.send("/refused").status_code for _ in range(2)] == [409, 409]
    assert counted.done == ["tried", "tried"]
    assert counted.rows() == []
    assert counted.send().status_code == 201


def test_what_failed_half_way_is_not_done_again_unseen(counted: Counted) -> None:
    counted.browser.client._transport = httpx.ASGITransport(
        counted.browser.client._transport.app,  # type: ignore[attr-defined]
        raise_app_exceptions=False,
    )
    assert counted.send("/broken").status_code == 500
    again = counted.send("/broken")
    assert again.status_code == 409
    assert "look at what is on record" in again.json()["next"]
    assert counted.done == ["tried"]


def test_an_answer_with_a_secret_is_given_once_and_never_stored(counted: Counted) -> None:
    assert counted.send("/secret").json() == {"token": SECRET}
    again = counted.send("/secret")
    assert again.status_code == 409
    assert again.json()["type"].endswith(":answer-not-kept")
    assert counted.done == ["told"]
    assert [row.body for row in counted.rows()] == [None]


def test_neither_the_key_nor_the_request_can_be_read_from_the_table(counted: Counted) -> None:
    counted.send("/things/7", method="PUT", json={"password": "MARK-password"})
    stored = str(counted.rows())
    assert KEY not in stored
    assert "MARK" not in stored


def test_a_key_ends_after_a_day(counted: Counted) -> None:
    counted.send()
    counted.site.now += timedelta(hours=24)
    assert counted.send().json()["number"] == 2
    assert len(counted.rows()) == 1


@pytest.mark.parametrize("key", ["", "short", "x" * 65, "a key with blanks in it", "é" * 20])
def test_a_key_has_sixteen_to_sixty_four_visible_characters(counted: Counted, key: str) -> None:
    signed_in = counted.site.bearer(Role.FLEET_OPS)
    headers = [(HEADER.encode(), key.encode("latin-1"))]
    headers += [(name.encode(), value.encode()) for name, value in signed_in.items()]
    client = counted.browser.client
    answer = asyncio.run(client.post("/things", headers=headers, json={"name": "x"}))
    assert answer.status_code == 422
    assert answer.json()["type"].endswith(":invalid-idempotency-key")
    assert counted.done == []


def test_reading_and_calls_without_a_key_pass_as_they_are(counted: Counted) -> None:
    assert counted.send(method="GET", json=None).json() == 1
    assert counted.send(method="GET", json=None).json() == 2
    headers = counted.site.bearer(Role.FLEET_OPS)
    for number in (3, 4):
        answer = counted.browser.post("/things", json={}, headers=headers)
        assert answer.json() == {"number": number}
    assert counted.rows() == []


def test_who_is_not_signed_in_is_told_so(counted: Counted) -> None:
    answer = counted.browser.post("/things", json={}, headers={HEADER: KEY})
    assert answer.status_code == 401
    assert counted.rows() == []
