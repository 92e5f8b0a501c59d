"""Changing a campaign on its page: the form says all of the draft, or says what it cannot."""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fleet_server.domain.campaign import ADMISSIBLE, State
from fleet_server.domain.campaign_plan import (
    CommandAction,
    Hours,
    Limits,
    OnFailures,
    Plan,
    SwapAction,
    Wave,
    Way,
)
from fleet_server.domain.roles import Role
from fleet_server.services import campaigns
from fleet_server.services import tables as t
from fleet_server.services.accounts import LANGUAGES
from fleet_server.services.audit import Actor
from fleet_server.services.campaign_views import CampaignView, read_campaign
from fleet_server.services.campaigns import Draft
from fleet_server.tests.console_site import START, Browser, Site
from fleet_server.tests.test_campaign_pages import WHY, held, said
from fleet_server.web.campaign_entry import entered_of, not_held
from fleet_server.web.i18n import translations

CHANGE = "/campaigns/1/change"
DASH = "\N{EN DASH}"
MODEMS: Any = {"all": [{"field": "product_class", "is": "MODEM"}, {"field": "node", "in": ["Ë1"]}]}
# No default among them; the goals differ from wave to wave.
PLAN = Plan(
    SwapAction("CM-32", "DEPOT", Way.VISIT, 2),
    waves=(Wave(units=20, soak_minutes=5), Wave(percent=10, ended_percent=100), Wave()),
    limits=Limits(7, 3, 9, 2, OnFailures.ABORT),
    hours=Hours(time(2), time(3, 30)),
    admits=(ADMISSIBLE[1],),
    late_joiners=True,
    ends_at=datetime(2031, 1, 31, 3, tzinfo=UTC),
)
percents = st.integers(1, 100)
waves = st.builds(
    Wave,
    units=st.none(),
    percent=percents,
    soak_minutes=st.integers(0, 43_200),
    ended_percent=percents,
    success_percent=st.integers(0, 100),
)
minutes = st.builds(time, st.integers(0, 23), st.integers(0, 59))
names = st.text("abcXYZ-019", min_size=1, max_size=32)
plans = st.builds(
    Plan,
    action=st.one_of(
        st.builds(CommandAction, expires_hours=st.integers(1, 720)),
        st.builds(SwapAction, names, names, st.sampled_from(Way), st.integers(1, 2)),
    ),
    waves=st.lists(waves, max_size=19).map(lambda first: (*first, Wave(soak_minutes=7))),
    limits=st.builds(
        Limits,
        st.integers(1, 60_000),
        st.integers(1, 5_000),
        st.integers(0, 100),
        st.integers(1, 1_000_000),
        st.sampled_from(OnFailures),
    ),
    hours=st.none()
    | st.tuples(minutes, minutes).filter(lambda two: two[0] != two[1]).map(lambda two: Hours(*two)),
    admits=st.lists(st.sampled_from(ADMISSIBLE), unique=True).map(tuple),
    late_joiners=st.booleans(),
    ends_at=st.none()
    | st.integers(0, 7_200_000).map(lambda minute: START + timedelta(minutes=minute)),
)


@given(plans)
def test_the_form_says_the_same_plan_or_names_what_it_cannot_say(plan: Plan) -> None:
    again = entered_of("Restart", MODEMS, plan, 1).plan()
    differing = [name for name in Plan.__slots__ if getattr(again, name) != getattr(plan, name)]
    assert differing == not_held(plan)


@pytest.fixture
def ops(site: Site) -> Browser:
    return site.signed_in(Role.FLEET_OPS)


def draft(site: Site, plan: Plan = PLAN, selection: Any = MODEMS) -> None:
    """Campaign 1, as somebody else made it from a file."""
    with site.context.fleet.writing() as connection:
        made = Draft("Replace CM-31", selection, plan)
        assert campaigns.create(connection, Actor.account(99), made, "made up", START) == 1


def look(site: Site) -> CampaignView:
    with site.context.fleet.reading() as connection:
        return read_campaign(connection, 1)


