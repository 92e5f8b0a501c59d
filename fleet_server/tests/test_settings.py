"""Settings are changed by an administrator, with a reason, and every change stays on record."""

from __future__ import annotations

import html
from datetime import timedelta

import pytest

from fleet_server.domain.errors import InvalidSettingError
from fleet_server.domain.policy import SETTINGS
from fleet_server.domain.roles import Role
from fleet_server.services import audit
from fleet_server.services.accounts import LANGUAGES
from fleet_server.services.audit import Actor
from fleet_server.services.policy import change_setting, read_policy
from fleet_server.tests.console_site import Site
from fleet_server.web.i18n import translations

REASON = "Holidays, decided 26 November"


def change(site: Site, name: str, value: str, reason: str = REASON) -> None:
    with site.context.fleet.writing() as connection:
        change_setting(connection, Actor.account(8), name, value, reason, site.now)


def test_a_change_is_in_force_for_the_next_who_reads(site: Site) -> None:
    change(site, "return_days", "7")
    with site.context.fleet.reading() as connection:
        assert read_policy(connection).return_days == 7
        (entry,) = audit.history(connection, "setting:return_days")
    assert (entry.action, entry.detail) == ("setting_changed", {"from": "5", "to": "7"})
    assert (entry.actor, entry.reason) == (Actor.account(8), REASON)


def test_every_change_stays_on_record_newest_first(site: Site) -> None:
    for value in ("7", "9", "5"):
        site.now += timedelta(days=1)
        change(site, "return_days", value)
    with site.context.fleet.reading() as connection:
        steps = [
            (e.detail["from"], e.detail["to"])
            for e in audit.history(connection, "setting:return_days")
        ]
    assert steps == [("9", "5"), ("7", "9"), ("5", "7")]


def test_setting_what_is_in_force_already_leaves_no_trace(site: Site) -> None:
    change(site, "return_days", "5")
    with site.context.fleet.reading() as connection:
        assert audit.history(connection, "setting:return_days") == []


@pytest.mark.parametrize(
    ("name", "value", "reason"),
    [
        ("return_days", "4", REASON),
        ("return_days", "7", "  "),
        ("disruptive_until", "21:00", REASON),
    ],
)
def test_a_refused_change_changes_nothing(site: Site, name: str, value: str, reason: str) -> None:
    with pytest.raises(InvalidSettingError):
        change(site, name, value, reason)
    with site.context.fleet.reading() as connection:
        assert audit.history(connection, f"setting:{name}") == []


def test_two_settings_may_contradict_each_other_only_one_after_the_other(site: Site) -> None:
    change(site, "peak_from", "22:00")
    change(site, "disruptive_until", "21:00")
    with pytest.raises(InvalidSettingError):
        change(site, "peak_from", "20:00")


def test_the_call_lists_and_changes_settings(site: Site) -> None:
    headers = site.bearer(Role.ADMINISTRATOR)
    browser = site.browser()
    listed = browser.get("/api/v1/policy", headers=headers).json()["items"]
    assert [item["name"] for item in listed] == list(SETTINGS)
    answer = browser.request(
        "PUT",
        "/api/v1/policy/return_days",
        json={"value": "7", "reason": REASON},
        headers=headers,
    ).json()
    assert (answer["value"], answer["default"], answer["allowed"]) == ("7", "5", "5-60 days")
    assert browser.get("/api/v1/policy/return_days", headers=headers).json() == answer


@pytest.mark.parametrize(
    ("name", "body", "status", "problem"),
    [
        ("interest_rate", {"value": "1", "reason": REASON}, 404, "unknown-setting"),
        ("return_days", {"value": "4", "reason": REASON}, 422, "invalid-setting"),
        ("return_days", {"value": "7"}, 422, "not-understood"),
        ("return_days", {"value": "7", "reason": "   "}, 422, "invalid-setting"),
    ],
)
def test_the_call_says_what_is_wrong(
    site: Site, name: str, body: dict[str, str], status: int, problem: str
) -> None:
    answer = site.browser().request(
        "PUT", f"/api/v1/policy/{name}", json=body, headers=site.bearer(Role.ADMINISTRATOR)
    )
    assert answer.status_code == status
    assert answer.json()["type"].endswith(f":{problem}")


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_page_says_each_effect_in_the_persons_language(site: Site, language: str) -> None:
    page = html.unescape(site.signed_in(Role.AUDITOR, language).get("/settings").text)
    for name, setting in SETTINGS.items():
        assert name in page
        assert translations(language).gettext(setting.effect) in page
    assert "<form" not in page.split("<main")[1]


def test_the_page_changes_a_setting_and_shows_who_did(site: Site) -> None:
    browser = site.signed_in(Role.ADMINISTRATOR)
    answer = browser.submit("/settings/swap_notice_hours", value="96", reason=REASON)
    assert answer.headers["location"] == "/settings/swap_notice_hours"
    page = browser.get("/settings/swap_notice_hours").text
    assert REASON in page
    assert "administrator" in page.split('id="changes-title"')[1]
    assert "not the default" in browser.get("/settings").text


def test_the_form_comes_back_with_what_was_sent(site: Site) -> None:
    answer = site.signed_in(Role.ADMINISTRATOR).submit(
        "/settings/swap_notice_hours", value="12", reason=REASON
    )
    assert answer.status_code == 422
    assert 'value="12"' in answer.text
    assert "Nothing was changed" in answer.text


def test_an_unknown_setting_has_no_page(site: Site) -> None:
    assert site.signed_in(Role.AUDITOR).get("/settings/interest_rate").status_code == 404
