"""Campaigns through their services, on both databases; the table of exclusions is by hand."""

from __future__ import annotations

from datetime import time, timedelta

import pytest
from sqlalchemy import Engine, func, select

from fleet_server.domain.campaign import CampaignStateError, ItemState, State, Why
from fleet_server.domain.campaign_plan import (
    Hours,
    InvalidPlanError,
    Limits,
    OnFailures,
    Wave,
)
from fleet_server.domain.selection import InvalidSelectionError
from fleet_server.services import (
    campaign_planning,
    campaigns,
)
from fleet_server.services import tables as t
from fleet_server.services.campaign_actions import NotNow, Standing
from fleet_server.services.campaign_views import list_campaigns
from fleet_server.services.campaigns import (
    NothingToDoError,
    OlderRevisionError,
    SamePersonError,
    UnknownCampaignError,
)
from fleet_server.tests.campaign_desk import ANNA, BESA, CampaignDesk, items, whole


@pytest.fixture
def desk(engine: Engine) -> CampaignDesk:
    return CampaignDesk(engine)


def test_the_dry_run_names_who_is_left_out_and_acts_on_nobody(desk: CampaignDesk) -> None:
    units = desk.add_units(9)
    lab, barred, stolen, dumb, site, suspended, elsewhere, silent, fine = units
    desk.set(t.unit, lab, lab=True, blacklisted=True)
    desk.set(t.unit, barred, blacklisted=True)
    desk.set(t.unit, stolen, state="stolen")
    desk.set(t.unit, dumb, endpoint_id=None)
    contract = {unit: unit for unit in units}  # one contract for each, numbered alike
    desk.insert(t.protected_contract, contract_id=contract[site], since_at=desk.now)
    desk.insert(
        t.contract_service, contract_id=contract[suspended], state="suspended", since_at=desk.now
    )
    serial = serial_of(desk, elsewhere)
    other = desk.run(selection={"field": "serial_number", "is": serial})
    with desk.engine.begin() as connection:
        connection.execute(
            t.presence.update()
            .where(t.presence.c.endpoint_id.like(f"%{serial_of(desk, silent)}"))
            .values(seen_at=desk.now - timedelta(days=31))
        )
    campaign = desk.make()
    view = desk.plan(campaign)
    assert items(desk, campaign) == {
        lab: Why.LAB_BOARD,
        barred: Why.BLACKLISTED,
        stolen: Why.GONE,
        dumb: Why.NO_ENDPOINT,
        site: Why.EMERGENCY_SITE,
        suspended: Why.SUSPENDED,
        elsewhere: Why.IN_CAMPAIGN,
        silent: Why.NO_CONTACT,
        fine: Why.NONE,
    }
    assert (view.state, view.units, view.total(ItemState.EXCLUDED)) == (State.PLANNED, 9, 8)
    desk.step()
    assert set(desk.played.begun) == {f"played-{other}.{elsewhere}"}


def serial_of(desk: CampaignDesk, unit: int) -> str:
    with desk.engine.connect().execution_options(writes=False) as connection:
        return str(connection.scalar(select(t.unit.c.serial_number).where(t.unit.c.id == unit)))


def test_what_its_author_admits_is_not_left_out(desk: CampaignDesk) -> None:
    (unit,) = desk.add_units(1)
    desk.insert(t.protected_contract, contract_id=unit, since_at=desk.now)
    campaign = desk.make(whole(admits=(Why.EMERGENCY_SITE,)))
    desk.plan(campaign)
    assert items(desk, campaign) == {unit: Why.NONE}


@pytest.mark.parametrize(
    ("waves", "sizes"),
    [
        ((Wave(),), {1: 10}),
        ((Wave(units=3), Wave()), {1: 3, 2: 7}),
        ((Wave(percent=1), Wave(percent=25), Wave()), {1: 1, 2: 3, 3: 6}),
        ((Wave(units=20), Wave(units=5), Wave()), {1: 10}),
    ],
)
def test_units_are_drawn_into_waves(
    desk: CampaignDesk, waves: tuple[Wave, ...], sizes: dict[int, int]
) -> None:
    desk.add_units(10)
    campaign = desk.make(whole(waves=waves))
    view = desk.plan(campaign)
    assert {count.wave: count.units for count in view.counts} == sizes
    again = desk.plan(campaign)
    assert again.counts == view.counts
    assert again.units == 10


