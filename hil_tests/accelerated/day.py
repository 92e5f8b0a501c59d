"""A day of one device in virtual time: the harness causes, the agent tells, both lists must agree.

The agent is the whole real one (session, MQTT client, endpoint, journal, power, monitors) on
CPython; the broker and the controller are the harness's, and do wrong on purpose. What is caused is
written down with the class it must be told as. At the end the network heals, everything must have
arrived: each event once, without a gap, in the order it was caused, with the right class.
"""

import asyncio
import random
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from agent.core.events import date_time
from agent.wire import codes
from hil_tests.accelerated.board import NOMINAL_MV, VirtualAgent, VirtualBoard, provision
from hil_tests.accelerated.broker import Broker
from hil_tests.accelerated.controller import Controller, Received
from hil_tests.accelerated.network import Network
from hil_tests.accelerated.subjects import EVENTS, Subjects, unmet
from hil_tests.accelerated.virtual_time import VirtualTime
from hil_tests.simulated_board.facts import first_facts
from hil_tests.simulated_board.spec import BoardSpec

START_MS = 1_795_000_000_000  # 2026-11-18, when the day begins
HOUR_S = 3600.0
HARNESS = "harness"
_DRAIN_S = 3 * HOUR_S
_EVENTS = (
    "Device.Boot!",
    *(
        codes.POWER + name
        for name in (
            codes.POWER_LOSS_EVENT,
            codes.POWER_RESTORED_EVENT,
            codes.DIP_EVENT,
            codes.SWELL_EVENT,
        )
    ),
    codes.LOCAL_AGENT + codes.EVENTS_DROPPED_EVENT,
    "Device.X_IPKO-COM_Service.StateChanged!",
)
_COMPARED = frozenset(event.rsplit(".", 1)[1] for event in _EVENTS)


@dataclass(frozen=True, slots=True)
class Caused:
    """What the harness did, as it must be told; `checks` are (argument, least, most)."""

    name: str
    checks: tuple[tuple[str, int, int], ...] = ()
    reason: str = ""


@dataclass(slots=True)
class Outcome:
    """What one day had and what was wrong about it."""

    product_class: str
    seed: int
    hours: float
    caused: Counter[str] = field(default_factory=Counter)
    faults_made: Counter[str] = field(default_factory=Counter)
    repetitions: int = 0
    wrong: list[str] = field(default_factory=list)

    def __str__(self) -> str:
        caused = ", ".join(f"{name} {count}" for name, count in sorted(self.caused.items()))
        faults = ", ".join(f"{name} {count}" for name, count in sorted(self.faults_made.items()))
        return (
            f"{self.product_class} seed {self.seed}, {self.hours:g} h: caused {caused}; faults: "
            f"{faults}; {self.repetitions} repetitions; wrong: {self.wrong or 'nothing'}"
        )


