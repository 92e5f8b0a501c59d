"""A slice of the fleet simulator: whole agents in one process, the real broker and server."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from hil_tests.fleet_simulator.ledger import Recorded, Stored, differences
from hil_tests.fleet_simulator.plan import NODE_UNITS, fleet_plan, registry_rows
from hil_tests.fleet_simulator.process import FleetProcess
from hil_tests.instance import Instance
from hil_tests.waiting import wait_until

_AGENTS = 40
_STREET = "SIM-N0-A0-S0"
_STREET_UNITS = 25


@dataclass(frozen=True, slots=True)
class World:
    instance: Instance
    fleet: FleetProcess

    def count(self, sql: str) -> int:
        return int(self.instance.query(sql)[0][0])

    def agree(self) -> None:
        """Every event was confirmed, and is in the database once."""
        self.fleet.tell("confirmed")
        assert self.fleet.tell("check")["wrong"] == []
        assert self.fleet.tell("figures")["faults"] == []


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    instance = Instance(tmp_path_factory.mktemp("fleet") / "state", [])
    try:
        instance.start_processes()
        with FleetProcess(instance.state, _AGENTS) as fleet:
            fleet.tell("on", within_s=1)
            fleet.tell("online")
            yield World(instance, fleet)
    finally:
        instance.stop()


def test_the_same_seed_gives_the_same_fleet() -> None:
    assert fleet_plan(300, seed=1) == fleet_plan(300, seed=1)
    assert fleet_plan(300, seed=1) != fleet_plan(300, seed=2)
    serials = [unit.serial_number for unit in fleet_plan(300, seed=1, spares=20)]
    assert len(set(serials)) == 320


def test_every_unit_hangs_on_an_element_that_is_registered_before_it() -> None:
    units = fleet_plan(NODE_UNITS + 1, seed=1)
    rows = dict(registry_rows(units, "2026-11-26"))
    known: set[str] = set()
    for row in rows["network"]:
        assert row.get("parent", "") in {"", *known}
        known.add(row["code"])
    assert {row["network_element"] for row in rows["contracts"]} <= known
    assert len([row for row in rows["network"] if row["kind"] == "node"]) == 2


def test_what_is_missing_doubled_or_from_nowhere_is_found() -> None:
    unit = Recorded("ops::A-MODEM-1", "0a", 3, surges=1)
    once: Counter[tuple[str, int]] = Counter({("0a", 1): 1, ("0a", 2): 1, ("0a", 3): 1})
    told = Counter({"Transient!": 1})
    right = Stored(once, told, frozenset())
    assert differences([unit], {unit.endpoint_id: right}) == []
    twice = Stored(once + Counter({("0a", 2): 1}), told, frozenset())
    assert differences([unit], {unit.endpoint_id: twice}) == [
        "ops::A-MODEM-1: event 0a-2 is there 2 times"
    ]
    less = Stored(Counter({("0a", 1): 1, ("0a", 4): 1}), Counter(), frozenset({3}))
    assert differences([unit], {unit.endpoint_id: less}) == [
        "ops::A-MODEM-1: event 0a-2 is missing",
        "ops::A-MODEM-1: event 0a-4 came from nowhere",
        "ops::A-MODEM-1: 1 surges, 0 told",
    ]
    assert len(differences([unit], {})) == 4


def test_every_agent_is_met_and_its_first_events_arrive(world: World) -> None:
    world.agree()
    met = "select count(*) from agent where onboarded_at is not null and registered"
    wait_until(lambda: world.count(met) == _AGENTS, 30, "all are onboarded")
    assert world.count("select count(*) from event where name = 'Boot!'") == _AGENTS


def test_an_area_without_power_is_told_and_comes_back(world: World) -> None:
    cut = world.fleet.tell("cut", place=_STREET, gasp_share=0.8)["units"]
    assert cut == _STREET_UNITS
    gone = "select count(*) from presence where state = 'offline'"
    wait_until(lambda: world.count(gone) >= 0.5 * _STREET_UNITS, 20, "the gasps are heard")
    world.fleet.tell("on", place=_STREET)
    world.fleet.tell("online", place=_STREET)
    world.agree()
    restored = "select count(*) from event where name = 'PowerRestored!'"
    assert world.count(restored) == _STREET_UNITS


def test_a_surge_at_every_unit_is_told_once(world: World) -> None:
    world.fleet.tell("surge", within_s=1)
    wait_until(
        lambda: world.count("select count(*) from event where name = 'Transient!'") == _AGENTS,
        20,
        "the surges are told",
    )
    world.agree()


def test_a_broker_that_was_killed_has_its_fleet_back(world: World) -> None:
    before = world.fleet.tell("figures")["connections"]
    world.instance.kill("broker")
    wait_until(
        lambda: world.fleet.tell("figures")["connections"] >= before + _AGENTS,
        40,
        "all have connected again",
    )
    world.fleet.tell("online")
    world.agree()
