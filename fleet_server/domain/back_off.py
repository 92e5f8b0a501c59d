"""When a call that failed is tried again: soon, then ever later, for ever.

Nothing that was decided is given up by itself; only a person drops it.
"""

from __future__ import annotations

from datetime import timedelta

FIRST = timedelta(seconds=2)
LONGEST = timedelta(minutes=15)


def retry_after(tries: int) -> timedelta:
    """How long to wait after the `tries`-th failure in a row, counted from 1."""
    doubled = min(max(tries, 1) - 1, 20)
    factor: int = 1 << doubled
    return min(FIRST * factor, LONGEST)
