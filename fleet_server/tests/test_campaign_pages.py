"""The pages of campaigns: draft, dry run, approval, waves and sums, pause, abort. All made up."""

from __future__ import annotations

import html
import re
from datetime import UTC, datetime, time, timedelta

import pytest

from fleet_server.domain.campaign import ItemState, State, Why
from fleet_server.domain.campaign_plan import (
    CommandAction,
    Hours,
    Limits,
    OnFailures,
    Plan,
    Wave,
)
from fleet_server.domain.local_time import ZONE
from fleet_server.domain.roles import Role
from fleet_server.services import campaigns
from fleet_server.services import tables as t
from fleet_server.services.audit import Actor
from fleet_server.services.campaign_views import read_campaign
from fleet_server.services.campaigns import Draft
from fleet_server.tests.console_site import START, Browser, Site
from fleet_server.web.campaign_entry import FIRST
from fleet_server.web.labels_campaign import CAMPAIGN_WORDS

SELECTION = '{"field": "product_class", "in": ["MODEM", "VOICEMODEM"]}'
WHY = {"reason": "made up for a test"}
# Two waves before the rest, narrow hours, late joiners, an end: no default among them.
FORM = {
    "name": "Restart",
    "selection": SELECTION,
    "kind": "command",
    "expires_hours": "30",
    "way": "visit",
    "outlets": "2",
    "waves": "1, 20 %",
    "soak_minutes": "5",
    "ended_percent": "80",
    "success_percent": "70",
    "per_minute": "7",
    "at_once": "3",
    "max_failed_percent": "9",
    "minimum_ended": "2",
    "on_failures": "abort",
    "begin": "02:00",
    "end": "03:30",
    "ends_at": "2031-01-31T04:00",
    "late_joiners": "true",
    "admits": "suspended",
    **WHY,
}
SWAP = {"kind": "swap", "model_name": "CM-31", "place": "D", "way": "remote"}
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


def made(ops: Browser, **fields: str) -> str:
    """The address of a new draft."""
    answer = ops.submit("/campaigns/new", **{**FORM, **fields})
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
    assert f"{IN} stopped: aborted" in said(ops.get(path).text), "over all waves"
    with site.context.fleet.reading() as connection:
        view = read_campaign(connection, 1)
    assert view.state is State.ABORTING
    assert view.total(ItemState.STOPPED) == view.units - view.total(ItemState.EXCLUDED) == IN


def test_who_made_it_may_not_approve_it(ops: Browser) -> None:
    path = made(ops)
    ops.submit(f"{path}/plan")
    assert f'action="{path}/approval"' not in ops.get(path).text
    refused = ops.submit(f"{path}/approval", revision="2", **WHY)
    assert refused.status_code == 409
    assert "Nothing was changed. Another person than who made or planned it" in said(refused.text)


def test_a_plan_made_anew_is_not_approved_unseen(ops: Browser) -> None:
    path = made(ops)
    ops.submit(f"{path}/plan")
    refused = ops.submit(f"{path}/approval", revision="1", **WHY)
    assert refused.status_code == 409
    assert "It was changed or planned anew since you looked" in said(refused.text)


def test_what_the_state_does_not_allow_is_refused(site: Site, ops: Browser) -> None:
    path = made(ops)
    refused = ops.submit(f"{path}/start")
    assert refused.status_code == 409
    assert "The campaign does not allow this now" in said(refused.text)
    assert f'action="{path}/start"' not in refused.text
    albanian = site.signed_in(Role.FLEET_OPS, "sq").submit(f"{path}/start")
    assert "Gjendja e fushatës: draft. Çfarë mund të bëhet: të planifikohet më parë." in said(
        albanian.text
    )


def test_the_form_sets_the_whole_plan(site: Site, ops: Browser) -> None:
    path = made(ops)
    goals = {"soak_minutes": 5, "ended_percent": 80, "success_percent": 70}
    with site.context.fleet.reading() as connection:
        plan = read_campaign(connection, 1).plan
    assert plan == Plan(
        action=CommandAction(expires_hours=30),
        waves=(Wave(units=1, **goals), Wave(percent=20, **goals), Wave(**goals)),
        limits=Limits(7, 3, 9, 2, OnFailures.ABORT),
        hours=Hours(time(2), time(3, 30)),
        admits=(Why.SUSPENDED,),
        late_joiners=True,
        ends_at=datetime(2031, 1, 31, 3, tzinfo=UTC),
    )
    page = said(ops.get(path).text)
    for words in (
        "When too many fail Is aborted",
        f"Begins only between (local time) 02:00{chr(0x2013)}03:30",
        "Let in all the same service suspended",
        "Late joiners yes",
        "Restart Device.Reboot() , given up after 30 h",
        "1 1 80 % 5 min 70 % 2 20 % 80 % 5 min 70 % 3 the rest 80 % 5 min 70 %",
    ):
        assert words in page, words


