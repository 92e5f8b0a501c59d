"""What goes wrong while a unit is replaced: named faults, drawn by a seed, singly and in pairs.

Faults of the operator's systems are laid out before the replacement begins, at a call they will
reach; all else happens when the replacement asks for a step.
"""

from __future__ import annotations

import random
from dataclasses import dataclass

from hil_tests.server_process import ProcessName
from hil_tests.swap_subjects import VOICE_MODEM, Subject

SYSTEM_FAULTS = ("fail_before", "fail_after", "late", "answer_twice", "refuse_calls", "delay_ms")
BOARD_FAULTS = ("power blink", "power cut", "network away", "dead")
PROCESSES: tuple[ProcessName, ...] = ("broker", "controller", "courier", "console")
_SLOW_MS = 1500


@dataclass(frozen=True, slots=True)
class SystemFault:
    """The calls of `system` after the first `skip` go wrong, `times` in a row."""

    system: str
    kind: str
    skip: int
    times: int

    def behaviour(self) -> dict[str, int]:
        """In the words of `OperatorSystems.behave`."""
        if self.kind == "delay_ms":
            return {"delay_ms": _SLOW_MS}
        return {"skip": self.skip, self.kind: self.times}

    def __str__(self) -> str:
        return f"{self.system} {self.kind} x{self.times} after {self.skip}"


@dataclass(frozen=True, slots=True)
class BoardFault:
    """`side`: old or new. A blink is a reset; a cut and a missing cable end after `seconds`; a dead
    unit comes back when the replacement has ended or waits for a person."""

    side: str
    kind: str
    step: str
    seconds: float

    def __str__(self) -> str:
        return f"{self.side} unit {self.kind} {self.seconds:.1f} s at {self.step}"


@dataclass(frozen=True, slots=True)
class ProcessFault:
    """A process of the server is killed without warning when a step is asked for."""

    process: ProcessName
    step: str

    def __str__(self) -> str:
        return f"kill -9 {self.process} at {self.step}"


@dataclass(frozen=True, slots=True)
class Abort:
    """A person calls it off when a step is asked for."""

    step: str

    def __str__(self) -> str:
        return f"called off at {self.step}"


Fault = SystemFault | BoardFault | ProcessFault | Abort


def faults_of(seed: int, subject: Subject = VOICE_MODEM) -> list[Fault]:
    """One fault where the seed is even, two where it is odd; always the same for a seed."""
    chance = random.Random(seed)  # noqa: S311 - repeatable, not secret
    return [_fault(chance, subject) for _ in range(1 + seed % 2)]


def _fault(chance: random.Random, subject: Subject) -> Fault:
    kind = chance.choice(("system", "system", "board", "board", "process", "process", "abort"))
    step = chance.choice(subject.steps)
    if kind == "system":
        system = chance.choice(sorted(subject.calls))
        skip = chance.randrange(subject.calls[system])
        return SystemFault(system, chance.choice(SYSTEM_FAULTS), skip, chance.randint(1, 2))
    if kind == "board":
        seconds = round(chance.uniform(0.2, 4.0), 1)
        return BoardFault(chance.choice(("old", "new")), chance.choice(BOARD_FAULTS), step, seconds)
    if kind == "process":
        return ProcessFault(chance.choice(PROCESSES), step)
    return Abort(step)
