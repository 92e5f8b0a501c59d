"""Thousands of agents in one process, against a fleet server that runs on this machine.

Each is the whole agent, with a certificate of its own, on a connection of its own. The server must
run already (`make run`, `fleet-server run`); its state folder is read for addresses and keys.
"""

import asyncio
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer

from hil_tests.errors import BenchError
from hil_tests.fleet_simulator.control import Control
from hil_tests.fleet_simulator.fleet import POLL_MS, Fleet
from hil_tests.fleet_simulator.plan import fleet_plan
from hil_tests.fleet_simulator.scenarios import SCENARIOS, Stage
from hil_tests.fleet_simulator.shared import many_agents
from hil_tests.fleet_simulator.site import Site

_NAMES = ", ".join(SCENARIOS)
_CONNECT_S = 600.0


@dataclass(frozen=True, slots=True)
class Wish:
    """What the command line asks for."""

    scenarios: tuple[str, ...]
    within_s: float
    steady_s: float
    serves: bool


def main(
    state: Annotated[Path, typer.Option(envvar="STATE", help="State folder of the server.")],
    agents: Annotated[int, typer.Option(min=1, help="Units in service.")] = 100,
    spares: Annotated[int, typer.Option(min=0, help="Units beside them, on no contract.")] = 0,
    seed: Annotated[int, typer.Option(help="The same number gives the same fleet.")] = 1,
    scenario: Annotated[
        list[str] | None, typer.Option(help=f"In this order, each one of {_NAMES}.")
    ] = None,
    within: Annotated[float, typer.Option(min=0, help="Seconds over which they start.")] = 10.0,
    steady_for: Annotated[float, typer.Option(min=1, help="Seconds of `steady`.")] = 30.0,
    poll_ms: Annotated[int, typer.Option(min=250, help="Between two looks of an agent.")] = POLL_MS,
    serve: Annotated[bool, typer.Option(help="Do what lines of standard input ask.")] = False,
) -> None:
    """Register the units, connect them, go through the scenarios, check that all arrived once."""
    chosen = tuple(scenario or ([] if serve else ["steady"]))
    strange = sorted(set(chosen) - SCENARIOS.keys())
    if strange:
        raise typer.BadParameter(f"no scenario {', '.join(strange)}; there are {_NAMES}")
    try:
        site = Site.of(state.absolute())
        plans = fleet_plan(agents, seed, spares)
        site.register(plans)
        with many_agents():
            fleet = Fleet(site, plans, seed, poll_ms)
            wrong = asyncio.run(_run(site, fleet, Wish(chosen, within, steady_for, serve)))
    except BenchError as error:
        typer.echo(f"Cannot go on. {error}", err=True)
        raise typer.Exit(1) from error
    raise typer.Exit(1 if wrong else 0)


async def _run(site: Site, fleet: Fleet, wish: Wish) -> bool:
    """Whether anything was wrong."""
    control = Control(site, fleet)
    try:
        if wish.serves:
            sys.stdout.write('{"ok": true, "ready": true}\n')
            sys.stdout.flush()
            await control.serve()
            return False
        return await _go_through(Stage(site, fleet, wish.within_s, wish.steady_s), control, wish)
    finally:
        await fleet.stop()


async def _go_through(stage: Stage, control: Control, wish: Wish) -> bool:
    fleet = stage.fleet
    began_s = time.monotonic()
    await fleet.power_on(fleet.at(""), wish.within_s)
    await fleet.until_online(fleet.at(""), _CONNECT_S)
    typer.echo(f"{len(fleet.at(''))} units online after {time.monotonic() - began_s:.1f} s")
    await fleet.until_confirmed(_CONNECT_S)
    for name in wish.scenarios:
        typer.echo(f"{name}: {await SCENARIOS[name](stage)}")
    figures = fleet.figures()
    typer.echo(
        f"{figures.recorded} events recorded, {figures.confirmed} confirmed;"
        f" {figures.connections} connections; {figures.rss_bytes / figures.units / 1024:.0f} KiB"
        f" resident per unit, with what they share"
    )
    found = await control.perform({"do": "check"})
    for line in [*found["wrong"], *fleet.tally.failures[:10]]:
        typer.echo(line, err=True)
    return bool(found["count"] or fleet.tally.failures)


if __name__ == "__main__":
    typer.run(main)
