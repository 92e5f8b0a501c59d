"""How fast the fleet is let back: the one place that says how many commands may leave now."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Connection

from fleet_server.domain.admission import TokenBucket
from fleet_server.domain.policy import DEFAULTS
from fleet_server.services.policy import read_policy


def commands_bucket() -> TokenBucket:
    """Full, as at the start of a process; the rate of the policy holds from its first use on."""
    return TokenBucket(DEFAULTS.commands_per_second)


def may_send(connection: Connection, bucket: TokenBucket, due: int, now: datetime) -> int:
    """How many of the `due` commands that did not leave yet may leave in this turn."""
    if not due:
        return 0
    bucket.per_second = read_policy(connection).commands_per_second
    return bucket.take(due, now)
