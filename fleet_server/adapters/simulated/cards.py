"""A simulated conditional-access system; the port ConditionalAccess."""

from __future__ import annotations

from typing import Any

from fleet_server.adapters.simulated.base import SimulatedSystem, State
from fleet_server.domain.operations import (
    EntitleCard,
    Operation,
    PairCard,
    RefreshCard,
    SetBlacklisted,
)
from fleet_server.services.operator_ports import Card, OperationRefusedError

_NEW = {"box": "", "package": "", "refreshes": 0}


class SimulatedConditionalAccess(SimulatedSystem):
    """Cards with their box and package; a blacklisted card or box is refused whatever it has."""

    def apply(self, state: State, operation: Operation) -> None:
        if isinstance(operation, PairCard):
            _check_free(state, operation.card, operation.box)
            _change(state, operation.card, box=operation.box)
        elif isinstance(operation, EntitleCard):
            if operation.package:
                _check_free(state, operation.card)
            _change(state, operation.card, package=operation.package)
        elif isinstance(operation, RefreshCard):
            name = f"card/{operation.card}"
            if state.get(name) is None:
                raise OperationRefusedError("unknown_card")
            _change(state, operation.card, refreshes=state.get(name)["refreshes"] + 1)
        elif isinstance(operation, SetBlacklisted):
            state.put(f"black/{operation.serial_number}", operation.blacklisted)
        else:
            raise OperationRefusedError("unknown_operation")

    def card(self, card: str) -> Card | None:
        found = self.item(f"card/{card}")
        if found is None:
            return None
        return Card(found["box"], found["package"], self.is_blacklisted(card), found["refreshes"])

    def is_blacklisted(self, serial_number: str) -> bool:
        return bool(self.item(f"black/{serial_number}", False))


def _check_free(state: State, *serial_numbers: str) -> None:
    if any(state.get(f"black/{each}", False) for each in serial_numbers):
        raise OperationRefusedError("blacklisted")


def _change(state: State, card: str, **values: Any) -> None:
    name = f"card/{card}"
    state.put(name, {**state.get(name, _NEW), **values})
