"""Pages of services, allow-lists, returns, theft and operations, as people use them."""

from __future__ import annotations

import re

import pytest

from fleet_server.domain.operations import AccessMode, SetAccess, System
from fleet_server.domain.roles import Role
from fleet_server.services import outbox
from fleet_server.services import tables as t
from fleet_server.services.outbox import Outcome, Result
from fleet_server.tests.console_site import Browser, Site

LIST = 'version = 7\nexpires = 2027-06-30\nnumbers = ["0800 11222"]\nhosts = []\n'


@pytest.fixture
def browser(site: Site) -> Browser:
    site.insert(t.place, code="STORE-1", kind="store", name="Store (made up)")
    with site.context.fleet.writing() as connection:
        connection.execute(t.unit.update().values(state="installed"))
    return site.signed_in(Role.FLEET_OPS)


def test_a_suspension_waits_for_its_notice_and_is_cancelled(browser: Browser) -> None:
    fields = {"state": "suspended", "ground": "debt", "reason": "Bill of February"}
    answer = browser.submit("/services/C-1001/decision", **fields)
    assert (answer.status_code, answer.headers["location"]) == (303, "/services/C-1001")
    page = browser.get("/services/C-1001").text
    assert "A decision waits" in page
    assert "unpaid bill" in page
    assert "not yet" in page
    assert "C-1001" in browser.get("/services").text
    answer = browser.submit("/services/C-1001/cancellation", reason="Paid in a store")
    assert answer.status_code == 303
    assert "cancelled" in browser.get("/services/C-1001").text
    answer = browser.submit("/services/C-1001/cancellation", reason="Paid in a store")
    assert "no decision waits" in answer.text


def test_a_termination_is_confirmed_on_paper(browser: Browser) -> None:
    fields = {"state": "terminated", "ground": "customer_request", "reason": "In writing"}
    assert browser.submit("/services/C-1001/decision", not_before="", **fields).status_code == 303
    page = browser.get("/services/C-1001").text
    assert "terminated" in page
    assert "not confirmed in writing yet" in page
    answer = browser.submit("/services/C-1001/confirmation", reason="Handed over")
    assert answer.status_code == 303
    page = browser.get("/services/C-1001").text
    assert "not confirmed in writing yet" not in page
    assert "telephony" in page  # the operations that the courier will carry out


def test_what_is_not_possible_says_so_and_changes_nothing(browser: Browser) -> None:
    fields = {"state": "active", "ground": "paid", "reason": "Paid in a store"}
    answer = browser.submit("/services/C-1001/decision", **fields)
    assert answer.status_code == 409
    assert "this step or ground is not possible" in answer.text
    assert browser.get("/services?number=C-1001").headers["location"] == "/services/C-1001"
    assert browser.get("/services/C-9999").status_code == 404


def test_a_list_is_signed_published_and_counted(browser: Browser) -> None:
    answer = browser.submit("/allow-lists", text="version = 8", reason="Wrong")
    assert answer.status_code == 422
    assert "version = 8" in answer.text
    assert browser.submit("/allow-lists", text=LIST, reason="School").status_code == 303
    answer = browser.submit("/allow-lists/7/publication", reason="Ordered")
    assert answer.status_code == 303
    page = browser.get("/allow-lists").text
    assert "0 of 3" in page
    assert "Publish<" not in page


def test_the_receipt_is_a_page_with_its_code(site: Site, browser: Browser) -> None:
    counter = site.signed_in(Role.WAREHOUSE)
    fields = {"serial": "00000003", "place": "STORE-1", "condition": "complete"}
    answer = counter.submit("/returns", **fields)
    assert (answer.status_code, answer.headers["location"]) == (303, "/returns/R-00000001")
    page = counter.get("/returns/R-00000001").text
    code = re.search(r'<svg [^>]*class="qr".*?</svg>', page, re.DOTALL)
    assert code is not None
    assert "style=" not in code[0]
    assert "00000003" in page
    assert "C-1003" not in page
    listed = counter.get("/returns").text
    assert "R-00000001" in listed
    assert 'href="/owed"' not in listed
    assert counter.submit("/returns", **fields).status_code == 409


def test_what_is_owed_is_proposed_and_decided(site: Site, browser: Browser) -> None:
    with site.context.fleet.writing() as connection:
        connection.execute(t.assignment.update().values(value_cents=8000))
        connection.execute(
            t.contract.update().values(
                terminated_on=site.now.date().replace(month=1), termination_confirmed_at=site.now
            )
        )
        connection.execute(
            t.unit.update()
            .where(t.unit.c.serial_number == "00000003")
            .values(state="to_be_returned")
        )
    assert "not due yet" in browser.get("/owed").text
    site.now = site.now.replace(month=5)
    browser = site.signed_in(Role.FLEET_OPS)
    page = browser.get("/owed").text
    assert "charge proposed" in page
    assert "[7.2.1, 7.2.6, 9.9]" in page
    fields = {"decision": "charge", "reason": "Asked twice"}
    assert browser.submit("/owed/00000003", euros="80.01", **fields).status_code == 409
    assert browser.submit("/owed/00000003", euros="80.00", **fields).status_code == 303
    assert "charged" in browser.get("/owed").text


def test_a_stolen_unit_is_barred_reported_and_found(browser: Browser) -> None:
    fields = {"serial": "00000003", "cause": "stolen", "reason": "Told by phone"}
    assert browser.submit("/losses", reference="", reported_on="", **fields).status_code == 303
    assert browser.submit("/losses", **fields).status_code == 409
    report = {"reference": "2026/03-1", "reported_on": "2026-03-28"}
    answer = browser.submit("/losses/00000003/police-report", **report)
    assert answer.status_code == 303
    assert "2026/03-1" in browser.get("/losses").text
    answer = browser.submit("/losses/00000003/lifting", place="STORE-1", reason="Found")
    assert answer.status_code == 303
    assert "No unit is blacklisted." in browser.get("/losses").text


def test_an_operation_that_was_refused_is_tried_again_or_dropped(
    site: Site, browser: Browser
) -> None:
    stage = [(System.ACCESS, SetAccess("02:00:5E:00:00:01", "TOP L", AccessMode.OPEN))]
    with site.context.fleet.writing() as connection:
        outbox.queue(connection, "d-1", [stage], site.now)
        (taken,) = outbox.take(connection, site.now, 1)
        outbox.settle(connection, taken, Result(Outcome.REFUSED, "unknown_mac"), site.now)
    url = f"/operations/{taken.id}"
    assert "02:00:5E:00:00:01" in browser.get("/operations").text
    assert "unknown_mac" in browser.get(url).text
    assert browser.submit(url, action="retry", reason="It knows now").status_code == 303
    assert browser.submit(url, action="x", reason="By hand").status_code == 409
    assert browser.submit(url, action="drop", reason="By hand").status_code == 303
    assert browser.submit(url, action="drop", reason="By hand").status_code == 409
    assert "dropped" in browser.get(url).text


@pytest.mark.parametrize(
    ("language", "words"), [("sq", "Shërbimet"), ("sr", "Usluge"), ("en", "Services")]
)
def test_the_pages_speak_three_languages(
    site: Site, browser: Browser, language: str, words: str
) -> None:
    reader = site.signed_in(Role.FLEET_OPS, language)
    assert words in reader.get("/services").text
    for url in ("/services/C-1001", "/allow-lists", "/returns", "/owed", "/losses", "/operations"):
        assert reader.get(url).status_code == 200, url