def form_of(ops: Browser) -> dict[str, str]:
    page = ops.get(CHANGE)
    assert page.status_code == 200, said(page.text)
    return held(page.text, CHANGE)


def test_saved_as_it_came_it_says_the_same_and_is_a_draft_of_a_new_revision(
    site: Site, ops: Browser
) -> None:
    draft(site)
    before = look(site)
    saved = ops.submit(CHANGE, **{**form_of(ops), **WHY})
    assert saved.headers["location"] == "/campaigns/1"
    after = look(site)
    assert (after.name, after.selection, after.plan) == (before.name, MODEMS, PLAN)
    assert (after.state, after.revision) == (State.DRAFT, before.revision + 1)
    own = site.signed_in(Role.FLEET_OPS)
    assert "Made fleet_ops, 28 Mar 2026 13:00:00 CET" in said(own.get("/campaigns/1").text)


def test_each_wave_keeps_its_own_goals(site: Site, ops: Browser) -> None:
    draft(site)
    form = form_of(ops)
    assert (form["soak_minutes"], form["ended_percent"]) == ("5, 60, 60", "90, 100, 90")
    assert form["success_percent"] == "95", "one number where all are the same"
    ops.submit(CHANGE, **{**form, **WHY, "soak_minutes": "5, 0, 60", "waves": "20, 15 %"})
    assert look(site).plan.waves == (
        Wave(units=20, soak_minutes=5),
        Wave(percent=15, ended_percent=100, soak_minutes=0),
        Wave(),
    )


def test_plan_and_approval_are_void_and_the_form_says_so(site: Site, ops: Browser) -> None:
    site.insert(t.policy_setting, name="campaign_four_eyes", value="off", changed_at=START)
    draft(site, Plan(CommandAction()), {"field": "product_class", "in": ["MODEM", "VOICEMODEM"]})
    ops.submit("/campaigns/1/plan")
    ops.submit("/campaigns/1/approval", revision="2", **WHY)
    assert look(site).state is State.APPROVED
    page = said(ops.get(CHANGE).text)
    assert "its plan is void, so plan it again. The approval by fleet_ops is void too." in page
    assert "another person has to approve it" not in page, "the setting asks for one only"
    ops.submit(CHANGE, **{**form_of(ops), **WHY, "name": "Restart"})
    view = look(site)
    assert (view.state, view.approved_at, view.units) == (State.DRAFT, None, 0)
    assert f"Approved {DASH}" in said(ops.get("/campaigns/1").text)


def test_who_changed_it_may_not_approve_it(site: Site, ops: Browser) -> None:
    draft(site, Plan(CommandAction()), {"field": "product_class", "in": ["MODEM", "VOICEMODEM"]})
    page = said(ops.get(CHANGE).text)
    assert "You count as who made it: another person has to approve it." in page
    ops.submit(CHANGE, **{**form_of(ops), **WHY})
    with site.context.fleet.writing() as connection:
        campaigns.plan(connection, Actor.account(98), 1, site.now)
    refused = ops.submit("/campaigns/1/approval", revision="3", **WHY)
    assert refused.status_code == 409
    assert "Another person than who made or planned it" in said(refused.text)


def test_what_was_changed_meanwhile_is_not_overwritten_unseen(site: Site, ops: Browser) -> None:
    draft(site)
    form = {**form_of(ops), **WHY, "name": "Mine"}
    with site.context.fleet.writing() as connection:
        theirs = Draft("Theirs", MODEMS, PLAN)
        campaigns.change(connection, Actor.account(99), 1, theirs, "made up", site.now)
    refused = ops.submit(CHANGE, **form)
    assert refused.status_code == 409
    assert "It was changed or planned anew since you looked" in said(refused.text)
    assert look(site).name == "Theirs"
    again = held(refused.text, CHANGE)
    assert (again["name"], again["reason"]) == ("Mine", WHY["reason"])
    assert ops.submit(CHANGE, **again).status_code == 303
    assert look(site).name == "Mine"


