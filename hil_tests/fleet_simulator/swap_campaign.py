"""The scenario of a swap campaign: units that have a spare beside them are replaced by post.

Fleet operations plans, approves and starts over HTTP, one campaign for each kind of unit. The
server chooses who gets which spare; the persons at home plug them in (household.py). What nobody
ever plugs in is called off at the end, and what was away then comes back and is told.
"""

import asyncio
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import datetime
from statistics import median
from typing import Any

from hil_tests.errors import BenchError
from hil_tests.fleet_simulator import campaigns, swap_checks
from hil_tests.fleet_simulator.campaigns import OPEN, Campaign
from hil_tests.fleet_simulator.fleet import Fleet
from hil_tests.fleet_simulator.household import OLD_AWAY, Fault, Household, faults_of
from hil_tests.fleet_simulator.office import Office
from hil_tests.fleet_simulator.site import Site

_LOOK_S = 1.0
_SETTLE_S = 1_200.0
_FENCED_S = 180.0
_ENDED = {"finished", "aborted"}


@dataclass(slots=True)
class Outcome:
    """How it went; `wrong` is empty when every promise was kept.

    `swaps_per_minute` over those of homes where nothing went wrong; gaps are seconds in which
    nobody was in service, of the same and of the others. `asked`: why replacements asked for a
    person, who looked at them and let them go on.
    """

    swaps: int
    faults: dict[str, int]
    phases: dict[str, int] = field(default_factory=dict)
    seconds: float = 0.0
    swaps_per_minute: float = 0.0
    gap_median_s: float = 0.0
    gap_most_s: float = 0.0
    gap_with_faults_s: float = 0.0
    looks: int = 0
    asked: list[str] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)

    def __str__(self) -> str:
        return (
            f"{self.swaps} swaps, {self.phases}, in {self.seconds:.0f} s;"
            f" {self.swaps_per_minute:.0f} a minute; nobody in service {self.gap_median_s:.1f} s"
            f" (median), {self.gap_most_s:.1f} s at most, {self.gap_with_faults_s:.1f} s where"
            f" something went wrong ({self.faults}); {self.looks} looks at the sums"
        )


