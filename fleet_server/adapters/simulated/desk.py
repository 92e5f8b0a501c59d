"""A simulated gateway for SMS and e-mail, and a simulated system of work orders."""

from __future__ import annotations

from dataclasses import asdict

from fleet_server.adapters.simulated.base import SimulatedSystem, State
from fleet_server.domain.operations import (
    CancelWorkOrder,
    OpenWorkOrder,
    Operation,
    SendNotice,
)
from fleet_server.services.operator_ports import OperationRefusedError, WorkOrder


class SimulatedNotices(SimulatedSystem):
    """Keeps what it sent; the port Notices."""

    def apply(self, state: State, operation: Operation) -> None:
        if not isinstance(operation, SendNotice):
            raise OperationRefusedError("unknown_operation")
        sent = state.get(f"sent/{operation.contract}", [])
        state.put(f"sent/{operation.contract}", [*sent, asdict(operation)])

    def sent(self, contract: str) -> list[SendNotice]:
        return [SendNotice(**each) for each in self.item(f"sent/{contract}", [])]


class SimulatedWorkOrders(SimulatedSystem):
    """Orders that are open until they are cancelled; the port WorkOrders."""

    def apply(self, state: State, operation: Operation) -> None:
        if isinstance(operation, OpenWorkOrder):
            state.put(
                f"order/{operation.order}",
                {
                    "kind": operation.kind,
                    "contract": operation.contract,
                    "serial_number": operation.serial_number,
                    "due_on": operation.due_on,
                    "open": True,
                },
            )
        elif isinstance(operation, CancelWorkOrder):
            found = state.get(f"order/{operation.order}")
            if found is None:
                raise OperationRefusedError("unknown_order")
            state.put(f"order/{operation.order}", {**found, "open": False})
        else:
            raise OperationRefusedError("unknown_operation")

    def order(self, order: str) -> WorkOrder | None:
        found = self.item(f"order/{order}")
        return WorkOrder(**found) if found else None
