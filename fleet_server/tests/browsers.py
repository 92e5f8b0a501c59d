"""A real Chromium and a console that it can reach, for the tests of pages."""

from __future__ import annotations

import shutil
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import uvicorn
from fastapi import FastAPI
from selenium import webdriver
from selenium.common.exceptions import TimeoutException
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.support.ui import WebDriverWait

from fleet_server.tests.postgresql import skip_or_fail

CHROMIUM = Path("/usr/bin/chromium")
CHROMEDRIVER = Path("/usr/bin/chromedriver")
DEADLINE_S = 30
_MOST_TABS = 80
_READ = "id => document.getElementById(id)?.innerText.replace(/\\s+/g, ' ')"
_IS_FOCUSED = "return document.activeElement.matches(arguments[0])"


@contextmanager
def served(app: FastAPI) -> Iterator[str]:
    """The address of the application on a free port of loopback."""
    server = uvicorn.Server(
        uvicorn.Config(app, host="127.0.0.1", port=0, log_level="warning", lifespan="off")
    )
    thread = threading.Thread(target=server.run)
    thread.start()
    deadline = time.monotonic() + DEADLINE_S
    while not server.started:
        assert time.monotonic() < deadline, "the server does not start"
        time.sleep(0.01)  # uvicorn tells nobody when it listens
    port = server.servers[0].sockets[0].getsockname()[1]
    yield f"http://127.0.0.1:{port}"
    server.should_exit = True
    thread.join(DEADLINE_S)
    assert not thread.is_alive()


@contextmanager
def chromium_in(profile: Path) -> Iterator[webdriver.Chrome]:
    """A headless Chromium with a profile of its own; without one the test is skipped, or fails
    where CI is set."""
    for program in (CHROMIUM, CHROMEDRIVER):
        if not program.exists():
            skip_or_fail(FileNotFoundError(f"{program} is missing"))
    options = webdriver.ChromeOptions()
    options.binary_location = str(CHROMIUM)
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


def sign_in(browser: webdriver.Chrome, address: str, username: str, password: str) -> None:
    """By keyboard; waits for the page behind it."""
    browser.get(f"{address}/sign-in")
    browser.find_element(By.ID, "username").send_keys(username)
    browser.find_element(By.ID, "password").send_keys(password, Keys.ENTER)
    wait_until(browser, "return document.querySelector('.account') !== null")


def wait_until(browser: webdriver.Chrome, script: str, *given: object) -> None:
    """Until a script says true; it must hold in one go, for elements may be replaced meanwhile."""
    WebDriverWait(browser, DEADLINE_S, poll_frequency=0.05).until(
        lambda driver: driver.execute_script(script, *given)
    )


def wait_for_text(browser: webdriver.Chrome, place: str, words: str) -> None:
    """Wait until `words` are to be read in the element with id `place`, spaces folded."""
    try:
        wait_until(browser, f"return ({_READ})(arguments[0])?.includes(arguments[1])", place, words)
    except TimeoutException as error:
        found = browser.execute_script(f"return ({_READ})(arguments[0])", place)
        raise AssertionError(f"{words!r} does not come into {place}: {found}") from error


def tab_to(browser: webdriver.Chrome, selector: str) -> None:
    """Move on with the Tab key until the element has the focus, as who has no mouse does."""
    for _ in range(_MOST_TABS):
        if browser.execute_script(_IS_FOCUSED, selector):
            return
        press(browser, Keys.TAB)
    raise AssertionError(f"the Tab key does not lead to {selector}")


def press(browser: webdriver.Chrome, *keys: str) -> None:
    """Keys for whatever has the focus."""
    ActionChains(browser).send_keys(*keys).perform()


def screen(browser: webdriver.Chrome, width: int, mobile: bool = False) -> None:
    """As wide as that many CSS pixels; `mobile` widens the page for what does not fit."""
    size = {"width": width, "height": 800, "deviceScaleFactor": 1, "mobile": mobile}
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)


def messages_of(browser: webdriver.Chrome) -> list[str]:
    """What the browser's console got since the last look."""
    return [entry["message"] for entry in _log_of(browser)]


def breaches_of(browser: webdriver.Chrome) -> list[str]:
    """Scripts that broke and policies that were broken since the last look.

    Left out is what htmx says of a look that was cut off, as by a form that leads to another page.
    """
    return [one["message"] for one in _log_of(browser) if one["source"] != "console-api"]


def _log_of(browser: webdriver.Chrome) -> list[dict[str, str]]:
    found: list[dict[str, str]] = browser.get_log("browser")  # type: ignore[no-untyped-call]  # selenium
    return found


def faults_of(browser: webdriver.Chrome) -> list[str]:
    """What keeps people from using the page: fields and buttons without a name, headings out of
    order, ids that occur twice, text that is hard to read against its ground (WCAG 2.1, 1.4.3)."""
    found: list[str] = browser.execute_script(_FAULTS)
    return found


_FAULTS = """
const faults = [];
const shown = element => element.getClientRects().length > 0;
const short = element => element.outerHTML.slice(0, 90);
const ids = [...document.querySelectorAll("[id]")].map(element => element.id);
ids.filter((id, at) => ids.indexOf(id) !== at).forEach(id => faults.push("twice: " + id));
for (const field of document.querySelectorAll("input:not([type=hidden]), select, textarea")) {
  if (!field.labels.length && !field.ariaLabel) faults.push("no label: " + short(field));
}
for (const element of document.querySelectorAll("button, a, summary")) {
  if (!element.textContent.trim() && !element.ariaLabel) faults.push("no name: " + short(element));
}
for (const table of document.querySelectorAll("table")) {
  if (table.querySelector("th:not([scope])")) faults.push("no scope: " + short(table));
}
let last = 0;
for (const heading of document.querySelectorAll("h1, h2, h3, h4")) {
  const level = Number(heading.tagName[1]);
  if (level > last + 1) faults.push("level left out: " + short(heading));
  last = level;
}
if (document.querySelectorAll("h1").length !== 1) faults.push("not one h1");

const rgba = text => (text.match(/[\\d.]+/g) || [0, 0, 0, 0]).map(Number);
function over(top, ground) {
  const alpha = top.length > 3 ? top[3] : 1;
  return [0, 1, 2].map(at => top[at] * alpha + ground[at] * (1 - alpha));
}
function groundOf(element) {
  const own = rgba(getComputedStyle(element).backgroundColor);
  if (own.length < 4 || own[3] === 1) return own;
  return over(own, element.parentElement ? groundOf(element.parentElement) : [255, 255, 255]);
}
function luminance(colour) {
  const [r, g, b] = colour.slice(0, 3).map(part => part / 255)
    .map(part => part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4);
  return 0.2126 * r + 0.7152 * g + 0.0722 * b;
}
for (const element of document.querySelectorAll("body *")) {
  const own = [...element.childNodes].some(node => node.nodeType === 3 && node.textContent.trim());
  if (!own || !shown(element) || element.closest(":disabled, .hidden-text, .skip, svg")) continue;
  const ground = groundOf(element);
  const text = over(rgba(getComputedStyle(element).color), ground);
  const [dark, light] = [luminance(text), luminance(ground)].sort((a, b) => a - b);
  const ratio = (light + 0.05) / (dark + 0.05);
  if (ratio < 4.5) faults.push("contrast " + ratio.toFixed(2) + ": " + short(element));
}
return faults;
"""