def test_another_person_approves_the_plan_that_was_looked_at(desk: CampaignDesk) -> None:
    desk.add_units(1)
    campaign = desk.make()
    with pytest.raises(CampaignStateError, match="plan it first"):
        desk.approve(campaign)
    revision = desk.plan(campaign).revision
    with pytest.raises(SamePersonError):
        desk.approve(campaign, ANNA)
    desk.plan(campaign)
    with pytest.raises(OlderRevisionError):
        desk.approve(campaign, BESA, revision)
    desk.approve(campaign)
    assert desk.look(campaign).state == State.APPROVED


def test_a_campaign_that_leaves_everybody_out_is_not_approved(desk: CampaignDesk) -> None:
    desk.add_units(1, lab=True)
    campaign = desk.make()
    desk.plan(campaign)
    with pytest.raises(NothingToDoError):
        desk.approve(campaign)
    with pytest.raises(UnknownCampaignError):
        desk.look(campaign + 1)


def test_a_selection_that_is_none_is_refused_at_once(desk: CampaignDesk) -> None:
    with pytest.raises(InvalidSelectionError, match="no field"):
        desk.make(selection={"field": "colour", "is": "red"})


def test_limits_hold_and_ends_are_taken_in(desk: CampaignDesk) -> None:
    desk.add_units(10)
    limits = Limits(per_minute=6, at_once=3, max_failed_percent=100)
    campaign = desk.run(whole(limits=limits))
    desk.step()
    desk.step()
    assert len(desk.played.begun) == 1
    for _ in range(6):
        desk.step(10)
    assert len(desk.played.begun) == 3, "not more at once"
    first = desk.played.under_way()[0]
    desk.played.end(first, ItemState.DONE)
    desk.step(10)
    assert desk.look(campaign).total(ItemState.DONE) == 1
    assert len(desk.played.begun) == 4


def test_a_wave_soaks_and_then_the_next_begins(desk: CampaignDesk) -> None:
    desk.add_units(5)
    campaign = desk.run(whole(waves=(Wave(units=2, soak_minutes=30), Wave())))
    desk.step()
    for reference in desk.played.under_way():
        desk.played.end(reference, ItemState.DONE)
    desk.step()
    desk.step(29 * 60)
    assert len(desk.played.begun) == 2
    desk.step(2 * 60)
    assert len(desk.played.begun) == 5
    for reference in desk.played.under_way():
        desk.played.end(reference, ItemState.DONE)
    desk.step()
    assert desk.look(campaign).state == State.FINISHED


def test_a_wave_that_missed_its_goal_asks_a_person(desk: CampaignDesk) -> None:
    desk.add_units(5)
    campaign = desk.run(whole(waves=(Wave(units=2, soak_minutes=0), Wave())))
    desk.step()
    done, failed = desk.played.under_way()
    desk.played.end(done, ItemState.DONE)
    desk.played.end(failed, ItemState.FAILED)
    desk.step()
    desk.step()
    assert (desk.look(campaign).state, desk.look(campaign).why) == (State.PAUSED, "wave_missed")
    desk.resume(campaign)
    desk.step()
    assert len(desk.played.begun) == 5


@pytest.mark.parametrize(
    ("on_failures", "state"),
    [(OnFailures.PAUSE, State.PAUSED), (OnFailures.ABORT, State.ABORTING)],
)
def test_too_many_failures_stop_it(
    desk: CampaignDesk, on_failures: OnFailures, state: State
) -> None:
    desk.add_units(12)
    limits = Limits(60_000, 6, 20, minimum_ended=4, on_failures=on_failures)
    campaign = desk.run(whole(limits=limits))
    desk.step()
    for number, reference in enumerate(desk.played.under_way()[:4]):
        desk.played.end(reference, ItemState.FAILED if number < 1 else ItemState.DONE)
        desk.played.sent |= set(desk.played.under_way())
    desk.step()
    view = desk.look(campaign)
    assert (view.state, view.why) == (state, "failures")
    assert len(desk.played.begun) == 6


def turns_back(desk: CampaignDesk, units: int) -> list[str]:
    """So many that are under way turn back, or need a person."""
    found = desk.played.under_way()[:units]
    for reference in found:
        desk.played.sent.add(reference)
        desk.played.standings[reference] = Standing(ItemState.RUNNING, Why.FAILING)
    return found


