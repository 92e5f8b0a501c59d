"""Sign-in, sign-out, forms and languages, as a browser meets them."""

from __future__ import annotations

from datetime import timedelta

import pytest

from fleet_server.domain.roles import Role
from fleet_server.tests.console_site import VOICE_MODEM, Site

WRONG = "not the password"


def test_a_visitor_is_asked_to_sign_in_and_comes_back_to_the_page(site: Site) -> None:
    browser = site.browser()
    answer = browser.get(f"/devices/{VOICE_MODEM}?before=7")
    assert answer.status_code == 303
    there = answer.headers["location"]
    assert there.startswith("/sign-in?back=%2Fdevices%2F")
    assert f'value="/devices/{VOICE_MODEM}?before=7"' in browser.get(there).text


def test_signing_in_sets_a_cookie_that_scripts_and_foreign_pages_cannot_use(site: Site) -> None:
    answer = site.browser().submit("/sign-in", username="auditor", password=WRONG)
    assert "session=" not in answer.headers.get("set-cookie", "")
    answer = site.browser().submit(
        "/sign-in", username="auditor", password=site.passwords[Role.AUDITOR]
    )
    cookie = answer.headers["set-cookie"].lower()
    assert answer.status_code == 303
    for word in ("session=token-", "httponly", "samesite=strict", "path=/", "max-age=43200"):
        assert word in cookie


def test_the_cookie_travels_over_tls_only_when_the_page_did(site: Site) -> None:
    browser = site.browser()
    browser.client.base_url = "https://fleet.test"
    answer = browser.submit("/sign-in", username="auditor", password=site.passwords[Role.AUDITOR])
    assert "; secure" in answer.headers["set-cookie"].lower()


@pytest.mark.parametrize("back", ["https://example.com/", "//example.com", "/\\example.com", "x"])
def test_signing_in_never_leads_to_another_site(site: Site, back: str) -> None:
    answer = site.browser().submit(
        "/sign-in", username="auditor", password=site.passwords[Role.AUDITOR], back=back
    )
    assert answer.headers["location"] == "/"


def test_a_wrong_password_shows_the_form_again_with_the_reason(site: Site) -> None:
    answer = site.browser().submit("/sign-in", username="auditor", password=WRONG)
    assert answer.status_code == 401
    assert "User name or password is wrong." in answer.text
    assert 'value="auditor"' in answer.text
    assert WRONG not in answer.text


def test_too_many_failures_have_to_wait_even_with_the_right_password(site: Site) -> None:
    browser = site.browser()
    for _ in range(5):
        assert browser.submit("/sign-in", username="auditor", password=WRONG).status_code == 401
    fields = {"username": "auditor", "password": site.passwords[Role.AUDITOR]}
    answer = browser.submit("/sign-in", **fields)
    assert answer.status_code == 429
    assert answer.headers["retry-after"] == "900"
    assert "15\xa0min" in answer.text
    site.now += timedelta(minutes=15)
    assert browser.submit("/sign-in", **fields).status_code == 303


def test_signing_out_ends_the_session_on_the_server(site: Site) -> None:
    browser = site.signed_in(Role.AUDITOR)
    token = browser.client.cookies["session"]
    assert browser.submit("/sign-out").headers["location"] == "/sign-in"
    stolen = site.browser()
    stolen.client.cookies.set("session", token)
    assert stolen.get("/devices").status_code == 303


@pytest.mark.parametrize(
    ("url", "fields"),
    [
        ("/sign-in", {"username": "auditor", "password": WRONG}),
        ("/sign-out", {}),
        ("/language", {"language": "sr"}),
    ],
)
@pytest.mark.parametrize("signed_in", [True, False])
def test_a_form_without_its_own_token_changes_nothing(
    site: Site, url: str, fields: dict[str, str], signed_in: bool
) -> None:
    foreign = site.browser().form_token()
    browser = site.signed_in(Role.AUDITOR) if signed_in else site.browser()
    browser.form_token()
    for token in (foreign, "0" * 64):
        answer = browser.post(url, data={**fields, "form_token": token})
        assert answer.status_code == 403
        assert "The form has expired" in answer.text
        assert "set-cookie" not in answer.headers
    assert browser.post(url, data=fields).status_code == 422
    assert (browser.get("/devices").status_code == 200) is signed_in


def test_a_form_token_from_before_sign_in_does_not_fit_afterwards(site: Site) -> None:
    browser = site.browser()
    before = browser.form_token()
    browser.submit("/sign-in", username="auditor", password=site.passwords[Role.AUDITOR])
    assert browser.post("/sign-out", data={"form_token": before}).status_code == 403


def test_a_chosen_language_stays_with_the_account_on_other_browsers(site: Site) -> None:
    first = site.signed_in(Role.AUDITOR, "en")
    assert "<h1>Devices</h1>" in first.get("/devices").text
    assert first.submit("/language", language="sr", back="/devices").status_code == 303
    assert "<h1>Uređaji</h1>" in first.get("/devices").text
    assert "<h1>Uređaji</h1>" in site.signed_in(Role.AUDITOR, "en").get("/devices").text
    assert "<h1>Devices</h1>" in site.signed_in(Role.DISPATCHER, "en").get("/devices").text


def test_a_language_chosen_before_sign_in_stays_with_the_browser(site: Site) -> None:
    browser = site.browser("en")
    browser.submit("/language", language="sq", back="/sign-in")
    page = browser.get("/sign-in").text
    assert '<html lang="sq">' in page
    assert "Fjalëkalimi" in page


def test_the_language_can_be_changed_on_a_form_that_was_refused(site: Site) -> None:
    browser = site.signed_in(Role.FLEET_OPS, "en")
    refused = browser.submit("/swaps/new", contract="C-9999")
    assert refused.status_code == 422
    assert 'name="back" value="/swaps/new"' in refused.text
    above = browser.submit("/settings/cut_over_from", value="99:99", reason="a try")
    assert above.status_code == 403
    assert 'name="back" value="/settings/cut_over_from"' in above.text
    gone = browser.submit("/returns/R-1/nothing")
    assert gone.status_code in (404, 405)
    assert 'name="back" value="/returns/R-1"' in gone.text


def test_an_unknown_language_is_ignored(site: Site) -> None:
    browser = site.signed_in(Role.AUDITOR, "en")
    assert browser.submit("/language", language="xx", back="/devices").status_code == 303
    assert '<html lang="en">' in browser.get("/devices").text


def test_a_polled_part_sends_the_whole_page_to_sign_in_when_the_session_ended(site: Site) -> None:
    answer = site.browser().get("/devices/rows", headers={"HX-Request": "true"})
    assert answer.status_code == 401
    assert answer.headers["hx-redirect"] == "/sign-in"
