"""Lightning storms: surges at several devices of one area within minutes.

One device with many surges is a bad socket or a motor; several devices at once are weather or the
supply. A storm lasts as long as surges follow each other within `gap_ms`. It is orientation and
evidence for a person, never proof against anybody [7.2.5].

Times are milliseconds since 1970, UTC.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Surge:
    """One `Transient!` of a device in an area; `ident` names its row."""

    ident: str
    area: int
    device: str
    at_ms: int


@dataclass(frozen=True, slots=True)
class StormRules:
    """What makes a storm: `least_devices` different devices within `together_ms`."""

    least_devices: int = 5
    together_ms: int = 10 * 60_000
    gap_ms: int = 20 * 60_000


@dataclass(frozen=True, slots=True)
class Storm:
    """From the first surge to the last, both included."""

    area: int
    start_ms: int
    end_ms: int
    devices: int
    surges: frozenset[str]


def find_storms(surges: Iterable[Surge], rules: StormRules) -> list[Storm]:
    """All storms, by area and time; order and repetition of the surges change nothing."""
    by_area: dict[int, list[Surge]] = {}
    for surge in sorted(set(surges), key=lambda one: (one.at_ms, one.ident)):
        by_area.setdefault(surge.area, []).append(surge)
    found = []
    for area in sorted(by_area):
        for run in _runs(by_area[area], rules.gap_ms):
            if _is_dense(run, rules):
                found.append(_storm(area, run))
    return found


def _runs(surges: list[Surge], gap_ms: int) -> Iterator[list[Surge]]:
    run: list[Surge] = []
    for surge in surges:
        if run and surge.at_ms - run[-1].at_ms > gap_ms:
            yield run
            run = []
        run.append(surge)
    if run:
        yield run


def _is_dense(run: list[Surge], rules: StormRules) -> bool:
    """Whether enough different devices were struck within the time at any point of the run."""
    within: dict[str, int] = {}
    first = 0
    for surge in run:
        within[surge.device] = within.get(surge.device, 0) + 1
        while surge.at_ms - run[first].at_ms > rules.together_ms:
            gone = run[first].device
            within[gone] -= 1
            if not within[gone]:
                del within[gone]
            first += 1
        if len(within) >= rules.least_devices:
            return True
    return False


def _storm(area: int, run: list[Surge]) -> Storm:
    devices = len({surge.device for surge in run})
    return Storm(area, run[0].at_ms, run[-1].at_ms, devices, frozenset(s.ident for s in run))
