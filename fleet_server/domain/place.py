"""Where a unit hangs in the network, and whether that is where its contract says.

The topology is a tree: fibre node, amplifier, street. The network says which node or amplifier a
unit was seen behind; a contract names the street, or less. Two places fit when one lies below the
other. A voice modem that does not fit misleads rescuers: a person is told at once [4.10, 11.3].
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property


@dataclass(frozen=True)
class Topology:
    """The tree as `parents`: each element's key and that of the element above it, None on top."""

    parents: Mapping[int, int | None]

    @cached_property
    def children(self) -> Mapping[int, tuple[int, ...]]:
        below: dict[int, list[int]] = {}
        for element, parent in sorted(self.parents.items()):
            if parent is not None:
                below.setdefault(parent, []).append(element)
        return {element: tuple(found) for element, found in below.items()}

    def path(self, element: int) -> tuple[int, ...]:
        """From the element up to the top, both included; a circle ends where it closes."""
        found: list[int] = []
        at: int | None = element
        while at is not None and at not in found:
            found.append(at)
            at = self.parents.get(at)
        return tuple(found)

    def top(self, element: int) -> int:
        return self.path(element)[-1]

    def below(self, element: int) -> frozenset[int]:
        """The element and all that hang on it."""
        found: set[int] = set()
        waiting = [element]
        while waiting:
            at = waiting.pop()
            if at not in found:
                found.add(at)
                waiting += self.children.get(at, ())
        return frozenset(found)

    def fits(self, one: int, other: int) -> bool:
        """Whether the two are the same place, or one lies below the other."""
        return one in self.path(other) or other in self.path(one)
