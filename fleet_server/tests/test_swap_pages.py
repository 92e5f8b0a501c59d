"""The pages of replacements: the order, where it stands, what a person may do. All made up."""

from __future__ import annotations

import html
import re
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import select, update

from fleet_server.domain.kinds import ProductClass
from fleet_server.domain.roles import Role
from fleet_server.domain.swap import plan_for
from fleet_server.domain.swap_remark import Say, remark
from fleet_server.services import blacklist, swap_plan, swaps
from fleet_server.services import tables as t
from fleet_server.services.accounts import LANGUAGES
from fleet_server.services.audit import Actor
from fleet_server.services.swap_consent import order_with_consent
from fleet_server.services.swap_visits import order_visit
from fleet_server.services.swaps import SwapOrder, Trigger
from fleet_server.tests.console_site import BLANK, VOICE_MODEM, Browser, Site, add_presence
from fleet_server.web.i18n import translations
from fleet_server.web.labels_swap import SWAP_WORDS

DASH = "\N{EN DASH}"
OLD, NEW, CONTRACT = "00000002", "00000004", "C-1001"
FORM = {
    "contract": CONTRACT,
    "position": "internet+voice",
    "new_serial": NEW,
    "trigger": "remote",
    "ground": "consent",
    "reason": "it restarts by itself",
}


def said(page: str) -> str:
    """What a person reads: without tags, spaces folded."""
    return " ".join(html.unescape(re.sub(r"<[^>]+>", " ", page)).split())


def give_certificate(site: Site, endpoint_id: str = BLANK) -> None:
    site.insert(
        t.certificate,
        certificate_serial_number=f"of {endpoint_id}"[:40],
        endpoint_id=endpoint_id,
        not_before=site.now,
        not_after=site.now + timedelta(days=1),
        issued_at=site.now,
    )


@pytest.fixture
def ready(site: Site) -> Site:
    """The voice modem of C-1001, and another in stock that may take its place."""
    give_certificate(site)
    return site


def bar(site: Site) -> None:
    with site.context.fleet.writing() as connection:
        cause = blacklist.Cause.STOLEN
        blacklist.blacklist(connection, OLD, cause, None, Actor.account(1), "a theft", site.now)


@pytest.fixture
def desk(ready: Site) -> Browser:
    return ready.signed_in(Role.FLEET_OPS)


def ordered(site: Site, trigger: Trigger = Trigger.TECHNICIAN) -> str:
    """The address of a replacement that a technician began."""
    with site.context.fleet.writing() as connection:
        actor = Actor.account(_account(connection, Role.TECHNICIAN))
        wanted = SwapOrder(CONTRACT, "internet+voice", OLD, NEW, trigger, "a test")
        return f"/swaps/{order_with_consent(connection, actor, wanted, site.now)}"


def _account(connection: Any, role: Role) -> int:
    return int(connection.scalar(select(t.account.c.id).where(t.account.c.username == role.value)))


def happened(
    site: Site, at: datetime, kind: str, step: str, target: str, operation: str, text: str = ""
) -> None:
    site.insert(
        t.swap_event,
        swap_id=1,
        at=at,
        kind=kind,
        step=step,
        target=target,
        operation=operation,
        text=text,
    )


AT = {step.value: at for at, step in enumerate(plan_for(ProductClass.VOICEMODEM, outlets=1))}


def stands(site: Site, **values: Any) -> None:
    with site.context.fleet.writing() as connection:
        connection.execute(update(t.swap).where(t.swap.c.id == 1).values(**values))


def cut_over(site: Site) -> str:
    """A replacement whose old unit was taken out of service five seconds ago."""
    address = ordered(site)
    begun = site.now
    for at, (step, target, operation) in enumerate(
        (
            ("reserve", "registry", "reserve"),
            ("prepare_old", "old_unit", "prepare"),
            ("hold_old", "old_unit", "hold"),
        )
    ):
        happened(site, begun + timedelta(seconds=at), "asked", step, target, operation)
        done_at = begun + timedelta(seconds=at, milliseconds=250)
        happened(site, done_at, "done", step, target, operation)
    happened(site, begun + timedelta(seconds=3), "asked", "close_old", "access", "close_old")
    stands(site, at=AT["close_old"])
    site.now = begun + timedelta(seconds=7, milliseconds=250)
    return address


