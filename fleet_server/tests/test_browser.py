"""A real browser against a real server: what changes is on the page without a reload."""

from __future__ import annotations

import time

from selenium import webdriver
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.support.ui import WebDriverWait

from fleet_server.domain.roles import Role
from fleet_server.services.accounts import LANGUAGES
from fleet_server.tests import browsers
from fleet_server.tests.browsers import DEADLINE_S, messages_of, screen, wait_for_text
from fleet_server.tests.console_site import (
    VOICE_MODEM,
    Site,
    add_event,
    add_interruption,
    add_presence,
)

TO_PAGE_S = 2.0


def sign_in(browser: webdriver.Chrome, address: str, site: Site) -> None:
    browsers.sign_in(browser, address, "fleet_ops", site.passwords[Role.FLEET_OPS])
    wait_for_text(browser, "content", "00000002")


def test_a_power_cut_appears_on_the_open_page_within_two_seconds(
    site: Site, address: str, chromium: webdriver.Chrome
) -> None:
    sign_in(chromium, address, site)
    chromium.find_element(By.LINK_TEXT, "00000002").click()
    wait_for_text(chromium, "live", "online")
    chromium.execute_script("window.notReloaded = true")
    event = add_event(site, VOICE_MODEM, 1, "PowerLoss!", Source="Mains")
    add_interruption(site, VOICE_MODEM, [f"event {event}"])
    add_presence(site, VOICE_MODEM, "offline", "power_loss")
    begun_s = time.monotonic()
    wait_for_text(chromium, "history", "Power lost")
    wait_for_text(chromium, "live", "no power at the device")
    assert time.monotonic() - begun_s < TO_PAGE_S
    wait_for_text(chromium, "announcer", "offline, no power at the device")
    assert chromium.execute_script("return window.notReloaded")
    assert messages_of(chromium) == []


def test_no_page_is_wider_than_a_small_phone_in_any_language(
    site: Site, address: str, chromium: webdriver.Chrome
) -> None:
    event = add_event(site, VOICE_MODEM, 1, "PowerLoss!", Source="Mains")
    add_interruption(site, VOICE_MODEM, [f"event {event}"])
    add_interruption(site, VOICE_MODEM, [f"event {event}"], 12_345)
    sign_in(chromium, address, site)
    screen(chromium, 360, mobile=True)
    for language in LANGUAGES:
        chromium.find_element(By.CSS_SELECTOR, f"button[value={language}]").click()
        unit = "/units?serial=00000002"
        for path in ("/devices", f"/devices/{VOICE_MODEM}", unit, "/campaigns/new"):
            chromium.get(address + path)
            root = chromium.find_element(By.TAG_NAME, "html")
            assert (root.get_attribute("lang") or "").startswith(language)
            width = chromium.execute_script("return document.documentElement.scrollWidth")
            assert width <= 360, f"{path} in {language}"


def test_the_menus_take_one_line_and_open_by_keyboard(
    site: Site, address: str, chromium: webdriver.Chrome
) -> None:
    sign_in(chromium, address, site)
    screen(chromium, 1280)
    for language in LANGUAGES:
        chromium.execute_script("window.isLeft = true")
        chromium.find_element(By.CSS_SELECTOR, f"button[value={language}]").click()
        WebDriverWait(chromium, DEADLINE_S).until(
            lambda driver: driver.execute_script(
                "return !window.isLeft && document.readyState === 'complete'"
            )
        )
        height = chromium.execute_script("return document.querySelector('.top').offsetHeight")
        assert height < 60, language
    menu = chromium.find_elements(By.CSS_SELECTOR, ".menu")[1]
    summary = menu.find_element(By.TAG_NAME, "summary")
    summary.send_keys(Keys.ENTER)
    assert menu.find_element(By.CSS_SELECTOR, "a[href='/outages']").is_displayed()
    summary.send_keys(Keys.ESCAPE)
    assert not menu.find_element(By.CSS_SELECTOR, "a[href='/outages']").is_displayed()
    summary.send_keys(Keys.ENTER, Keys.TAB, Keys.ENTER)
    WebDriverWait(chromium, DEADLINE_S).until(
        lambda driver: driver.current_url == f"{address}/outages"
    )


def test_a_silent_server_is_said_to_be_silent(
    site: Site, address: str, chromium: webdriver.Chrome
) -> None:
    sign_in(chromium, address, site)
    assert not chromium.find_element(By.ID, "stale").is_displayed()
    chromium.execute_cdp_cmd("Network.enable", {})
    offline = {"offline": True, "latency": 0, "downloadThroughput": 0, "uploadThroughput": 0}
    chromium.execute_cdp_cmd("Network.emulateNetworkConditions", offline)
    WebDriverWait(chromium, DEADLINE_S).until(
        lambda driver: driver.find_element(By.ID, "stale").is_displayed()
    )
    assert "The server does not answer." in chromium.find_element(By.ID, "stale").text


def test_an_ended_session_leads_back_to_sign_in(
    site: Site, address: str, chromium: webdriver.Chrome
) -> None:
    sign_in(chromium, address, site)
    cookie = chromium.get_cookie("session")
    assert cookie is not None
    site.context.sign_out(cookie["value"])
    WebDriverWait(chromium, DEADLINE_S).until(
        lambda driver: driver.find_elements(By.ID, "password")
    )
    assert chromium.current_url == f"{address}/sign-in"
