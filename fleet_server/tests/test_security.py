"""What every answer tells the browser, and what a request may carry."""

from __future__ import annotations

import importlib.util
import re
from collections.abc import AsyncIterator

import httpx
import pytest
from sqlalchemy import text

from fleet_server.domain.roles import Role
from fleet_server.tests.console_site import VOICE_MODEM, Browser, Site

INLINE = re.compile(r"<style|\sstyle=|\son\w+=|javascript:|<script(?![^>]*\ssrc=)", re.IGNORECASE)


@pytest.fixture
def browser(site: Site) -> Browser:
    return site.signed_in(Role.FLEET_OPS)


def test_every_answer_carries_a_policy_without_inline_code(browser: Browser) -> None:
    for url in ("/devices", "/healthz", "/nothing", "/api/v1/units/1", "/sign-in"):
        headers = browser.get(url).headers
        policy = headers["content-security-policy"]
        assert "default-src 'none'" in policy
        assert "script-src 'self'; style-src 'self'" in policy
        assert "frame-ancestors 'none'" in policy
        assert "unsafe" not in policy
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["cache-control"] == "no-store"


def test_no_page_has_inline_code_or_style(browser: Browser) -> None:
    for url in ("/devices", f"/devices/{VOICE_MODEM}", "/units?serial=00000002", "/nothing"):
        assert INLINE.findall(browser.get(url).text) == []


def test_a_page_loads_only_files_of_this_server_and_all_of_them_are_there(
    browser: Browser,
) -> None:
    page = browser.get("/devices").text
    loaded = re.findall(r'<(?:script|link)[^>]+(?:src|href)="([^"]+)"', page)
    assert len(loaded) == 4
    for url in loaded:
        assert url.startswith("/static/")
        answer = browser.get(url)
        assert answer.status_code == 200
        assert "immutable" in answer.headers["cache-control"]
    assert 'version:"2.' in browser.get(next(u for u in loaded if u.endswith("htmx.js"))).text


def test_a_file_asked_for_with_an_old_digest_is_not_kept(browser: Browser) -> None:
    assert browser.get("/static/0000/console.css").headers["cache-control"] == "no-cache"
    assert browser.get("/static/0000/page.py").status_code == 404


def test_htmx_is_told_to_bring_no_style_and_to_run_no_text(browser: Browser) -> None:
    page = browser.get("/devices").text
    for setting in ("includeIndicatorStyles", "allowEval", "allowScriptTags"):
        assert f'"{setting}": false' in page.replace("&#34;", '"')


def test_a_body_that_is_too_large_is_refused(browser: Browser) -> None:
    answer = browser.post("/sign-in", data={"username": "x" * 70_000})
    assert answer.status_code == 413


def test_a_body_without_a_length_is_refused_when_it_grows_too_large(browser: Browser) -> None:
    async def stream() -> AsyncIterator[bytes]:
        for _ in range(100):
            yield b"x" * 1024

    answer = browser.post("/api/v1/session", content=stream())
    assert answer.status_code == 413


def test_django_itself_is_not_needed() -> None:
    assert importlib.util.find_spec("django") is None


def test_a_failing_database_gives_a_page_and_a_problem_that_say_what_to_do(
    site: Site, browser: Browser
) -> None:
    headers = site.bearer(Role.FLEET_OPS)
    with site.engine.begin() as connection:
        connection.execute(text("DROP TABLE api_token"))
    browser.client._transport = httpx.ASGITransport(site.app, raise_app_exceptions=False)
    page = browser.get("/devices")
    assert page.status_code == 500
    assert "Try again in a minute." in page.text
    answer = browser.get("/api/v1/units/00000002", headers=headers)
    assert answer.status_code == 500
    assert answer.json()["type"] == "urn:ipko-fleet:problem:server-failed"