class AcceleratedDay:
    """One device, one seed; the same seed gives the same day."""

    def __init__(self, product_class: str, seed: int, hours: float, pause_s: float = 120) -> None:
        self._chance = random.Random(seed)  # noqa: S311 - repeatable, not secret
        self._hours = hours
        self._pause_s = pause_s
        self._outcome = Outcome(product_class, seed, hours)
        self._caused: list[Caused] = []
        self._time = VirtualTime()
        facts = first_facts(BoardSpec("day", product_class, "1"))
        self._board = VirtualBoard(product_class, facts, self._chance.randbytes)
        provision(self._board)
        self._subjects = Subjects(self._board, self._chance, self._time.loop.time)
        self._boots_s: list[float] = []
        self._network = Network(self._time.loop, self._chance)
        self._broker = Broker(self._hear)
        self._controller = Controller(
            self._board.endpoint_id(),
            [*_EVENTS, *EVENTS[product_class]],
            self._broker.publish,
            self._now,
        )
        self._clock_error_ms: int | None = 0
        self._life: asyncio.Task[None] | None = None
        self._acts: dict[str, Callable[[], Awaitable[None]]] = {
            "dip": lambda: self._supply_event(codes.DIP_EVENT, 0.2, 0.85),
            "swell": lambda: self._supply_event(codes.SWELL_EVENT, 1.15, 1.5),
            "power cut": self._cut_power,
            "power cut without signal": lambda: self._cut_power(False),
            "ride-through": self._ride_through,
            "reset button": lambda: self._restart(codes.RESET_BUTTON),
            "brown-out": lambda: self._restart(codes.RESET_BROWN_OUT),
            **self._subjects.acts,
        }
        self._troubles: dict[str, Callable[[], Awaitable[None]]] = {
            "dark": self._darken,
            "reset": self._reset_connections,
            "refused": self._refuse,
            "broker killed": self._kill_broker,
            "no PUBACK": self._lose_pubacks,
            "no NotifyResp": self._lose_responses,
            "wrong clock": self._wrong_clock,
            "no clock": self._no_clock,
        }

    def run(self) -> Outcome:
        with self._time:
            self._time.run(self._day())
        self._outcome.caused = Counter(each.name for each in self._caused)
        self._outcome.repetitions = self._controller.repetitions
        self._outcome.caused += Counter(each.name for each in self._subjects.expected)
        self._outcome.wrong += self._controller.faults + gaps(self._controller.received)
        told = [each for each in self._controller.received if each.name in _COMPARED]
        self._outcome.wrong += disagreements(self._caused, told)
        dated = [(each, self._happened_s(each)) for each in self._controller.received]
        self._outcome.wrong += unmet(self._subjects.expected, dated)
        return self._outcome

    def _happened_s(self, event: Received) -> float:
        """The virtual time of an event, from its boot and up time."""
        boot_s = self._boots_s[int(event.arguments["BootCount"]) - 1]
        return boot_s + int(event.arguments["UpTime"]) / 1000

    # --- the day

    async def _day(self) -> None:
        current = asyncio.current_task()
        assert current is not None, "run() made it"
        current.set_name(HARNESS)
        await self._start(codes.RESET_POWER_ON)
        await asyncio.sleep(5)
        troubles = asyncio.create_task(self._make_trouble(), name=HARNESS)
        while self._time.loop.time() < self._hours * HOUR_S:
            await asyncio.sleep(self._chance.expovariate(1 / self._pause_s))
            await self._acts[self._chance.choice(sorted(self._acts))]()
        troubles.cancel()
        self._heal()
        await self._drain()
        await self._stop()

    async def _drain(self) -> None:
        """Wait until all has arrived, or long enough for every retry there is."""
        end_s = self._time.loop.time() + _DRAIN_S
        while True:
            arrived = len(self._controller.received)
            await asyncio.sleep(900)
            quiet = len(self._controller.received) == arrived and self._agent.journal_is_empty()
            if quiet or self._time.loop.time() > end_s:
                return

    async def _make_trouble(self) -> None:
        while True:
            await asyncio.sleep(self._chance.expovariate(1 / self._pause_s))
            name = self._chance.choice(sorted(self._troubles))
            self._outcome.faults_made[name] += 1
            await self._troubles[name]()

    def _heal(self) -> None:
        self._network.light()
        self._network.refuses = False
        self._clock_error_ms = 0
        self._controller.silent = self._broker.drop_before_puback = 0

    # --- what is caused

    async def _supply_event(self, name: str, least: float, most: float) -> None:
        millivolts = round(NOMINAL_MV * self._chance.uniform(least, most))
        duration_ms = self._chance.randint(40, 900)
        self._board.supply = millivolts
        await asyncio.sleep(duration_ms / 1000)
        self._board.supply = NOMINAL_MV
        await asyncio.sleep(0.1)
        checks = (
            ("Magnitude", millivolts, millivolts),
            ("Duration", duration_ms - 30, duration_ms + 30),
        )
        self._caused.append(Caused(name, checks))

    async def _cut_power(self, signal: bool = True) -> None:
        if signal:
            self._board.fail_power()
            await asyncio.sleep(self._chance.uniform(0.001, 0.06))
            self._caused.append(Caused(codes.POWER_LOSS_EVENT))
        await self._stop()
        off_s = self._chance.choice((0.5, 3, 60, 15 * self._pause_s)) * self._chance.uniform(
            0.5, 1.5
        )
        await asyncio.sleep(off_s)
        await self._start(codes.RESET_POWER_ON)
        await asyncio.sleep(2)

    async def _ride_through(self) -> None:
        self._board.fail_power()
        self._board.supply = 0
        gone_s = self._chance.uniform(1.2, 5)
        self._caused.append(Caused(codes.POWER_LOSS_EVENT))
        await asyncio.sleep(gone_s)
        self._board.supply = NOMINAL_MV
        await asyncio.sleep(2)
        span_ms = round(gone_s * 1000)
        checks = (("Duration", span_ms - 100, span_ms + 1100),)
        self._caused.append(Caused(codes.POWER_RESTORED_EVENT, checks))

    async def _restart(self, cause: int) -> None:
        await self._stop()
        await asyncio.sleep(0.3)
        await self._start(cause)
        await asyncio.sleep(2)

    async def _start(self, cause: int) -> None:
        first = not self._caused
        self._board.find_power()
        self._board.cause = cause
        self._board.supply = NOMINAL_MV
        self._time.begin_boot()
        self._boots_s.append(self._time.loop.time())
        powerless = cause in (codes.RESET_POWER_ON, codes.RESET_BROWN_OUT)
        lost = not first and self._caused[-1].name == codes.POWER_LOSS_EVENT
        if cause == codes.RESET_BROWN_OUT and not first and not lost:
            self._caused.append(Caused(codes.DIP_EVENT))
        if lost or (powerless and not first):
            self._caused.append(Caused(codes.POWER_RESTORED_EVENT))
        self._caused.append(Caused(codes.BOOT_EVENT, reason=codes.RESET_REASONS[cause]))
        self._agent = VirtualAgent(self._board, lambda: self._network.connect(self._broker.serve))
        self._life = asyncio.create_task(self._agent.run())
        await asyncio.sleep(0)

    async def _stop(self) -> None:
        """The power is gone: nothing more leaves and nothing more is written."""
        if self._life is None:
            return
        if self._life.done():
            self._outcome.wrong.append(f"the agent ended by itself: {self._life.exception()!r}")
        self._board.lose_power()
        was_dark = self._network.dark
        self._network.darken()
        tasks = {task for task in asyncio.all_tasks() if task.get_name() != HARNESS}
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        if not was_dark:
            self._network.light()
        self._life = None

    # --- what goes wrong meanwhile

    async def _darken(self) -> None:
        self._network.darken()
        dark_s = self._chance.choice((1, 30, 8 * self._pause_s)) * self._chance.uniform(0.5, 1.5)
        await asyncio.sleep(dark_s)
        self._network.light()

    async def _reset_connections(self) -> None:
        self._network.reset()

    async def _refuse(self) -> None:
        self._network.refuses = True
        self._network.reset()
        await asyncio.sleep(self._chance.uniform(1, 3 * self._pause_s))
        self._network.refuses = False

    async def _kill_broker(self) -> None:
        self._broker.forget()

    async def _lose_pubacks(self) -> None:
        self._broker.drop_before_puback = self._chance.randint(1, 3)

    async def _lose_responses(self) -> None:
        self._controller.silent = self._chance.randint(1, 5)

    async def _wrong_clock(self) -> None:
        self._clock_error_ms = self._chance.randint(-86_400_000, 86_400_000)
        await asyncio.sleep(self._chance.uniform(1, 5) * self._pause_s)
        self._clock_error_ms = 0

    async def _no_clock(self) -> None:
        self._clock_error_ms = None
        await asyncio.sleep(self._chance.uniform(1, 5) * self._pause_s)
        self._clock_error_ms = 0

    def _now(self) -> str | None:
        if self._clock_error_ms is None:
            return None
        return date_time(START_MS + int(self._time.loop.time() * 1000) + self._clock_error_ms)

    def _hear(self, topic: str, response_topic: str | None, payload: bytes) -> None:
        self._controller.hear(topic, response_topic, payload)


def gaps(received: list[Received]) -> list[str]:
    """Sequences that never arrived."""
    sequences = {each.sequence for each in received}
    missing = set(range(1, max(sequences, default=0) + 1)) - sequences
    return [f"sequence {number} is missing" for number in sorted(missing)]


def disagreements(caused: list[Caused], received: list[Received]) -> list[str]:
    """What is missing, too much, out of order, or told as something else."""
    by_sequence = sorted(received, key=lambda each: each.sequence)
    wrong = []
    for at, (cause, told) in enumerate(zip(caused, by_sequence, strict=False)):
        if cause.name != told.name:
            wrong.append(f"{at + 1}: caused {cause.name}, told {told.name}")
            break
        if cause.reason and told.arguments.get("Reason") != cause.reason:
            wrong.append(f"{at + 1}: {told.name} for {told.arguments.get('Reason')}")
        for name, least, most in cause.checks:
            value = told.arguments.get(name, "")
            if not value.isdigit() or not least <= int(value) <= most:
                wrong.append(f"{at + 1}: {told.name} has {name} {value}, not {least} to {most}")
    if len(caused) != len(by_sequence):
        wrong.append(f"{len(caused)} caused, {len(by_sequence)} told")
    return wrong
