"""Many come back at once: events are confirmed first, the rest follows at the rate that is set."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import Engine

from fleet_server.services import tables as t
from fleet_server.services.audit import Actor
from fleet_server.services.policy import change_setting
from fleet_server.services.records import Outgoing
from fleet_server.tests.memory_fleet import EPOCH, MODEM, STB, MemoryFleet, messages

AREA = [f"ops::00256D-MODEM-{number:08}" for number in range(1000, 1300)]
EVENTS_EACH = 3


@pytest.fixture
def fleet(demo_engine: Engine) -> MemoryFleet:
    return MemoryFleet(demo_engine)


def set_rate(fleet: MemoryFleet, name: str, value: int) -> None:
    with fleet.engine.begin() as connection:
        actor = Actor.system("test")
        change_setting(connection, actor, name, str(value), "trial of a storm", fleet.now)
    fleet.poll()


def kinds_of(outgoing: list[Outgoing]) -> list[str]:
    requests = [one.body.request.WhichOneof("req_type") for one in messages(outgoing)]
    return [kind or "answer" for kind in requests]


def states(fleet: MemoryFleet) -> set[str]:
    return {row.state for row in fleet.rows(t.presence)}


def test_an_area_that_returns_has_its_events_confirmed_before_it_is_asked_anything(
    fleet: MemoryFleet,
) -> None:
    set_rate(fleet, "onboarding_per_second", 50)
    fleet.later(2)
    fleet.poll()
    batch = [fleet.connect(name) for name in AREA]
    for number in range(1, EVENTS_EACH + 1):
        batch += [fleet.event(name, f"j-{EPOCH}-{number}", "Dip!") for name in AREA]
    told = kinds_of(fleet.take(*batch))
    assert told.count("answer") == EVENTS_EACH * len(AREA)
    assert told.count("operate") == len(AREA), "each learns the time at once, to date its events"
    assert told.count("get_supported_protocol") == 50
    assert len(fleet.rows(t.event)) == EVENTS_EACH * len(AREA)
    asked = []
    while fleet.intake.arrivals:
        fleet.later(1)
        asked.append(kinds_of(fleet.poll_and_admit()).count("get_supported_protocol"))
    assert asked == [50, 50, 50, 50, 50]


def test_who_leaves_while_waiting_is_not_asked_and_joins_again_with_its_next_connection(
    fleet: MemoryFleet,
) -> None:
    set_rate(fleet, "onboarding_per_second", 1)
    fleet.later(2)
    fleet.poll()
    fleet.take(fleet.connect(MODEM), fleet.connect(STB))
    fleet.later(3)
    fleet.take(fleet.will(STB))
    assert kinds_of(fleet.poll_and_admit()) == []
    fleet.later(3)
    assert "get_supported_protocol" in kinds_of(fleet.take(fleet.connect(STB)))


def test_the_length_of_the_line_is_told(fleet: MemoryFleet) -> None:
    set_rate(fleet, "onboarding_per_second", 10)
    fleet.later(2)
    fleet.take(*(fleet.connect(name) for name in AREA))
    fleet.later(5)
    fleet.poll()
    told = {row.name: row.state for row in fleet.rows(t.process_state)}
    assert told["onboarding"] == str(len(AREA) - 10)


def test_the_wills_of_a_broker_that_ended_are_no_outage(fleet: MemoryFleet) -> None:
    fleet.take(*(fleet.connect(name) for name in AREA))
    fleet.later(600)
    fleet.intake.listening_since = fleet.now
    fleet.later(1)
    fleet.take(*(fleet.will(name) for name in AREA))
    fleet.poll()
    assert states(fleet) == {"suspect"}
    fleet.later(20)
    fleet.take(*(fleet.connect(name) for name in AREA))
    fleet.later(200)
    fleet.take(*(fleet.event(name, "n-1-2", "Periodic!", "Device.LocalAgent.") for name in AREA))
    fleet.poll()
    assert states(fleet) == {"online"}
    assert fleet.rows(t.interruption) == []
    assert fleet.rows(t.outage) == []


def test_who_stays_away_after_the_broker_ended_is_offline_since_then(fleet: MemoryFleet) -> None:
    fleet.take(fleet.connect(MODEM), fleet.connect(STB))
    fleet.later(600)
    fleet.intake.listening_since = fleet.now
    told_at = fleet.now
    fleet.take(fleet.will(MODEM), fleet.will(STB))
    fleet.later(10)
    fleet.take(fleet.connect(STB))
    fleet.later(120)
    fleet.poll()
    (interruption,) = fleet.rows(t.interruption)
    assert interruption.endpoint_id == MODEM
    error = timedelta(milliseconds=interruption.start_error_ms)
    assert abs(interruption.started_at - told_at) <= error
    presence = {row.endpoint_id: (row.state, row.evidence) for row in fleet.rows(t.presence)}
    assert presence == {MODEM: ("offline", "will"), STB: ("online", "connect")}


def test_a_will_of_a_connection_made_since_is_one(fleet: MemoryFleet) -> None:
    fleet.intake.listening_since = fleet.now
    fleet.later(5)
    fleet.take(fleet.connect(MODEM))
    fleet.later(5)
    fleet.take(fleet.will(MODEM))
    assert states(fleet) == {"offline"}


def test_a_will_long_after_the_broker_came_back_is_one(fleet: MemoryFleet) -> None:
    fleet.take(fleet.connect(MODEM))
    fleet.later(600)
    fleet.intake.listening_since = fleet.now
    fleet.later(31)
    fleet.take(fleet.will(MODEM))
    assert states(fleet) == {"offline"}
