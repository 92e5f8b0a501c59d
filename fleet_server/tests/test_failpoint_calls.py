"""The places around a call, where a crash test may kill the courier."""

from __future__ import annotations

from fleet_server.adapters.failpoint import Failpoint
from fleet_server.adapters.failpoint_calls import CalledThroughFailpoint
from fleet_server.domain.operations import Operation, RemoveAccess
from fleet_server.services.operator_ports import Answer

REMOVE = RemoveAccess("02:00:5E:00:00:01")


class NotedPoint(Failpoint):
    def __init__(self, noted: list[str]) -> None:
        super().__init__("")
        self.noted = noted

    def reach(self, name: str) -> None:
        self.noted.append(name)


class NotingSystem:
    def __init__(self, noted: list[str]) -> None:
        self.noted = noted

    def carry_out(self, operation_id: str, operation: Operation, sequence: int) -> Answer:
        self.noted.append(f"{operation_id} {sequence}")
        return Answer(operation_id, "done")


def test_a_call_passes_both_places_and_keeps_its_number() -> None:
    noted: list[str] = []
    called = CalledThroughFailpoint(NotingSystem(noted), NotedPoint(noted))
    assert called.carry_out("d-1", REMOVE, 7) == Answer("d-1", "done")
    assert noted == ["before_call", "d-1 7", "after_call"]
