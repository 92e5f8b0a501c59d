"""Carries out what stands in the outbox; each try is on record.

Each of the operator's systems has a few calls under way at a time and its own share of the threads,
so that a slow one holds up no other. What is for devices becomes commands (device_orders.py).
"""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Callable, Collection, Mapping
from concurrent.futures import Executor, Future
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from fleet_server.domain.operations import System
from fleet_server.services import device_orders
from fleet_server.services.fleet import Fleet
from fleet_server.services.operator_ports import (
    OperationRefusedError,
    OperatorSystem,
    SystemBusyError,
    SystemUnavailableError,
)
from fleet_server.services.outbox import Outcome, Result, Taken, due_systems, settle, take

logger = logging.getLogger(__name__)

_CALLS_PER_SYSTEM = 2
_OPERATOR_SYSTEMS = tuple(system for system in System if system is not System.DEVICE)
THREADS = _CALLS_PER_SYSTEM * len(_OPERATOR_SYSTEMS)
_MOST_DEVICES_AT_ONCE = 200
_IN_A_ROW = timedelta(seconds=3)
"""A call that has gone on for so long ends, so that the process can."""


@dataclass(slots=True)
class Delivery:
    """`systems` are the adapters of this installation; `pool` has room for THREADS calls."""

    fleet: Fleet
    systems: Mapping[System, OperatorSystem]
    now: Callable[[], datetime]
    pool: Executor
    _calls: dict[Future[None], System] = field(default_factory=dict)

    def work_off(self) -> int:
        """Begin what is due; gives how much that was. Raises what ended a call's thread."""
        for call_made in [one for one in self._calls if one.done()]:
            del self._calls[call_made]
            call_made.result()
        with self.fleet.reading() as connection:  # what has nothing to do keeps no writer waiting
            due = due_systems(connection, self.now())
        return (self._tell_devices() if System.DEVICE in due else 0) + self._call_systems(due)

    @property
    def is_busy(self) -> bool:
        """Whether a call is under way."""
        return bool(self._calls)

    def _tell_devices(self) -> int:
        with self.fleet.writing() as connection:
            taken = take(connection, self.now(), _MOST_DEVICES_AT_ONCE, System.DEVICE)
            for one in taken:
                device_orders.follow(connection, one, self.now())
        return len(taken)

    def _call_systems(self, due: Collection[System]) -> int:
        under_way = Counter(self._calls.values())
        begun = 0
        for system in _OPERATOR_SYSTEMS:
            room = _CALLS_PER_SYSTEM - under_way[system]
            if system not in due or not room:
                continue
            with self.fleet.writing() as connection:
                taken = take(connection, self.now(), room, system)
            for one in taken:
                self._calls[self.pool.submit(self._carry_out, one)] = system
            begun += len(taken)
        return begun

    def _carry_out(self, taken: Taken) -> None:
        """Call the system, and again for what is due next: a free call waits for no turn."""
        ends_at = self.now() + _IN_A_ROW
        following = [taken]
        while following:
            result = call(self.systems, following[0])
            if result.outcome is not Outcome.DONE:
                name = following[0].operation_id
                logger.warning("%s: %s (%s)", name, result.outcome, result.code)
            with self.fleet.writing() as connection:
                settle(connection, following[0], result, self.now())
                is_over = self.now() >= ends_at
                following = [] if is_over else take(connection, self.now(), 1, taken.system)


def call(systems: Mapping[System, OperatorSystem], taken: Taken) -> Result:
    """One try. An answer that belongs to another operation says nothing of this one."""
    if taken.system not in systems:
        return Result(Outcome.UNAVAILABLE, "no_adapter")
    try:
        answer = systems[taken.system].carry_out(
            taken.called.operation_id, taken.operation, taken.called.sequence
        )
    except SystemUnavailableError as error:
        return Result(Outcome.UNAVAILABLE, str(error))
    except SystemBusyError as error:
        return Result(Outcome.BUSY, error.code, again_at=error.until)
    except OperationRefusedError as error:
        return Result(Outcome.REFUSED, str(error))
    if answer.operation_id != taken.called.operation_id:
        return Result(Outcome.UNAVAILABLE, "answer_of_another")
    return Result(Outcome.DONE, reference=answer.reference)
