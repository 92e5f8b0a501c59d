"""The pages of warranty and repair, in three languages. All data are made up."""

from __future__ import annotations

import html
from datetime import date

import pytest

from fleet_server.domain.roles import Role
from fleet_server.services import tables as t
from fleet_server.services.accounts import LANGUAGES
from fleet_server.tests.console_site import SET_TOP_BOX, START, Site, add_event, add_unit
from fleet_server.web.i18n import translations

BOX = "00000003"


@pytest.fixture
def received(site: Site) -> Site:
    """The set-top box, received by its customer on 1 December 2025."""
    with site.context.fleet.writing() as connection:
        connection.execute(
            t.assignment.update().values(
                handed_over_on=date(2025, 12, 1),
                since_at=START.replace(year=2025, month=12, day=1),
            )
        )
        connection.execute(t.unit.update().values(state="installed"))
    return site


def opened(site: Site) -> str:
    """The address of a case."""
    answer = site.signed_in(Role.CONTRACTOR).submit(
        "/repairs", serial=BOX, symptom="no_picture", reported_on="2026-03-28"
    )
    assert answer.status_code == 303, answer.text
    return answer.headers["location"]


def found(site: Site, cause: str = "normal_use") -> str:
    address = opened(site)
    bench = site.signed_in(Role.CONTRACTOR)
    assert bench.submit(f"{address}/receipt").status_code == 303
    answer = bench.submit(
        f"{address}/finding",
        defect="power_supply",
        cause=cause,
        usable_again="no",
        term="in_term",
    )
    assert answer.status_code == 303, answer.text
    return address


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_look_up_says_the_warranty_in_words(received: Site, language: str) -> None:
    page = received.signed_in(Role.CONTRACTOR, language).get(f"/units?serial={BOX}").text
    words = translations(language).gettext
    assert html.escape(words("in warranty")) in page
    assert html.escape(words("The day lies in the term.")) in page
    assert "[7.2.2]" in page
    assert "249" in page
    assert "C-1003" not in page


def test_the_look_up_shows_card_supplier_and_chain(received: Site) -> None:
    card = received.insert(
        t.unit,
        serial_number="0123456789",
        manufacturer_oui="00256D",
        product_class="CARD",
        received_at=START,
    )
    with received.context.fleet.writing() as connection:
        box = connection.execute(t.unit.select().where(t.unit.c.serial_number == BOX)).one()
        stay = connection.execute(
            t.assignment.select().where(t.assignment.c.unit_id == box.id)
        ).one()
        connection.execute(
            t.unit.update()
            .where(t.unit.c.id == box.id)
            .values(supplier_warranty_until_on=date(2027, 5, 1))
        )
        connection.execute(t.assignment.update().values(until_at=START))
    received.insert(t.pairing, card_unit_id=card, box_unit_id=box.id, since_at=START)
    other = add_unit(received, "ops::00256D-STB-00000009")
    received.insert(
        t.assignment,
        unit_id=other,
        service_position_id=stay.service_position_id,
        since_at=START,
        recorded_at=START,
        replaces_unit_id=box.id,
    )
    page = received.signed_in(Role.WAREHOUSE).get(f"/units?serial={BOX}").text
    assert "0123456789" in page
    assert "1 May 2027" in page
    assert "/units?serial=00000009" in page
    assert "1 May 2027" not in received.signed_in(Role.CONTRACTOR).get(f"/units?serial={BOX}").text


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_case_is_plain_in_every_language(received: Site, language: str) -> None:
    address = found(received)
    add_event(received, SET_TOP_BOX, 1, "Transient!", Magnitude="1900000", Duration="2")
    add_event(received, SET_TOP_BOX, 2, "Boot!", Reason="watchdog")
    page = received.signed_in(Role.FLEET_OPS, language).get(address).text
    words = translations(language).gettext
    for message in (
        "replace it free of charge",
        "no charge",
        "Records orient; they prove nothing for or against anybody.",
        "A proposal takes no effect by itself: a named person decides, with a reason.",
        "Surge",
        "watchdog",
        "Decide under my name",
    ):
        assert html.escape(words(message)) in page, message
    for code in ("replace_free", "normal_use", "repair_found", "await_", "no_sensor"):
        assert f">{code}" not in page


