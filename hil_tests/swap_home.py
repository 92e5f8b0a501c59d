"""A customer's home with RF outlets, and the person there who moves the cable.

With one outlet the cable is in one unit at a time: the person moves it to the other a moment after
the network took the service from the unit it is in. With two both are in.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping
from itertools import chain
from typing import Self

from hil_tests.errors import BenchError
from hil_tests.operator_systems import Call, OperatorSystems
from hil_tests.service_watch import Home, Moment, moments
from hil_tests.simulated_board.control import BoardControl

_LOOK_S = 0.05


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
        calls: tuple[list[Call], list[Call]] = (
            self._systems.calls("access"),
            self._systems.calls("voice"),
        )
        return list(moments(self.home, *calls))

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
