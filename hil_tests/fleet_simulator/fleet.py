"""All units of a simulated fleet in one event loop, and what can be done to them together."""

import asyncio
import gc
import random
import resource
import time
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from hil_tests.errors import BenchError
from hil_tests.fleet_simulator.ledger import Recorded
from hil_tests.fleet_simulator.link import Identities
from hil_tests.fleet_simulator.plan import UnitPlan
from hil_tests.fleet_simulator.site import Site
from hil_tests.fleet_simulator.unit import Tally, Unit

POLL_MS = 5000
_SPARE_FILES = 200
_LOOK_S = 0.1


@dataclass(frozen=True, slots=True)
class Figures:
    """How the fleet stands. Bytes and seconds are this process's."""

    units: int
    on: int
    online: int
    connections: int
    recorded: int
    """Events ever journalled, and of those confirmed by the controller."""
    confirmed: int
    restarts: int
    failures: int
    rss_bytes: int
    processor_s: float
    at_s: float


class Fleet:
    """Units of one installation, for one event loop, within `shared.many_agents()`."""

    def __init__(
        self, site: Site, plans: Iterable[UnitPlan], seed: int = 1, poll_ms: int = POLL_MS
    ):
        plans = list(plans)
        _allow_files(2 * len(plans) + _SPARE_FILES)
        identities = Identities(site.root_der)
        self.seed = seed
        self.tally = Tally()
        self._chance = random.Random(seed)  # noqa: S311 - repeatable, not secret
        self.units = [
            Unit(plan, provisioning, identities, self.tally, seed, poll_ms)
            for plan, provisioning in zip(plans, site.provisionings(plans), strict=True)
        ]
        gc.collect()
        gc.freeze()

    def at(self, place: str, share: float = 1.0) -> list[Unit]:
        """The units in service on an element of the network, "" for all; or a share of them, by
        chance. Raises BenchError when there are none.
        """
        found = [unit for unit in self.units if unit.home and unit.home.is_at(place)]
        if not found:
            raise BenchError(f"no unit hangs on {place}")
        return found if share >= 1 else self._chance.sample(found, round(share * len(found)))

    async def power_on(self, units: list[Unit], within_s: float) -> None:
        """Start them, spread evenly over that time, each at a moment of its own."""
        moments = sorted(self._chance.uniform(0, within_s) for _ in units)
        began_s = time.monotonic()
        for moment_s, unit in zip(moments, self._chance.sample(units, len(units)), strict=True):
            await asyncio.sleep(max(0.0, began_s + moment_s - time.monotonic()))
            unit.power_on()

    async def cut_power(self, units: list[Unit], gasp_share: float = 1.0) -> None:
        """All lose their power at once; so many of them have hold-up enough for a last gasp."""
        await asyncio.gather(
            *(unit.cut_power(self._chance.random() < gasp_share) for unit in units)
        )

    async def surges(self, units: list[Unit], each: int, within_s: float) -> None:
        """So many surges at each, at moments of its own."""
        await asyncio.gather(*(self._surges(unit, each, within_s) for unit in units))

    async def _surges(self, unit: Unit, count: int, within_s: float) -> None:
        for _ in range(count):
            await asyncio.sleep(self._chance.uniform(0.5, 1.0) * within_s / count)
            unit.surge()

    async def until_online(self, units: list[Unit], timeout_s: float) -> None:
        """Raises BenchError naming how many are missing."""
        deadline = time.monotonic() + timeout_s
        while missing := sum(not unit.is_online for unit in units):
            if time.monotonic() > deadline:
                raise BenchError(f"{missing} of {len(units)} units are not online in time")
            await asyncio.sleep(_LOOK_S)

    async def until_confirmed(self, timeout_s: float) -> None:
        """Until no unit that is on has an event that was not confirmed. Raises BenchError."""
        deadline = time.monotonic() + timeout_s
        while waiting := sum(unit.is_on and _pending(unit) > 0 for unit in self.units):
            if time.monotonic() > deadline:
                raise BenchError(f"{waiting} units wait for the confirmation of their events")
            await asyncio.sleep(_LOOK_S)

    async def stop(self) -> None:
        """Switch everything off, and let the sockets close."""
        await asyncio.gather(*(unit.switch_off() for unit in self.units))
        await asyncio.sleep(0)

    def recorded(self) -> list[Recorded]:
        """What each unit that ever was on has recorded, for `ledger.differences`."""
        return [
            Recorded(unit.plan.endpoint_id, unit.journals, unit.surges)
            for unit in self.units
            if unit.journals
        ]

    def figures(self) -> Figures:
        journals = [unit.journal for unit in self.units if unit.journal is not None]
        recorded = sum(last for unit in self.units for last in unit.journals.values())
        used = resource.getrusage(resource.RUSAGE_SELF)
        return Figures(
            units=len(self.units),
            on=sum(unit.is_on for unit in self.units),
            online=sum(unit.is_online for unit in self.units),
            connections=self.tally.connections,
            recorded=recorded,
            confirmed=recorded - sum(journal.pending_count for journal in journals),
            restarts=self.tally.restarts,
            failures=len(self.tally.failures),
            rss_bytes=resident_bytes(),
            processor_s=used.ru_utime + used.ru_stime,
            at_s=time.monotonic(),
        )


def resident_bytes() -> int:
    """What this process has in memory."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * resource.getpagesize()


def _pending(unit: Unit) -> int:
    return unit.journal.pending_count if unit.journal is not None else 0


def _allow_files(wanted: int) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft >= wanted:
        return
    if hard != resource.RLIM_INFINITY and hard < wanted:
        raise BenchError(f"{wanted} open files are needed and {hard} allowed: raise `ulimit -Hn`")
    resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
