"""The hardware of a simulated unit, all in memory: storage, sensors, supply, what its facts are."""

import asyncio
import json
import random
import time
from array import array
from collections import deque
from collections.abc import Callable
from typing import Any

from agent.core.customer_settings import nothing
from agent.ports.board import Board
from agent.ports.customer import Customer
from agent.ports.sampler import Sampler
from agent.ports.signals import Signal
from agent.tests.fakes import FakeStorage, PowerCut
from agent.wire import codes
from hil_tests.fleet_simulator.plan import UnitPlan
from hil_tests.simulated_board.facts import ROUTERS, first_facts
from hil_tests.simulated_board.spec import NOMINAL_SUPPLY_MV

ROUTER_FILE = "router"
_Facts = dict[str, dict[str, Any]]
_SURGE_MV = 21_000
_BLOCKS_BEFORE = 4
_BLOCKS_AFTER = 14
_shared_facts: dict[str, _Facts] = {}


class Storage(FakeStorage):
    """Loses what is written once the power is gone."""

    dead = False

    def _step(self) -> None:
        if self.dead:
            raise PowerCut
        self.operations += 1


class Router(Customer):
    """What the customer set, beside what the agent keeps."""

    def __init__(self, medium: Storage) -> None:
        self._medium = medium

    def settings(self) -> dict[str, Any]:
        size = self._medium.size(ROUTER_FILE)
        if size is None:
            return nothing()
        found: dict[str, Any] = json.loads(self._medium.read(ROUTER_FILE, 0, size))
        return found

    def put(self, settings: dict[str, Any]) -> None:
        self._medium.replace(ROUTER_FILE, [json.dumps(settings).encode()])


class SupplySampler(Sampler):
    """The converter on a 12 V rail. Nobody looks at it but while something happens there: all
    between counts as samples that were lost."""

    kind = "rail"
    nominal_mv = NOMINAL_SUPPLY_MV
    mv_per_count = 10
    holds_peaks = True

    def __init__(self) -> None:
        self.high = self.low = self.nominal_mv // self.mv_per_count
        self._blocks: deque[int] = deque([0] * _BLOCKS_BEFORE)
        self._something = asyncio.Event()
        self._read_at_s = time.monotonic()

    def surge(self, peak_mv: int) -> None:
        """An instant of this voltage, with the usual one before and after."""
        self._blocks += [0] * _BLOCKS_BEFORE + [peak_mv] + [0] * _BLOCKS_AFTER
        self._something.set()

    async def read_into(self, block: "array[int]") -> int:
        if not self._blocks:
            self._something.clear()
            await self._something.wait()
        else:
            await asyncio.sleep(self.block / self.rate_hz)
        peak_mv = self._blocks.popleft()
        usual = self.nominal_mv // self.mv_per_count
        block[:] = array("h", [usual]) * self.block
        self.low, self.high = usual, max(usual, peak_mv // self.mv_per_count)
        now_s = time.monotonic()
        passed = round((now_s - self._read_at_s) * self.rate_hz)
        self._read_at_s = now_s
        return max(0, passed - 2 * self.block)


class UnitBoard(Board):
    """One boot of a unit; `restart` raises Restarting.

    `serves` and `shows`: what the agent told the rest of the box last.
    """

    manufacturer = "Example Devices"
    hardware_version = "A0"
    sensors = ("power_fail",)

    def __init__(
        self,
        unit: UnitPlan,
        medium: FakeStorage,
        chance: random.Random,
        cause: int,
        poll_ms: int,
    ) -> None:
        spec = unit.spec
        self.product_class = spec.product_class
        self.manufacturer_oui = spec.manufacturer_oui
        self.model_name = spec.model_name
        self.serial_number = spec.serial_number
        self.poll_ms = poll_ms
        self.medium = Storage()
        self.medium.files = medium.files
        self.sampler = self._supply = SupplySampler()  # type: ignore[assignment]
        self.power_fail = self._fail_signal = Signal()
        self.facts_of_its_own: _Facts = {}
        self.serves = False
        self.shows = ""
        if self.product_class in ROUTERS:
            self.customer = Router(self.medium)  # type: ignore[assignment]  # None in the contract
        self._chance = chance
        self._cause = cause
        self._spare = unit.spare
        if self.product_class == "STB":
            self.card_changed = Signal()

    def storage(self) -> Storage:
        return self.medium

    def random(self, size: int) -> bytes:
        return self._chance.randbytes(size)

    def reset_cause(self) -> int:
        return self._cause

    def card_present(self) -> bool | None:
        return not self._spare if self.product_class == "STB" else None

    def facts(self, subject: str) -> dict[str, Any] | None:
        return self.facts_of_its_own.get(subject) or _facts_of(self.product_class).get(subject)

    def show(self, serves: bool, text: str) -> None:
        self.serves, self.shows = serves, text

    def surge(self) -> None:
        """A surge on the supply, over in an instant."""
        self._supply.surge(_SURGE_MV)

    def fail_power(self) -> None:
        """The comparator's signal: the hold-up time begins."""
        self._fail_signal.pull()

    def lose_power(self) -> None:
        """Nothing more is written."""
        self.medium.dead = True

    def restart(self) -> None:
        raise Restarting(codes.RESET_COMMANDED)

    def console(self) -> tuple[Callable[[int], Any], Callable[[bytes], None]]:
        return _nobody_types, lambda data: None


class Restarting(Exception):
    """The board starts anew; args[0] is the reset cause of its next boot."""


async def _nobody_types(size: int) -> bytes:
    return b""


def _facts_of(product_class: str) -> _Facts:
    """The same, unchanged, for all units of a class."""
    if product_class not in _shared_facts:
        spec = UnitPlan(0, product_class).spec
        _shared_facts[product_class] = first_facts(spec)
    return _shared_facts[product_class]