def test_a_contract_leads_to_the_order_and_the_order_to_its_page(
    ready: Site, desk: Browser
) -> None:
    contract = desk.get(f"/contracts/{CONTRACT}").text
    assert f'href="/swaps/new?contract={CONTRACT}"' in contract
    form = desk.get(f"/swaps/new?contract={CONTRACT}")
    assert f"internet+voice : unit {OLD}" in said(form.text)
    assert f'<option value="{NEW}">' in form.text
    assert 'value="consent" required >' in form.text, "nobody says it for the customer unasked"
    answer = desk.submit("/swaps/new", **FORM)
    assert answer.status_code == 303, said(answer.text)
    page = said(desk.get(answer.headers["location"]).text)
    for words in (
        "ordered, has not begun",
        "To do: Another person has to approve the order.",
        "You ordered it: another person has to approve it.",
        "fleet_ops, 28 Mar 2026 13:00:00 CET",
        "planned swap 1",
    ):
        assert words in page, words


def test_an_order_says_what_the_paper_shall_say(ready: Site, desk: Browser) -> None:
    order = {**FORM, "trigger": "posted", "posted_on": "2026-03-27", "value": "65,50"}
    assert desk.submit("/swaps/new", **order).status_code == 303
    with ready.context.fleet.reading() as connection:
        view = swaps.read(connection, 1)
    assert (view.value_cents, view.posted_at) == (6550, datetime(2026, 3, 26, 23, tzinfo=UTC))


def test_a_stolen_unit_is_offered_as_the_one_that_is_replaced(ready: Site, desk: Browser) -> None:
    bar(ready)
    found = desk.get(desk.get(f"/swaps/new?serial={OLD}").headers["location"])
    assert f"internet+voice : out of service, held last by unit {OLD}" in said(found.text)
    assert NEW in found.text, "units that may take its place are offered"
    answer = desk.submit("/swaps/new", **FORM)
    page = said(desk.get(answer.headers["location"]).text)
    assert OLD in page and NEW in page


def test_a_serial_number_leads_to_the_contract_and_the_position(desk: Browser) -> None:
    found = desk.get(f"/swaps/new?serial={OLD}")
    assert found.headers["location"] == f"/swaps/new?contract={CONTRACT}&position=internet%2Bvoice"
    missing = desk.get(f"/swaps/new?serial={NEW}")
    assert missing.status_code == 404
    assert "No unit of this serial number serves a contract." in said(missing.text)
    for page in (f"/units?serial={OLD}", f"/units/{OLD}"):
        assert f'href="/swaps?serial={OLD}"' in desk.get(page).text
        assert f'href="/swaps/new?serial={OLD}"' in desk.get(page).text


# (fields that differ, words)
WRONG = [
    ({"new_serial": "none"}, "was ever taken into stock"),
    ({"new_serial": OLD}, "A unit is not replaced by itself."),
    ({"new_serial": "00000001"}, "The new unit is not in stock: take another."),
    ({"position": ""}, "Choose what is replaced."),
    ({"position": "internet"}, f"Unit {OLD} holds internet+voice"),
    ({"ground": "", "trigger": "remote"}, "Name the planned swap with its notice, or say"),
    ({"reason": "x"}, "Say why the unit is replaced."),
    ({"trigger": "magic"}, "This way of replacing is not one of yours."),
    ({"posted_on": "soon"}, "soon is no day"),
    ({"posted_on": "2026-03-27"}, "Only a unit that comes by post has a day of posting."),
    ({"value": "a lot"}, "a lot is no amount"),
    ({"value": "100000"}, "The value of a unit is from 0 to 99999,99 EUR."),
]


@pytest.mark.parametrize(("fields", "words"), WRONG)
def test_what_the_order_gets_wrong_is_said(
    ready: Site, desk: Browser, fields: dict[str, str], words: str
) -> None:
    answer = desk.submit("/swaps/new", **{**FORM, **fields})
    assert answer.status_code == 422
    assert words in said(answer.text)
    with ready.context.fleet.reading() as connection:
        assert swaps.list_swaps(connection, None, 9) == []
        assert swap_plan.swaps_of_contract(connection, CONTRACT) == []