def test_what_turns_back_counts_before_it_has_ended(desk: CampaignDesk) -> None:
    desk.add_units(12)
    limits = Limits(60_000, 6, 20, minimum_ended=4)
    campaign = desk.run(whole(limits=limits))
    desk.step()
    turns_back(desk, 4)
    desk.step()
    view = desk.look(campaign)
    assert (view.state, view.why) == (State.PAUSED, "failures")
    assert len(desk.played.begun) == 6
    assert view.total(ItemState.RUNNING) == 4
    assert sum(count.units for count in view.counts) == view.units == 12


def test_what_turned_back_before_a_resume_counts_no_more(desk: CampaignDesk) -> None:
    desk.add_units(12)
    limits = Limits(60_000, 6, 20, minimum_ended=4)
    campaign = desk.run(whole(limits=limits))
    desk.step()
    back = turns_back(desk, 4)
    desk.step()
    desk.resume(campaign)
    desk.step()
    assert desk.look(campaign).state == State.RUNNING
    for reference in back:
        desk.played.end(reference, ItemState.FAILED)
    desk.step()
    view = desk.look(campaign)
    assert (view.state, view.total(ItemState.FAILED)) == (State.RUNNING, 4)


def test_what_turned_back_may_come_right_again(desk: CampaignDesk) -> None:
    desk.add_units(1)
    campaign = desk.run()
    desk.step()
    (reference,) = turns_back(desk, 1)
    desk.step()
    assert [one.why for one in desk.look(campaign).counts] == [Why.FAILING]
    desk.played.standings[reference] = Standing(ItemState.RUNNING)
    desk.step()
    assert [one.why for one in desk.look(campaign).counts] == [Why.NONE]


def test_a_unit_that_is_offline_waits_and_goes_on(desk: CampaignDesk) -> None:
    here, away = desk.add_units(2)
    desk.presence(away, "offline")
    campaign = desk.run()
    desk.step()
    assert items(desk, campaign, ItemState.DEFERRED) == {away: Why.OFFLINE}
    desk.presence(away, "online")
    desk.step(90)
    assert set(desk.played.begun) == {f"played-{campaign}.{here}", f"played-{campaign}.{away}"}


def test_nothing_disruptive_begins_outside_the_hours(desk: CampaignDesk) -> None:
    desk.add_units(1)
    desk.now += timedelta(hours=6)
    desk.run()
    desk.step()
    assert not desk.played.begun
    desk.now += timedelta(hours=18)
    desk.step()
    assert len(desk.played.begun) == 1


def test_hours_in_which_it_would_never_begin_are_refused_when_planned_and_when_started(
    desk: CampaignDesk,
) -> None:
    desk.add_units(1)
    never = desk.make(whole(hours=Hours(time(6), time(7))))
    with pytest.raises(InvalidPlanError, match="01:00-06:00"):
        desk.plan(never)
    campaign = desk.make(whole(hours=Hours(time(5), time(7))))
    desk.plan(campaign)
    desk.approve(campaign)
    earlier = {"name": "disruptive_until", "value": "05:00", "changed_at": desk.now}
    with desk.engine.begin() as connection:
        connection.execute(t.policy_setting.insert().values(**earlier))
    with pytest.raises(InvalidPlanError, match="01:00-05:00"), desk.engine.begin() as connection:
        campaigns.start(connection, BESA, campaign, desk.now)
    assert desk.look(campaign).state == State.APPROVED


def test_a_campaign_that_breaks_holds_no_other_up(desk: CampaignDesk) -> None:
    first, second = desk.add_units(2)
    broken = desk.run(selection={"field": "serial_number", "is": serial_of(desk, first)})
    whole_one = desk.run(selection={"field": "serial_number", "is": serial_of(desk, second)})
    desk.set(t.campaign, broken, plan="{}")
    desk.step()
    assert set(desk.played.begun) == {f"played-{whole_one}.{second}"}


def test_abort_stops_what_was_not_sent_and_calls_back_the_rest(desk: CampaignDesk) -> None:
    desk.add_units(6)
    limits = Limits(per_minute=60_000, at_once=3)
    campaign = desk.run(whole(limits=limits))
    desk.step()
    sent = desk.played.under_way()[0]
    desk.played.end(sent, ItemState.RUNNING)
    desk.step()
    desk.abort(campaign)
    view = desk.look(campaign)
    assert (view.state, view.total(ItemState.STOPPED)) == (State.ABORTING, 5)
    desk.step()
    desk.step()
    assert dict(desk.played.stopped) == {sent: 1}
    desk.played.end(sent, ItemState.DONE)
    desk.step()
    view = desk.look(campaign)
    assert (view.state, view.total(ItemState.DONE)) == (State.ABORTED, 1)
    with pytest.raises(CampaignStateError, match="make another campaign"):
        desk.resume(campaign)


