"""Who is let in now, where many come at once: a line, and a bucket of tokens that a rate fills.

Time is an argument. A burst of one second's worth is let in at once, so that a few never wait.
"""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass, field
from datetime import datetime
from itertools import chain, islice
from typing import Generic, TypeVar

T = TypeVar("T", bound=Hashable)

_SHORTEST_WINDOW_S = 5
_LONGEST_WINDOW_S = 300  # what our agents wait at most between two tries (agent/core/backoff.py)


@dataclass(slots=True)
class TokenBucket:
    """At most `per_second` at once, and so many a second in the long run."""

    per_second: int
    _left: float = 0.0
    _filled_at: datetime | None = None

    def take(self, wanted: int, now: datetime) -> int:
        """How many of those wanted may go now; they are taken out."""
        if self._filled_at is None:
            self._left = float(self.per_second)
        else:
            passed_s = max(0.0, (now - self._filled_at).total_seconds())
            self._left = min(float(self.per_second), self._left + passed_s * self.per_second)
        self._filled_at = now
        granted = min(wanted, int(self._left))
        self._left -= granted
        return granted


@dataclass(slots=True)
class Line(Generic[T]):
    """Those who wait, in the order they came; who comes again keeps the place."""

    bucket: TokenBucket
    _waiting: dict[T, None] = field(default_factory=dict)
    _behind: dict[T, None] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self._waiting) + len(self._behind)

    def join(self, one: T, *, behind: bool = False) -> None:
        """Wait at the end, or behind all others, those included that are yet to come."""
        if not behind:
            self._behind.pop(one, None)
            self._waiting[one] = None
        elif one not in self._waiting:
            self._behind[one] = None

    def leave(self, one: T) -> None:
        """Quiet when it does not wait."""
        self._waiting.pop(one, None)
        self._behind.pop(one, None)

    def admit(self, now: datetime) -> list[T]:
        """Who is let in now; they wait no more."""
        if not len(self):
            return []
        granted = self.bucket.take(len(self), now)
        some = list(islice(chain(self._waiting, self._behind), granted))
        for one in some:
            self.leave(one)
        return some


def return_window_s(devices: int, per_second: int) -> int:
    """Over how many seconds so many devices spread their return to come at that rate.

    0 where it takes less than five; else 5, 10, 20 and so on, so that it seldom changes, up to 300.
    """
    needed_s = devices / per_second
    if needed_s < _SHORTEST_WINDOW_S:
        return 0
    window_s = _SHORTEST_WINDOW_S
    while window_s < needed_s and window_s < _LONGEST_WINDOW_S:
        window_s = min(2 * window_s, _LONGEST_WINDOW_S)
    return window_s