# (fields that differ, words in Albanian)
NOT_SO = [
    ({"new_serial": "00000001"}, "Gjendja e njësisë 00000001: te klienti; merr një që"),
    ({"position": "internet"}, f"Njësia {OLD} mban internet+voice: ndërroje të gjithën."),
    ({"reason": "x"}, "Shkruaj pse ndërrohet njësia."),
]


@pytest.mark.parametrize(("fields", "words"), NOT_SO)
def test_why_an_order_is_refused_is_said_in_the_readers_language(
    ready: Site, fields: dict[str, str], words: str
) -> None:
    desk = ready.signed_in(Role.FLEET_OPS, "sq")
    assert words in said(desk.submit("/swaps/new", **{**FORM, **fields}).text)


def test_why_a_step_is_refused_is_said_in_the_readers_language(ready: Site) -> None:
    address = ordered(ready)
    answer = ready.signed_in(Role.TECHNICIAN, "sq").submit(f"{address}/approval")
    assert answer.status_code == 409
    assert "Ndërrimi 1 nuk pret miratim." in said(answer.text)


def test_a_unit_without_a_certificate_is_to_be_provisioned_first(site: Site) -> None:
    answer = site.signed_in(Role.FLEET_OPS).submit("/swaps/new", **FORM)
    assert "provision it first, then order" in said(answer.text)


def test_a_technician_orders_on_site_only_and_begins_at_once(ready: Site) -> None:
    browser = ready.signed_in(Role.TECHNICIAN)
    form = browser.get(f"/swaps/new?contract={CONTRACT}").text
    assert 'value="technician"' in form
    assert 'value="remote"' not in form
    assert (
        "It begins as soon as it is ordered" in form and 'value="consent" required checked' in form
    )
    assert browser.submit("/swaps/new", **FORM).status_code == 422
    answer = browser.submit("/swaps/new", **{**FORM, "trigger": "technician"})
    assert answer.status_code == 303, said(answer.text)
    page = said(browser.get(answer.headers["location"]).text)
    assert "Nothing: it goes on by itself." in page
    assert "Reserve the new unit now" in page


def test_every_step_shows_how_it_stands_when_and_how_long(ready: Site, desk: Browser) -> None:
    page = said(desk.get(cut_over(ready)).text)
    for words in (
        "Reserve the new unit done 28 Mar 2026 13:00:00.250 CET · 250 ms",
        "The old unit stops serving done 28 Mar 2026 13:00:02.250 CET · 250 ms",
        "Close the old unit in the network now 28 Mar 2026 13:00:03.000 CET · 4 s ago",
        "Open the new unit in the network to come",
        "Hand over: warranty, paper, record to come Point of no return",
        "Service gap 5 s and lasting",
        f"Old unit {OLD} online",
        f"New unit {NEW} never seen",
    ):
        assert words in page, words


@pytest.mark.parametrize("language", LANGUAGES)
def test_what_a_person_must_do_is_plain_in_every_language(ready: Site, language: str) -> None:
    address = cut_over(ready)
    stands(ready, phase="person", is_undoing=True, at=AT["hold_old"], why="no answer")
    page = said(ready.signed_in(Role.FLEET_OPS, language).get(address).text)
    words = translations(language).gettext
    for message in (
        SWAP_WORDS["swap_todo"]["connect_old_or_waive"],
        "needs a person",
        "no answer",
        "being undone now",
        "Go on without the old unit",
        "It is being undone already.",
    ):
        assert words(message) in page, message
    for code in ("hold_old", "connect_old", "rolled_back", "not_reached"):
        assert code not in page


def test_past_the_point_of_no_return_undoing_is_refused_with_the_reason(
    ready: Site, desk: Browser
) -> None:
    address = ordered(ready)
    stands(ready, at=AT["fence_old"])
    page = desk.get(address).text
    assert "The point of no return is behind" in said(page)
    assert f'action="{address}/abort"' not in page
    answer = desk.submit(f"{address}/abort", reason="too late")
    assert answer.status_code == 409
    assert "The point of no return is behind" in said(answer.text)


