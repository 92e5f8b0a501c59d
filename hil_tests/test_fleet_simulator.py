"""A slice of the fleet simulator: whole agents in one process, the real broker and server."""

import os
import signal
import time
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
_ONBOARDING_PER_S = 6
_CORRELATION_S = 4.0  # the server looks for outages every three seconds


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
        set_rate(instance, "onboarding_per_second", _ONBOARDING_PER_S)
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
    unit = Recorded("ops::A-MODEM-1", {"0a": 3}, surges=1)
    once: Counter[tuple[str, int]] = Counter({("0a", 1): 1, ("0a", 2): 1, ("0a", 3): 1})
    told = Counter({"Transient!": 1})
    right = Stored(once, told, frozenset())
    assert differences([unit], {unit.endpoint_id: right}) == []
    twice = Stored(once + Counter({("0a", 2): 1}), told, frozenset())
    assert differences([unit], {unit.endpoint_id: twice}) == [
        "ops::A-MODEM-1: event 0a-2 is there 2 times"
    ]
    less = Stored(Counter({("0a", 1): 1, ("0a", 4): 1}), Counter(), frozenset({("0a", 3)}))
    assert differences([unit], {unit.endpoint_id: less}) == [
        "ops::A-MODEM-1: event 0a-2 is missing",
        "ops::A-MODEM-1: event 0a-4 came from nowhere",
        "ops::A-MODEM-1: 1 surges, 0 told",
    ]
    assert len(differences([unit], {})) == 4


def test_the_journal_of_a_unit_that_was_wiped_counts_on() -> None:
    unit = Recorded("ops::A-MODEM-1", {"0a": 2, "0b": 1}, surges=0)
    there: Counter[tuple[str, int]] = Counter({("0a", 1): 1, ("0a", 2): 1})
    found = {unit.endpoint_id: Stored(there, Counter(), frozenset())}
    assert differences([unit], found) == ["ops::A-MODEM-1: event 0b-1 is missing"]


def test_every_agent_is_met_and_its_first_events_arrive(world: World) -> None:
    world.agree()
    met = "select count(*) from agent where onboarded_at is not null and registered"
    wait_until(lambda: world.count(met) == _AGENTS, 30, "all are onboarded")
    assert world.count("select count(*) from event where name = 'Boot!'") == _AGENTS


def test_an_area_without_power_is_told_and_comes_back_events_first(world: World) -> None:
    cut = world.fleet.tell("cut", place=_STREET, gasp_share=0.8)["units"]
    assert cut == _STREET_UNITS
    gone = "select count(*) from presence where state = 'offline'"
    wait_until(lambda: world.count(gone) >= 0.5 * _STREET_UNITS, 20, "the gasps are heard")
    world.fleet.tell("on", place=_STREET)
    world.fleet.tell("online", place=_STREET)
    world.agree()
    restored = "select count(*) from event where name = 'PowerRestored!'"
    assert world.count(restored) == _STREET_UNITS
    asked = "select count(*) from agent where onboarded_at > connected_at"
    wait_until(lambda: world.count(asked) == _AGENTS, 30, "all were asked again")
    both = world.instance.query(
        "select received_at, onboarded_at from agent"
        " join event on event.endpoint_id = agent.endpoint_id where name = 'PowerRestored!'"
    )
    at_once = 2 * _ONBOARDING_PER_S
    told_first = [row for row in both if int(row[0]) < int(row[1])]
    assert len(told_first) >= _STREET_UNITS - at_once, "events do not wait for their turn"
    asked_at_ms = sorted(int(row[1]) for row in both)
    assert asked_at_ms[-1] - asked_at_ms[0] > 1000 * (_STREET_UNITS - at_once) / _ONBOARDING_PER_S


def test_a_surge_at_every_unit_is_told_once(world: World) -> None:
    world.fleet.tell("surge", within_s=1)
    wait_until(
        lambda: world.count("select count(*) from event where name = 'Transient!'") == _AGENTS,
        20,
        "the surges are told",
    )
    world.agree()


def test_a_broker_that_is_stopped_is_no_outage(world: World) -> None:
    """It publishes the last words of its whole fleet, at once or when it is back."""
    known = world.count("select count(*) from interruption")
    stopped_at_ms = int(time.time() * 1000)
    before = world.fleet.tell("figures")["connections"]
    broker = world.instance.server.pid_of("broker")
    assert broker is not None
    os.kill(broker, signal.SIGTERM)
    back_to(world, before + _AGENTS)
    everybody = "select count(*) from presence where state = 'online'"
    wait_until(lambda: world.count(everybody) == _AGENTS, 20, "the server knows them all again")
    time.sleep(_CORRELATION_S)
    assert world.count("select count(*) from interruption") == known
    since = "select count(*) from outage where started_at >= ?"
    assert world.instance.query(since, stopped_at_ms) == [(0,)]
    world.agree()


def test_a_broker_that_was_killed_has_its_fleet_back(world: World) -> None:
    before = world.fleet.tell("figures")["connections"]
    world.instance.kill("broker")
    back_to(world, before + _AGENTS)
    world.agree()


def back_to(world: World, connections: int) -> None:
    wait_until(
        lambda: world.fleet.tell("figures")["connections"] >= connections,
        40,
        "all have connected again",
    )
    world.fleet.tell("online")


def set_rate(instance: Instance, name: str, value: int) -> None:
    change = {"value": str(value), "reason": "trial of a storm"}
    answer = instance.client("administrator").put(f"/api/v1/policy/{name}", json=change)
    answer.raise_for_status()
    followed = (
        "select count(*) from process_state where name = 'onboarding'"
        " and at > (select max(changed_at) from policy_setting)"
    )
    wait_until(lambda: instance.query(followed)[0][0] == 1, 20, "the controller knows the rate")
