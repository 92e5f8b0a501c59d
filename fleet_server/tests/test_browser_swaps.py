"""Replacements in a real browser: ordered and steered by keyboard, watched without a reload."""

from __future__ import annotations

import pytest
from selenium import webdriver
from selenium.webdriver.common.keys import Keys

from fleet_server.services.swaps import SwapPhase
from fleet_server.tests.browsers import (
    breaches_of,
    press,
    sign_in,
    tab_to,
    wait_for_text,
    wait_until,
)
from fleet_server.tests.changes_desk import PASSWORDS, ChangesDesk
from fleet_server.tests.databases import SQLITE
from fleet_server.tests.service_desk import CONTRACT, MAC
from fleet_server.tests.swap_bench import NEW, NEW_MAC, NEW_MODEM

# What the pages ask the database is tried on both kinds elsewhere.
pytestmark = pytest.mark.parametrize("database", [SQLITE], indirect=True)


def enter(browser: webdriver.Chrome, address: str, name: str) -> None:
    sign_in(browser, address, name, PASSWORDS[name])


def order_by_keyboard(browser: webdriver.Chrome, address: str) -> None:
    """From the list to the page of the new order."""
    browser.get(f"{address}/swaps")
    tab_to(browser, "a[href='/swaps/new']")
    press(browser, Keys.ENTER)
    wait_until(browser, "return document.activeElement.id === 'contract'")
    press(browser, CONTRACT, Keys.ENTER)
    wait_until(browser, "return document.getElementById('new_serial') !== null")
    tab_to(browser, "input[name=position][value='internet+voice']")
    press(browser, Keys.SPACE)
    tab_to(browser, "#new_serial")
    press(browser, NEW)
    tab_to(browser, "input[name=ground][value=consent]")
    press(browser, Keys.SPACE)
    tab_to(browser, "#reason")
    press(browser, "restarts by itself", Keys.ENTER)
    wait_for_text(browser, "live", "ordered, has not begun")


def stay(browser: webdriver.Chrome) -> None:
    """From here on the page must not be loaded anew."""
    browser.execute_script("window.notReloaded = true")


def assert_stayed(browser: webdriver.Chrome) -> None:
    assert browser.execute_script("return window.notReloaded === true")
    assert breaches_of(browser) == []


def test_one_orders_another_approves_and_the_page_follows_to_the_paper(
    changes: ChangesDesk, changes_address: str, chromium: webdriver.Chrome
) -> None:
    enter(chromium, changes_address, "ana")
    order_by_keyboard(chromium, changes_address)
    wait_for_text(chromium, "actions", "You ordered it: another person has to approve it.")
    stay(chromium)
    assert changes.person("besa").submit("/swaps/1/approval").status_code == 303
    wait_for_text(chromium, "live", "under way")
    wait_for_text(chromium, "actions", "besa, 15 Jan 2027 02:00:00 CET")
    changes.bench.run()
    wait_for_text(chromium, "live", "To do: Have the cable moved from the old unit to the new one")
    changes.later(seconds=5)
    changes.bench.connect(NEW_MODEM)
    changes.bench.run()
    wait_for_text(chromium, "live", "done")
    wait_for_text(chromium, "live", "Service gap 5 s")
    wait_for_text(chromium, "actions", "Paper for the customer")
    wait_for_text(chromium, "announcer", "done")
    assert_stayed(chromium)
    assert changes.bench.serving() == {NEW_MAC}


def test_a_replacement_under_way_is_undone_by_keyboard(
    changes: ChangesDesk, changes_address: str, chromium: webdriver.Chrome
) -> None:
    enter(chromium, changes_address, "ana")
    order_by_keyboard(chromium, changes_address)
    changes.person("besa").submit("/swaps/1/approval")
    changes.bench.run()
    wait_for_text(chromium, "live", "To do: Have the cable moved from the old unit to the new one")
    tab_to(chromium, "#reason-abort")
    press(chromium, "the customer is away", Keys.ENTER)
    wait_for_text(chromium, "live", "being undone")
    wait_for_text(chromium, "actions", "It is being undone already.")
    stay(chromium)
    changes.bench.run()
    wait_for_text(chromium, "live", f"Unit {NEW} did not answer. When it is seen again")
    wait_for_text(chromium, "live", "The old unit stops serving undone")
    wait_for_text(chromium, "actions", "It has ended.")
    assert_stayed(chromium)
    assert changes.bench.view(1).phase is SwapPhase.ROLLED_BACK
    assert changes.bench.serving() == {MAC}
    wait_until(chromium, "document.querySelector('.record').open = true; return true")
    assert "Replacement called off the customer is away" in " ".join(
        chromium.execute_script("return document.querySelector('.record').innerText").split()
    )


def test_the_page_renews_itself_under_the_focus_and_leaves_it_where_it_is(
    changes: ChangesDesk, changes_address: str, chromium: webdriver.Chrome
) -> None:
    changes.bench.order()
    enter(chromium, changes_address, "ana")
    chromium.get(f"{changes_address}/swaps/1")
    tab_to(chromium, "#unit-new")
    chromium.execute_script("document.querySelector('#live .as-of').isOld = true")
    wait_until(chromium, "return !document.querySelector('#live .as-of').isOld")
    assert chromium.execute_script("return document.activeElement.id") == "unit-new"


def test_an_order_that_nobody_approved_is_called_off(
    changes: ChangesDesk, changes_address: str, chromium: webdriver.Chrome
) -> None:
    enter(chromium, changes_address, "ana")
    order_by_keyboard(chromium, changes_address)
    tab_to(chromium, "#reason-abort")
    press(chromium, "ordered by mistake", Keys.ENTER)
    wait_for_text(chromium, "live", "undone")
    assert changes.bench.view(1).phase is SwapPhase.ROLLED_BACK
    chromium.get(f"{changes_address}/swaps")
    wait_for_text(chromium, "rows", "undone")