def test_an_owed_unit_is_named_with_what_it_will_be_told(ready: Site, desk: Browser) -> None:
    address = ordered(ready)
    stands(ready, phase="done", at=AT["retire_old"], ended_at=ready.now)
    ready.insert(
        t.swap_debt,
        swap_id=1,
        target="old_unit",
        operation="fence",
        endpoint_id=VOICE_MODEM,
        since_at=ready.now,
        due_at=ready.now,
    )
    ready.now += timedelta(minutes=5)
    page = said(desk.get(address).text)
    assert (
        f"Unit {OLD} did not answer. When it is seen again it is told to erase its secrets and "
        "show that it is to be returned; owed for 5 min."
    ) in page
    assert "The old unit erases its secrets owed until the unit is seen" in page
    assert "1 units still to be told" in said(desk.get("/swaps").text)


@pytest.mark.parametrize(
    ("step", "words"),
    [
        ("move_voice", "Leave this step to be done by hand The rest goes on."),
        ("open_new", "It waits for nothing that may be left out."),
        ("hold_old", "Go on without the old unit The network is put right now;"),
    ],
)
def test_what_may_be_left_out_is_offered_with_what_that_means(
    ready: Site, desk: Browser, step: str, words: str
) -> None:
    address = ordered(ready)
    stands(ready, at=AT[step], phase="person", is_undoing=True, why="refused")
    assert words in said(desk.get(address).text)


def test_the_technician_is_told_to_move_the_cable(ready: Site) -> None:
    address = ordered(ready)
    stands(ready, at=AT["adopt_new"])
    browser = ready.signed_in(Role.TECHNICIAN)
    assert SWAP_WORDS["swap_todo"]["move_cable"] in said(browser.get(address).text)
    add_presence(ready, BLANK, "online", "connect")
    assert SWAP_WORDS["swap_todo"]["move_cable"] not in said(browser.get(address).text)


# (fields that differ)
NOT_OVER_THE_API: list[dict[str, Any]] = [
    {"planned_swap": 1},
    {"posted_at": "2026-03-27T08:00:00Z"},
    {"value_cents": 10_000_000},
]


@pytest.mark.parametrize("fields", NOT_OVER_THE_API)
def test_the_api_refuses_what_the_page_does(ready: Site, fields: dict[str, Any]) -> None:
    order = {name: value for name, value in FORM.items() if name != "ground"}
    body = {**order, "old_serial": OLD, "consent": True}
    headers = ready.bearer(Role.FLEET_OPS)
    call = ready.browser()
    url = "/api/v1/replacements"
    assert call.post(url, json={**body, **fields}, headers=headers).status_code == 422
    assert (
        call.post(url, json={**body, "value_cents": 9_999_999}, headers=headers).json()["id"] == 1
    )


def test_a_visit_is_begun_by_the_technician_alone(ready: Site, desk: Browser) -> None:
    with ready.context.fleet.writing() as connection:
        wanted = SwapOrder(CONTRACT, "internet+voice", OLD, NEW, Trigger.TECHNICIAN, "campaign 1")
        number = order_visit(connection, Actor.system("campaigns"), wanted, ready.now)
    address, todo = f"/swaps/{number}", SWAP_WORDS["swap_todo"]["begin"]
    assert todo in said(desk.get(address).text)
    assert desk.submit(f"{address}/approval").status_code == 403
    call = ready.browser()
    url = f"/api/v1/replacements/{number}"
    refused = call.post(f"{url}/approval", headers=ready.bearer(Role.FLEET_OPS))
    assert refused.status_code == 403
    technician = ready.signed_in(Role.TECHNICIAN)
    assert SWAP_WORDS["swap_action"]["begin"] in said(technician.get(address).text)
    found = call.get(url, headers=ready.bearer(Role.TECHNICIAN)).json()
    assert (found["phase"], found["todo"], found["todo_text"]) == ("ordered", "begin", todo)
    assert technician.submit(f"{address}/approval").status_code == 303
    assert "It has begun already." in said(technician.get(address).text)


def test_a_technician_approves_nothing_from_afar(ready: Site) -> None:
    address = ordered(ready, Trigger.POSTED)
    technician = ready.signed_in(Role.TECHNICIAN)
    assert technician.submit(f"{address}/approval").status_code == 403
    url = f"/api/v1/replacements{address.removeprefix('/swaps')}/approval"
    refused = ready.browser().post(url, headers=ready.bearer(Role.TECHNICIAN))
    assert refused.status_code == 403
    assert f'action="{address}/approval"' not in technician.get(address).text


