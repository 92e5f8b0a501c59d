"""The pages of a contract and of everything on record of a unit."""

from __future__ import annotations

import pytest

from fleet_server.domain.roles import Role
from fleet_server.services.demo_data import load_demo_history
from fleet_server.tests.console_site import START, Site


@pytest.fixture
def told(site: Site) -> Site:
    with site.context.fleet.writing() as connection:
        load_demo_history(connection, START)
    return site


def test_a_contract_shows_what_is_on_it_and_what_was(told: Site) -> None:
    browser = told.signed_in(Role.CALL_CENTRE)
    assert browser.get("/contracts?number=C-1101").headers["location"] == "/contracts/C-1101"
    today = browser.get("/contracts/C-1101").text
    before, _, history = today.partition("Everything ever recorded")
    assert "TOP L" in before
    assert "N1-S2" in before
    assert "00000012" in before
    assert "27 Dec 2025" in before
    assert "€" in before
    assert "corrected" not in before
    assert history.count("corrected") == 1
    assert "28 Dec 2025" in history


def test_a_day_of_the_past_and_what_was_known_then(told: Site) -> None:
    browser = told.signed_in(Role.AUDITOR)
    page = browser.get("/contracts/C-1101?on=2025-12-01").text
    shown = page.partition("Everything ever recorded")[0]
    assert "On the contract on 1 Dec 2025" in shown
    assert 'href="/units?serial=00000011"' in shown
    assert "00000012" not in shown
    page = browser.get("/contracts/C-1101?on=2025-12-28&known=2025-12-31").text
    shown = page.partition("Everything ever recorded")[0]
    assert "28 Dec 2025</td>" in shown
    assert "27 Dec 2025</td>" not in shown
    empty = browser.get("/contracts/C-1101?on=2020-01-01").text
    assert "Nothing was on the contract that day." in empty


@pytest.mark.parametrize(
    ("url", "status", "said"),
    [
        ("/contracts/C-9999", 404, "There is no contract of this number"),
        ("/contracts/C-1101?on=2026-02-30", 422, "no day of the calendar"),
        ("/contracts/C-1101?known=yesterday", 422, "no day of the calendar"),
        ("/contracts/C-1101?on=9999-12-31", 422, "no day of the calendar"),
    ],
)
def test_what_cannot_be_shown_says_why(told: Site, url: str, status: int, said: str) -> None:
    answer = told.signed_in(Role.FLEET_OPS).get(url)
    assert (answer.status_code, said in answer.text) == (status, True)


def test_a_unit_shows_where_it_was_and_who_recorded_it(told: Site) -> None:
    page = told.signed_in(Role.FLEET_OPS).get("/units/00000011").text
    for said in ("with a customer", "returned", "WH-1", "C-1101", "00:25:6D:10:00:11", "made-up"):
        assert said in page, said
    card = told.signed_in(Role.FLEET_OPS).get("/units/EX000013").text
    assert 'href="/units?serial=00000013"' in card


def test_the_warehouse_sees_no_contract_on_the_page_of_a_unit(told: Site) -> None:
    page = told.signed_in(Role.WAREHOUSE).get("/units/00000011").text
    assert "WH-1" in page
    assert "C-1101" not in page
    assert "made-up" not in page


def test_an_unapproved_model_is_said_at_the_look_up(told: Site) -> None:
    page = told.signed_in(Role.WAREHOUSE).get("/units?serial=00000041").text
    assert "may not go onto a contract [7.1.8]" in page
    assert 'href="/units/00000041"' in page


@pytest.mark.parametrize(
    ("language", "words"), [("sq", "Në kontratë më"), ("sr", "Na ugovoru"), ("en", "On the")]
)
def test_the_contract_is_told_in_three_languages(told: Site, language: str, words: str) -> None:
    page = told.signed_in(Role.TECHNICIAN, language).get("/contracts/C-1101").text
    assert words in page
