"""A customer's home, and the persons there who move the cable and the smart card.

With one RF outlet the cable is in one unit at a time: the person moves it to the other a moment
after the network took the service from the unit it is in. With two both are in.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping
from itertools import chain
from typing import Self

from hil_tests.errors import BenchError
from hil_tests.operator_systems import OperatorSystems
from hil_tests.service_watch import Home, Moment, moments, open_cards
from hil_tests.simulated_board.control import BoardControl

SYSTEMS = ("access", "voice", "conditional_access")
_LOOK_S = 0.05
_HAND_S = 0.3
_BROADCAST_S = 1.0


class PluggedHome:
    """Two boards behind `outlets` sockets; a context manager, in which the person is at home.

    `walk_s`: how long the person takes from the loss of service to the other socket.
    """

    def __init__(
        self,
        home: Home,
        boards: Mapping[str, BoardControl],
        systems: OperatorSystems,
        *,
        outlets: int,
        walk_s: float = 0.2,
    ) -> None:
        self.home = home
        self._boards = dict(boards)
        self._systems = systems
        self._one_outlet = outlets == 1
        self._walk_s = walk_s
        self._cable_in = ""
        self._left = threading.Event()
        self._person = threading.Thread(target=self._be_there, daemon=True)

    def seen(self) -> list[Moment]:
        """Every state of the network that was in force so far, in order."""
        logs = [self._systems.calls(name) for name in SYSTEMS]
        return list(moments(self.home, *logs))

    def __enter__(self) -> Self:
        if self._one_outlet:
            self._move_to(self._served() or next(iter(self._boards)))
            self._person.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._left.set()
        if self._person.is_alive():
            self._person.join()
        for board in self._boards.values():
            _try_network(board, plugged=True)

    def _be_there(self) -> None:
        dark = 0.0
        while not self._left.wait(_LOOK_S):
            served = self._served()
            if served == self._cable_in:
                dark = 0.0
                continue
            dark += _LOOK_S
            if dark >= self._walk_s:
                self._move_to(served or self._other())
                dark = -1.0 if not served else 0.0

    def _served(self) -> str:
        """The unit that the network serves now, "" for none."""
        newest = next(chain(reversed(self.seen()), ()), None)
        return next(iter(newest.open), "") if newest else ""

    def _other(self) -> str:
        return next(name for name in self._boards if name != self._cable_in)

    def _move_to(self, name: str) -> None:
        self._cable_in = name
        for each, board in self._boards.items():
            _try_network(board, plugged=each == name)


def _try_network(board: BoardControl, *, plugged: bool) -> None:
    """The cable is moved whether the board has power or not."""
    try:
        board.network("plug" if plugged else "unplug")
    except BenchError as error:
        raise BenchError(f"the cable of {board.name} cannot be moved: {error}") from error


class Viewer:
    """Whoever sits before the television; a context manager, in which that person is at home.

    The smart card that conditional access opens is put into the box that it is paired with. The
    broadcaster repeats its messages for the card in each box; one without power misses them.
    `boxes`: by serial number. `card`: the one that is in its box at first.
    """

    def __init__(self, boxes: Mapping[str, BoardControl], systems: OperatorSystems, card: str):
        self._boxes = dict(boxes)
        self._systems = systems
        self._card, self._box = card, ""
        self._refreshed_at = 0.0
        self._left = threading.Event()
        self._person = threading.Thread(target=self._be_there, daemon=True)

    def __enter__(self) -> Self:
        self._person.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._left.set()
        self._person.join()

    def _be_there(self) -> None:
        while not self._left.wait(_LOOK_S):
            opened = open_cards(self._systems.calls("conditional_access"))
            for card, box in opened.items():
                if not self._box:
                    self._box = box
                elif len(opened) == 1 and (card, box) != (self._card, self._box):
                    self._move(card, box)
            if self._box and time.monotonic() > self._refreshed_at + _BROADCAST_S:
                self._broadcast()

    def _move(self, card: str, box: str) -> None:
        self._boxes[self._box].card(False)
        self._left.wait(_HAND_S)
        self._boxes[box].card(True, "wrong-pairing", card)
        self._card, self._box = card, box

    def _broadcast(self) -> None:
        self._refreshed_at = time.monotonic()
        if self._boxes[self._box].state()["powered"]:
            self._boxes[self._box].refresh_card()
