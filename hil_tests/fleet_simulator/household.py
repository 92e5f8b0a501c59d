"""The customers whose unit is replaced, and what goes wrong at their homes.

The new unit comes by post. The person plugs it in beside the old one some time later, or never.
"""

import asyncio
import random
from collections.abc import Callable, Mapping, Sequence
from enum import StrEnum

from hil_tests.fleet_simulator.plan import UnitPlan
from hil_tests.fleet_simulator.unit import Unit

_LOOK_S = 0.05
_AWAY_S = (2.0, 6.0)


class Fault(StrEnum):
    """What goes wrong at a home, if anything does."""

    NONE = "none"
    DEAD = "dead"
    """The old unit is off before the campaign begins."""
    UNPLUGGED = "unplugged"
    """The old unit is unplugged when the new one is plugged in."""
    OLD_CUT = "old_cut"
    """The old unit loses its power for seconds, once it serves no more."""
    NEW_CUT = "new_cut"
    """The new unit loses its power for seconds, as soon as it serves."""
    NEW_DEAD = "new_dead"
    """The new unit dies as soon as it serves."""
    ABSENT = "absent"
    """Nobody ever plugs the new unit in."""


SHARES: Mapping[Fault, float] = {
    Fault.DEAD: 0.05,
    Fault.UNPLUGGED: 0.1,
    Fault.OLD_CUT: 0.1,
    Fault.NEW_CUT: 0.1,
    Fault.NEW_DEAD: 0.03,
    Fault.ABSENT: 0.03,
}
OLD_AWAY = (Fault.DEAD, Fault.UNPLUGGED)
OLD_STAYS = (Fault.NEW_DEAD, Fault.ABSENT)


def faults_of(seed: int, homes: int, kinds: Sequence[Fault]) -> list[Fault]:
    """What goes wrong at each home: each kind at its share of them, at one at least; the same for
    the same seed. Raises ValueError where there are more kinds than homes."""
    drawn = [kind for kind in kinds for _ in range(max(1, round(SHARES[kind] * homes)))]
    if len(drawn) > homes:
        raise ValueError(f"{len(drawn)} faults need more than {homes} homes")
    drawn += [Fault.NONE] * (homes - len(drawn))
    random.Random(seed).shuffle(drawn)  # noqa: S311 - repeatable, not secret
    return drawn


class Household:
    """One customer: the `old` unit in service, and the `new` one once it was posted."""

    def __init__(self, old: Unit, fault: Fault, seed: int, post_s: float) -> None:
        self.old = old
        self.new: Unit | None = None
        self.fault = fault
        self.settings = old.settings
        chance = random.Random(f"{seed} {old.plan.contract}")  # noqa: S311 - repeatable
        self._post_s = chance.uniform(0.5, 1.0) * post_s
        self._away_s = chance.uniform(*_AWAY_S)

    @property
    def plan(self) -> UnitPlan:
        """Contract and position, and where they are."""
        return self.old.plan

    async def receive(self, new: Unit) -> None:
        """The new unit was posted: all that happens at this home from then on."""
        self.new = new
        if self.fault is Fault.ABSENT:
            return
        await asyncio.sleep(self._post_s)
        new.power_on()
        if self.fault is Fault.UNPLUGGED:
            await self.old.cut_power()
        elif self.fault is Fault.OLD_CUT:
            await self._blink(self.old, lambda: not self.old.serves)
        elif self.fault is Fault.NEW_CUT:
            await self._blink(new, lambda: new.serves)
        elif self.fault is Fault.NEW_DEAD:
            await _until(lambda: new.serves)
            await new.cut_power()

    def both_serve(self) -> bool:
        """Whether both units let traffic through now, as far as it depends on them."""
        return self.new is not None and self.old.serves and self.new.serves

    def swapped(self) -> None:
        """The new unit has the place of the old one."""
        assert self.new is not None, "posted before"
        self.new.home, self.old.home = self.plan, None

    async def _blink(self, unit: Unit, when: Callable[[], bool]) -> None:
        await _until(when)
        await unit.cut_power()
        await asyncio.sleep(self._away_s)
        unit.power_on()


async def _until(condition: Callable[[], bool]) -> None:
    while not condition():
        await asyncio.sleep(_LOOK_S)
