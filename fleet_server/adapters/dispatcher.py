"""The dispatcher: sends commands and takes answers, in a thread of the courier.

The order is the promise: what is sent stands in the database before it leaves, and an answer is
acknowledged after what it says was committed. Killed anywhere in between, the same message goes out
again under the same token, or the broker delivers the answer again.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from fleet_server.adapters import failpoint
from fleet_server.adapters.command_link import Arrived
from fleet_server.adapters.failpoint import Failpoint
from fleet_server.services import command_desk
from fleet_server.services.command_desk import CommandDesk
from fleet_server.services.fleet import Fleet
from fleet_server.services.records import Outgoing

_BUSY_WAIT_S = 0.05
_IDLE_WAIT_S = 0.25
_STAYS_BUSY_S = 10.0


class Link(Protocol):
    """What the dispatcher needs of adapters/command_link.py."""

    @property
    def is_ready(self) -> bool: ...
    @property
    def connection(self) -> int: ...
    def open(self) -> None: ...
    def close(self) -> None: ...
    def receive(self, timeout_s: float) -> list[Arrived]: ...
    def acknowledge(self, arrived: list[Arrived]) -> None: ...
    def publish(self, outgoing: list[Outgoing]) -> None: ...


@dataclass(slots=True)
class Dispatcher:
    """One turn after another."""

    fleet: Fleet
    link: Link
    desk: CommandDesk
    now: Callable[[], datetime]
    failpoint: Failpoint
    _worked_s: float = 0.0
    _connection: int = 0

    def run(self, stopping: Callable[[], bool]) -> None:
        """Work until `stopping`."""
        self.link.open()
        try:
            while not stopping():
                since_s = time.monotonic() - self._worked_s
                if self.turn(_BUSY_WAIT_S if since_s < _STAYS_BUSY_S else _IDLE_WAIT_S):
                    self._worked_s = time.monotonic()
        finally:
            self.link.close()

    def turn(self, wait_s: float) -> bool:
        """Take in what comes within `wait_s` and send what is due; gives whether anything was."""
        arrived = self.link.receive(wait_s)
        may_send = self.link.is_ready
        now = self.now()
        if may_send:
            self._notice_connection(now)
        if not arrived and not self._has_work(now, may_send):
            return False
        heard = [one.heard for one in arrived if one.heard is not None]
        with self.fleet.writing() as connection:
            outgoing = self.desk.turn(connection, heard, now, may_send=may_send)
            if arrived:
                self.failpoint.reach(failpoint.BEFORE_SETTLED)
        self.link.acknowledge(arrived)
        if outgoing:
            self.failpoint.reach(failpoint.BEFORE_COMMAND)
        self.link.publish(outgoing)
        if outgoing:
            self.failpoint.reach(failpoint.AFTER_COMMAND)
        return True

    def _notice_connection(self, now: datetime) -> None:
        if self.link.connection != self._connection:
            self._connection = self.link.connection
            with self.fleet.writing() as connection:
                command_desk.hurry(connection, now)

    def _has_work(self, now: datetime, may_send: bool) -> bool:
        with self.fleet.reading() as connection:
            if command_desk.has_news(connection):
                return True
            return may_send and command_desk.is_due(connection, now)
