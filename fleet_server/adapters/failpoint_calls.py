"""A system of the operator whose caller may be killed before and after each call."""

from __future__ import annotations

from dataclasses import dataclass

from fleet_server.adapters.failpoint import AFTER_CALL, BEFORE_CALL, Failpoint
from fleet_server.domain.operations import Operation
from fleet_server.services.operator_ports import Answer, OperatorSystem


@dataclass(frozen=True, slots=True)
class CalledThroughFailpoint:
    """`system`, with a place before the call and one between its deed and the record of it."""

    system: OperatorSystem
    failpoint: Failpoint

    def carry_out(self, operation_id: str, operation: Operation, sequence: int) -> Answer:
        self.failpoint.reach(BEFORE_CALL)
        answer = self.system.carry_out(operation_id, operation, sequence)
        self.failpoint.reach(AFTER_CALL)
        return answer
