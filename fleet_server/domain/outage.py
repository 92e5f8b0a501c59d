"""From the interruptions of many devices to one outage with its place, type and confidence.

- An outage begins at an element of the network when enough of the devices below it, and a large
  enough share of those that were there, fell within `together_ms` of each other. It lasts until
  `restored_percent` of them are back. Devices that were gone before count on neither side.
- Its place is as high in the topology as it goes and not higher: an element all of whose branches
  fell; where some branches kept working, the branches that fell. Places of one node, and whole
  nodes, that fell together for the same reason are one outage.
- Its type: what the operator's own systems report wins, in the precedence of causes. Else devices
  that lost their power at the same time show a mains cut in the area, and devices that kept their
  power, or have not told yet, show a fault of the access network: their journal decides later.
- A pure function over what is known: the same signs in any order give the same outages.

Times are milliseconds since 1970, UTC.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property
from math import ceil

from fleet_server.domain.causes import Cause, Evidence
from fleet_server.domain.place import Topology


class Confidence(StrEnum):
    """`reported`: by the operator's own systems; else by how many devices told, and how alike."""

    REPORTED = "reported"
    HIGH = "high"
    MEDIUM = "medium"
    LOW = "low"


@dataclass(frozen=True, slots=True)
class Sign:
    """One interruption of a device: fell between the bounds, back at `end_ms`, None while it lasts.

    `lost_power` is None while nothing shows whether it kept its power.
    """

    ident: str
    device: str
    element: int
    earliest_ms: int
    latest_ms: int
    end_ms: int | None
    lost_power: bool | None


@dataclass(frozen=True, slots=True)
class Report:
    """What a system of the operator, or a person, says of an element and all below it."""

    element: int
    evidence: Evidence


@dataclass(frozen=True, slots=True)
class OutageRules:
    """When devices that fall together are an outage."""

    least_devices: int = 3
    share_percent: int = 60
    together_ms: int = 180_000
    restored_percent: int = 90


@dataclass(frozen=True, slots=True)
class Outage:
    """`devices` fell of `population`; `told` of them showed their power, `powerless` lost it.

    `cause` heeds what was reported, `inferred` only what the devices show together.
    """

    places: frozenset[int]
    cause: Cause
    inferred: Cause
    confidence: Confidence
    earliest_ms: int
    start_ms: int
    end_ms: int | None
    devices: int
    population: int
    told: int
    powerless: int
    signs: frozenset[str]


@dataclass(frozen=True, slots=True)
class _Fall:
    """One fall of an element: its seeds fell together from `start_ms` on."""

    element: int
    start_ms: int
    end_ms: int | None
    seeds: tuple[Sign, ...]
    there: int

    @property
    def devices(self) -> int:
        return _devices(self.seeds)


def find_outages(
    topology: Topology,
    population: Mapping[int, int],
    signs: Iterable[Sign],
    reports: Collection[Report],
    rules: OutageRules,
) -> list[Outage]:
    """All outages that the signs show, the oldest first.

    `population` counts the devices at each element itself, not below it.
    """
    falls: list[_Fall] = []
    for top, below in _by_top(topology, signs).items():
        falls += _Tree(topology, population, below, rules).falls(top)
    typed = [_type(topology, fall, reports, rules.least_devices) for fall in falls]
    return sorted(
        _merged(topology, typed, rules), key=lambda one: (one.start_ms, sorted(one.places))
    )


def _by_top(topology: Topology, signs: Iterable[Sign]) -> dict[int, list[Sign]]:
    by_top: dict[int, list[Sign]] = {}
    for sign in sorted(set(signs), key=lambda one: (one.latest_ms, one.earliest_ms, one.ident)):
        by_top.setdefault(topology.top(sign.element), []).append(sign)
    return dict(sorted(by_top.items()))


