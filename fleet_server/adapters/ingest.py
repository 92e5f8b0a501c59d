"""From PUBLISH to committed row: take what is there, commit, answer, acknowledge, go on.

The order is the promise: the commit comes before the NotifyResp that lets a device forget, and
before the PUBACK that lets the broker forget. Killed anywhere in between, one of the two still has
the Record, and the event's key makes the second copy harmless.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Engine

from fleet_server.adapters import failpoint
from fleet_server.adapters.broker_link import Batch, BrokerLink
from fleet_server.adapters.failpoint import Failpoint
from fleet_server.services import readiness
from fleet_server.services.intake import Intake

logger = logging.getLogger(__name__)

LARGEST_BATCH = 2_000
POLL_INTERVAL_S = 1.0
_BUSY_WAIT_S = 0.1


@dataclass(slots=True)
class Ingest:
    """Moves batches between the broker and the database."""

    engine: Engine
    intake: Intake
    clock: Callable[[], datetime]
    failpoint: Failpoint
    _polled_s: float = 0.0
    _reported_s: float = 0.0

    def run(self, link: BrokerLink, stopping: Callable[[], bool]) -> None:
        """Work until `stopping`; raises LinkError when the broker is gone."""
        self._reported_s = 0.0
        self.intake.listening_since = self.clock()
        if not link.session_present:
            with self.engine.begin() as connection:
                greetings = self.intake.greet(connection, self.clock())
            link.publish(greetings)
        while not stopping():
            wait_s = _BUSY_WAIT_S if self.intake.arrivals else POLL_INTERVAL_S / 2
            batch = link.receive(wait_s, LARGEST_BATCH)
            if batch.publications or batch.unreadable:
                self._take(link, batch)
            else:
                link.publish(self.intake.admit(self.clock()))
            self._poll(link)

    def report(self, state: str) -> None:
        """Put down whether the controller has its broker."""
        with self.engine.begin() as connection:
            readiness.report(connection, readiness.CONTROLLER, state, self.clock())

    def _take(self, link: BrokerLink, batch: Batch) -> None:
        point = self.failpoint
        with self.engine.begin() as connection:
            outgoing = self.intake.take(
                connection, batch.publications, self.clock(), len(batch.unreadable)
            )
            point.reach(failpoint.BEFORE_COMMIT)
        point.reach(failpoint.AFTER_COMMIT)
        answers = [one for one in outgoing if one.answers]
        if answers:
            point.reach(failpoint.BEFORE_NOTIFY_RESP)
        link.publish(outgoing)
        if answers:
            point.reach(failpoint.AFTER_NOTIFY_RESP)
        point.reach(failpoint.BEFORE_PUBACK)
        link.acknowledge(batch.packet_ids)
        point.reach(failpoint.AFTER_PUBACK)

    def _poll(self, link: BrokerLink) -> None:
        now_s = time.monotonic()
        if now_s - self._polled_s < POLL_INTERVAL_S:
            return
        self._polled_s = now_s
        with self.engine.begin() as connection:
            outgoing = self.intake.poll(connection, self.clock())
            if now_s - self._reported_s >= readiness.REPORT_INTERVAL.total_seconds():
                self._reported_s = now_s
                readiness.report(
                    connection, readiness.CONTROLLER, readiness.CONNECTED, self.clock()
                )
        link.publish(outgoing)
