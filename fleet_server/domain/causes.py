"""Why a device was without service: exactly one cause for every moment of an interruption.

Evidence is a cause with the time for which it is shown. Where several are shown at once the first
of `Cause` wins; where none is shown the cause is unknown. So an evidenced outage of the plant
outranks a home's missing power: a silent device proves nothing. Cause is not liability.

Times are milliseconds since 1970, UTC. A span holds its start and not its end, so that neighbours
share no moment; an end of None means "still".
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from enum import StrEnum


class Cause(StrEnum):
    """In order of precedence: the first that is evidenced wins."""

    SUSPENDED = "suspended"
    MAINTENANCE = "maintenance"
    PLANT_POWER = "plant power"
    AREA_MAINS = "area mains"
    NO_POWER = "no power at the device"
    ACCESS_NETWORK = "access network"
    DEVICE = "device"
    UNKNOWN = "unknown"


_RANK = {cause: rank for rank, cause in enumerate(Cause)}


@dataclass(frozen=True, slots=True)
class Evidence:
    """That `cause` held from `start_ms` until before `end_ms`; `ident` names what shows it."""

    cause: Cause
    start_ms: int
    end_ms: int | None
    ident: str

    def holds_at(self, moment_ms: int) -> bool:
        return self.start_ms <= moment_ms and (self.end_ms is None or moment_ms < self.end_ms)


@dataclass(frozen=True, slots=True)
class Segment:
    """A piece of an interruption with its one cause, and all the evidence for that cause."""

    cause: Cause
    start_ms: int
    end_ms: int | None
    evidence: frozenset[str]


def partition(
    start_ms: int, end_ms: int | None, evidence: Iterable[Evidence]
) -> tuple[Segment, ...]:
    """The interruption as segments that follow each other without gap or overlap.

    The order of the evidence, and giving a piece twice, changes nothing. An interruption without
    length has one segment without length.
    """
    known = sorted(set(evidence), key=lambda one: (_RANK[one.cause], one.start_ms, one.ident))
    cuts = sorted(_cuts(start_ms, end_ms, known))
    ends: list[int | None] = [*cuts[1:], end_ms]
    if end_ms is not None and end_ms <= start_ms:
        return (_segment(start_ms, start_ms, known),)
    segments: list[Segment] = []
    for cut, end in zip(cuts, ends, strict=True):
        _join(segments, _segment(cut, end, known))
    return tuple(segments)


def reach_back(evidence: Iterable[Evidence], start_ms: int, latest_ms: int) -> Iterator[Evidence]:
    """Evidence that begins while the interruption may not have begun holds from its start on.

    `latest_ms` is the latest moment at which the interruption can have begun.
    """
    for one in evidence:
        if start_ms < one.start_ms <= latest_ms:
            yield replace(one, start_ms=start_ms)
        else:
            yield one


def headline(segments: tuple[Segment, ...]) -> Cause:
    """The one cause to show: what holds now while it lasts, else what held longest."""
    last = segments[-1]
    if last.end_ms is None:
        return last.cause
    held: dict[Cause, int] = {}
    for one in segments:
        held[one.cause] = held.get(one.cause, 0) + (one.end_ms or one.start_ms) - one.start_ms
    return min(held, key=lambda cause: (-held[cause], _RANK[cause]))


def _cuts(start_ms: int, end_ms: int | None, evidence: Iterable[Evidence]) -> set[int]:
    cuts = {start_ms}
    for one in evidence:
        for moment in (one.start_ms, one.end_ms):
            if moment is not None and moment > start_ms and (end_ms is None or moment < end_ms):
                cuts.add(moment)
    return cuts


def _segment(start_ms: int, end_ms: int | None, known: list[Evidence]) -> Segment:
    holding = [one for one in known if one.holds_at(start_ms)]
    cause = holding[0].cause if holding else Cause.UNKNOWN
    proof = frozenset(one.ident for one in holding if one.cause == cause)
    return Segment(cause, start_ms, end_ms, proof)


def _join(segments: list[Segment], following: Segment) -> None:
    if segments and segments[-1].cause == following.cause:
        before = segments.pop()
        proof = before.evidence | following.evidence
        following = Segment(before.cause, before.start_ms, following.end_ms, proof)
    segments.append(following)
