"""Carries out what stands in the outbox: one call after another, each try on record."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime

from fleet_server.domain.operations import System
from fleet_server.services.fleet import Fleet
from fleet_server.services.operator_ports import (
    OperationRefusedError,
    OperatorSystem,
    SystemBusyError,
    SystemUnavailableError,
)
from fleet_server.services.outbox import Outcome, Result, Taken, settle, take

logger = logging.getLogger(__name__)

# As many calls as surely end within a lease, should each take as long as it may.
_MOST_AT_ONCE = 8


@dataclass(frozen=True, slots=True)
class Delivery:
    """`systems` are the adapters of this installation."""

    fleet: Fleet
    systems: Mapping[System, OperatorSystem]
    now: Callable[[], datetime]

    def work_off(self) -> int:
        """Call what is due; gives how many calls were made."""
        with self.fleet.writing() as connection:
            taken = take(connection, self.now(), _MOST_AT_ONCE)
        for one in taken:
            result = call(self.systems, one)
            if result.outcome is not Outcome.DONE:
                logger.warning("%s: %s (%s)", one.operation_id, result.outcome, result.code)
            with self.fleet.writing() as connection:
                settle(connection, one, result, self.now())
        return len(taken)


def call(systems: Mapping[System, OperatorSystem], taken: Taken) -> Result:
    """One try. An answer that belongs to another operation says nothing of this one."""
    if taken.system not in systems:
        return Result(Outcome.UNAVAILABLE, "no_adapter")
    try:
        answer = systems[taken.system].carry_out(
            taken.operation_id, taken.operation, sequence=taken.id
        )
    except SystemUnavailableError as error:
        return Result(Outcome.UNAVAILABLE, str(error))
    except SystemBusyError as error:
        return Result(Outcome.BUSY, error.code, again_at=error.until)
    except OperationRefusedError as error:
        return Result(Outcome.REFUSED, str(error))
    if answer.operation_id != taken.operation_id:
        return Result(Outcome.UNAVAILABLE, "answer_of_another")
    return Result(Outcome.DONE, reference=answer.reference)
