"""The pages of campaigns: draft, dry run, approval, waves and sums, pause, abort. All made up."""

from __future__ import annotations

import html
import re

import pytest

from fleet_server.domain.campaign import ItemState, State, Why
from fleet_server.domain.roles import Role
from fleet_server.services import tables as t
from fleet_server.services.campaign_views import read_campaign
from fleet_server.tests.console_site import START, Browser, Site
from fleet_server.web.labels_campaign import CAMPAIGN_WORDS

SELECTION = '{"field": "product_class", "in": ["MODEM", "VOICEMODEM"]}'
FORM = {"name": "Restart", "selection": SELECTION, "reason": "made up for a test"}
WHY = {"reason": "made up for a test"}
# Units the plan has in its waves: two of the made-up fleet and the three added.
IN = 5


def said(page: str) -> str:
    """What a person reads: without tags, spaces folded."""
    return " ".join(html.unescape(re.sub(r"<[^>]+>", " ", page)).split())


@pytest.fixture
def ops(site: Site) -> Browser:
    for row in range(3):
        _add_modem(site, f"K000000{row}")
    return site.signed_in(Role.FLEET_OPS)


def _add_modem(site: Site, serial: str) -> None:
    """In service on a contract of its own, and online."""
    endpoint_id = f"ops::00256D-MODEM-{serial}"
    unit_id = site.insert(
        t.unit,
        serial_number=serial,
        endpoint_id=endpoint_id,
        manufacturer_oui="00256D",
        product_class="MODEM",
        model_name="CM-31",
        received_at=START,
        state="installed",
    )
    contract_id = site.insert(t.contract, number=f"K-{serial}", created_at=START, package="TOP L")
    position_id = site.insert(
        t.service_position, contract_id=contract_id, name="internet", product_classes="MODEM"
    )
    site.insert(
        t.assignment,
        unit_id=unit_id,
        service_position_id=position_id,
        since_at=START,
        recorded_at=START,
    )
    site.insert(
        t.presence,
        endpoint_id=endpoint_id,
        state="online",
        since_at=START,
        seen_at=START,
        evidence="connect",
    )


def made(ops: Browser) -> str:
    """The address of a new draft."""
    answer = ops.submit("/campaigns", **FORM)
    assert answer.status_code == 303, said(answer.text)
    return str(answer.headers["location"])


def test_a_campaign_from_draft_to_abort(site: Site, ops: Browser) -> None:
    site.insert(t.policy_setting, name="campaign_four_eyes", value="off", changed_at=START)
    path = made(ops)
    steps = [
        ("plan", {}, "planned, waits for approval"),
        ("approval", {"revision": "2", **WHY}, "approved, waits for its start"),
        ("start", {}, "under way"),
        ("pause", WHY, "paused by a person"),
        ("resumption", WHY, "under way"),
        ("abort", WHY, "being aborted by a person"),
    ]
    for action, fields, words in steps:
        answer = ops.submit(f"{path}/{action}", **fields)
        assert answer.status_code == 303, (action, said(answer.text))
        assert words in said(ops.get(f"{path}/live").text), action
    with site.context.fleet.reading() as connection:
        view = read_campaign(connection, 1)
    assert view.state is State.ABORTING
    assert view.total(ItemState.STOPPED) == view.units - view.total(ItemState.EXCLUDED) == IN


def test_who_made_it_may_not_approve_it(ops: Browser) -> None:
    path = made(ops)
    ops.submit(f"{path}/plan")
    refused = ops.submit(f"{path}/approval", revision="2", **WHY)
    assert refused.status_code == 409
    assert "Nothing was changed. Another person than who made or planned it" in said(refused.text)


def test_a_plan_made_anew_is_not_approved_unseen(ops: Browser) -> None:
    path = made(ops)
    ops.submit(f"{path}/plan")
    refused = ops.submit(f"{path}/approval", revision="1", **WHY)
    assert refused.status_code == 409
    assert "It was planned anew since you looked" in said(refused.text)


def test_what_the_state_does_not_allow_is_refused(ops: Browser) -> None:
    path = made(ops)
    refused = ops.submit(f"{path}/start")
    assert refused.status_code == 409
    assert "The campaign does not allow this now" in said(refused.text)
    assert f'action="{path}/start"' not in refused.text


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"selection": "{"}, "selection: not JSON"),
        ({"selection": '{"field": "colour", "is": "red"}'}, "colour"),
        ({"canary": "101"}, "wave.percent: 1 to 100, not 101."),
        ({"per_minute": "0"}, "limits.per_minute: 1 to 60000, not 0."),
        ({"name": "x"}, "name: 3 to 64 characters."),
        ({"reason": " "}, "Say why, in three characters or more."),
        ({"kind": "swap", "model_name": "CM-31", "place": "D", "way": "air"}, "air is no way"),
    ],
)
def test_a_wrong_form_says_what_is_wrong_and_makes_nothing(
    site: Site, ops: Browser, fields: dict[str, str], words: str
) -> None:
    refused = ops.submit("/campaigns", **{**FORM, **fields})
    assert refused.status_code == 422
    assert words in said(refused.text)
    assert html.escape({**FORM, **fields}["selection"]).replace("&quot;", "&#34;") in refused.text
    assert "There is none." in said(ops.get("/campaigns").text)


def test_the_dry_run_lists_each_wave_and_who_is_left_out_and_why(site: Site, ops: Browser) -> None:
    path = made(ops)
    ops.submit(f"{path}/plan")
    with site.context.fleet.reading() as connection:
        view = read_campaign(connection, 1)
    out = view.total(ItemState.EXCLUDED)
    assert view.units == out + IN
    assert out > 0
    page = said(ops.get(path).text)
    for count in view.counts:
        if count.state is ItemState.EXCLUDED:
            assert f"{count.units} left out: {CAMPAIGN_WORDS['campaign_why'][count.why]}" in page
    listed = ops.get(f"{path}/units?state=excluded").text
    assert listed.count('class="serial"') == out
    assert ops.get(f"{path}/units?state=waiting").text.count('class="serial"') == IN


def test_the_units_come_in_pages(site: Site, ops: Browser) -> None:
    for row in range(10, 60):
        _add_modem(site, f"K00000{row}")
    path = made(ops)
    ops.submit(f"{path}/plan")
    first = ops.get(f"{path}/units?state=waiting").text
    assert first.count('class="serial"') == 50
    following = html.unescape(re.findall(r'rel="next" href="([^"]+)"', first)[0])
    second = ops.get(following).text
    assert second.count('class="serial"') == IN
    assert 'rel="next"' not in second


def test_who_only_follows_finds_no_buttons(site: Site, ops: Browser) -> None:
    path = made(ops)
    page = site.signed_in(Role.AUDITOR)
    assert "What you can do" not in page.get(path).text
    assert "Make a campaign" not in page.get("/campaigns").text
    assert "What you can do" in ops.get(path).text


def test_every_state_and_reason_has_words() -> None:
    assert set(CAMPAIGN_WORDS["campaign_state"]) == set(State)
    assert set(CAMPAIGN_WORDS["campaign_item"]) == set(ItemState)
    assert set(Why) - {Why.NONE} <= set(CAMPAIGN_WORDS["campaign_why"])
