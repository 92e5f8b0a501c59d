"""The fleet simulator: how many agents one core carries, and what one takes and does.

So many agents (AGENTS, 2,000 unless told otherwise) in one process connect over TLS to the server
of an instance of their own, are onboarded, and are then left alone for a minute. Connections a
second are those of the whole fleet coming on within a few seconds, broker, server and simulator
together on this machine. References are the goals: 2,000 agents on a core, 256 KiB each; 50
connections a second.
"""

import os
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from benchmarks.figure import Figure
from hil_tests.errors import BenchError
from hil_tests.fleet_simulator.process import FleetProcess
from hil_tests.instance import Instance
from hil_tests.waiting import wait_until

FIGURES = (
    "simulator.agents_per_core",
    "simulator.rss_per_agent_kib",
    "simulator.connects_per_s",
)
_AGENTS = 2000
_GOAL_AGENTS = 2000
_GOAL_KIB = 256
_GOAL_CONNECTS = 50
_START_S = 5.0
_STEADY_S = 60.0
_PATIENCE_S = 600.0


def measure() -> Iterator[Figure]:
    agents = int(os.environ.get("AGENTS", _AGENTS))
    with tempfile.TemporaryDirectory() as folder:
        instance = Instance(Path(folder) / "state", [])
        try:
            instance.start_processes()
            with FleetProcess(instance.state, agents) as fleet:
                yield from _figures(instance, fleet, agents)
        finally:
            instance.stop()


def _figures(instance: Instance, fleet: FleetProcess, agents: int) -> Iterator[Figure]:
    began_s = time.monotonic()
    fleet.tell("on", within_s=_START_S)
    fleet.tell("online", timeout_s=_PATIENCE_S)
    connects = agents / (time.monotonic() - began_s)
    met = "select count(*) from agent where onboarded_at is not null"
    wait_until(lambda: instance.query(met)[0][0] == agents, _PATIENCE_S, "all are onboarded", 1.0)
    fleet.tell("confirmed", timeout_s=_PATIENCE_S)
    before = fleet.tell("figures")
    time.sleep(_STEADY_S)
    after = fleet.tell("figures")
    _check(fleet, after, agents)
    load = (after["processor_s"] - before["processor_s"]) / (after["at_s"] - before["at_s"])
    yield Figure("simulator.agents_per_core", round(agents / load), "agents", _GOAL_AGENTS)
    kib = after["rss_bytes"] / agents / 1024
    yield Figure("simulator.rss_per_agent_kib", round(kib, 1), "KiB", _GOAL_KIB)
    yield Figure("simulator.connects_per_s", round(connects, 1), "1/s", _GOAL_CONNECTS)


def _check(fleet: FleetProcess, figures: dict[str, Any], agents: int) -> None:
    """Raises BenchError when the agents did not all serve, or an event is not there once."""
    wrong = fleet.tell("check")["wrong"] + figures["faults"]
    if figures["online"] != agents or wrong:
        raise BenchError(f"{figures['online']} of {agents} agents are online; {wrong}")
