"""Whether an agent can be reached, and why we think so.

- Any Record is proof of life, except a disconnect (often the Will) and a `PowerLoss!` just sent.
- `PowerLoss!` means offline at once. What leaves the board within the hold-up time after it proves
  nothing; a connect, `Boot!` or `PowerRestored!` does.
- Records of one agent keep their order. At a take-over the broker publishes the old session's Will
  just before the new session's Records, so the connect Record that follows wins.
- A Will that comes within LATE_WILL of a connect Record may be the old session's (a broker may
  delay it): it makes the agent suspect, and the next proof of life clears it.
- A Will that may be of a broker that ended, and not of the agent (UNPROVEN_WILL), makes it suspect.
- An agent that a Will made suspect and that gives no proof of life is offline since that Will.
- Silence for two periodic intervals makes an online agent suspect, never offline.

Source: TR-369 R-MTP.6 to R-MTP.9.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

ONLINE = "online"
OFFLINE = "offline"
SUSPECT = "suspect"

CONNECT = "connect"
BOOT = "boot"
RECORD = "record"
PERIODIC = "periodic"
POWER_LOSS = "power_loss"
DISCONNECT = "disconnect"
WILL = "will"
UNPROVEN_WILL = "unproven_will"
MISSED_PERIODIC = "missed_periodic"

LATE_WILL = timedelta(seconds=2)
HOLD_UP = timedelta(seconds=10)
_GRACE = timedelta(seconds=5)


@dataclass(frozen=True, slots=True)
class Presence:
    """State of one agent: since when, on what evidence, and when it last proved to be alive."""

    state: str
    since_at: datetime
    seen_at: datetime
    evidence: str

    def age(self, now: datetime) -> timedelta:
        """How long ago the last proof of life was."""
        return now - self.seen_at


def after(
    current: Presence | None, evidence: str, at: datetime, connected_at: datetime | None
) -> Presence:
    """The presence once `evidence` came in at `at`; `connected_at` is the last connect Record."""
    if evidence == UNPROVEN_WILL:
        if current is None:
            return Presence(SUSPECT, at, at, WILL)
        return current if current.state == OFFLINE else _turn(current, SUSPECT, WILL, at)
    if current is None:
        state = OFFLINE if evidence in (DISCONNECT, WILL, POWER_LOSS) else ONLINE
        return Presence(state, at, at, evidence)
    if evidence == POWER_LOSS:
        return _turn(replace(current, seen_at=at), OFFLINE, evidence, at)
    if evidence in (DISCONNECT, WILL):
        return _after_disconnect(current, evidence, at, connected_at)
    if _is_last_gasp(current, evidence, at):
        return current
    return _turn(replace(current, seen_at=at), ONLINE, evidence, at)


def after_silence(current: Presence, now: datetime, interval: timedelta) -> Presence:
    """`current`, or suspect when two periodic notifications in a row were missed."""
    if current.state == ONLINE and now - current.seen_at > 2 * interval + _GRACE:
        return _turn(current, SUSPECT, MISSED_PERIODIC, now)
    return current


def after_doubt(current: Presence, now: datetime, patience: timedelta) -> Presence:
    """`current`, or offline since the Will that made it suspect so long ago."""
    if (current.state, current.evidence) != (SUSPECT, WILL) or now - current.since_at < patience:
        return current
    return replace(current, state=OFFLINE)


def _after_disconnect(
    current: Presence, evidence: str, at: datetime, connected_at: datetime | None
) -> Presence:
    if current.state == OFFLINE:
        return current
    if connected_at is not None and evidence == WILL and at - connected_at < LATE_WILL:
        return _turn(current, SUSPECT, evidence, at)
    return _turn(current, OFFLINE, evidence, at)


def _is_last_gasp(current: Presence, evidence: str, at: datetime) -> bool:
    return (
        current.evidence == POWER_LOSS
        and evidence in (RECORD, PERIODIC)
        and at - current.since_at < HOLD_UP
    )


def _turn(current: Presence, state: str, evidence: str, at: datetime) -> Presence:
    if current.state == state:
        return current
    return replace(current, state=state, since_at=at, evidence=evidence)