class SwapCampaign:
    """Replaces each enrolled unit in service. `post_s`: how long after its order a unit is plugged
    in at the latest."""

    def __init__(self, site: Site, fleet: Fleet, kinds: Sequence[Fault], post_s: float) -> None:
        self._site = site
        self._fleet = fleet
        old = [unit for unit in fleet.units if unit.home and unit.plan.is_enrolled]
        if not old:
            raise BenchError("nobody has a spare unit beside: start with --spares")
        faults = faults_of(fleet.seed, len(old), kinds)
        self.homes = [
            Household(unit, fault, fleet.seed, post_s)
            for unit, fault in zip(old, faults, strict=True)
        ]
        self.outcome = Outcome(len(old), dict(Counter(fault.value for fault in faults)))
        self._by_serial = {home.plan.serial_number: home for home in self.homes}
        self._units = {unit.plan.serial_number: unit for unit in fleet.units}
        self._persons: list[asyncio.Task[None]] = []

    async def run(self) -> Outcome:
        """Raises BenchError when it does not come to an end in time."""
        with ExitStack() as desks:
            administrator = desks.enter_context(self._site.office("administrator"))
            planner = desks.enter_context(self._site.office("fleet_ops"))
            approver = desks.enter_context(administrator.colleague("fleet_ops"))
            desks.enter_context(campaigns.short_patience(administrator))
            with self._site.office("dispatcher") as dispatcher:
                plans = [home.plan for home in self.homes]
                await asyncio.to_thread(campaigns.consent, dispatcher, plans)
            try:
                began_at_s = time.time()
                await self._replace(planner, approver)
                await self._check(planner, began_at_s)
            finally:
                for person in self._persons:
                    person.cancel()
        return self.outcome

    async def _replace(self, planner: Office, approver: Office) -> None:
        """From the plan to the end of every campaign."""
        dead = [home for home in self.homes if home.fault is Fault.DEAD]
        await asyncio.gather(*(home.old.cut_power() for home in dead))
        began_s = time.monotonic()
        running = [
            await asyncio.to_thread(campaigns.begin, planner, approver, kind, serials)
            for kind, serials in self._by_class().items()
        ]
        absent = sum(home.fault is Fault.ABSENT for home in self.homes)
        await self._until(planner, running, lambda states, counts: _open(counts) == absent)
        self.outcome.seconds = time.monotonic() - began_s
        views = await asyncio.to_thread(campaigns.replacements, planner)
        self.outcome.wrong += swap_checks.standing(self.homes, views)
        for one in running:
            if (await asyncio.to_thread(one.look))[0] == "running":
                await asyncio.to_thread(one.call_off)
        await self._until(planner, running, lambda states, counts: states <= _ENDED)
        for one in running:
            self.outcome.looks += one.looks
            self.outcome.wrong += one.wrong

    def _by_class(self) -> dict[str, list[str]]:
        found: dict[str, list[str]] = defaultdict(list)
        for home in self.homes:
            found[home.plan.product_class].append(home.plan.serial_number)
        return found

    async def _until(
        self,
        planner: Office,
        running: Sequence[Campaign],
        is_so: Callable[[set[str], Counter[str]], bool],
    ) -> None:
        """Look at the campaigns, and have the persons do their part, until states and counts of
        all of them are so."""
        deadline = time.monotonic() + _SETTLE_S
        while True:
            states, counts = set[str](), Counter[str]()
            for one in running:
                state, some = await asyncio.to_thread(one.look)
                states.add(state)
                counts += some
                self._post(await asyncio.to_thread(one.items))
            self.outcome.asked += await asyncio.to_thread(campaigns.resume, planner)
            self.outcome.wrong += [
                f"{home.plan.contract}: both units serve"
                for home in self.homes
                if home.both_serve() and home.fault not in OLD_AWAY
            ]
            if is_so(states, counts):
                return
            if time.monotonic() > deadline:
                raise BenchError(f"the swap campaign stands at {dict(counts)}, {states}")
            await asyncio.sleep(_LOOK_S)

    def _post(self, items: Sequence[dict[str, Any]]) -> None:
        """What was ordered meanwhile arrives at its homes."""
        for item in items:
            home = self._by_serial[item["serial_number"]]
            if item["new_serial_number"] and home.new is None:
                new = self._units[item["new_serial_number"]]
                self._persons.append(asyncio.create_task(home.receive(new)))

    async def _check(self, planner: Office, began_at_s: float) -> None:
        """What was away comes back and is told; then all is looked at from outside."""
        views = await asyncio.to_thread(campaigns.replacements, planner)
        done = [home for home in self.homes if views[home.plan.contract]["phase"] == "done"]
        for home in done:
            home.swapped()
            home.old.power_on()
        wrong = self.outcome.wrong
        wrong += await swap_checks.fenced(self._site, done, _FENCED_S)
        views = await asyncio.to_thread(campaigns.replacements, planner)
        wrong += swap_checks.debts(self.homes, views)
        wrong += await asyncio.to_thread(swap_checks.registry, planner, self.homes)
        wrong += swap_checks.devices(self.homes)
        wrong += swap_checks.network(self._site.state, self.homes)
        self.outcome.phases = dict(Counter(view["phase"] for view in views.values()))
        self._measure(views, swap_checks.gaps(self._site.state, done, began_at_s), began_at_s)

    def _measure(
        self, views: swap_checks.Views, gaps: Sequence[tuple[Fault, float]], began_at_s: float
    ) -> None:
        plain = [home.plan.contract for home in self.homes if home.fault is Fault.NONE]
        ended_at_s = [datetime.fromisoformat(views[one]["ended_at"]).timestamp() for one in plain]
        if ended_at_s:
            self.outcome.swaps_per_minute = 60 * len(plain) / (max(ended_at_s) - began_at_s)
        ordinary = [gap_s for fault, gap_s in gaps if fault is Fault.NONE]
        self.outcome.gap_median_s = median(ordinary or [0.0])
        self.outcome.gap_most_s = max(ordinary, default=0.0)
        others = (gap_s for fault, gap_s in gaps if fault is not Fault.NONE)
        self.outcome.gap_with_faults_s = max(others, default=0.0)


def _open(counts: Counter[str]) -> int:
    return sum(counts[state] for state in OPEN)
