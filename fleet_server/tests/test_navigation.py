"""The menus of the pages: by subject, and for each role only what it may open."""

from __future__ import annotations

import html
import re

import pytest

from fleet_server.domain.roles import Role
from fleet_server.services.accounts import Account
from fleet_server.tests.console_site import Site
from fleet_server.web.navigation import MENUS, menus_for

# What a role finds at the top of its pages; a menu of one page is that page.
_FAULTS = "outages voice_risk maintenance"
_CHANGES = "swaps commands campaigns"
_CUSTOMERS = "services deadlines returns credits"
TOPS = {
    Role.FLEET_OPS: [
        "devices units contracts",
        f"{_FAULTS} repairs",
        _CHANGES,
        _CUSTOMERS,
        "operations settings",
    ],
    Role.TECHNICIAN: ["devices units contracts", _FAULTS, "swaps commands", "returns"],
    Role.DISPATCHER: [
        "devices units contracts",
        _FAULTS,
        "swaps campaigns",
        _CUSTOMERS,
        "settings",
    ],
    Role.CALL_CENTRE: [
        "devices units contracts",
        f"{_FAULTS} repairs",
        "swaps campaigns",
        _CUSTOMERS,
        "settings",
    ],
    Role.WAREHOUSE: ["units", "repairs", "returns"],
    Role.CONTRACTOR: ["units", "repairs"],
    Role.AUDITOR: [
        "devices units contracts",
        f"{_FAULTS} repairs",
        _CHANGES,
        _CUSTOMERS,
        "operations settings",
    ],
    Role.ADMINISTRATOR: [
        "devices units contracts",
        f"{_FAULTS} repairs",
        _CHANGES,
        _CUSTOMERS,
        "operations settings",
    ],
}


@pytest.mark.parametrize("role", Role)
def test_a_role_finds_what_it_may_open(role: Role) -> None:
    found = menus_for(Account(1, role.value, role, "en"))
    assert [" ".join(place.code for place in menu.places) for menu in found] == TOPS[role]


def test_no_page_is_named_twice() -> None:
    places = [place for menu in MENUS for place in menu.places]
    assert len({place.code for place in places}) == len(places)
    assert len({place.url for place in places}) == len(places)


def test_every_page_of_the_menus_opens_and_marks_itself_and_its_menu(site: Site) -> None:
    browser = site.signed_in(Role.FLEET_OPS)
    for menu in MENUS:
        for place in menu.places:
            page = browser.get(place.url)
            assert page.status_code == 200, place.url
            assert re.findall(r'<a href="([^"]+)" aria-current="page">', page.text) == [place.url]
            current = re.findall(r'<summary class="current">([^<]+)<', page.text)
            expected = [menu.title] if len(menu.places) > 1 else []
            assert [html.unescape(title) for title in current] == expected


def test_a_menu_of_one_page_is_that_page(site: Site) -> None:
    page = site.signed_in(Role.CONTRACTOR).get("/units").text
    assert "<details" not in page
    assert 'href="/repairs"' in page
