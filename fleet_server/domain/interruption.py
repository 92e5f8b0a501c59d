"""Ties what was seen of one agent into interruptions, each with bounds and a cause.

A pure function over evidence: the same evidence in any order, or given twice, gives the same.

- The interruption of boot n runs from its last moment to the start of the next boot. It is known by
  a `PowerLoss!` that no `PowerRestored!` of the same boot follows, or by the `PowerRestored!` or
  `Boot!` of the next boot. A loss and a restore within one boot are an interruption too.
- A silence runs from the last proof of life before an agent went offline to its next connect.
  A silence that a boot ended belongs to that boot's interruption; a silence without any boot is an
  interruption of its own when it is long enough, or still open.
- After a loss, a connect alone already shows that it is over, and the boot then tells when.
- What the device's clock dates is preferred; otherwise presence gives the bounds: after the last
  proof of life, before the Will; and before the connect. A date that presence contradicts, or that
  lies after the event came in, is of a wrong clock and counts as none.
- Cause: a loss of power, or a boot after one, is evidence of "no power at the device"; another
  known boot reason is evidence of "device"; else "unknown".
- A silence that began before the power was lost, or that went on for longer than a device takes to
  come back, is an interruption with power lost for a part of it. So are several losses within it.

Times are milliseconds since 1970, UTC.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

from fleet_server.domain.causes import Cause, Evidence

NO_POWER = Cause.NO_POWER
DEVICE = Cause.DEVICE
UNKNOWN = Cause.UNKNOWN

LOSS = "PowerLoss!"
RESTORED = "PowerRestored!"
BOOT = "Boot!"

SHORTEST_SILENCE_MS = 5_000
LONGEST_RETURN_MS = 10 * 60_000
_SILENT_BEFORE_LOSS_MS = 60_000
_SLACK_MS = 2_000
_POWER_REASONS = ("power on reset", "brown-out reset")
_NO_REASON = ("", "Unknown")


@dataclass(frozen=True, slots=True)
class Span:
    """A moment known to lie between two bounds, both included."""

    earliest_ms: int
    latest_ms: int

    @property
    def middle_ms(self) -> int:
        return (self.earliest_ms + self.latest_ms) // 2

    @property
    def error_ms(self) -> int:
        """Half the width, rounded up."""
        return (self.latest_ms - self.earliest_ms + 1) // 2


@dataclass(frozen=True, slots=True)
class PowerEvent:
    """One `PowerLoss!`, `PowerRestored!` or `Boot!`; `ident` names its row.

    `at` is by the device's clock. `boot_count` is None for an agent that does not count boots.
    """

    ident: str
    name: str
    epoch: str | None
    boot_count: int | None
    up_time_ms: int | None
    at: Span | None
    received_ms: int
    duration: Span | None = None
    reason: str = ""

    @property
    def boot_at(self) -> Span | None:
        """When the boot began in which this happened."""
        if self.at is None or self.up_time_ms is None:
            return None
        return Span(self.at.earliest_ms - self.up_time_ms, self.at.latest_ms - self.up_time_ms)


@dataclass(frozen=True, slots=True)
class PresenceChange:
    """One change of presence; `seen_ms` is the last proof of life before it."""

    ident: str
    online: bool
    at_ms: int
    seen_ms: int


@dataclass(frozen=True, slots=True)
class Interruption:
    """`end` and `length` are None while it lasts; `evidence` names the rows it rests on.

    `cause` is what the device's own evidence says first, `own` that evidence with its times.
    `lost_power` is None where nothing shows whether the device kept its power.
    """

    cause: Cause
    start: Span
    end: Span | None
    length: Span | None
    evidence: frozenset[str]
    own: tuple[Evidence, ...] = ()
    lost_power: bool | None = None


@dataclass(frozen=True, slots=True)
class _Silence:
    start: Span
    end_ms: int | None
    evidence: frozenset[str]

    def holds(self, moment: Span) -> bool:
        ends_before = self.end_ms is not None and self.end_ms + _SLACK_MS < moment.earliest_ms
        return not ends_before and self.start.earliest_ms - _SLACK_MS <= moment.latest_ms


@dataclass(slots=True)
class _Gap:
    """The time between two boots, or between a loss and a restore within one."""

    losses: list[PowerEvent]
    returns: list[PowerEvent]
    within_boot: bool = False


def tie(power: Iterable[PowerEvent], presence: Iterable[PresenceChange]) -> list[Interruption]:
    """All interruptions that the evidence shows, the oldest first."""
    silences = list(_silences(presence))
    found = []
    within: dict[frozenset[str], list[Interruption]] = {}
    for gap in _gaps(_credible(event) for event in power):
        silence = None if gap.within_boot else _silence_of(gap, silences)
        interruption = _of_gap(_dated_within(gap, silence), silence)
        if silence is not None:
            within.setdefault(silence.evidence, [])
        if interruption is not None and silence is None:
            found.append(interruption)
        elif interruption is not None and silence is not None:
            within[silence.evidence].append(interruption)
    for silence in silences:
        if within.get(silence.evidence):
            found.append(_of_silence_with(within[silence.evidence], silence))
        elif silence.evidence not in within and _is_long(silence):
            found.append(_of_silence(silence))
    return sorted(found, key=lambda i: (i.start.middle_ms, sorted(i.evidence)))


def _credible(event: PowerEvent) -> PowerEvent:
    """The event without a date that lies after it came in."""
    if event.at is not None and event.at.earliest_ms > event.received_ms + _SLACK_MS:
        return replace(event, at=None)
    return event


def _dated_within(gap: _Gap, silence: _Silence | None) -> _Gap:
    """The gap without dates of a clock that presence shows to be wrong."""
    if silence is None:
        return gap
    losses = [
        event if event.at is None or silence.holds(event.at) else replace(event, at=None)
        for event in gap.losses
    ]
    returns = [
        event if event.boot_at is None or silence.holds(event.boot_at) else replace(event, at=None)
        for event in gap.returns
    ]
    return _Gap(losses, returns, gap.within_boot)


def _silences(presence: Iterable[PresenceChange]) -> Iterator[_Silence]:
    start: Span | None = None
    evidence: frozenset[str] = frozenset()
    for change in sorted(set(presence), key=lambda p: (p.at_ms, p.online, p.ident)):
        if not change.online:
            if start is None:
                start = Span(min(change.seen_ms, change.at_ms), change.at_ms)
            evidence |= {change.ident}
            continue
        if start is None and change.seen_ms < change.at_ms:
            start = Span(change.seen_ms, change.at_ms)
        if start is not None:
            yield _Silence(start, change.at_ms, evidence | {change.ident})
        start, evidence = None, frozenset()
    if start is not None:
        yield _Silence(start, None, evidence)


def _gaps(power: Iterable[PowerEvent]) -> Iterator[_Gap]:
    by_epoch: dict[str, list[PowerEvent]] = {}
    for event in set(power):
        if event.boot_count is None or event.epoch is None:
            if event.name == BOOT:
                yield _Gap([], [event])
        else:
            by_epoch.setdefault(event.epoch, []).append(event)
    for events in by_epoch.values():
        yield from _gaps_of_epoch(sorted(events, key=_order))


def _order(event: PowerEvent) -> tuple[int, int, int, str]:
    rank = (BOOT, RESTORED, LOSS).index(event.name)
    up_time = 0 if event.name == BOOT else event.up_time_ms or 0
    return (event.boot_count or 0, up_time, rank, event.ident)


def _gaps_of_epoch(events: list[PowerEvent]) -> Iterator[_Gap]:
    gap: _Gap | None = None
    for event in events:
        if event.name == LOSS:
            if gap is not None and (gap.returns or gap.losses[0].boot_count != event.boot_count):
                yield gap
                gap = None
            gap = gap or _Gap([], [])
            gap.losses.append(event)
            continue
        if gap is not None and gap.returns and gap.returns[0].boot_count != event.boot_count:
            yield gap
            gap = None
        gap = gap or _Gap([], [])
        gap.returns.append(event)
        gap.within_boot = any(loss.boot_count == event.boot_count for loss in gap.losses)
    if gap is not None:
        yield gap


def _silence_of(gap: _Gap, silences: list[_Silence]) -> _Silence | None:
    if gap.returns:
        return _silence_before_boot(gap.returns, silences)
    moments = [_moment(loss) for loss in gap.losses]
    received = [Span(loss.received_ms, loss.received_ms) for loss in gap.losses]
    for told in (moments, received):
        fitting = [s for s in silences if all(s.holds(m) for m in told)]
        if fitting:
            return fitting[-1]
    return None


def _silence_before_boot(returns: list[PowerEvent], silences: list[_Silence]) -> _Silence | None:
    dated = [event.boot_at for event in returns if event.boot_at is not None]
    if dated:
        boot = min(dated, key=lambda span: (span.error_ms, span.earliest_ms))
        fitting = [s for s in silences if s.holds(boot) and s.start.earliest_ms <= boot.latest_ms]
        if fitting:
            return fitting[-1]
    received_ms = min(event.received_ms for event in returns)
    ended = [s for s in silences if s.end_ms is not None and s.end_ms <= received_ms]
    return ended[-1] if ended else None


def _moment(event: PowerEvent) -> Span:
    return event.at or Span(event.received_ms, event.received_ms)


def _of_gap(gap: _Gap, silence: _Silence | None) -> Interruption | None:
    end = _end(gap, silence)
    start = _start(gap, silence, end)
    if start is None:
        return None
    evidence = frozenset(event.ident for event in gap.losses + gap.returns)
    if silence is not None:
        evidence |= silence.evidence
    if end is not None and end.latest_ms < start.earliest_ms:
        end = Span(start.earliest_ms, start.earliest_ms)
    cause = _cause(gap)
    own = () if cause == UNKNOWN else tuple(_own(cause, start, end, gap))
    length = _length(gap, start, end)
    return Interruption(cause, start, end, length, evidence, own, _lost_power(cause))


def _own(cause: Cause, start: Span, end: Span | None, gap: _Gap) -> Iterator[Evidence]:
    end_ms = None if end is None else end.middle_ms
    for event in gap.losses + gap.returns:
        yield Evidence(cause, start.middle_ms, end_ms, event.ident)


def _lost_power(cause: Cause) -> bool | None:
    return True if cause == NO_POWER else False if cause == DEVICE else None


def _start(gap: _Gap, silence: _Silence | None, end: Span | None) -> Span | None:
    dated = [loss.at for loss in gap.losses if loss.at is not None]
    if dated:
        return min(dated, key=lambda span: (span.earliest_ms, span.error_ms))
    durations = [event.duration for event in gap.returns if event.duration is not None]
    if durations and end is not None:
        length = _narrowest(durations)
        return Span(end.earliest_ms - length.latest_ms, end.latest_ms - length.earliest_ms)
    if silence is not None:
        return silence.start
    if gap.losses:
        received_ms = min(loss.received_ms for loss in gap.losses)
        return Span(received_ms - _SLACK_MS, received_ms)
    return None


def _end(gap: _Gap, silence: _Silence | None) -> Span | None:
    if not gap.returns:
        return _end_before_boot_is_told(gap, silence)
    if gap.within_boot:
        moments = [event.at for event in gap.returns if event.at is not None]
    else:
        moments = [event.boot_at for event in gap.returns if event.boot_at is not None]
    if moments:
        return _narrowest(moments)
    if gap.within_boot:
        latest_ms = min(event.received_ms for event in gap.returns)
        return Span(latest_ms - _SLACK_MS, latest_ms)
    latest_ms = min(event.received_ms - (event.up_time_ms or 0) for event in gap.returns)
    if silence is None or silence.end_ms is None:
        return Span(latest_ms - _SLACK_MS, latest_ms)
    return Span(min(silence.start.earliest_ms, latest_ms), min(silence.end_ms, latest_ms))


def _end_before_boot_is_told(gap: _Gap, silence: _Silence | None) -> Span | None:
    if silence is None or silence.end_ms is None:
        return None
    earliest_ms = max(_moment(loss).earliest_ms for loss in gap.losses)
    return Span(min(earliest_ms, silence.end_ms), silence.end_ms)


def _narrowest(spans: list[Span]) -> Span:
    return min(spans, key=lambda span: (span.error_ms, span.earliest_ms))


def _length(gap: _Gap, start: Span, end: Span | None) -> Span | None:
    if end is None:
        return None
    durations = [event.duration for event in gap.returns if event.duration is not None]
    return _narrowest([_between(start, end), *durations])


def _cause(gap: _Gap) -> Cause:
    reasons = {event.reason for event in gap.returns if event.name == BOOT}
    if gap.losses or any(event.name == RESTORED for event in gap.returns):
        return NO_POWER
    if reasons & set(_POWER_REASONS):
        return NO_POWER
    return DEVICE if reasons - set(_NO_REASON) else UNKNOWN


def _is_long(silence: _Silence) -> bool:
    return silence.end_ms is None or silence.end_ms - silence.start.latest_ms >= SHORTEST_SILENCE_MS


def _of_silence(silence: _Silence) -> Interruption:
    if silence.end_ms is None:
        return Interruption(UNKNOWN, silence.start, None, None, silence.evidence)
    end = Span(silence.end_ms, silence.end_ms)
    length = _between(silence.start, end)
    return Interruption(UNKNOWN, silence.start, end, length, silence.evidence, lost_power=False)


def _between(start: Span, end: Span) -> Span:
    return Span(
        max(0, end.earliest_ms - start.latest_ms), max(0, end.latest_ms - start.earliest_ms)
    )


def _of_silence_with(parts: list[Interruption], silence: _Silence) -> Interruption:
    """The interruption of a silence within which the device was down, once or more often."""
    first = min(parts, key=lambda one: one.start.middle_ms)
    last = max(parts, key=lambda one: (one.end is None, one.end.middle_ms if one.end else 0))
    start, end = first.start, last.end
    if silence.start.latest_ms + _SILENT_BEFORE_LOSS_MS < start.earliest_ms:
        start = silence.start
    back_ms = silence.end_ms
    if end is not None and back_ms is not None and end.latest_ms + LONGEST_RETURN_MS < back_ms:
        end = Span(back_ms, back_ms)
    if len(parts) == 1 and (start, end) == (first.start, first.end):
        return first
    return Interruption(
        cause=min((one.cause for one in parts), key=list(Cause).index),
        start=start,
        end=end,
        length=None if end is None else _between(start, end),
        evidence=frozenset().union(*(one.evidence for one in parts)),
        own=tuple(piece for one in parts for piece in one.own),
        lost_power=first.lost_power if start == first.start else None,
    )
