"""Whether a telephone line can reach emergency numbers, as far as anybody can know.

- What a device that is online says of its line is taken as it is, with its reason.
- A device that reported the loss of its power cannot call until it is back.
- A silent device, one never seen, and one that says nothing of its line are unknown, never fine.
- "Ready" means the line is: a telephone without power behind it still cannot call [7.3.7].
- On battery a line is at risk only as the device says; how long the battery lasts is shown.

Source: Subscription terms, articles 7.3.7 and 11.3.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from fleet_server.domain.presence import ONLINE, POWER_LOSS


class Reach(StrEnum):
    """`ready` is the line, not the telephone behind it."""

    READY = "ready"
    NO = "no"
    UNKNOWN = "unknown"


NEVER_SEEN = "NeverSeen"
SILENT = "Silent"
POWER_LOST = "PowerLost"
NOT_REPORTED = "NotReported"

_SAID = {"true": Reach.READY, "false": Reach.NO, "unknown": Reach.UNKNOWN}


@dataclass(frozen=True, slots=True)
class LineEvidence:
    """What is known of one line; empty texts and None where nothing was reported.

    `presence_since_at` is when the presence became what it is, `seen_at` the last proof of life,
    `held_since_at` when the unit got the voice position, `said_at` when `reachable` came in.
    """

    held_since_at: datetime
    presence: str = ""
    presence_evidence: str = ""
    presence_since_at: datetime | None = None
    seen_at: datetime | None = None
    reachable: str = ""
    reason: str = ""
    line_since_at: datetime | None = None
    said_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class LineState:
    """The verdict: `since_at` is when it began to hold, as far as is known."""

    reach: Reach
    reason: str
    since_at: datetime

    @property
    def at_risk(self) -> bool:
        return self.reach is not Reach.READY


def judge(line: LineEvidence) -> LineState:
    """What can be said of the line now."""
    if line.presence == "" or line.presence_since_at is None:
        return LineState(Reach.UNKNOWN, NEVER_SEEN, line.held_since_at)
    if line.presence != ONLINE:
        return _of_absent(line, line.presence_since_at)
    reach = _SAID.get(line.reachable)
    if reach is None:
        since_at = max(line.held_since_at, line.presence_since_at)
        return LineState(Reach.UNKNOWN, NOT_REPORTED, since_at)
    said_at = line.line_since_at or line.said_at or line.presence_since_at
    return LineState(reach, "" if reach is Reach.READY else line.reason or NOT_REPORTED, said_at)


def _of_absent(line: LineEvidence, since_at: datetime) -> LineState:
    if line.presence_evidence == POWER_LOSS:
        return LineState(Reach.NO, POWER_LOST, since_at)
    # Nothing is known since the last proof of life, which is earlier than when that was noticed.
    silent_at = min(since_at, line.seen_at) if line.seen_at else since_at
    return LineState(Reach.UNKNOWN, SILENT, silent_at)


def battery_minutes_left(
    runtime_left_s: int | None, reported_at: datetime | None, now: datetime
) -> int | None:
    """What is left of the reported run time, whole minutes, 0 at least; None when not reported."""
    if runtime_left_s is None or reported_at is None:
        return None
    left = timedelta(seconds=runtime_left_s) - max(timedelta(0), now - reported_at)
    return max(0, left // timedelta(minutes=1))