def test_a_look_for_late_units_goes_on_in_pieces(
    desk: CampaignDesk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(campaign_planning, "LATE_AT_ONCE", 2)
    first = desk.add_units(1)[0]
    barred = desk.add_units(3, blacklisted=True)
    campaign = desk.run(whole(waves=(Wave(units=1), Wave()), late_joiners=True))
    for unit in barred[:2]:
        desk.set(t.unit, unit, blacklisted=False)
    late = desk.add_units(2)
    desk.presence(first, "offline")
    found = []
    desk.step(3600)
    for _ in range(4):
        view = desk.look(campaign)
        assert view.units == sum(count.units for count in view.counts)
        found.append(len(items(desk, campaign, ItemState.WAITING)))
        desk.step()
    assert found == [1, 2, 4, 4]
    assert set(items(desk, campaign, ItemState.WAITING)) == {*barred[:2], *late}
    assert items(desk, campaign, ItemState.EXCLUDED) == {barred[2]: Why.BLACKLISTED}


def test_what_comes_late_joins_the_last_wave(desk: CampaignDesk) -> None:
    (first,) = desk.add_units(1)
    barred = desk.add_units(1, blacklisted=True)[0]
    campaign = desk.run(whole(waves=(Wave(units=1, soak_minutes=0), Wave()), late_joiners=True))
    desk.set(t.unit, barred, blacklisted=False)
    late = desk.add_units(1)[0]
    desk.step()
    assert desk.look(campaign).units == 2
    desk.step(3600)
    assert desk.look(campaign).units == 3
    assert items(desk, campaign, ItemState.WAITING) == {barred: Why.NONE, late: Why.NONE}
    desk.played.end(f"played-{campaign}.{first}", ItemState.DONE)
    desk.step()
    desk.step()
    assert len(desk.played.begun) == 3
    assert desk.look(campaign).state == State.RUNNING, "more may come"


def test_at_its_end_what_has_not_begun_is_stopped(desk: CampaignDesk) -> None:
    (unit,) = desk.add_units(1)
    desk.presence(unit, "offline")
    campaign = desk.run(whole(ends_at=desk.now + timedelta(days=1)))
    desk.step()
    desk.step(86_400)
    view = desk.look(campaign)
    assert (view.state, view.total(ItemState.STOPPED)) == (State.FINISHED, 1)
    assert items(desk, campaign) == {unit: Why.OVER}


def test_an_action_that_says_not_now_is_tried_again(desk: CampaignDesk) -> None:
    (unit,) = desk.add_units(1)
    campaign = desk.run()
    desk.played.not_now = NotNow(Why.NO_STOCK, desk.now + timedelta(minutes=5))
    desk.step()
    assert items(desk, campaign, ItemState.DEFERRED) == {unit: Why.NO_STOCK}
    desk.played.not_now = None
    desk.step(60)
    assert not desk.played.begun
    desk.step(240)
    assert len(desk.played.begun) == 1


def test_every_act_is_in_the_audit_log(desk: CampaignDesk) -> None:
    desk.add_units(1)
    campaign = desk.run()
    desk.pause(campaign)
    desk.resume(campaign)
    desk.abort(campaign)
    with desk.engine.connect().execution_options(writes=False) as connection:
        actions = connection.scalars(
            select(t.audit_entry.c.action)
            .where(t.audit_entry.c.subject == f"campaign:{campaign}")
            .order_by(t.audit_entry.c.sequence)
        ).all()
        assert [one.id for one in list_campaigns(connection)] == [campaign]
    assert [action.removeprefix("campaign_") for action in actions] == (
        ["created", "planned", "approved", "started", "paused", "resumed", "aborted"]
    )


def test_a_changed_campaign_is_planned_and_approved_anew(desk: CampaignDesk) -> None:
    desk.add_units(2)
    campaign = desk.make()
    desk.plan(campaign)
    desk.approve(campaign)
    with desk.engine.begin() as connection:
        draft = campaigns.Draft("Another name", {"field": "street", "is": "K1-S1"}, whole())
        campaigns.change(connection, ANNA, campaign, draft, "made up", desk.now)
        left = connection.scalar(select(func.count()).select_from(t.campaign_item))
    view = desk.look(campaign)
    assert (view.state, view.approved_by, view.units, left) == (State.DRAFT, "", 0, 0)
    assert desk.plan(campaign).units == 2
