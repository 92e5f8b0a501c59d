"""Which unit replaced which, followed both ways.

A chain runs along one service position: each link is a stay of a unit there, tied to the stay of
the unit it replaced. A unit can be in several chains, at one customer after another, and twice in
one, when it came back after its repair. Stays may be told in any order.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class Stay:
    """A unit at a service position; `replaces` is the unit that was there before, if it did."""

    position: int
    unit: int
    since_at: datetime
    replaces: int | None


Chain = tuple[Stay, ...]


def chains_of(unit: int, stays: Iterable[Stay]) -> list[Chain]:
    """Every chain with this unit in it, each from the first unit to the last, the oldest first.

    A unit that neither replaced nor was replaced is a chain of its own. One box in two positions
    (internet and voice) is one chain.
    """
    found: dict[tuple[tuple[int, datetime], ...], Chain] = {}
    for chain in _chains(stays):
        if any(stay.unit == unit for stay in chain):
            found.setdefault(tuple((stay.unit, stay.since_at) for stay in chain), chain)
    return sorted(found.values(), key=lambda chain: (chain[0].since_at, chain[0].position))


def first_of(stay: Stay, stays: Iterable[Stay]) -> Stay:
    """The stay that began the chain of this one."""
    return next(chain[0] for chain in _chains(stays) if stay in chain)


def _chains(stays: Iterable[Stay]) -> list[Chain]:
    by_position: dict[int, list[Stay]] = {}
    for stay in sorted(set(stays), key=lambda one: (one.since_at, one.unit)):
        by_position.setdefault(stay.position, []).append(stay)
    chains: list[list[Stay]] = []
    for along in by_position.values():
        open_chain: list[Stay] = []
        for stay in along:
            if not open_chain or stay.replaces != open_chain[-1].unit:
                open_chain = []
                chains.append(open_chain)
            open_chain.append(stay)
    return [tuple(chain) for chain in chains]