def test_another_person_approves_and_undoes(ready: Site, desk: Browser) -> None:
    desk.submit("/swaps/new", **FORM)
    assert "Reserve the new unit to come" in said(desk.get("/swaps/1").text)
    own = desk.submit("/swaps/1/approval")
    assert own.status_code == 409
    assert "Another person has to approve what one has ordered." in said(own.text)
    stands(ready, ordered_by="account:99")
    assert desk.submit("/swaps/1/approval").status_code == 303
    begun = said(desk.get("/swaps/1").text)
    assert "Reserve the new unit now" in begun
    assert "It is approved already." in begun
    assert desk.submit("/swaps/1/abort", reason=" ").status_code == 422
    assert desk.submit("/swaps/1/abort", reason="not needed").status_code == 303
    assert "being undone" in said(desk.get("/swaps/1").text)
    assert desk.submit("/swaps/1/waiver", reason="a test").status_code == 409
    assert desk.submit("/swaps/1/resumption", reason="a test").status_code == 303
    assert desk.submit("/swaps/1/magic", reason="a test").status_code == 404


def test_the_forms_come_again_only_when_others_are_possible(ready: Site, desk: Browser) -> None:
    address = ordered(ready)
    page = desk.get(address).text
    version = re.search(r'id="actions-version" name="version" value="([0-9a-f]+)"', page)
    assert version is not None
    live = f"{address}/live?version={version[1]}"
    assert "hx-swap-oob" not in desk.get(live).text
    stands(ready, at=AT["fence_old"])
    assert 'id="actions" hx-swap-oob="true"' in desk.get(live).text


def test_the_list_narrows_and_counts(ready: Site, desk: Browser) -> None:
    ordered(ready)
    page = said(desk.get("/swaps").text)
    assert "1 under way" in page
    assert f"1 Voice modem {CONTRACT} internet+voice {OLD} {NEW} under way" in page
    for query, is_in in (
        (f"contract={CONTRACT}", True),
        ("contract=C-1002", False),
        (f"serial={NEW}", True),
        ("phase=person", False),
        ("phase=forward", True),
    ):
        assert ('href="/swaps/1"' in desk.get(f"/swaps/rows?{query}").text) == is_in, query


# (what is kept, what is shown in Serbian)
WAITS = [
    (remark(Say.UNIT_CONNECTED, unit=NEW), f"da se jedinica {NEW} poveže"),
    (
        remark(Say.HOURS, begin="01:00", end="05:00"),
        "vreme od 01:00 do 05:00, po lokalnom vremenu [4.5, 4.6]",
    ),
    (remark(Say.CALL_OVER, line="C-1/voice"), "kraj razgovora na liniji C-1/voice [7.3.7]"),
    (
        remark(Say.ANNOUNCED, plan=3, at="2026-03-29T02:00:00+00:00"),
        "najavljeni trenutak, 29 mar 2026 04:00:00 CEST, planirana zamena 3 [7.1.7]",
    ),
    (remark(Say.SYSTEM_ANSWER, system="access", code="E42"), "pristup mreži"),
    ("something that a unit said", "something that a unit said"),
]


@pytest.mark.parametrize(("kept", "words"), WAITS)
def test_what_it_waits_for_is_said_in_the_readers_language(
    ready: Site, kept: str, words: str
) -> None:
    address = ordered(ready)
    stands(ready, waits_for=kept)
    browser = ready.signed_in(Role.FLEET_OPS, "sr")
    for page in (address, "/swaps"):
        assert words in said(browser.get(page).text), page


def test_who_decided_what_and_why_is_on_record(ready: Site, desk: Browser) -> None:
    desk.submit("/swaps/new", **FORM)
    desk.submit("/swaps/1/abort", reason="ordered by mistake")
    page = said(desk.get("/swaps/1").text)
    assert "fleet_ops Replacement called off ordered by mistake" in page
    assert "fleet_ops Replacement ordered it restarts by itself" in page
    assert f"ordered {DASH} {DASH} by fleet operations, from afar" in page, (
        "no code of the database"
    )


def test_the_paper_comes_with_the_next_look(ready: Site, desk: Browser) -> None:
    address = ordered(ready)
    version = re.search(r'name="version" value="([0-9a-f]+)"', desk.get(address).text)
    assert version is not None
    stands(ready, came_up_at=ready.now)
    live = desk.get(f"{address}/live?version={version[1]}").text
    assert "First served 28 Mar 2026 13:00:00 CET" in said(live)
