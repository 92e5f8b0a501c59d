"""Outages in the database: found by the controller, revised, every verdict kept."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from random import Random
from typing import Any

import pytest
from sqlalchemy import Engine, Row

from fleet_server.domain.event import format_time
from fleet_server.services import tables as t
from fleet_server.services.pieces import segments_of
from fleet_server.services.records import Publication
from fleet_server.tests.memory_fleet import EPOCH, MemoryFleet
from fleet_server.tests.plant import MODEMS, add_plant

STREET_1 = MODEMS[:10]


@pytest.fixture
def fleet(engine: Engine) -> Iterator[MemoryFleet]:
    made = MemoryFleet(engine)
    add_plant(engine, made.now)
    made.take(*(made.connect(endpoint_id) for endpoint_id in MODEMS))
    made.later(600)
    made.poll()
    yield made


def stamp(boot: int, up_time_s: float, at: datetime) -> dict[str, str]:
    up_time_ms = str(round(up_time_s * 1000))
    return {
        "BootCount": str(boot),
        "UpTime": up_time_ms,
        "Time": format_time(at),
        "TimeError": "20",
    }


def gasps(fleet: MemoryFleet, endpoint_ids: tuple[str, ...], at: datetime) -> list[Publication]:
    return [
        fleet.event(one, f"j-{EPOCH}-5", "PowerLoss!", Source="Mains", **stamp(7, 600, at))
        for one in endpoint_ids
    ]


def boots(fleet: MemoryFleet, endpoint_ids: tuple[str, ...], at: datetime) -> list[Publication]:
    reason = {"Reason": "power on reset"}
    return [
        fleet.event(one, f"j-{EPOCH}-6", "Boot!", "Device.", **reason, **stamp(8, 0.5, at))
        for one in endpoint_ids
    ]


def wills(fleet: MemoryFleet, endpoint_ids: tuple[str, ...]) -> list[Publication]:
    return [fleet.will(one) for one in endpoint_ids]


def connects(fleet: MemoryFleet, endpoint_ids: tuple[str, ...]) -> list[Publication]:
    return [fleet.connect(one) for one in endpoint_ids]


def look(fleet: MemoryFleet) -> list[Row[Any]]:
    """What the controller finds once it has had time for it; only what stands."""
    fleet.later(4)
    fleet.poll()
    assert fleet.rows(t.recheck) == []
    return [row for row in fleet.rows(t.outage) if not row.withdrawn]


def causes(fleet: MemoryFleet) -> set[str]:
    return {row.cause for row in fleet.rows(t.interruption) if not row.withdrawn}


def test_a_mains_cut_of_a_street_is_one_outage_and_the_cause_of_each_interruption(
    fleet: MemoryFleet,
) -> None:
    fleet.take(*gasps(fleet, STREET_1, fleet.now))
    (outage,) = look(fleet)
    assert (outage.cause, outage.places, outage.confidence) == ("area mains", "[2]", "high")
    assert (outage.devices, outage.population, outage.ended_at) == (10, 10, None)
    assert causes(fleet) == {"area mains"}
    verdicts = [row.cause for row in fleet.rows(t.interruption_verdict)]
    assert sorted(verdicts) == ["area mains"] * 10 + ["no power at the device"] * 10
    assert len(fleet.rows(t.outage_member)) == 10


def test_one_home_without_power_is_no_outage(fleet: MemoryFleet) -> None:
    fleet.take(*gasps(fleet, STREET_1[:1], fleet.now))
    assert look(fleet) == []
    assert causes(fleet) == {"no power at the device"}


def test_devices_of_the_whole_node_are_one_outage_of_the_node(fleet: MemoryFleet) -> None:
    fleet.take(*wills(fleet, MODEMS))
    (outage,) = look(fleet)
    assert (outage.cause, outage.places, outage.devices) == ("access network", "[1]", 20)
    assert causes(fleet) == {"access network"}


def test_the_journal_revises_what_silence_suggested_and_every_verdict_is_kept(
    fleet: MemoryFleet,
) -> None:
    cut_at = fleet.now
    fleet.take(*wills(fleet, STREET_1))
    (first,) = look(fleet)
    assert (first.cause, first.confidence) == ("access network", "low")
    fleet.later(1_200)
    fleet.take(*connects(fleet, STREET_1))
    back_at = fleet.now - timedelta(seconds=1)
    fleet.take(*gasps(fleet, STREET_1, cut_at), *boots(fleet, STREET_1, back_at))
    (revised,) = look(fleet)
    assert revised.id == first.id
    assert (revised.cause, revised.confidence) == ("area mains", "high")
    assert revised.ended_at is not None
    kept = [row.cause for row in fleet.rows(t.outage_verdict)]
    assert kept[0] == "access network"
    assert kept[-1] == "area mains"
    assert [row.revision for row in fleet.rows(t.outage_verdict)] == list(range(1, len(kept) + 1))
    for row in fleet.rows(t.interruption):
        assert {one.cause for one in segments_of(row.segments)} == {"area mains"}


def test_an_outage_that_was_none_is_withdrawn_with_its_cause(fleet: MemoryFleet) -> None:
    fleet.take(*wills(fleet, STREET_1[:7]))
    assert len(look(fleet)) == 1
    fleet.take(*connects(fleet, STREET_1[:7]))
    assert look(fleet) == []
    assert [row.withdrawn for row in fleet.rows(t.outage_verdict)] == [False, True]
    assert [row for row in fleet.rows(t.interruption) if not row.withdrawn] == []


def test_an_outage_that_grows_moves_up_and_stays_the_same(fleet: MemoryFleet) -> None:
    fleet.take(*wills(fleet, STREET_1))
    (street,) = look(fleet)
    fleet.take(*wills(fleet, MODEMS[10:]))
    (node,) = look(fleet)
    assert node.id == street.id
    assert [row.places for row in fleet.rows(t.outage_verdict)] == ["[2]", "[1]"]
    assert [row.network_element_id for row in fleet.rows(t.outage_place)] == [1]


def test_who_comes_later_has_the_cause_of_the_outage_at_once(fleet: MemoryFleet) -> None:
    fleet.take(*wills(fleet, STREET_1[:9]))
    look(fleet)
    fleet.later(3_600)
    fleet.take(*wills(fleet, STREET_1[9:]))
    (last,) = [row for row in fleet.rows(t.interruption) if row.endpoint_id == STREET_1[9]]
    assert (last.cause, last.revision) == ("access network", 1)


def test_a_software_fault_of_many_devices_is_no_outage(fleet: MemoryFleet) -> None:
    fleet.take(*wills(fleet, STREET_1))
    fleet.later(60)
    fleet.take(*connects(fleet, STREET_1))
    at = fleet.now - timedelta(seconds=1)
    crashed = [
        fleet.event(one, f"j-{EPOCH}-6", "Boot!", "Device.", Reason="crash", **stamp(8, 0.5, at))
        for one in STREET_1
    ]
    fleet.take(*crashed)
    assert look(fleet) == []
    assert causes(fleet) == {"device"}


@pytest.mark.parametrize("seed", range(4))
def test_the_journals_in_any_order_and_twice_lead_to_the_same(
    fleet: MemoryFleet, seed: int
) -> None:
    cut_at = fleet.now
    fleet.take(*wills(fleet, MODEMS))
    fleet.later(1_200)
    fleet.take(*connects(fleet, MODEMS))
    back_at = fleet.now - timedelta(seconds=1)
    told = gasps(fleet, MODEMS, cut_at) + boots(fleet, MODEMS, back_at)
    told += told[: seed * 7]
    Random(seed).shuffle(told)  # noqa: S311 - a test
    for first in range(0, len(told), 9):
        fleet.take(*told[first : first + 9])
        if first % 2 == seed % 2:
            look(fleet)
    (outage,) = look(fleet)
    assert (outage.cause, outage.places, outage.devices) == ("area mains", "[1]", 20)
    (began, ended) = (outage.started_at - cut_at, (outage.ended_at or cut_at) - back_at)
    assert abs(began) <= timedelta(milliseconds=40)
    assert abs(ended) <= timedelta(milliseconds=600)
    for row in fleet.rows(t.interruption):
        assert [one.cause for one in segments_of(row.segments)] == ["area mains"]


def test_surges_of_several_devices_are_a_storm_of_their_node(fleet: MemoryFleet) -> None:
    for number, endpoint_id in enumerate(STREET_1[:5]):
        fleet.later(30)
        struck = {"Magnitude": "1800", **stamp(7, 600 + number, fleet.now)}
        surge = fleet.event(endpoint_id, f"j-{EPOCH}-9", "Transient!", **struck)
        fleet.take(surge, surge)
    (storm,) = fleet.rows(t.storm)
    assert (storm.network_element_id, storm.devices, storm.surges) == (1, 5, 5)
    assert storm.ended_at - storm.started_at == timedelta(seconds=120)
