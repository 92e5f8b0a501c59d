"""Lines at risk in the database, as the controller keeps them."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import Engine, Row, delete, update

from agent.wire.codes import BATTERY_EVENT, EMERGENCY, EMERGENCY_EVENT
from fleet_server.domain.event import format_time
from fleet_server.services import tables as t
from fleet_server.services.views_voice import count_by_node, lines_at_risk, whole_history
from fleet_server.tests.memory_fleet import EPOCH, NOON, MemoryFleet
from fleet_server.tests.plant import MODEMS, add_plant

LINES = MODEMS[1::2]
LINE = LINES[0]


@pytest.fixture
def fleet(engine: Engine) -> Iterator[MemoryFleet]:
    made = MemoryFleet(engine)
    add_plant(engine, made.now)
    made.poll()
    yield made


def risks(fleet: MemoryFleet, endpoint_id: str = LINE) -> list[Row[Any]]:
    found = [row for row in fleet.rows(t.voice_risk) if row.endpoint_id == endpoint_id]
    return sorted(found, key=lambda row: row.id)


def say(fleet: MemoryFleet, sequence: int, reachable: str, reason: str, since: datetime) -> None:
    told = {"Reachable": reachable, "Reason": reason, "Since": format_time(since)}
    fleet.take(fleet.event(LINE, f"j-{EPOCH}-{sequence}", EMERGENCY_EVENT, EMERGENCY, **told))


def test_a_line_nobody_has_heard_of_is_unknown_since_it_was_handed_over(
    fleet: MemoryFleet,
) -> None:
    found = fleet.rows(t.voice_risk)
    assert {row.endpoint_id for row in found} == set(LINES)
    assert {(row.reach, row.reason, row.from_at) for row in found} == {
        ("unknown", "NeverSeen", NOON)
    }
    assert {row.network_element_id for row in found} == {2, 3}


def test_a_fresh_process_goes_on_where_the_last_one_followed(fleet: MemoryFleet) -> None:
    with fleet.engine.begin() as connection:
        connection.execute(delete(t.voice_risk))
    fleet.restart()
    fleet.poll()
    assert fleet.rows(t.voice_risk) == []


def test_a_line_is_at_risk_until_it_says_that_it_is_ready(fleet: MemoryFleet) -> None:
    fleet.later(60)
    fleet.take(fleet.connect(LINE))
    assert [(row.reason, row.until_at) for row in risks(fleet)] == [
        ("NeverSeen", fleet.now),
        ("NotReported", None),
    ]
    fleet.later(60)
    say(fleet, 1, "true", "", fleet.now - timedelta(seconds=10))
    assert [row.until_at for row in risks(fleet)] == [
        fleet.now - timedelta(seconds=60),
        fleet.now - timedelta(seconds=10),
    ]


def test_losing_registration_and_power_are_spans_with_their_reasons(fleet: MemoryFleet) -> None:
    fleet.take(fleet.connect(LINE))
    say(fleet, 1, "true", "", fleet.now)
    fleet.later(600)
    lost_at = fleet.now - timedelta(seconds=4)
    say(fleet, 2, "false", "NotRegistered", lost_at)
    fleet.later(600)
    stamp = {"BootCount": "7", "UpTime": "60000", "Time": format_time(fleet.now)}
    fleet.take(fleet.event(LINE, f"j-{EPOCH}-3", "PowerLoss!", TimeError="20", **stamp))
    *_, line, power = risks(fleet)
    assert (line.reach, line.reason, line.from_at, line.until_at) == (
        "no",
        "NotRegistered",
        lost_at,
        fleet.now,
    )
    assert (power.reach, power.reason, power.from_at, power.until_at) == (
        "no",
        "PowerLost",
        fleet.now,
        None,
    )


def test_a_silent_line_is_unknown_since_its_last_sign_of_life(fleet: MemoryFleet) -> None:
    fleet.take(fleet.connect(LINE))
    say(fleet, 1, "true", "", fleet.now)
    seen_at = fleet.now
    fleet.later(200)
    fleet.restart()
    fleet.later(400)
    fleet.poll()
    last = risks(fleet)[-1]
    assert (last.reach, last.reason, last.from_at, last.until_at) == (
        "unknown",
        "Silent",
        seen_at,
        None,
    )
    fleet.take(fleet.connect(LINE))
    assert risks(fleet)[-1].until_at is not None


def test_a_line_whose_unit_was_taken_away_is_no_longer_followed(fleet: MemoryFleet) -> None:
    with fleet.engine.begin() as connection:
        connection.execute(update(t.assignment).values(until_at=fleet.now))
    fleet.later(61)
    fleet.poll()
    assert {row.until_at for row in fleet.rows(t.voice_risk)} == {fleet.now}


def test_a_modem_without_a_telephone_has_no_line(fleet: MemoryFleet) -> None:
    fleet.take(fleet.connect(MODEMS[0]), fleet.will(MODEMS[0]))
    assert risks(fleet, MODEMS[0]) == []


def test_the_present_is_counted_by_node_and_listed_by_key(fleet: MemoryFleet) -> None:
    fleet.take(fleet.connect(LINE))
    say(fleet, 1, "true", "", fleet.now)
    with fleet.engine.connect() as connection:
        (node,) = count_by_node(connection)
        assert (node.node, node.cannot, node.unknown) == ("N-1", 0, 9)
        first = lines_at_risk(connection, fleet.now, "N-1", size=4)
        rest = lines_at_risk(connection, fleet.now, "N-1", after=first[-1].id)
        assert [one.endpoint_id for one in first + rest] == list(LINES[1:])
        assert lines_at_risk(connection, fleet.now, "N-2") == []
        assert {one.node for one in first} == {"N-1"}


def test_battery_minutes_are_those_left_now(fleet: MemoryFleet) -> None:
    fleet.take(fleet.connect(LINE))
    on_battery = {"Status": "Good", "ChargePercent": "80", "RuntimeLeft": "3600"}
    fleet.take(fleet.event(LINE, f"j-{EPOCH}-4", BATTERY_EVENT, **on_battery))
    say(fleet, 5, "unknown", "MainsLost", fleet.now)
    fleet.later(25 * 60)
    with fleet.engine.connect() as connection:
        found = {one.endpoint_id: one for one in lines_at_risk(connection, fleet.now)}
    assert (found[LINE].reason, found[LINE].battery_minutes_left) == ("MainsLost", 35)
    assert found[LINES[1]].battery_minutes_left is None


def test_any_past_moment_can_be_told(fleet: MemoryFleet) -> None:
    fleet.take(fleet.connect(LINE))
    say(fleet, 1, "true", "", fleet.now)
    fleet.later(3_600)
    say(fleet, 2, "false", "NoNetwork", fleet.now)
    fleet.later(3_600)
    say(fleet, 3, "true", "", fleet.now)
    span = (NOON + timedelta(minutes=30), NOON + timedelta(minutes=90))
    with fleet.engine.connect() as connection:
        found = list(whole_history(connection, *span, fleet.now))
        mine = [one for one in found if one.endpoint_id == LINE]
    assert len(found) == 10
    assert [(one.reason, one.from_at, one.until_at) for one in mine] == [
        ("NoNetwork", NOON + timedelta(hours=1), NOON + timedelta(hours=2))
    ]
