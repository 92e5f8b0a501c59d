"""Campaigns in a real browser: made, planned, approved, run, held, called off, by keyboard."""

from __future__ import annotations

from dataclasses import dataclass

import pytest
from selenium import webdriver
from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.support.ui import WebDriverWait

from fleet_server.domain.campaign import State
from fleet_server.services.campaign_views import CampaignView
from fleet_server.tests.browsers import (
    DEADLINE_S,
    breaches_of,
    press,
    sign_in,
    tab_to,
    wait_for_text,
    wait_until,
)
from fleet_server.tests.changes_desk import PASSWORDS, ChangesDesk
from fleet_server.tests.databases import SQLITE

# What the pages ask the database is tried on both kinds elsewhere.
pytestmark = pytest.mark.parametrize("database", [SQLITE], indirect=True)

IN, LEFT_OUT = 12, 3
SELECTION = '{"field": "product_class", "is": "MODEM"}'
# Waves of a page, each as its cells: the number, one for each state, the sum.
_WAVES = """
return [...document.querySelectorAll("#live table tbody tr")].map(
  row => [...row.children].map(cell => Number(cell.textContent.replace(/\\D/g, ""))));
"""


@dataclass(frozen=True, slots=True)
class Window:
    """Ana's window on a console."""

    browser: webdriver.Chrome
    address: str

    def write(self, field: str, text: str) -> None:
        """In place of what stands in the field, as who has no mouse does."""
        tab_to(self.browser, f"#{field}")
        ActionChains(self.browser).key_down(Keys.CONTROL).send_keys("a").key_up(
            Keys.CONTROL
        ).send_keys(Keys.BACKSPACE, text).perform()

    def act(self, action: str, reason: str = "") -> None:
        """By the button of `action`, with the reason before it where it takes one."""
        if reason:
            tab_to(self.browser, f"#reason-{action}")
            press(self.browser, reason)
        tab_to(self.browser, f"form[action$='/{action}'] button")
        press(self.browser, Keys.ENTER)

    def waves(self) -> list[list[int]]:
        found: list[list[int]] = self.browser.execute_script(_WAVES)
        return found

    def value(self, field: str) -> str:
        return self.browser.find_element(By.ID, field).get_attribute("value") or ""


@pytest.fixture
def window(changes: ChangesDesk, changes_address: str, chromium: webdriver.Chrome) -> Window:
    changes.campaigns.add_units(IN)
    changes.campaigns.add_units(LEFT_OUT - 1, blacklisted=True)
    changes.campaigns.add_units(1, lab=True)
    sign_in(chromium, changes_address, "ana", PASSWORDS["ana"])
    return Window(chromium, changes_address)


def draft(window: Window, waves: str = "2") -> None:
    """From the list to the page of a new draft."""
    window.browser.get(f"{window.address}/campaigns")
    tab_to(window.browser, "a[href='/campaigns/new']")
    press(window.browser, Keys.ENTER)
    wait_until(window.browser, "return document.getElementById('waves') !== null")
    for field, text in {
        "name": "Restart of modems",
        "selection": SELECTION,
        "waves": waves,
        "soak_minutes": "0",
        "per_minute": "6000",
        "reason": "leaks memory",
    }.items():
        window.write(field, text)
    press(window.browser, Keys.ENTER)


def look(changes: ChangesDesk) -> CampaignView:
    return changes.campaigns.look(1)


def approve(changes: ChangesDesk) -> None:
    """By Besa, at her own desk."""
    answer = changes.person("besa").submit(
        "/campaigns/1/approval", revision=str(look(changes).revision), reason="looked at it"
    )
    assert answer.status_code == 303


