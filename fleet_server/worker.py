"""The worker process: what nobody waits for, one batch after another, until SIGTERM.

`fleet-server run` starts it with its settings in the environment. Each chore does one batch in
transactions of its own and says how much it did; one that did something is asked again at once, a
few times, so that none keeps the others waiting. Killed anywhere, it goes on where it stopped.
"""

from __future__ import annotations

import logging
import signal
import sys
import time
from collections.abc import Callable, Sequence
from datetime import datetime

from fleet_server import bootstrap
from fleet_server.adapters.clock import utc_now
from fleet_server.config import from_environment
from fleet_server.services import clock_follow, warranty_days
from fleet_server.services.credit_sweep import CreditSweep
from fleet_server.services.fleet import Fleet

logger = logging.getLogger(__name__)

Chore = Callable[[Fleet, datetime], int]

_INTERVAL_S = 1.0
_MOST_ROUNDS = 20


def keep_deadlines(fleet: Fleet, now: datetime) -> int:
    """Bring the deadlines in step with what changed in the registry."""
    with fleet.writing() as connection:
        return clock_follow.follow(connection, now)


def tell_warranties(fleet: Fleet, now: datetime) -> int:
    """Have devices told the days of their warranty when those changed."""
    with fleet.writing() as connection:
        return warranty_days.follow(connection, now)


def keep_credits(fleet: Fleet, now: datetime) -> int:
    """Reckon the credits anew of what was interrupted, revised or decided."""
    return _credits.sweep(fleet, now)


_credits = CreditSweep()
CHORES: tuple[Chore, ...] = (keep_deadlines, tell_warranties, keep_credits)


class _Stop:
    """Set by SIGTERM or SIGINT."""

    def __init__(self) -> None:
        self.asked = False

    def ask(self, *_: object) -> None:
        self.asked = True


def main() -> int:
    """Run until asked to stop; gives the exit code."""
    logging.basicConfig(level=logging.INFO, format="%(name)s: %(message)s")
    stop = _Stop()
    signal.signal(signal.SIGTERM, stop.ask)
    signal.signal(signal.SIGINT, stop.ask)
    fleet = bootstrap.build(from_environment())
    try:
        while not stop.asked:
            work_off(fleet, CHORES, utc_now)
            time.sleep(_INTERVAL_S)
    except Exception:  # the outermost loop: the supervisor starts a fresh process
        logger.exception("The worker ends.")
        return 1
    return 0


def work_off(fleet: Fleet, chores: Sequence[Chore], now: Callable[[], datetime]) -> None:
    """Ask each chore until it has nothing to do, or has had its rounds."""
    for chore in chores:
        for _round in range(_MOST_ROUNDS):
            if not chore(fleet, now()):
                break


if __name__ == "__main__":
    sys.exit(main())
