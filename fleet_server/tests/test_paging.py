"""Lists by key."""

from __future__ import annotations

import base64

import httpx
import pytest
from fastapi import FastAPI

from fleet_server.api import errors
from fleet_server.api.paging import InvalidPageError, Page, PageRequest, Paging
from fleet_server.tests.console_site import Browser

ROWS = [(name, number) for name in ("a", "b", "ë") for number in (1, 2, 10)]


def _application() -> FastAPI:
    app = FastAPI()
    errors.install(app)

    @app.get("/rows")
    def rows(paging: Paging) -> Page[str]:
        after = paging.after(str, int)
        found = [row for row in ROWS if after is None or row > after][: paging.fetch]
        return paging.page(found, key=lambda row: row, view=lambda row: f"{row[0]}{row[1]}")

    return app


@pytest.mark.parametrize("limit", [1, 2, 3, 4, 8, 9, 10, 200])
def test_pages_give_every_row_once_and_in_order(limit: int) -> None:
    browser, found, after, pages = Browser(_application(), "en"), [], "", 0
    while True:
        answer = browser.get("/rows", params={"limit": limit, "after": after}).json()
        found += answer["items"]
        pages += 1
        if answer["next"] is None:
            break
        after = answer["next"]
    assert found == [f"{name}{number}" for name, number in ROWS]
    assert pages == -(-len(ROWS) // limit)


@pytest.mark.parametrize(
    "after",
    ["x", "WzFd", "W10=", "bnVsbA==", "eyJhIjoxfQ==", "[1]", "ë", "W" * 512, "WzEsImEiXQ=="],
)
def test_a_key_that_no_list_gave_is_refused(after: str) -> None:
    answer = Browser(_application(), "en").get("/rows", params={"after": after})
    assert answer.status_code == 422
    assert "next" in answer.json()["detail"]


@pytest.mark.parametrize("limit", ["0", "-1", "201", "many"])
def test_a_page_has_between_one_and_two_hundred_rows(limit: str) -> None:
    answer: httpx.Response = Browser(_application(), "en").get("/rows", params={"limit": limit})
    assert answer.status_code == 422


@pytest.mark.parametrize("key", [b"[9223372036854775808]", b'["a\\u0000"]'])
def test_a_key_that_no_database_takes_is_refused(key: bytes) -> None:
    sent = base64.urlsafe_b64encode(key).decode()
    with pytest.raises(InvalidPageError):
        PageRequest(sent, 10).after(int if key[1:2] == b"9" else str)


def test_true_is_no_number() -> None:
    sent = base64.urlsafe_b64encode(b"[true]").decode()
    with pytest.raises(InvalidPageError):
        PageRequest(sent, 10).after_id()
    assert PageRequest("", 10).after_id() == 0
