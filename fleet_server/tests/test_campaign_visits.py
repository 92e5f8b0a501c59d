"""Campaigns of technicians' visits: notice, and so many a day in an area."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import Engine, select

from fleet_server.domain.campaign import ItemState, Why
from fleet_server.domain.campaign_plan import SwapAction, Way
from fleet_server.services import tables as t
from fleet_server.services.campaign_actions import Refused
from fleet_server.services.campaign_views import list_items
from fleet_server.tests.campaign_desk import CampaignDesk, whole

VISIT = SwapAction("CM-41", "WH-1", Way.VISIT)


@pytest.fixture
def desk(engine: Engine) -> CampaignDesk:
    return CampaignDesk(engine)


def two_a_day(desk: CampaignDesk, units: int) -> int:
    """A campaign of so many visits that are announced, two a day; it was started."""
    for unit in desk.add_units(units):
        announce(desk, unit)
    with desk.engine.begin() as connection:
        connection.execute(
            t.policy_setting.insert().values(
                name="campaign_visits_a_day", value="2", changed_at=desk.now
            )
        )
    return desk.run(whole(action=VISIT))


def test_visits_fill_the_days_of_an_area(desk: CampaignDesk) -> None:
    campaign = two_a_day(desk, 5)
    desk.step()
    desk.step()
    assert len(desk.played.begun) == 2, "today's"
    assert visits(desk) == [2, 2, 1]
    desk.step(86_400)
    assert len(desk.played.begun) == 4
    desk.abort(campaign)
    assert visits(desk) == [2, 2, 0]


def test_visits_that_could_not_be_made_get_other_days(desk: CampaignDesk) -> None:
    campaign = two_a_day(desk, 5)
    desk.step()
    desk.step()
    desk.pause(campaign)
    desk.step(86_400 * 6)
    desk.resume(campaign)
    desk.step()
    desk.step()
    assert len(desk.played.begun) == 4, "no more than two on the day"
    desk.step(86_400)
    assert len(desk.played.begun) == 5


def test_a_visit_that_cannot_be_ordered_frees_its_day_and_counts_as_failed(
    desk: CampaignDesk,
) -> None:
    campaign = two_a_day(desk, 1)
    desk.played.refused = Refused("the model is not approved")
    desk.step()
    desk.step()
    with desk.engine.connect().execution_options(writes=False) as connection:
        (item,) = list_items(connection, campaign)
    assert (item.state, item.why, item.said) == (
        ItemState.FAILED,
        Why.REFUSED,
        "the model is not approved",
    )
    assert visits(desk) == [0]


def announce(desk: CampaignDesk, unit: int) -> None:
    """A swap of its position was announced four days before it."""
    desk.insert(
        t.planned_swap,
        contract_id=unit,
        service_position_id=unit,
        ground="operator",
        planned_at=desk.now,
        recorded_at=desk.now,
        notice_at=desk.now - timedelta(days=4),
    )


def visits(desk: CampaignDesk) -> list[int]:
    with desk.engine.connect().execution_options(writes=False) as connection:
        return list(connection.scalars(select(t.visit_day.c.booked).order_by(t.visit_day.c.day)))


def test_a_swap_needs_notice_in_time(desk: CampaignDesk) -> None:
    told, late, silent = desk.add_units(3)
    announce(desk, told)
    announce(desk, late)
    with desk.engine.begin() as connection:
        connection.execute(
            t.planned_swap.update()
            .where(t.planned_swap.c.contract_id == late)
            .values(notice_at=desk.now - timedelta(hours=71))
        )
    campaign = desk.make(whole(action=VISIT))
    desk.plan(campaign)
    with desk.engine.connect().execution_options(writes=False) as connection:
        found = list_items(connection, campaign)
    reasons = {one.unit_id: one.why for one in found}
    assert reasons == {told: Why.NONE, late: Why.NO_NOTICE, silent: Why.NO_NOTICE}
