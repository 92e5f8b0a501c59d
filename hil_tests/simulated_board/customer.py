"""What a board's customer does behind it, and the filter in between, as the board sets it.

The filter is a chip that was never made: closed from the moment the board gets power until the
board's agent tells it its rules, and following the answers to names from then on. The customer's
hosts are made up: whoever makes a visit says which address the name has now.
"""

import time
from collections.abc import Callable, Mapping
from typing import Any

from agent.core.service import plain_number
from agent.wire.allow_list import covers

DEFAULT_TTL_S = 60.0


class Customer:
    """Traffic of one customer. `rules` are those of agent/ports/filter.py, None while closed."""

    def __init__(self, now_s: Callable[[], float] = time.monotonic) -> None:
        self.rules: Mapping[str, Any] | None = None
        self._now_s = now_s
        self._open: dict[str, tuple[str, float]] = {}

    def take(self, rules: Mapping[str, Any]) -> None:
        """The board tells its filter."""
        self.rules = rules
        kept = {
            address: entry
            for address, entry in self._open.items()
            if covers(rules["hosts"], entry[0])
        }
        self._open = kept

    def lose_power(self) -> None:
        self.rules = None
        self._open = {}

    def visit(self, name: str, address: str, ttl_s: float = DEFAULT_TTL_S) -> bool:
        """Ask for a name, which has this address now, and go there; tell whether that worked."""
        if self.rules is None:
            return False
        if self.rules["state"] != "active":
            if not covers(self.rules["hosts"], name):
                return False
            self._open[address] = (name, self._now_s() + ttl_s)
        return self.reach(address)

    def dial(self, number: str) -> bool:
        """Lift the telephone and dial; tell whether the call may go out. A line works only while
        the box does."""
        if self.rules is None:
            return False
        numbers = [plain_number(allowed) for allowed in self.rules["numbers"]]
        return self.rules["state"] == "active" or plain_number(number) in numbers

    def reach(self, address: str) -> bool:
        """Go to an address without asking for a name."""
        if self.rules is None:
            return False
        if self.rules["state"] == "active":
            return True
        return address in self._open and self._now_s() < self._open[address][1]