def test_an_untouched_form_has_the_defaults_of_a_plan(site: Site, ops: Browser) -> None:
    first = FIRST.model_dump(exclude={"form_token", "revision", "late_joiners", "admits"})
    ops.submit("/campaigns/new", **{**first, "name": "Restart", **WHY})
    with site.context.fleet.reading() as connection:
        assert read_campaign(connection, 1).plan == Plan(CommandAction())


def test_without_waves_there_is_one(site: Site, ops: Browser) -> None:
    made(ops, waves="")
    with site.context.fleet.reading() as connection:
        assert len(read_campaign(connection, 1).plan.waves) == 1


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"selection": "{"}, "Which units, as JSON: not JSON"),
        ({"selection": '{"field": "colour", "is": "red"}'}, "no field 'colour'"),
        ({"waves": "101 %"}, "First waves: units, or percent of all: 1 to 100, not 101."),
        ({"waves": "1, many"}, "Waves: many is neither units, such as 20, nor 10 %."),
        ({"per_minute": "0"}, "Units a minute, at most: 1 to 60000, not 0."),
        ({"at_once": "lots"}, "Units at once, at most: a whole number, not 'lots'."),
        ({"name": "x"}, "Name: 3 to 64 characters."),
        ({"reason": " "}, "Say why, in three characters or more."),
        ({**SWAP, "way": "air"}, "air is none of remote, visit, posted."),
        ({"end": ""}, "until: an hour such as 02:00; leave both empty for none."),
        ({"end": "02:00"}, "Begins only between (local time): begin and end may not be the same."),
        ({"ends_at": "2020-01-31T04:00"}, "Over at: a moment to come."),
        ({"ends_at": "soon"}, "Not a moment: 'soon'."),
        (
            {"soak_minutes": "5, 6"},
            "Then a pause, minutes: one number for all waves, or one for each of the 3; not 2.",
        ),
        ({"admits": "blacklisted"}, "Let in all the same: only suspended"),
    ],
)
def test_a_wrong_form_says_what_is_wrong_makes_nothing_and_keeps_what_was_entered(
    site: Site, ops: Browser, fields: dict[str, str], words: str
) -> None:
    sent = {**FORM, **fields}
    refused = ops.submit("/campaigns/new", **sent)
    assert refused.status_code == 422
    assert words in said(refused.text)
    assert "There is none." in said(ops.get("/campaigns").text)
    kept = {name: sent[name].strip() for name in sent if name != "form_token"}
    if fields.get("way") == "air":
        kept["way"] = "remote"
    if fields.get("admits"):
        del kept["admits"]
    assert {name: text for name, text in held(refused.text).items() if name in kept} == kept


def held(page: str, action: str = "/campaigns/new") -> dict[str, str]:
    """What the form of a page would send if nobody touched it."""
    form = page[page.index(f'action="{action}"') :]
    found = dict(re.findall(r'name="(\w+)"[^>]*? value="([^"]*)"', form))
    chosen = r'(?s)name="(\w+)" value="([^"]*)" checked'
    for name in ("kind", "late_joiners", "admits"):
        found.pop(name, None)
    found |= dict(re.findall(chosen, form))
    for name, options in re.findall(r'(?s)<select id="\w+" name="(\w+)">(.*?)</select>', form):
        picked = re.findall(r'value="(\w+)" selected', options)
        found[name] = picked[0] if picked else re.findall(r'value="(\w+)"', options)[0]
    area = re.findall(r'(?s)<textarea id="selection"[^>]*>(.*?)</textarea>', form)
    found["selection"] = area[0]
    return {name: html.unescape(text) for name, text in found.items()}