def test_a_wrong_form_keeps_what_was_written_and_the_right_one_is_planned(
    changes: ChangesDesk, window: Window
) -> None:
    draft(window, waves="2, many")
    wait_for_text(window.browser, "content", "Waves: many is neither units, such as 20, nor 10 %.")
    assert window.value("name") == "Restart of modems"
    assert window.value("selection") == SELECTION
    assert window.value("reason") == "leaks memory"
    window.write("waves", "2")
    press(window.browser, Keys.ENTER)
    wait_for_text(window.browser, "live", "draft")
    window.act("plan")
    wait_for_text(window.browser, "live", "planned, waits for approval")
    wait_for_text(window.browser, "live", "2 left out: on the blacklist")
    wait_for_text(window.browser, "live", "1 left out: lab board")
    wait_for_text(window.browser, "actions", "Another person than who made or planned it")
    assert [row[-1] for row in window.waves()] == [2, IN - 2]


def test_a_draft_is_changed_and_planned_anew(changes: ChangesDesk, window: Window) -> None:
    draft(window)
    wait_for_text(window.browser, "live", "draft")
    window.act("plan")
    wait_for_text(window.browser, "live", "planned")
    tab_to(window.browser, "a[href$='/change']")
    press(window.browser, Keys.ENTER)
    wait_for_text(window.browser, "content", "another person has to approve it")
    assert (window.value("waves"), window.value("soak_minutes")) == ("2", "0")
    window.write("ended_percent", "100, 90")
    window.write("reason", "the canary has to end")
    press(window.browser, Keys.ENTER)
    wait_for_text(window.browser, "live", "draft")
    view = look(changes)
    assert view.state is State.DRAFT
    assert [wave.ended_percent for wave in view.plan.waves] == [100, 90]


def test_a_campaign_runs_is_held_goes_on_and_is_called_off_while_the_sums_are_right(
    changes: ChangesDesk, window: Window
) -> None:
    browser = window.browser
    draft(window)
    wait_for_text(browser, "live", "draft")
    window.act("plan")
    wait_for_text(browser, "live", "planned")
    browser.execute_script("window.notReloaded = true")
    approve(changes)
    wait_for_text(browser, "live", "approved, waits for its start")
    wait_until(browser, "return document.querySelector(\"form[action$='/start']\") !== null")
    assert browser.execute_script("return window.notReloaded === true")
    window.act("start")
    wait_for_text(browser, "live", "under way")
    changes.turn()
    wait_for_sums(window, [[1, 0, 0, 2, 0, 0, 0, 0, 2], [2, 10, 0, 0, 0, 0, 0, 0, 10]])
    browser.execute_script("window.notReloaded = true")
    assert changes.devices_answer(2) == 2
    changes.later(minutes=1)
    changes.turn()
    wait_for_sums(window, [[1, 0, 0, 0, 0, 2, 0, 0, 2], [2, 0, 0, 10, 0, 0, 0, 0, 10]])
    assert browser.execute_script("return window.notReloaded === true")
    changes.devices_answer(3)
    changes.turn()
    wait_for_sums(window, [[1, 0, 0, 0, 0, 2, 0, 0, 2], [2, 0, 0, 7, 0, 3, 0, 0, 10]])
    wait_for_text(browser, "live", "Ended, of all: 5 / 12 (41.7%) · Wave 2 of 2")
    window.act("pause", "the network is busy")
    wait_for_text(browser, "live", "paused")
    window.act("resumption", "it is calm again")
    wait_for_text(browser, "live", "under way")
    window.act("abort", "enough seen")
    wait_for_text(browser, "live", "7 stopped: aborted")
    changes.turn()
    wait_for_text(browser, "live", "aborted")
    assert look(changes).state is State.ABORTED
    assert breaches_of(browser) == []


def wait_for_sums(window: Window, wanted: list[list[int]]) -> None:
    """Wait for these waves; each look, on the way there too, must add up."""

    def has_come(_browser: webdriver.Chrome) -> bool:
        found = window.waves()
        assert all(sum(row[1:-1]) == row[-1] for row in found), found
        assert sum(row[-1] for row in found) == IN
        return found == wanted

    WebDriverWait(window.browser, DEADLINE_S, poll_frequency=0.05).until(has_come)
