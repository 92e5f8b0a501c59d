"""What the registry decides reaches the operator's systems: on a contract, off it, paired."""

from __future__ import annotations

import os
from collections.abc import Callable
from datetime import date

import pytest
from sqlalchemy import Connection

from fleet_server import courier
from fleet_server.adapters.simulated import SimulatedAccess
from fleet_server.domain.life_cycle import UnitState
from fleet_server.domain.operations import AccessMode, Barring, SetAccess, SetDeviceState, System
from fleet_server.domain.policy import DEFAULTS
from fleet_server.domain.service_state import Ground, ServiceState
from fleet_server.services import assignments, outbox, pairings, service_state
from fleet_server.services import tables as t
from fleet_server.services.assignments import Papers
from fleet_server.services.operator_ports import Access, Card
from fleet_server.services.service_state import Wanted
from fleet_server.services.subscriptions import state_paths
from fleet_server.services.upsert import upsert
from fleet_server.tests.installation import Installation
from fleet_server.tests.service_desk import (
    CARD,
    CLERK,
    CONTRACT,
    LINE,
    MAC,
    NOON,
    ServiceDesk,
)

NEW_SERIAL = "20000009"
NEW = f"ops::00256D-VOICEMODEM-{NEW_SERIAL}"
NEW_MAC = "02:00:5E:00:20:09"
PAPERS = Papers(date(2026, 11, 26), 6000)


def add_new_modem(connection: Connection) -> None:
    """An approved voice modem in stock."""
    model = connection.execute(
        t.model.insert()
        .values(
            manufacturer_oui="00256D",
            product_class="VOICEMODEM",
            model_name="Example",
            manufacturer="Example Devices",
            approval_reference="EXAMPLE-1",
        )
        .returning(t.model.c.id)
    ).scalar_one()
    unit = connection.execute(
        t.unit.insert()
        .values(
            serial_number=NEW_SERIAL,
            endpoint_id=NEW,
            manufacturer_oui="00256D",
            product_class="VOICEMODEM",
            lab=False,
            blacklisted=False,
            received_at=NOON,
            state="in_stock",
            model_id=model,
        )
        .returning(t.unit.c.id)
    ).scalar_one()
    connection.execute(
        t.unit_mac.insert().values(mac_address=NEW_MAC, unit_id=unit, interface="cable")
    )


def replace(desk: ServiceDesk) -> None:
    with desk.fleet.writing() as connection:
        add_new_modem(connection)
        assignments.replace_unit(
            connection,
            CLERK,
            "20000002",
            NEW_SERIAL,
            UnitState.TO_BE_RETURNED,
            PAPERS,
            desk.now,
        )
    desk.work()


def suspend(desk: ServiceDesk) -> None:
    with desk.fleet.writing() as connection:
        wanted = Wanted(ServiceState.SUSPENDED, Ground.OTHER_BREACH)
        service_state.decide(connection, CONTRACT, wanted, CLERK, "x", DEFAULTS, desk.now)
    desk.work()


def test_a_successor_is_served_and_the_unit_before_it_no_more(desk: ServiceDesk) -> None:
    replace(desk)
    assert desk.access.access(MAC) is None
    assert desk.access.access(NEW_MAC) == Access("TOP L", AccessMode.OPEN)
    line = desk.voice.line(LINE)
    assert line is not None
    assert (line.barring, line.mta_mac) == (Barring.NONE, NEW_MAC)
    assert NEW not in desk.devices.told


def test_a_successor_on_a_suspended_contract_stays_in_the_walled_garden(desk: ServiceDesk) -> None:
    suspend(desk)
    replace(desk)
    assert desk.access.access(NEW_MAC) == Access("TOP L", AccessMode.WALLED_GARDEN)
    assert not desk.voice.may_call(LINE, "038123456")
    desk.set_presence(NEW, "online")
    desk.work()
    (told,) = desk.devices.told[NEW]
    assert isinstance(told, SetDeviceState)
    assert told.state == "restricted"


def test_a_unit_that_kept_another_customers_state_is_told_to_open(desk: ServiceDesk) -> None:
    path = state_paths("VOICEMODEM")[3]
    row = {"endpoint_id": NEW, "path": path, "value": "terminated", "reported_at": NOON}
    with desk.fleet.writing() as connection:
        upsert(connection, t.parameter, [row])
    desk.set_presence(NEW, "online")
    replace(desk)
    (told,) = desk.devices.told[NEW]
    assert isinstance(told, SetDeviceState)
    assert told.state == "active"


def test_conditional_access_knows_which_card_is_in_which_box(desk: ServiceDesk) -> None:
    with desk.fleet.writing() as connection:
        pairings.unpair(connection, CLERK, CARD, desk.now)
    desk.work()
    assert desk.cards.card(CARD) == Card("", "", False, 0)
    with desk.fleet.writing() as connection:
        pairings.pair(connection, CLERK, CARD, "20000003", desk.now)
    desk.work()
    assert desk.cards.card(CARD) == Card("20000003", "", False, 0)


@pytest.fixture
def turns() -> Callable[[], bool]:
    """Lets a loop run three times."""
    left = iter([False, False, False, True])
    return lambda: next(left)


def test_the_courier_delivers_what_is_due(
    installation: Installation, turns: Callable[[], bool]
) -> None:
    fleet = installation.fleet
    stage = [(System.ACCESS, SetAccess(MAC, "TOP L", AccessMode.OPEN))]
    with fleet.writing() as connection:
        outbox.queue(connection, "d-1", [stage], NOON)
    waited: list[float] = []
    courier.work(installation.config, fleet, turns, waited.append)
    path = installation.config.state / "operator-systems" / "access.db"
    assert SimulatedAccess(path, lambda: NOON).access(MAC) == Access("TOP L", AccessMode.OPEN)
    assert os.stat(path.parent).st_mode & 0o077 == 0
    assert set(waited) <= {0.1, 1.0}
