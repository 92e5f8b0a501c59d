"""A campaign of swaps: real replacements on order, units from the stock, visits, notice."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta

import pytest
from sqlalchemy import Engine, select

from fleet_server.domain.campaign import ItemState, State, Why
from fleet_server.domain.campaign_plan import Limits, Plan, SwapAction, Way
from fleet_server.domain.errors import ImpossibleMomentError
from fleet_server.domain.local_time import local_day
from fleet_server.domain.service_state import Ground, ServiceState
from fleet_server.services import campaign_engine, campaigns, service_state, swaps
from fleet_server.services import tables as t
from fleet_server.services.campaign_notices import announce
from fleet_server.services.campaign_views import list_items, read_campaign
from fleet_server.services.fleet_actions import FleetActions
from fleet_server.services.policy import read_policy
from fleet_server.services.service_state import Wanted
from fleet_server.services.swaps import SwapPhase, SwapView, Todo, Trigger
from fleet_server.tests.campaign_desk import ANNA, OUI, CampaignDesk, whole

REMOTE = whole(action=SwapAction("CM-41", "WH-9", Way.REMOTE))
VISIT = whole(action=SwapAction("CM-41", "WH-9", Way.VISIT))
POSTED = whole(action=SwapAction("CM-41", "WH-9", Way.POSTED))


@pytest.fixture
def desk(engine: Engine) -> CampaignDesk:
    return CampaignDesk(engine)


def stock(desk: CampaignDesk, number: int) -> list[int]:
    """That many new units of an approved model, provisioned, at one place."""
    model = desk.insert(
        t.model,
        manufacturer_oui=OUI,
        product_class="MODEM",
        model_name="CM-41",
        manufacturer="Made up",
        approval_reference="A-1",
    )
    place = desk.insert(t.place, code="WH-9", kind="warehouse", name="Made up")
    units = []
    for count in range(number):
        endpoint_id = f"ops::{OUI}-MODEM-N{count:07}"
        units.append(
            desk.insert(
                t.unit,
                serial_number=f"N{count:07}",
                endpoint_id=endpoint_id,
                manufacturer_oui=OUI,
                product_class="MODEM",
                model_name="CM-41",
                model_id=model,
                received_at=desk.now,
                state="in_stock",
                place_id=place,
            )
        )
        with desk.engine.begin() as connection:
            connection.execute(
                t.certificate.insert().values(
                    certificate_serial_number=f"{count:040}",
                    endpoint_id=endpoint_id,
                    not_before=desk.now,
                    not_after=desk.now + timedelta(days=3650),
                    issued_at=desk.now,
                )
            )
    return units


def tell(desk: CampaignDesk, campaign: int, hours: int = 72) -> int:
    with desk.engine.begin() as connection:
        planned_at = desk.now + timedelta(hours=hours)
        return announce(connection, ANNA, campaign, planned_at, "letters of May", desk.now)


def turn(desk: CampaignDesk) -> None:
    with desk.engine.begin() as connection:
        campaign_engine.step(connection, FleetActions(), read_policy(connection), desk.now)


def reasons(desk: CampaignDesk, campaign: int) -> list[tuple[ItemState, Why]]:
    with desk.engine.connect().execution_options(writes=False) as connection:
        return [(one.state, one.why) for one in list_items(connection, campaign)]


def test_customers_are_told_and_the_swaps_wait_for_the_moment(desk: CampaignDesk) -> None:
    desk.add_units(2)
    new = stock(desk, 1)
    campaign = desk.make(REMOTE, {"field": "model_name", "is": "CM-31"})
    desk.plan(campaign)
    assert reasons(desk, campaign) == [(ItemState.EXCLUDED, Why.NO_NOTICE)] * 2
    with pytest.raises(ImpossibleMomentError):
        tell(desk, campaign, hours=71)
    assert tell(desk, campaign) == 2
    desk.plan(campaign)
    desk.approve(campaign)
    with desk.engine.begin() as connection:
        campaigns.start(connection, ANNA, campaign, desk.now)
    turn(desk)
    assert reasons(desk, campaign) == [(ItemState.DEFERRED, Why.NOTICE_RUNS)] * 2
    desk.now += timedelta(hours=72)
    turn(desk)
    assert sorted(reasons(desk, campaign)) == [
        (ItemState.DEFERRED, Why.NO_STOCK),
        (ItemState.STARTED, Why.NONE),
    ]
    with desk.engine.connect().execution_options(writes=False) as connection:
        swap = connection.execute(select(t.swap)).one()
    assert (swap.new_unit_id, swap.trigger, swap.approved_by) == (new[0], "remote", "account:2")


def test_a_visit_gets_its_day_once_notice_has_run(desk: CampaignDesk) -> None:
    desk.add_units(1)
    stock(desk, 1)
    campaign = started(desk, VISIT)
    assert reasons(desk, campaign) == [(ItemState.DEFERRED, Why.NOTICE_RUNS)]
    assert visit_days(desk) == []
    desk.now += timedelta(hours=72)
    turn(desk)
    assert visit_days(desk) == [local_day(desk.now)]
    turn(desk)
    assert reasons(desk, campaign) == [(ItemState.STARTED, Why.TECHNICIAN)]


def visit_days(desk: CampaignDesk) -> list[date]:
    with desk.engine.connect().execution_options(writes=False) as connection:
        return list(connection.scalars(select(t.visit_day.c.day)))


def running(desk: CampaignDesk) -> int:
    """One posted swap is on order."""
    desk.add_units(1)
    stock(desk, 2)
    return started(desk, POSTED)


def started(desk: CampaignDesk, plan: Plan) -> int:
    """A campaign whose customers were told, after its first turn."""
    campaign = desk.make(plan, {"field": "model_name", "is": "CM-31"})
    desk.plan(campaign)
    tell(desk, campaign)
    desk.plan(campaign)
    desk.approve(campaign)
    with desk.engine.begin() as connection:
        campaigns.start(connection, ANNA, campaign, desk.now)
    turn(desk)
    return campaign


@pytest.mark.parametrize(
    ("phase", "why", "expected"),
    [
        ("done", "", (ItemState.DONE, Why.NONE)),
        ("rolled_back", "no answer", (ItemState.FAILED, Why.ROLLED_BACK)),
        ("person", "no answer", (ItemState.RUNNING, Why.FAILING)),
        ("back", "no answer", (ItemState.RUNNING, Why.FAILING)),
    ],
)
def test_how_a_swap_ends_is_how_its_item_ends(
    desk: CampaignDesk, phase: str, why: str, expected: tuple[ItemState, Why]
) -> None:
    campaign = running(desk)
    assert reasons(desk, campaign) == [(ItemState.STARTED, Why.NONE)]
    desk.set(t.swap, 1, phase=phase, why=why)
    turn(desk)
    assert reasons(desk, campaign) == [expected]


def test_an_abort_takes_back_a_swap_that_did_nothing_yet(desk: CampaignDesk) -> None:
    campaign = running(desk)
    with desk.engine.begin() as connection:
        campaigns.abort(connection, ANNA, campaign, "made up", FleetActions(), desk.now)
    turn(desk)
    assert desk.look(campaign).state == State.ABORTED
    assert reasons(desk, campaign) == [(ItemState.STOPPED, Why.ABORTED)]
    with desk.engine.connect().execution_options(writes=False) as connection:
        assert connection.scalar(select(t.swap.c.phase)) == "rolled_back"
        assert connection.execute(select(t.swap_claim)).all() == []


def test_an_abort_has_a_swap_under_way_undone(desk: CampaignDesk) -> None:
    campaign = running(desk)
    desk.set(t.swap, 1, at=1, asks=1)
    with desk.engine.begin() as connection:
        campaigns.abort(connection, ANNA, campaign, "made up", FleetActions(), desk.now)
    turn(desk)
    with desk.engine.connect().execution_options(writes=False) as connection:
        assert connection.scalar(select(t.swap.c.is_undoing))
    assert desk.look(campaign).state == State.ABORTING
    desk.set(t.swap, 1, phase="rolled_back", ended_at=desk.now)
    turn(desk)
    assert reasons(desk, campaign) == [(ItemState.STOPPED, Why.CANCELLED)]
    assert desk.look(campaign).state == State.ABORTED


def test_what_the_registry_refuses_fails_with_its_words(desk: CampaignDesk) -> None:
    (unit,) = desk.add_units(1)
    stock(desk, 1)
    campaign = desk.make(POSTED, {"field": "model_name", "is": "CM-31"})
    desk.plan(campaign)
    tell(desk, campaign)
    desk.plan(campaign)
    desk.approve(campaign)
    with desk.engine.begin() as connection:
        campaigns.start(connection, ANNA, campaign, desk.now)
        connection.execute(t.model.update().values(approval_reference=""))
    turn(desk)
    with desk.engine.connect().execution_options(writes=False) as connection:
        (item,) = list_items(connection, campaign)
    assert (item.unit_id, item.state, item.why) == (unit, ItemState.FAILED, Why.REFUSED)
    assert "7.1.8" in item.said


def test_a_unit_on_a_swap_is_left_out_of_the_next(desk: CampaignDesk) -> None:
    running(desk)
    other = desk.make(selection={"field": "model_name", "is": "CM-31"})
    with desk.engine.begin() as connection:
        connection.execute(t.campaign.update().values(state="finished"))
        connection.execute(
            t.campaign.update().where(t.campaign.c.id == other).values(state="draft")
        )
    desk.plan(other)
    assert reasons(desk, other) == [(ItemState.EXCLUDED, Why.ON_SWAP)]


def visiting(desk: CampaignDesk) -> int:
    """A campaign of one visit, on the day that was announced; the turn of the unit has come."""
    desk.add_units(1)
    stock(desk, 2)
    campaign = started(desk, VISIT)
    desk.now += timedelta(hours=72)
    turn(desk)
    turn(desk)
    return campaign


def work_orders(desk: CampaignDesk) -> list[tuple[str, str]]:
    with desk.engine.connect().execution_options(writes=False) as connection:
        query = select(t.outbox).where(t.outbox.c.system == "work_orders").order_by(t.outbox.c.id)
        return [(row.kind, row.target) for row in connection.execute(query)]


def look(desk: CampaignDesk, swap_id: int = 1) -> SwapView:
    with desk.engine.connect().execution_options(writes=False) as connection:
        return swaps.read(connection, swap_id)


def test_a_visit_is_ordered_on_its_day_and_waits_for_the_technician(desk: CampaignDesk) -> None:
    campaign = visiting(desk)
    assert reasons(desk, campaign) == [(ItemState.STARTED, Why.TECHNICIAN)]
    view = look(desk)
    assert (view.phase, view.todo, view.trigger) == (
        SwapPhase.ORDERED,
        Todo.BEGIN,
        Trigger.TECHNICIAN,
    )
    assert work_orders(desk) == [("open_work_order", "work_orders/order:swap-1")]
    desk.now += timedelta(days=3)
    turn(desk)
    assert reasons(desk, campaign) == [(ItemState.STARTED, Why.TECHNICIAN)], "nobody came"
    with desk.engine.begin() as connection:
        swaps.approve(connection, ANNA, 1, desk.now)
    assert look(desk).phase is SwapPhase.FORWARD
    desk.set(t.swap, 1, at=1)
    turn(desk)
    assert reasons(desk, campaign) == [(ItemState.RUNNING, Why.NONE)]
    assert len(work_orders(desk)) == 1


def test_a_visit_that_is_called_off_before_it_began_has_not_failed(desk: CampaignDesk) -> None:
    campaign = visiting(desk)
    with desk.engine.begin() as connection:
        swaps.abort(connection, ANNA, 1, "the customer is away", desk.now)
    turn(desk)
    assert reasons(desk, campaign) == [(ItemState.STOPPED, Why.CANCELLED)]
    assert [kind for kind, _ in work_orders(desk)] == ["open_work_order", "cancel_work_order"]


def test_a_visit_whose_contract_ends_before_it_began_has_not_failed(desk: CampaignDesk) -> None:
    campaign = visiting(desk)
    wanted = Wanted(ServiceState.TERMINATED, Ground.CUSTOMER_REQUEST)
    contract = look(desk).contract
    with desk.engine.begin() as connection:
        policy = read_policy(connection)
        service_state.decide(connection, contract, wanted, ANNA, "made up", policy, desk.now)
    turn(desk)
    assert reasons(desk, campaign) == [(ItemState.STOPPED, Why.CANCELLED)]
    with desk.engine.connect().execution_options(writes=False) as connection:
        assert read_campaign(connection, campaign).state == State.FINISHED


def test_an_abort_takes_visits_back_that_no_technician_began(desk: CampaignDesk) -> None:
    campaign = visiting(desk)
    with desk.engine.begin() as connection:
        campaigns.abort(connection, ANNA, campaign, "made up", FleetActions(), desk.now)
    assert reasons(desk, campaign) == [(ItemState.STOPPED, Why.ABORTED)]
    assert look(desk).phase is SwapPhase.ROLLED_BACK
    assert [kind for kind, _ in work_orders(desk)] == ["open_work_order", "cancel_work_order"]


def test_visits_that_wait_for_technicians_hold_up_no_others(desk: CampaignDesk) -> None:
    desk.add_units(3)
    stock(desk, 3)
    limits = Limits(per_minute=60_000, at_once=1)
    campaign = started(desk, replace(VISIT, limits=limits))
    desk.now += timedelta(hours=72)
    for _ in range(6):
        turn(desk)
        desk.now += timedelta(seconds=1)
    assert reasons(desk, campaign) == [(ItemState.STARTED, Why.TECHNICIAN)] * 3


@pytest.mark.parametrize(
    ("state", "taken"),
    [
        ("in_stock", True),
        ("van_stock", True),
        ("refurbished", True),
        ("reserved", False),
        ("in_transit", False),
        ("quarantine", False),
    ],
)
def test_what_a_person_reserved_or_sent_elsewhere_is_left_alone(
    desk: CampaignDesk, state: str, taken: bool
) -> None:
    desk.add_units(1)
    (new,) = stock(desk, 1)
    desk.set(t.unit, new, state=state)
    campaign = started(desk, POSTED)
    expected = (ItemState.STARTED, Why.NONE) if taken else (ItemState.DEFERRED, Why.NO_STOCK)
    assert reasons(desk, campaign) == [expected]
