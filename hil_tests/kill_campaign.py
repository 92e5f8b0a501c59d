"""Processes and boards are killed while events are made; then every event must be there once.

Events are dips of the supply of one board. Between them the campaign kills, seeded: the server's
processes, the broker, the board without a signal, with one, by its reset button, or in the middle
of a flash operation. A failpoint makes the controller kill itself at one place again and again.
"""

import random
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from firmware_tools.device_console import DeviceConsole
from firmware_tools.serial_link import SerialLink
from hil_tests.demo_fleet import VOICEMODEM
from hil_tests.errors import BenchError, ServerStartError
from hil_tests.instance import Instance
from hil_tests.server_process import ProcessName
from hil_tests.simulated_board.board import SimulatedBoard
from hil_tests.waiting import wait_until

FAILPOINTS = (
    "before_commit",
    "after_commit",
    "before_notify_resp",
    "after_notify_resp",
    "before_puback",
    "after_puback",
)
_DIP_VOLTS = 9.0
_DIP_MS = 120
_DIPS_BETWEEN_KILLS = (8, 24)
_EVENTS_BETWEEN_FAILPOINTS = (20, 40)
_DEEPEST_FLASH_OPERATION = 60
_STALLED_S = 120.0
_EVENT = "SELECT epoch, sequence FROM event WHERE endpoint_id = ? AND sequence IS NOT NULL"


@dataclass(slots=True)
class Outcome:
    """What one campaign did and found; `faults` is empty when every event is there once."""

    seed: int
    failpoint: str
    events: int = 0
    seconds: float = 0
    kills: Counter[str] = field(default_factory=Counter)
    faults: list[str] = field(default_factory=list)

    def __str__(self) -> str:
        kills = ", ".join(f"{name} {count}" for name, count in sorted(self.kills.items()))
        return (
            f"seed {self.seed}, failpoint {self.failpoint or 'none'}: {self.events} events in "
            f"{self.seconds:.0f} s; killed: {kills}; faults: {self.faults or 'none'}"
        )


class KillCampaign:
    """One seeded run; the same seed takes the same decisions."""

    def __init__(self, state: Path, seed: int, events: int, failpoint: str = "") -> None:
        self._chance = random.Random(seed)  # noqa: S311 - repeatable, not secret
        self._wanted = events
        self._outcome = Outcome(seed, failpoint)
        every = self._chance.randint(*_EVENTS_BETWEEN_FAILPOINTS)
        environment = {"FLEET_FAILPOINT": f"{failpoint}:{every}"} if failpoint else {}
        self._instance = Instance(state, [VOICEMODEM], environment=environment)
        self._endpoint_id = VOICEMODEM.spec.endpoint_id
        self._acts: dict[str, Callable[[], None]] = {
            "controller": lambda: self._kill_process("controller"),
            "broker": lambda: self._kill_process("broker"),
            "console": lambda: self._kill_process("console"),
            "board": lambda: self._cut_power(0),
            "board after signal": lambda: self._cut_power(self._chance.randint(1, 60)),
            "board reset": self._reset,
            "board in flash operation": self._cut_at_flash_operation,
        }

    def run(self) -> Outcome:
        started = time.monotonic()
        with self._instance:
            while self._count() < self._wanted:
                for _ in range(self._chance.randint(*_DIPS_BETWEEN_KILLS)):
                    self._dip()
                self._kill_something()
            self._drain()
            self._outcome.events = self._count()
            self._outcome.faults += find_faults(self._events())
            self._count_failpoints()
        self._outcome.seconds = time.monotonic() - started
        return self._outcome

    def _count_failpoints(self) -> None:
        """What the supervisor saw the controller die of, less what was killed from outside."""
        ended = self._instance.server.log.read_text().count("controller ended with -9")
        self._outcome.kills["failpoint"] = ended - self._outcome.kills["controller"]

    @property
    def _board(self) -> SimulatedBoard:
        return self._instance.boards[VOICEMODEM.name]

    def _events(self) -> list[tuple[str, int]]:
        return [(row[0], row[1]) for row in self._instance.query(_EVENT, self._endpoint_id)]

    def _count(self) -> int:
        return len(self._events())

    def _dip(self) -> None:
        """One dip; while the board has no power it passes unrecorded."""
        if not self._board.state()["powered"]:
            self._restore()
        self._board.supply(_DIP_VOLTS, _DIP_MS)
        time.sleep(self._chance.uniform(0.05, 0.2))

    def _kill_something(self) -> None:
        name = self._chance.choice(sorted(self._acts))
        self._outcome.kills[name] += 1
        self._acts[name]()

    def _kill_process(self, name: ProcessName) -> None:
        """Also when it is just being started again after an earlier kill."""
        try:
            self._instance.kill(name)
        except ServerStartError:
            self._outcome.kills[f"{name} (was down)"] += 1

    def _cut_power(self, hold_up_ms: float) -> None:
        if self._board.state()["powered"]:
            self._board.power_cut(hold_up_ms)
        self._restore()

    def _restore(self) -> None:
        time.sleep(self._chance.uniform(0, 0.5))
        if not self._board.state()["powered"]:
            self._board.power_restore()

    def _reset(self) -> None:
        if self._board.state()["powered"]:
            self._board.reset()

    def _cut_at_flash_operation(self) -> None:
        """Start the board anew, to lose power in the middle of its n-th flash operation."""
        self._board.stop()
        operation = self._chance.randint(1, _DEEPEST_FLASH_OPERATION)
        spec = replace(VOICEMODEM.spec, cut_at_flash_operation=operation)
        self._instance.boards[VOICEMODEM.name] = SimulatedBoard(self._instance.state, spec)
        self._board.start()

    def _drain(self) -> None:
        """A last dip, and wait until nothing more arrives and what arrived has no gap."""
        if not self._board.state()["powered"]:
            self._restore()
        before = self._count()

        def arrived() -> bool:
            self._dip()
            return self._count() > before and not find_faults(self._events())

        try:
            wait_until(arrived, _STALLED_S, "a last event, and every one before it")
        except BenchError as error:
            self._outcome.faults.append(f"{error}; the board says {self._board_status()}")

    def _board_status(self) -> dict[str, Any]:
        with SerialLink(self._board.serial_port) as link:
            return DeviceConsole(link).status()


def find_faults(events: list[tuple[str, int]]) -> list[str]:
    """Sequences that are missing or there twice, and a journal that was lost and began anew."""
    epochs = sorted({epoch for epoch, _ in events})
    faults = [f"journal epoch {epoch} as well" for epoch in epochs[1:]]
    for epoch in epochs:
        counted = Counter(sequence for each, sequence in events if each == epoch)
        faults += [
            f"{epoch}-{number} {count} times" for number, count in counted.items() if count > 1
        ]
        missing = set(range(1, max(counted) + 1)) - set(counted)
        faults += [f"{epoch}-{number} is missing" for number in sorted(missing)]
    return faults
