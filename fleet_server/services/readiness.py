"""Whether the fleet can be served right now."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Connection, func, select

from fleet_server.domain.presence import ONLINE
from fleet_server.services import tables as t

CONTROLLER = "controller"
ONBOARDING = "onboarding"
"""What stands under this name is how many agents wait to be onboarded."""
CONNECTED = "connected"
CONNECTING = "connecting"
REPORT_INTERVAL = timedelta(seconds=5)
_STALE_AFTER = 3 * REPORT_INTERVAL


@dataclass(frozen=True, slots=True)
class Readiness:
    """`broker` is what the controller last said of its connection, if it said so lately.

    A database that does not answer shows as the exception of the query itself.
    """

    broker: bool
    agents_online: int

    @property
    def ready(self) -> bool:
        return self.broker


def readiness(connection: Connection, now: datetime) -> Readiness:
    """What `GET /readyz` reports."""
    controller = connection.execute(
        select(t.process_state).where(t.process_state.c.name == CONTROLLER)
    ).one_or_none()
    online = connection.scalar(
        select(func.count()).select_from(t.presence).where(t.presence.c.state == ONLINE)
    )
    fresh = controller is not None and now - controller.at < _STALE_AFTER
    return Readiness(
        broker=bool(fresh and controller is not None and controller.state == CONNECTED),
        agents_online=online or 0,
    )


def arriving(connection: Connection, now: datetime) -> int:
    """How many agents wait to be onboarded, as last told; 0 when that is too old."""
    told = connection.execute(
        select(t.process_state).where(t.process_state.c.name == ONBOARDING)
    ).one_or_none()
    return int(told.state) if told is not None and now - told.at < _STALE_AFTER else 0


def report(connection: Connection, name: str, state: str, now: datetime) -> None:
    """Put down what process `name` says of itself."""
    changed = connection.execute(
        t.process_state.update().where(t.process_state.c.name == name).values(state=state, at=now)
    )
    if changed.rowcount == 0:
        connection.execute(t.process_state.insert().values(name=name, state=state, at=now))