def test_notice_is_put_on_record_and_takes_the_customers_in(site: Site, ops: Browser) -> None:
    path = made(ops, **SWAP)
    ops.submit(f"{path}/plan")
    assert f'action="{path}/notice"' in ops.get(path).text
    refused = ops.submit(f"{path}/notice", planned_at=_local(site, hours=2), **WHY)
    assert refused.status_code == 409
    assert "at least 72 hours from now [7.1.7]" in said(refused.text)
    planned_at = _local(site, hours=100)
    done = ops.submit(f"{path}/notice", planned_at=planned_at, **WHY)
    assert done.status_code == 303, said(done.text)
    told = int(done.headers["location"].partition("?told=")[2])
    assert told == IN + 1, "the voice modem holds two positions"
    page = said(ops.get(done.headers["location"]).text)
    assert f"Put on record for {told} positions. Plan again to take them in." in page
    again = ops.submit(f"{path}/notice", planned_at=planned_at, **WHY)
    assert again.headers["location"] == f"{path}?told=0"
    ops.submit(f"{path}/plan")
    with site.context.fleet.reading() as connection:
        view = read_campaign(connection, 1)
    assert view.total(ItemState.WAITING) == IN
    assert f'action="{path}/notice"' not in ops.get(path).text


def _local(site: Site, hours: int) -> str:
    """A moment so many hours from now, as a browser sends it."""
    return (site.now + timedelta(hours=hours)).astimezone(ZONE).strftime("%Y-%m-%dT%H:%M")


def test_the_buttons_follow_the_state_without_a_reload(ops: Browser) -> None:
    path = made(ops)
    page = ops.get(path).text
    version = re.findall(r'id="actions-version" name="version" value="(\w+)"', page)[0]
    assert "hx-swap-oob" not in page
    assert "hx-swap-oob" not in ops.get(f"{path}/live?version={version}").text
    ops.submit(f"{path}/plan")
    live = ops.get(f"{path}/live?version={version}").text
    assert '<div id="actions" hx-swap-oob="true">' in live
    newer = re.findall(r'id="actions-version" name="version" value="(\w+)"', live)[0]
    assert newer != version
    ops.submit(f"{path}/plan")
    assert 'name="revision" value="3"' not in live
    assert "hx-swap-oob" in ops.get(f"{path}/live?version={newer}").text


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


def test_outside_its_hours_it_says_that_nothing_begins(site: Site, ops: Browser) -> None:
    site.insert(t.policy_setting, name="campaign_four_eyes", value="off", changed_at=START)
    path = made(ops)
    assert f"Begins only between (local time) 02:00{chr(0x2013)}03:30" in said(ops.get(path).text)
    ops.submit(f"{path}/plan")
    ops.submit(f"{path}/approval", revision="2", **WHY)
    ops.submit(f"{path}/start")
    words = "Outside its hours now: nothing begins before they come."
    assert words in said(ops.get(f"{path}/live").text), "it is noon"
    site.now = START.replace(hour=1, minute=30)
    assert words not in said(ops.get(f"{path}/live").text), "02:30 local time"
    ops.submit(f"{path}/pause", **WHY)
    site.now = START
    assert words not in said(ops.get(f"{path}/live").text), "it stands still anyhow"


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


def test_who_works_on_the_command_line_is_named(site: Site, ops: Browser) -> None:
    draft = Draft("Restart", {"field": "product_class", "is": "MODEM"}, Plan(CommandAction()))
    ana, besa = Actor.command_line("ana"), Actor.command_line("besa")
    with site.context.fleet.writing() as connection:
        number = campaigns.create(connection, ana, draft, "made up for a test", site.now)
        campaigns.plan(connection, besa, number, site.now)
    page = said(ops.get(f"/campaigns/{number}").text)
    assert "Made command line, ana" in page
    assert "Planned command line, besa" in page
    assert "the system itself" not in page
    serbian = said(site.signed_in(Role.FLEET_OPS, "sr").get(f"/campaigns/{number}").text)
    assert "komandna linija, ana" in serbian


def test_every_state_and_reason_has_words() -> None:
    assert set(CAMPAIGN_WORDS["campaign_state"]) == set(State)
    assert set(CAMPAIGN_WORDS["campaign_item"]) == set(ItemState)
    assert set(Why) - {Why.NONE} <= set(CAMPAIGN_WORDS["campaign_why"])