def test_a_wrong_change_keeps_what_was_entered_and_changes_nothing(
    site: Site, ops: Browser
) -> None:
    draft(site)
    refused = ops.submit(CHANGE, **{**form_of(ops), **WHY, "per_minute": "0", "name": "Mine"})
    assert refused.status_code == 422
    assert "Units a minute, at most: 1 to 60000, not 0." in said(refused.text)
    again = held(refused.text, CHANGE)
    assert (again["per_minute"], again["name"], again["revision"]) == ("0", "Mine", "1")
    assert look(site).revision == 1


def test_what_the_form_cannot_say_is_named(site: Site, ops: Browser) -> None:
    second = datetime(2031, 10, 26, 1, 30, tzinfo=UTC)
    seconds = Hours(time(2, 0, 30), time(3))
    draft(site, Plan(CommandAction(), hours=seconds, ends_at=second))
    page = said(ops.get(CHANGE).text)
    assert "The campaign is over at 26 Oct 2031 02:30:00 CET; saved from here" in page
    assert "The campaign begins only between 02:00:30 and 03:00:00; saved from here" in page


def test_what_has_started_is_not_changed(site: Site, ops: Browser) -> None:
    draft(site)
    form = {**form_of(ops), **WHY}
    with site.context.fleet.writing() as connection:
        connection.execute(t.campaign.update().values(state=State.RUNNING))
    for answer in (ops.get(CHANGE), ops.submit(CHANGE, **form)):
        assert answer.status_code == 409
        assert "The campaign does not allow this now" in said(answer.text)
        assert f'href="{CHANGE}"' not in answer.text
    assert look(site).revision == 1


def test_a_selection_that_no_form_can_send_is_left_to_the_command_line(
    site: Site, ops: Browser
) -> None:
    serials = [f"{number:09}" for number in range(1000)]
    long: Any = {"any": [{"field": "serial_number", "in": serials} for _ in range(4)]}
    draft(site, selection=long)
    refused = ops.get(CHANGE)
    assert refused.status_code == 409
    assert "change it by fleet-server campaign change" in said(refused.text)


def test_a_place_that_the_network_does_not_have_is_named(site: Site, ops: Browser) -> None:
    draft(site)
    refused = ops.submit("/campaigns/1/plan")
    assert refused.status_code == 409
    assert "There is no node Ë1 in the network." in said(refused.text)
    assert look(site).state is State.DRAFT


def test_only_who_runs_campaigns_may_change_them(site: Site, ops: Browser) -> None:
    draft(site)
    assert f'href="{CHANGE}"' in ops.get("/campaigns/1").text
    auditor = site.signed_in(Role.AUDITOR)
    assert f'href="{CHANGE}"' not in auditor.get("/campaigns/1").text
    assert auditor.get(CHANGE).status_code == 403
    assert auditor.submit(CHANGE, **form_of(ops)).status_code == 403
    assert ops.get("/campaigns/2/change").status_code == 404


@pytest.mark.parametrize("language", LANGUAGES)
def test_what_is_wrong_is_said_in_the_readers_language(site: Site, language: str) -> None:
    draft(site)
    browser = site.signed_in(Role.FLEET_OPS, language)
    refused = browser.submit(CHANGE, **{**form_of(browser), **WHY, "per_minute": "0"})
    gettext = translations(language).gettext
    sentence = gettext("%(part)s: %(lowest)s to %(highest)s, not %(number)s.")
    part = gettext("Units a minute, at most")
    words = sentence % {"part": part, "lowest": 1, "highest": 60_000, "number": 0}
    assert words in said(refused.text)
    is_marked = f'<span lang="en">{words}' in refused.text
    assert is_marked == (language == "en")


def test_who_did_what_to_a_campaign_is_on_record(site: Site, ops: Browser) -> None:
    draft(site, selection={"field": "product_class", "is": "MODEM"})
    ops.submit(CHANGE, **{**form_of(ops), "reason": "a better model"})
    ops.submit("/campaigns/1/plan")
    ops.submit("/campaigns/1/abort", reason="not needed")
    page = said(ops.get("/campaigns/1").text)
    for words in (
        "fleet_ops Aborted not needed",
        f"fleet_ops Planned {DASH}",
        "fleet_ops Changed a better model",
        "99 Made made up",
    ):
        assert words in page, words
