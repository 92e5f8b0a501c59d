"""What a simulated fleet goes through: each scenario ends with every event confirmed."""

import asyncio
import os
import signal
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path

from hil_tests.errors import BenchError
from hil_tests.fleet_simulator.fleet import Figures, Fleet
from hil_tests.fleet_simulator.household import SHARES
from hil_tests.fleet_simulator.plan import UnitPlan
from hil_tests.fleet_simulator.site import Site
from hil_tests.fleet_simulator.swap_campaign import SwapCampaign
from hil_tests.server_process import COMMAND_LINE_SIGN, children, command_line

_SETTLE_S = 300.0
_DARK_S = 20.0
_SURGES = 3


@dataclass(frozen=True, slots=True)
class Stage:
    """Where a scenario takes place, and for how long."""

    site: Site
    fleet: Fleet
    within_s: float
    steady_s: float

    @property
    def node(self) -> str:
        """The first fibre node: the area that is struck."""
        return UnitPlan(0, "MODEM").places[2]


async def steady(stage: Stage) -> str:
    """Nothing happens but what agents do by themselves."""
    before = stage.fleet.figures()
    await asyncio.sleep(stage.steady_s)
    after = stage.fleet.figures()
    return (
        f"{stage.steady_s:.0f} s steady: {load(before, after):.3f} of a core,"
        f" {agents_per_core(before, after):,.0f} agents per core"
    )


async def cut(stage: Stage) -> str:
    """The power of one area goes, and comes back to all of it at once."""
    units = stage.fleet.at(stage.node)
    await stage.fleet.cut_power(units, gasp_share=0.9)
    await asyncio.sleep(_DARK_S)
    began_s = time.monotonic()
    await stage.fleet.power_on(units, 1.0)
    await stage.fleet.until_online(units, _SETTLE_S)
    online_s = time.monotonic() - began_s
    await stage.fleet.until_confirmed(_SETTLE_S)
    confirmed_s = time.monotonic() - began_s
    return (
        f"{len(units)} units of {stage.node} came back: all online after {online_s:.1f} s,"
        f" their events confirmed after {confirmed_s:.1f} s"
    )


async def surges(stage: Stage) -> str:
    """A thunderstorm over everything: surges at every unit, at moments of its own."""
    began_s = time.monotonic()
    await stage.fleet.surges(stage.fleet.at(""), _SURGES, stage.within_s)
    await stage.fleet.until_confirmed(_SETTLE_S)
    count = _SURGES * len(stage.fleet.at(""))
    return f"{count} surges confirmed after {time.monotonic() - began_s:.1f} s"


async def restart(stage: Stage) -> str:
    """The broker is killed; its supervisor starts it again, and all units come back."""
    before = stage.fleet.figures()
    kill_broker(stage.site.state)
    began_s = time.monotonic()
    while stage.fleet.figures().online == before.online:
        await asyncio.sleep(0.1)
    units = stage.fleet.at("")
    await stage.fleet.until_online(units, _SETTLE_S)
    return f"{len(units)} units online {time.monotonic() - began_s:.1f} s after the kill"


async def swap(stage: Stage) -> str:
    """Every unit that has a spare beside it is replaced by post, with all that may go wrong."""
    outcome = await SwapCampaign(stage.site, stage.fleet, list(SHARES), stage.within_s).run()
    if outcome.wrong:
        raise BenchError("\n".join(outcome.wrong[:20]))
    await stage.fleet.until_confirmed(_SETTLE_S)
    return str(outcome)


SCENARIOS: dict[str, Callable[[Stage], Awaitable[str]]] = {
    "steady": steady,
    "cut": cut,
    "surges": surges,
    "restart": restart,
    "swap": swap,
}


def load(before: Figures, after: Figures) -> float:
    """Cores in use between the two."""
    return (after.processor_s - before.processor_s) / (after.at_s - before.at_s)


def agents_per_core(before: Figures, after: Figures) -> float:
    """How many agents as busy as these one core could carry."""
    return after.online / load(before, after)


def kill_broker(state: Path) -> None:
    """SIGKILL the broker that is served under this folder. Raises BenchError when none runs."""
    try:
        supervisor = int((state / "server.lock").read_text())
    except (OSError, ValueError) as error:
        raise BenchError(f"no server runs under {state}") from error
    for pid in children(supervisor):
        if COMMAND_LINE_SIGN["broker"] in command_line(pid):
            os.kill(pid, signal.SIGKILL)
            return
    raise BenchError(f"no broker runs under {state}")
