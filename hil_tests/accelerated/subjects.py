"""What is caused on one kind of device alone: the card of a set-top box, a voice modem's line and
battery. Each cause says which event must come, once, and when.
"""

import asyncio
import random
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from agent.wire import codes
from hil_tests.accelerated.board import VirtualBoard
from hil_tests.accelerated.controller import Received
from hil_tests.simulated_board.facts import BATTERY

_CARD = codes.CARD_READER.replace("{i}", "1")
_AT_ONCE_S = 1.0

EVENTS = {
    "MODEM": (),
    "VOICEMODEM": (
        codes.POWER + codes.MAINS_LOST_EVENT,
        codes.POWER + codes.MAINS_RESTORED_EVENT,
        codes.POWER + codes.BATTERY_EVENT,
        codes.EMERGENCY + codes.EMERGENCY_EVENT,
    ),
    "STB": (
        _CARD + codes.CARD_INSERTED_EVENT,
        _CARD + codes.CARD_REMOVED_EVENT,
        _CARD + codes.CARD_STATE_EVENT,
        "Device.X_IPKO-COM_Service.Television.StatusChanged!",
    ),
}


@dataclass(frozen=True, slots=True)
class Expected:
    """Exactly one event of this name, with these arguments, in this stretch of virtual time."""

    name: str
    since_s: float
    arguments: tuple[tuple[str, str], ...] = ()
    within_s: float = _AT_ONCE_S

    def is_met_by(self, event: Received, at_s: float) -> bool:
        alike = all(event.arguments.get(name) == value for name, value in self.arguments)
        in_time = self.since_s - 0.1 <= at_s <= self.since_s + self.within_s
        return event.name == self.name and alike and in_time


class Subjects:
    """The causes of one board's kind; `expected` grows with each."""

    def __init__(self, board: VirtualBoard, chance: random.Random, now_s: Callable[[], float]):
        self.expected: list[Expected] = []
        self._board = board
        self._chance = chance
        self._now_s = now_s
        acts: dict[str, dict[str, Callable[[], Awaitable[None]]]] = {
            "MODEM": {},
            "VOICEMODEM": {"line down": self._line_down, "mains away": self._mains_away},
            "STB": {"card out and in": self._card_out_and_in},
        }
        self.acts = acts[board.product_class]

    async def _line_down(self) -> None:
        self._voice(registration="Error_Network")
        self._expect(codes.EMERGENCY_EVENT, Reachable="false", Reason="NoNetwork")
        await asyncio.sleep(self._chance.uniform(5, 90))
        self._voice(registration="Up")
        await asyncio.sleep(2)

    async def _mains_away(self) -> None:
        self._board.known["battery"] = {**BATTERY, "on_battery": True}
        self._expect(codes.MAINS_LOST_EVENT)
        await asyncio.sleep(self._chance.uniform(5, 60))
        self._board.known["battery"] = dict(BATTERY)
        self._expect(codes.MAINS_RESTORED_EVENT)
        await asyncio.sleep(4)

    async def _card_out_and_in(self) -> None:
        for present, name in ((False, codes.CARD_REMOVED_EVENT), (True, codes.CARD_INSERTED_EVENT)):
            self._board.card = present
            self._board.card_switch.pull()
            self._expect(name)
            await asyncio.sleep(self._chance.uniform(2, 20))

    def _voice(self, **changes: Any) -> None:
        self._board.known["voice"] = {**self._board.known["voice"], **changes}

    def _expect(self, name: str, **arguments: str) -> None:
        self.expected.append(Expected(name, self._now_s(), tuple(arguments.items())))


def unmet(expected: list[Expected], received: list[tuple[Received, float]]) -> list[str]:
    """What was expected and did not come once, and what of the same kind came unexpected.

    `received` has each event with the virtual time at which the device says it happened.
    """
    wrong = []
    for each in expected:
        found = [event for event, at_s in received if each.is_met_by(event, at_s)]
        if len(found) != 1:
            wrong.append(f"{each.name} {dict(each.arguments)} at {each.since_s:.1f}: {len(found)}")
    for name, arguments in {(each.name, each.arguments) for each in expected}:
        kind = Expected(name, 0, arguments, float("inf"))
        told = sum(kind.is_met_by(event, at_s) for event, at_s in received)
        caused = sum((each.name, each.arguments) == (name, arguments) for each in expected)
        if told != caused:
            wrong.append(f"{name} {dict(arguments)}: {caused} caused, {told} told")
    return wrong
