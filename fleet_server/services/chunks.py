"""Long lists in pieces that a database takes as the parameters of one statement."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, TypeVar

_Item = TypeVar("_Item", bound=Any)

AT_ONCE = 500


def chunks(items: Iterable[_Item]) -> Iterator[list[_Item]]:
    """Sorted pieces of at most AT_ONCE different items."""
    ordered = sorted(set(items))
    for first in range(0, len(ordered), AT_ONCE):
        yield ordered[first : first + AT_ONCE]
