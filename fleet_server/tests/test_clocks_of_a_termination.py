"""From the decision to end a contract to the last unit back: the services that do it, and the
deadlines that follow. Contract C-2001 was signed, and all is made up (service_desk.py)."""

from __future__ import annotations

from datetime import datetime

import pytest

from fleet_server.domain.clocks import ClockKind
from fleet_server.domain.local_time import ZONE
from fleet_server.domain.policy import DEFAULTS
from fleet_server.domain.returns import Condition
from fleet_server.domain.service_state import Ground, ServiceState
from fleet_server.services import blacklist, returns, service_state
from fleet_server.services.blacklist import Cause
from fleet_server.services.clock_follow import follow
from fleet_server.services.returns import HandedIn
from fleet_server.services.service_state import Wanted
from fleet_server.services.views_clocks import Due, list_due, open_counts
from fleet_server.services.views_clocks import Wanted as Listed
from fleet_server.tests.service_desk import CARD, CLERK, CONTRACT, STORE, ServiceDesk

MODEM, BOX = "20000002", "20000003"


def keep_up(desk: ServiceDesk) -> None:
    with desk.fleet.writing() as connection:
        while follow(connection, desk.now):
            pass


def due_back(desk: ServiceDesk) -> dict[str, Due]:
    keep_up(desk)
    with desk.fleet.reading() as connection:
        found = list_due(connection, Listed(ClockKind.RETURN), desk.now)
        assert open_counts(connection)["return"] == len(found)
    return {due.serial_number: due for due in found}


def step(desk: ServiceDesk) -> None:
    desk.work()
    with desk.fleet.writing() as connection:
        service_state.step(connection, DEFAULTS, desk.now)
    desk.work()


@pytest.fixture
def ended(desk: ServiceDesk) -> ServiceDesk:
    """The customer asked for the end on 26 November 2026; it was confirmed within minutes [9.9]."""
    with desk.fleet.writing() as connection:
        service_state.decide(
            connection,
            CONTRACT,
            Wanted(ServiceState.TERMINATED, Ground.CUSTOMER_REQUEST, None),
            CLERK,
            "the customer moves",
            DEFAULTS,
            desk.now,
        )
    step(desk)
    desk.later(minutes=5)
    step(desk)
    return desk


def take_back(desk: ServiceDesk, serial_number: str) -> None:
    with desk.fleet.writing() as connection:
        handed_in = HandedIn(serial_number, STORE, Condition.COMPLETE)
        returns.take_back(connection, desk.fleet.document_key, handed_in, CLERK, desk.now)


def test_every_unit_is_asked_back_once_with_the_value_of_its_papers(ended: ServiceDesk) -> None:
    found = due_back(ended)
    assert {serial: due.value_cents for serial, due in found.items()} == {
        MODEM: 6000,
        BOX: 8000,
        CARD: 1500,
    }
    for due in found.values():
        assert due.clock.due_at == datetime(2026, 12, 2, tzinfo=ZONE)
    assert found[MODEM].clock.charge_from_at is None
    assert found[BOX].clock.charge_from_at == datetime(2026, 12, 6, tzinfo=ZONE)
    assert found[CARD].clock.charge_from_at == datetime(2026, 12, 6, tzinfo=ZONE)


def test_what_comes_back_is_asked_for_no_more(ended: ServiceDesk) -> None:
    ended.later(days=2)
    take_back(ended, BOX)
    assert set(due_back(ended)) == {MODEM, CARD}
    take_back(ended, MODEM)
    take_back(ended, CARD)
    assert due_back(ended) == {}


def test_who_pays_for_a_stolen_unit_is_decided_apart(ended: ServiceDesk) -> None:
    ended.later(days=1)
    with ended.fleet.writing() as connection:
        blacklist.blacklist(connection, MODEM, Cause.STOLEN, None, CLERK, "told", ended.now)
    assert set(due_back(ended)) == {BOX, CARD}


def test_before_the_end_nothing_is_asked_back(desk: ServiceDesk) -> None:
    assert due_back(desk) == {}
