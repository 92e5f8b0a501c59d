"""A real browser against a real server: what changes is on the page without a reload."""

from __future__ import annotations

import shutil
import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
import uvicorn
from selenium import webdriver
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.support.ui import WebDriverWait

from fleet_server.domain.roles import Role
from fleet_server.services.accounts import LANGUAGES
from fleet_server.tests.console_site import (
    VOICE_MODEM,
    Site,
    add_event,
    add_interruption,
    add_presence,
)

CHROMIUM = Path("/usr/bin/chromium")
CHROMEDRIVER = Path("/usr/bin/chromedriver")
DEADLINE_S = 30
TO_PAGE_S = 2.0

pytestmark = [
    pytest.mark.skipif(not CHROMIUM.exists(), reason=f"{CHROMIUM} is missing"),
    pytest.mark.skipif(not CHROMEDRIVER.exists(), reason=f"{CHROMEDRIVER} is missing"),
]


@pytest.fixture
def address(site: Site) -> Iterator[str]:
    """The console served on a free port of loopback."""
    site.now = datetime.now(UTC)
    server = uvicorn.Server(
        uvicorn.Config(site.app, host="127.0.0.1", port=0, log_level="warning", lifespan="off")
    )
    thread = threading.Thread(target=server.run)
    thread.start()
    deadline = time.monotonic() + DEADLINE_S
    while not server.started:
        assert time.monotonic() < deadline, "the server does not start"
        time.sleep(0.01)
    port = server.servers[0].sockets[0].getsockname()[1]
    yield f"http://127.0.0.1:{port}"
    server.should_exit = True
    thread.join(DEADLINE_S)
    assert not thread.is_alive()


@pytest.fixture
def chromium(tmp_path: Path) -> Iterator[webdriver.Chrome]:
    options = webdriver.ChromeOptions()
    options.binary_location = str(CHROMIUM)
    profile = tmp_path / "profile"
    for argument in (
        "--headless",
        "--no-sandbox",
        "--disable-gpu",
        "--disable-quic",
        "--disable-dev-shm-usage",
        "--no-first-run",
        "--disable-background-networking",
        "--disable-component-update",
        "--disable-sync",
        "--lang=en",
        f"--user-data-dir={profile}",
    ):
        options.add_argument(argument)
    options.add_experimental_option("prefs", {"intl.accept_languages": "en"})
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    driver = webdriver.Chrome(options=options, service=Service(str(CHROMEDRIVER)))
    driver.set_page_load_timeout(DEADLINE_S)
    yield driver
    driver.quit()
    shutil.rmtree(profile, ignore_errors=True)


def wait_for_text(browser: webdriver.Chrome, place: str, words: str) -> None:
    """Wait until `words` stand in the element with id `place`."""
    # One script, because the element may be replaced between finding and reading it.
    script = "return document.getElementById(arguments[0])?.textContent.includes(arguments[1])"
    WebDriverWait(browser, DEADLINE_S, poll_frequency=0.05).until(
        lambda driver: driver.execute_script(script, place, words)
    )


def sign_in(browser: webdriver.Chrome, address: str, site: Site) -> None:
    browser.get(address)
    browser.find_element(By.ID, "username").send_keys("fleet_ops")
    browser.find_element(By.ID, "password").send_keys(site.passwords[Role.FLEET_OPS])
    browser.find_element(By.CSS_SELECTOR, "button.primary").click()
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
    entries: list[dict[str, str]] = chromium.get_log("browser")  # type: ignore[no-untyped-call]
    assert [entry["message"] for entry in entries] == []


def test_no_page_is_wider_than_a_small_phone_in_any_language(
    site: Site, address: str, chromium: webdriver.Chrome
) -> None:
    event = add_event(site, VOICE_MODEM, 1, "PowerLoss!", Source="Mains")
    add_interruption(site, VOICE_MODEM, [f"event {event}"])
    add_interruption(site, VOICE_MODEM, [f"event {event}"], 12_345)
    sign_in(chromium, address, site)
    phone = {"width": 360, "height": 740, "deviceScaleFactor": 1, "mobile": True}
    chromium.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", phone)
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
    desk = {"width": 1280, "height": 800, "deviceScaleFactor": 1, "mobile": False}
    chromium.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", desk)
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
