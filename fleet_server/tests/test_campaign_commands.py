"""Commands as the action of a campaign: its hours, the queue, units that never answer."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from sqlalchemy import Engine, select

from fleet_server.domain.campaign import ItemState, State, Why
from fleet_server.domain.campaign_plan import CommandAction, Limits
from fleet_server.domain.command import Sent, TimeOver
from fleet_server.domain.command import State as CommandState
from fleet_server.services import campaign_engine, campaigns, command_store, commands
from fleet_server.services import tables as t
from fleet_server.services.fleet_actions import FleetActions
from fleet_server.services.policy import read_policy
from fleet_server.tests.campaign_desk import ANNA, CampaignDesk, items, whole


@pytest.fixture
def desk(engine: Engine) -> CampaignDesk:
    return CampaignDesk(engine)


@pytest.mark.parametrize(("hours", "expected"), [(1, "02:00"), (24, "05:00")])
def test_a_command_is_good_for_the_hours_in_which_it_began(
    desk: CampaignDesk, hours: int, expected: str
) -> None:
    (unit,) = desk.add_units(1)
    campaign = desk.run(whole(action=CommandAction(expires_hours=hours)))
    with desk.engine.begin() as connection:
        campaign_engine.step(connection, FleetActions(), read_policy(connection), desk.now)
        found = commands.read(connection, f"campaign-{campaign}.{unit}")
    assert found.expires_at == datetime.fromisoformat(f"2027-01-15T{expected}:00Z")


def test_a_command_goes_through_the_queue_and_back(desk: CampaignDesk) -> None:
    first, second = desk.add_units(2)
    campaign = desk.run(whole(action=CommandAction()))
    actions = FleetActions()
    with desk.engine.begin() as connection:
        campaign_engine.step(connection, actions, read_policy(connection), desk.now)
        key = f"campaign-{campaign}.{first}"
        assert commands.read(connection, key).state == CommandState.QUEUED
        connection.execute(
            t.command.update()
            .where(t.command.c.command_key == key)
            .values(state=CommandState.DONE, finished_at=desk.now)
        )
        campaign_engine.step(connection, actions, read_policy(connection), desk.now)
        campaigns.abort(connection, ANNA, campaign, "made up", actions, desk.now)
        key = f"campaign-{campaign}.{second}"
        assert commands.read(connection, key).state == CommandState.CANCELLED
        campaign_engine.step(connection, actions, read_policy(connection), desk.now)
    view = desk.look(campaign)
    assert view.state == State.ABORTED
    assert (view.total(ItemState.DONE), view.total(ItemState.STOPPED)) == (1, 1)


def lose_answer(desk: CampaignDesk, campaign: int, unit: int) -> str:
    """The unit is sent its command and says nothing of it in the command's time; gives the key."""
    key = f"campaign-{campaign}.{unit}"
    with desk.engine.begin() as connection:
        row = connection.execute(select(t.command).where(t.command.c.command_key == key)).one()
        command_store.apply(connection, row, [Sent(5)], desk.now)
        row = connection.execute(select(t.command).where(t.command.c.command_key == key)).one()
        command_store.apply(connection, row, [TimeOver()], row.expires_at)
    return key


def step_real(desk: CampaignDesk, **later: float) -> None:
    desk.now += timedelta(**later)
    with desk.engine.begin() as connection:
        campaign_engine.step(connection, FleetActions(), read_policy(connection), desk.now)


def test_a_unit_that_never_answers_gives_its_place_to_the_next(desk: CampaignDesk) -> None:
    first, second = desk.add_units(2)
    limits = Limits(per_minute=60_000, at_once=1, max_failed_percent=100)
    action = CommandAction(expires_hours=1)
    campaign = desk.run(whole(action=action, limits=limits))
    step_real(desk)
    (silent,) = items(desk, campaign, ItemState.STARTED)
    key = lose_answer(desk, campaign, silent)
    step_real(desk, hours=1, minutes=5)
    assert items(desk, campaign, ItemState.RUNNING) == {silent: Why.NONE}
    step_real(desk, hours=1)
    assert items(desk, campaign, ItemState.FAILED) == {silent: Why.NO_ANSWER}
    (other,) = items(desk, campaign, ItemState.STARTED)
    assert {silent, other} == {first, second}
    with desk.engine.begin() as connection:
        found = commands.read(connection, key)
    assert (found.state, found.is_overdue) == (CommandState.SENT, True)


def test_a_unit_that_never_answers_keeps_no_abort_waiting(desk: CampaignDesk) -> None:
    (unit,) = desk.add_units(1)
    campaign = desk.run(whole(action=CommandAction(expires_hours=1)))
    step_real(desk)
    lose_answer(desk, campaign, unit)
    with desk.engine.begin() as connection:
        campaigns.abort(connection, ANNA, campaign, "made up", FleetActions(), desk.now)
    step_real(desk, minutes=1)
    assert desk.look(campaign).state == State.ABORTING
    step_real(desk, hours=3)
    assert desk.look(campaign).state == State.ABORTED
    again = desk.plan(desk.make())
    assert items(desk, again.id, ItemState.EXCLUDED) == {}