def test_the_operator_decides_under_a_name_and_sees_it(received: Site) -> None:
    address = found(received, "misuse")
    desk = received.signed_in(Role.FLEET_OPS)
    answer = desk.submit(
        f"{address}/decisions", choice="charge:charge", amount="45,5", words="was opened"
    )
    assert answer.status_code == 303, answer.text
    page = desk.get(address).text
    assert "45.50" in page
    assert "was opened" in page
    assert "fleet_ops" in page
    bench = received.signed_in(Role.CONTRACTOR).get(address).text
    assert "45.50" not in bench
    assert "was opened" not in bench


@pytest.mark.parametrize("amount", ["", "x", "1,234", "-5", "1.2.3", "٤"])
def test_an_amount_that_is_none_is_refused(received: Site, amount: str) -> None:
    address = found(received, "misuse")
    answer = received.signed_in(Role.FLEET_OPS).submit(
        f"{address}/decisions", choice="charge:charge", amount=amount, words="was opened"
    )
    assert answer.status_code == 422
    assert "Nothing was changed." in answer.text


def test_what_a_form_gets_wrong_is_said_in_words(received: Site) -> None:
    bench = received.signed_in(Role.CONTRACTOR)
    address = opened(received)
    # (address, fields, words)
    wrong = [
        ("/repairs", {"serial": BOX, "symptom": "no_signal"}, "has an open repair case"),
        ("/repairs", {"serial": "none", "symptom": "no_signal"}, "was ever taken into stock"),
        ("/repairs", {"serial": BOX, "symptom": "sad"}, "A field is missing"),
        ("/repairs", {"serial": BOX, "symptom": "other", "defect_on": "soon"}, "A field is"),
        (f"{address}/log", {"words": "x"}, "does not allow this step"),
        (f"{address}/withdrawal", {"words": " "}, "A field is missing"),
    ]
    for url, fields, words in wrong:
        answer = bench.submit(url, **fields)
        assert answer.status_code == 422, url
        assert words in answer.text, url


def test_the_bench_works_a_case_to_its_end(received: Site) -> None:
    address = opened(received)
    bench = received.signed_in(Role.CONTRACTOR)
    assert "The unit is on the bench" in bench.get(address).text
    bench.submit(f"{address}/receipt", words="with remote control")
    assert bench.submit(f"{address}/log", words="rail is at 3.9 V").status_code == 303
    received.insert(t.spare_part, code="PSU-12", name="Supply 12 V", on_hand=3)
    assert bench.submit(f"{address}/parts", code="PSU-12", quantity="2").status_code == 303
    answer = bench.submit(
        f"{address}/finding",
        defect="power_supply",
        cause="normal_use",
        usable_again="yes",
        term="in_term",
    )
    assert answer.status_code == 303
    assert "repair it in warranty" in bench.get(address).text
    assert bench.submit(f"{address}/outcome", outcome="repaired").status_code == 303
    page = bench.get(address).text
    for words in ("with remote control", "rail is at 3.9 V", "Supply 12 V", "closed: repaired"):
        assert words in page, words
    assert "How it ended" not in page
    listed = bench.get("/repairs?ended=true").text
    assert f'href="{address}"' in listed
    assert f'href="{address}"' not in bench.get("/repairs").text


def test_a_case_may_be_withdrawn_and_an_unknown_one_is_not_found(received: Site) -> None:
    address = opened(received)
    bench = received.signed_in(Role.CONTRACTOR)
    assert bench.submit(f"{address}/withdrawal", words="works again").status_code == 303
    assert "withdrawn" in bench.get(address).text
    assert bench.get("/repairs/RMA-999999").status_code == 404
    assert bench.submit("/repairs/RMA-999999/log", words="x").status_code == 404


def test_the_list_is_paged_by_key(received: Site) -> None:
    unit_id = add_unit(received, "ops::00256D-STB-00000008")
    for _ in range(51):
        received.insert(
            t.repair_case,
            unit_id=unit_id,
            state="withdrawn",
            symptom="other",
            reported_on=date(2026, 3, 1),
            opened_at=START,
            closed_at=START,
        )
    browser = received.signed_in(Role.CALL_CENTRE)
    page = browser.get("/repairs?ended=true").text
    assert "RMA-000051" in page
    assert "RMA-000001" not in page
    assert "before=2&amp;" in page
    assert "RMA-000001" in browser.get("/repairs?ended=true&before=2").text
