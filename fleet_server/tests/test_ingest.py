"""Events against a real broker and a controller that is killed at every named place."""

from __future__ import annotations

import signal
import time
from collections.abc import Callable

import pytest
from sqlalchemy import select

from fleet_server.adapters import failpoint
from fleet_server.services import tables as t
from fleet_server.tests.databases import POSTGRESQL
from fleet_server.tests.installation import Installation, wait_until
from fleet_server.tests.played_agent import PlayedAgent

MODEM = "ops::00256D-MODEM-00000001"
VENDOR = "os::00256D-987654"
EPOCH = "0a1b2c3d"
POWER = "Device.X_IPKO-COM_Power."
PLACES = (
    failpoint.BEFORE_COMMIT,
    failpoint.AFTER_COMMIT,
    failpoint.BEFORE_NOTIFY_RESP,
    failpoint.AFTER_NOTIFY_RESP,
    failpoint.BEFORE_PUBACK,
    failpoint.AFTER_PUBACK,
)


def dip(agent: PlayedAgent, sequence: int) -> tuple[str, bytes]:
    msg_id = f"j-{EPOCH}-{sequence}"
    return msg_id, agent.event(msg_id, POWER, "Dip!", {"Magnitude": "11000", "Duration": "20"})


@pytest.mark.parametrize("place", PLACES)
def test_every_event_is_stored_once_when_the_controller_is_killed(
    place: str, installation: Installation, play: Callable[[str], PlayedAgent]
) -> None:
    installation.start_broker()
    installation.start_controller(f"{place}:3")
    agent = play(MODEM)
    agent.start()
    wait_until(lambda: installation.presence(MODEM) == "online", "agent online")
    for sequence in range(1, 21):
        agent.journal_event(*dip(agent, sequence))
        time.sleep(0.005)
    controller = installation.controller
    assert controller is not None
    assert controller.wait(20) == -signal.SIGKILL
    installation.start_controller()
    agent.settle(20)
    assert installation.sequences(MODEM) == list(range(1, 21))


@pytest.mark.parametrize("installation", [POSTGRESQL], indirect=True)
@pytest.mark.parametrize("place", [failpoint.BEFORE_COMMIT, failpoint.AFTER_COMMIT])
def test_on_postgresql_too(
    place: str, installation: Installation, play: Callable[[str], PlayedAgent]
) -> None:
    assert installation.fleet.engine.dialect.name == POSTGRESQL
    installation.start_broker()
    installation.start_controller(f"{place}:3")
    agent = play(MODEM)
    agent.start()
    wait_until(lambda: installation.presence(MODEM) == "online", "agent online")
    for sequence in range(1, 21):
        agent.journal_event(*dip(agent, sequence))
        time.sleep(0.005)
    controller = installation.controller
    assert controller is not None
    assert controller.wait(20) == -signal.SIGKILL
    installation.start_controller()
    agent.settle(20)
    assert installation.sequences(MODEM) == list(range(1, 21))


def test_a_vendors_event_is_stored_once_when_the_controller_is_killed(
    installation: Installation, play: Callable[[str], PlayedAgent]
) -> None:
    installation.start_broker()
    installation.start_controller(f"{failpoint.AFTER_COMMIT}:1")
    agent = play(VENDOR)
    agent.start()
    agent.journal_event("1", agent.event("1", "Device.", "Boot!", {"Cause": "LocalReboot"}))
    controller = installation.controller
    assert controller is not None
    controller.wait(20)
    installation.start_controller()
    agent.settle(20)
    with installation.fleet.reading() as connection:
        assert len(connection.execute(select(t.event)).all()) == 1


def test_events_outlive_a_killed_broker(
    installation: Installation, play: Callable[[str], PlayedAgent]
) -> None:
    installation.start_broker()
    installation.start_controller()
    agent = play(MODEM)
    agent.start()
    for sequence in range(1, 31):
        agent.journal_event(*dip(agent, sequence))
        if sequence == 15 and installation.broker_process is not None:
            installation.broker_process.kill()
            installation.broker_process.wait(10)
            installation.start_broker()
    agent.settle(30)
    assert installation.sequences(MODEM) == list(range(1, 31))


def test_a_record_that_is_no_record_stops_nothing(
    installation: Installation, play: Callable[[str], PlayedAgent]
) -> None:
    installation.start_broker()
    installation.start_controller()
    agent = play(MODEM)
    agent.start()
    agent.publish(b"\xff\xff\xff")
    agent.publish(b"")
    agent.publish(b"\x12\x7fabc")
    agent.journal_event(*dip(agent, 1))
    agent.settle(10)
    assert installation.sequences(MODEM) == [1]
    with installation.fleet.reading() as connection:
        rows = connection.execute(select(t.ingest_counter)).all()
    assert {row.name: row.value for row in rows} == {"undecodable_record": 2, "sender": 1}


def test_an_event_is_a_row_a_few_milliseconds_after_it_was_published(
    installation: Installation, play: Callable[[str], PlayedAgent]
) -> None:
    installation.start_broker()
    installation.start_controller()
    agent = play(MODEM)
    agent.start()
    wait_until(lambda: installation.is_onboarded(MODEM), "agent onboarded")
    delays = []
    for sequence in range(1, 11):
        begun_s = time.monotonic()
        agent.journal_event(*dip(agent, sequence))
        while agent.journal:
            assert time.monotonic() - begun_s < 5
            time.sleep(0.001)
        delays.append(time.monotonic() - begun_s)
    assert sorted(delays)[5] < 0.2, delays