@dataclass
class _Tree:
    """The devices of one top element and their signs, the earliest first."""

    topology: Topology
    population: Mapping[int, int]
    signs: list[Sign]
    rules: OutageRules

    @cached_property
    def signs_below(self) -> Mapping[int, list[Sign]]:
        found: dict[int, list[Sign]] = {}
        for sign in self.signs:
            for element in self.topology.path(sign.element):
                found.setdefault(element, []).append(sign)
        return found

    @cached_property
    def devices_below(self) -> Mapping[int, int]:
        found: dict[int, int] = {}
        for element, devices in self.population.items():
            for one in self.topology.path(element):
                found[one] = found.get(one, 0) + devices
        return found

    def devices(self, element: int) -> int:
        return self.devices_below.get(element, 0)

    def falls(self, element: int) -> list[_Fall]:
        """The falls at the element or, where it stands, at the branches below it."""
        own = list(self._falls_of(element))
        branches = [
            child
            for child in self.topology.children.get(element, ())
            if self.devices(child) >= self.rules.least_devices
        ]
        below = {child: self.falls(child) for child in branches}
        found: list[_Fall] = []
        for fall in own:
            within = [one for falls in below.values() for one in falls if self._same(one, fall)]
            fallen = [
                child
                for child in branches
                if any(self._is_whole(one, child) for one in below[child] if one in within)
            ]
            if within and (len(fallen) < len(branches) or self._is_all(fall, within)):
                continue  # the branches tell the place better
            for falls in below.values():
                falls[:] = [one for one in falls if one not in within]
            found.append(fall)
        return found + [one for falls in below.values() for one in falls]

    def _is_all(self, fall: _Fall, within: list[_Fall]) -> bool:
        """Whether one branch alone holds every device of the fall."""
        return len(within) == 1 and within[0].devices >= fall.devices

    def _is_whole(self, fall: _Fall, element: int) -> bool:
        return self.devices(fall.element) == self.devices(element)

    def _same(self, one: _Fall, other: _Fall) -> bool:
        return abs(one.start_ms - other.start_ms) <= self.rules.together_ms

    def _falls_of(self, element: int) -> Iterator[_Fall]:
        signs = self.signs_below.get(element, [])
        devices = self.devices(element)
        if min(len(signs), devices) < self.rules.least_devices:
            return
        latest = [sign.latest_ms for sign in signs]
        earliest = sorted(sign.earliest_ms for sign in signs)
        ends = sorted(sign.end_ms for sign in signs if sign.end_ms is not None)
        at = 0
        while at < len(signs):
            start_ms = latest[at]
            until_ms = start_ms + self.rules.together_ms
            before = bisect_left(latest, start_ms)
            fell = bisect_right(earliest, until_ms) - before
            there = devices - max(0, before - bisect_right(ends, start_ms))
            at = bisect_right(latest, start_ms)
            if not self._is_enough(fell, there):
                continue
            seeds = tuple(one for one in signs[before:] if one.earliest_ms <= until_ms)
            fallen = _devices(seeds)
            if not self._is_enough(fallen, there):
                continue
            end_ms = self._end(seeds)
            yield _Fall(element, start_ms, end_ms, seeds, max(there, fallen))
            if end_ms is None:
                return
            at = max(at, bisect_right(latest, end_ms))

    def _is_enough(self, fell: int, there: int) -> bool:
        return fell >= self.rules.least_devices and fell * 100 >= self.rules.share_percent * there

    def _end(self, seeds: tuple[Sign, ...]) -> int | None:
        """When enough devices were back for good, of those that fell more than once the last."""
        back: dict[str, int | None] = {}
        for sign in seeds:
            before = back.get(sign.device, sign.end_ms)
            still = before is None or sign.end_ms is None
            back[sign.device] = None if still else max(before or 0, sign.end_ms or 0)
        needed = ceil(len(back) * self.rules.restored_percent / 100)
        ends = sorted(end_ms for end_ms in back.values() if end_ms is not None)
        return ends[needed - 1] if len(ends) >= needed else None


def _devices(signs: Iterable[Sign]) -> int:
    return len({sign.device for sign in signs})


@dataclass(frozen=True, slots=True)
class _Typed:
    """A fall with its type."""

    fall: _Fall
    cause: Cause
    inferred: Cause
    confidence: Confidence


def _type(topology: Topology, fall: _Fall, reports: Iterable[Report], least_devices: int) -> _Typed:
    above = topology.path(fall.element)
    reported = [
        one.evidence.cause
        for one in reports
        if one.element in above and _overlaps(one.evidence, fall)
    ]
    powerless, told = _told(fall.seeds)
    inferred, agreeing = Cause.ACCESS_NETWORK, told - powerless
    if powerless >= least_devices and powerless * 2 > told:
        inferred, agreeing = Cause.AREA_MAINS, powerless
    if reported:
        cause = min(reported, key=list(Cause).index)
        return _Typed(fall, cause, inferred, Confidence.REPORTED)
    return _Typed(fall, inferred, inferred, _confidence(agreeing, told, fall.devices))


def _told(seeds: Iterable[Sign]) -> tuple[int, int]:
    """How many devices lost their power, and how many showed whether they did."""
    told = {sign.device: sign.lost_power for sign in seeds if sign.lost_power is not None}
    lost = {sign.device for sign in seeds if sign.lost_power}
    return len(lost), len(told)


def _overlaps(evidence: Evidence, fall: _Fall) -> bool:
    starts_in_time = fall.end_ms is None or evidence.start_ms < fall.end_ms
    return starts_in_time and (evidence.end_ms is None or fall.start_ms < evidence.end_ms)


def _confidence(agreeing: int, told: int, devices: int) -> Confidence:
    if devices >= 10 and told * 2 >= devices and agreeing * 10 >= told * 8:
        return Confidence.HIGH
    if told * 5 >= devices and agreeing * 10 >= told * 6:
        return Confidence.MEDIUM
    return Confidence.LOW


def _merged(topology: Topology, typed: list[_Typed], rules: OutageRules) -> Iterator[Outage]:
    """Falls of one node, or of whole nodes, that began together for the same reason, as one."""
    groups: dict[tuple[int | None, Cause, Cause], list[_Typed]] = {}
    for one in sorted(typed, key=lambda item: (item.fall.start_ms, item.fall.element)):
        top = topology.top(one.fall.element)
        node = None if one.fall.element == top else top
        groups.setdefault((node, one.cause, one.inferred), []).append(one)
    for group in groups.values():
        together: list[_Typed] = []
        for one in group:
            if together and one.fall.start_ms - together[-1].fall.start_ms > rules.together_ms:
                yield _outage(together)
                together = []
            together.append(one)
        yield _outage(together)


def _outage(parts: list[_Typed]) -> Outage:
    falls = [one.fall for one in parts]
    seeds = {sign for fall in falls for sign in fall.seeds}
    powerless, told = _told(seeds)
    ends = [fall.end_ms for fall in falls if fall.end_ms is not None]
    return Outage(
        places=frozenset(fall.element for fall in falls),
        cause=parts[0].cause,
        inferred=parts[0].inferred,
        confidence=max((one.confidence for one in parts), key=list(Confidence).index),
        earliest_ms=min(sign.earliest_ms for sign in seeds),
        start_ms=min(fall.start_ms for fall in falls),
        end_ms=max(ends) if len(ends) == len(falls) else None,
        devices=_devices(seeds),
        population=sum(fall.there for fall in falls),
        told=told,
        powerless=powerless,
        signs=frozenset(sign.ident for sign in seeds),
    )
