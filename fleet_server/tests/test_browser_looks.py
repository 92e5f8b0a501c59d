"""Every page of the changes area: narrow and wide, in three languages, by day and by night.

No page is wider than its window, nothing is left in English, fields, buttons, headings and tables
have their names, and text stands out from its ground.
"""

from __future__ import annotations

import re
from html.parser import HTMLParser

import pytest
from selenium import webdriver
from sqlalchemy import select

from fleet_server.domain.swap_remark import Say, remark
from fleet_server.services import tables as t
from fleet_server.services.accounts import LANGUAGES, choose_language
from fleet_server.services.swap_plan import Ground
from fleet_server.tests.browsers import faults_of, screen, sign_in
from fleet_server.tests.changes_desk import NIGHT, PASSWORDS, ChangesDesk
from fleet_server.tests.databases import SQLITE
from fleet_server.tests.service_desk import CONTRACT
from fleet_server.tests.swap_bench import NEW_BOX, NEW_MODEM, NEW_STB, OLD_BOX
from fleet_server.tests.test_i18n import catalog

pytestmark = pytest.mark.parametrize("database", [SQLITE], indirect=True)

PHONE, DESK = 375, 1280
PATHS = (
    "/swaps",
    "/swaps/new",
    f"/swaps/new?contract={CONTRACT}",
    "/swaps/1",
    "/swaps/2",
    "/campaigns",
    "/campaigns/new",
    "/campaigns/1",
    "/campaigns/1/units?state=excluded",
    "/campaigns/2",
    "/campaigns/2/change",
)
# Made up, or the same in every language: names, numbers, codes, and what people wrote.
_DATA = re.compile(
    r"(ana|besa|auditor|technician|fleet_ops|[A-Z]{1,4}-\w+|internet\+voice|internet|voice|tv-1"
    r"|card-1|New firmware later|looked at|made up|made-up .*|[\d\u00b7 ]+ (ms|s|min|h))"
    r"[\s,:\u00b7]*"
)


@pytest.fixture
def busy(changes: ChangesDesk) -> ChangesDesk:
    """A replacement done, with its paper, and one that waits; a campaign that runs, and a draft."""
    bench = changes.bench
    bench.connect(NEW_MODEM)
    bench.order()
    bench.run()
    bench.connect(NEW_STB, online=False)
    bench.order(OLD_BOX, NEW_BOX, "tv-1")
    bench.run()
    kept = remark(Say.EMERGENCY_OVER, line="C-2001/voice", at=NIGHT.isoformat())
    with changes.site.context.fleet.writing() as connection:
        connection.execute(t.swap.update().where(t.swap.c.id == 2).values(waits_for=kept))
    bench.plan(Ground.FAULTY, changes.site.now, "tv-1")
    changes.campaigns.add_units(3)
    changes.campaigns.add_units(1, blacklisted=True)
    changes.campaigns.run()
    changes.turn()
    changes.campaigns.make()
    return changes


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_page_fits_its_window_and_can_be_read(
    busy: ChangesDesk, changes_address: str, chromium: webdriver.Chrome, language: str
) -> None:
    speak(busy, language)
    sign_in(chromium, changes_address, "ana", PASSWORDS["ana"])
    problems = []
    for path in PATHS:
        chromium.get(changes_address + path)
        chromium.execute_script(
            "document.querySelectorAll('main details').forEach(one => { one.open = true; })"
        )
        for width in (PHONE, DESK):
            screen(chromium, width)
            found = chromium.execute_script("return document.documentElement.scrollWidth")
            if found > width:
                problems.append(f"{path}: {found} px on {width}")
        for scheme in ("light", "dark"):
            features = [{"name": "prefers-color-scheme", "value": scheme}]
            chromium.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": features})
            problems += [f"{path}, {scheme}: {fault}" for fault in faults_of(chromium)]
    assert problems == []


@pytest.mark.parametrize("language", [one for one in LANGUAGES if one != "en"])
def test_nothing_is_left_in_english(busy: ChangesDesk, language: str) -> None:
    ana = busy.person("ana")
    # Words that are the same in both languages.
    known = {str(one.id) for one in catalog(language) if one.id == one.string}
    left = []
    for path in PATHS:
        speak(busy, "en")
        english = texts_of(ana.get(path).text)
        speak(busy, language)
        same = english & texts_of(ana.get(path).text)
        left += [f"{path}: {text}" for text in same if text not in known]
    assert left == []


def speak(changes: ChangesDesk, language: str) -> None:
    """Ana's language from now on."""
    with changes.site.context.fleet.writing() as connection:
        ana = connection.scalar(select(t.account.c.id).where(t.account.c.username == "ana"))
        choose_language(connection, int(ana or 0), language)


def texts_of(page: str) -> set[str]:
    """Every piece of text of a page that is words, and every title and placeholder."""
    reader = _Texts()
    reader.feed(page)
    folded = {" ".join(text.split()) for text in reader.found}
    return {
        text for text in folded if re.search(r"[^\W\d_]{2}", text) and not _DATA.fullmatch(text)
    }


class _Texts(HTMLParser):
    """Text outside of codes, moments, the switch of languages, and what is marked as English."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []
        self._open: list[tuple[str, bool]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        self.found += [given[name] for name in ("placeholder", "data-label") if name in given]
        if tag in ("input", "meta", "link", "br", "path", "rect"):
            return
        classes = set(given.get("class", "").split())
        is_code = bool(classes & {"code", "serial", "languages"})
        is_other = tag in ("time", "pre", "datalist", "textarea", "script", "svg", "title")
        is_marked = "lang" in given and tag != "html"
        self._open.append((tag, is_code or is_other or is_marked))

    def handle_endtag(self, tag: str) -> None:
        while self._open and self._open.pop()[0] != tag:
            pass

    def handle_data(self, data: str) -> None:
        if not any(is_left_out for _tag, is_left_out in self._open):
            self.found.append(data)
