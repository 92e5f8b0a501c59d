"""How fast the fleet is let back: the one place that says how much may leave now."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Connection

MOST_COMMANDS_AT_ONCE = 200


def may_send(_connection: Connection, due: int, _now: datetime) -> int:
    """How many of the `due` commands that did not leave yet may leave in this turn."""
    return min(due, MOST_COMMANDS_AT_ONCE)
