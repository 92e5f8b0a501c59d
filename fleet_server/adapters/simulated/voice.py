"""A simulated softswitch; the port Voice."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from pathlib import Path

from fleet_server.adapters.simulated.access import NO_LIST, take_list
from fleet_server.adapters.simulated.base import SimulatedSystem, State
from fleet_server.domain.operations import (
    Barring,
    MoveLine,
    Operation,
    PublishAllowList,
    RemoveLine,
    SetLine,
)
from fleet_server.services.operator_ports import Line, OperationRefusedError, SystemBusyError

PERMANENT_NUMBERS = ("112", "192", "193", "194")
CALL_BACK = timedelta(minutes=60)
_LOOK_AGAIN = timedelta(seconds=30)
_NEW = {"barring": Barring.NONE, "mta_mac": ""}
_STRICTNESS = [Barring.NONE, Barring.OUTGOING, Barring.ALL_BUT_EMERGENCY]


class SimulatedVoice(SimulatedSystem):
    """Lines with their modem, registration, barring and call state.

    Registration survives barring.
    """

    def __init__(
        self,
        path: Path,
        now: Callable[[], datetime],
        sleep: Callable[[float], None] = time.sleep,
        permanent_numbers: Sequence[str] = PERMANENT_NUMBERS,
    ) -> None:
        super().__init__(path, now, sleep)
        self._permanent = tuple(permanent_numbers)

    def apply(self, state: State, operation: Operation) -> None:
        if isinstance(operation, SetLine):
            name = f"line/{operation.line}"
            found = state.get(name, _NEW)
            if _is_tighter(operation.barring, Barring(found["barring"])):
                _check_idle(state, operation.line)
            state.put(name, {**found, "barring": operation.barring})
        elif isinstance(operation, MoveLine):
            _move(state, operation)
        elif isinstance(operation, RemoveLine):
            _check_idle(state, operation.line)
            state.remove(f"line/{operation.line}")
        elif isinstance(operation, PublishAllowList):
            take_list(state, operation)
        else:
            raise OperationRefusedError("unknown_operation")

    def line(self, line: str) -> Line | None:
        found = self.item(f"line/{line}")
        if found is None:
            return None
        use = self.item(f"use/{line}", {})
        at = use.get("emergency_call_at")
        return Line(
            Barring(found["barring"]),
            found.get("mta_mac", ""),
            use.get("registered", True),
            use.get("off_hook", False),
            datetime.fromisoformat(at) if at else None,
        )

    def may_call(self, line: str, number: str) -> bool:
        found = self.line(line)
        if found is None or not found.registered:
            return False
        allowed = {*self._permanent, *self.item("allow-list", NO_LIST)["numbers"]}
        return found.barring is Barring.NONE or number in allowed

    def use_line(
        self,
        line: str,
        *,
        registered: bool = True,
        off_hook: bool = False,
        emergency_call_at: datetime | None = None,
    ) -> None:
        """What the customer's telephone and voice modem do."""
        at = emergency_call_at.isoformat() if emergency_call_at else None
        use = {"registered": registered, "off_hook": off_hook, "emergency_call_at": at}
        self.keep(f"use/{line}", use)


def _is_tighter(wanted: Barring, found: Barring) -> bool:
    return _STRICTNESS.index(wanted) > _STRICTNESS.index(found)


def _move(state: State, operation: MoveLine) -> None:
    name = f"line/{operation.line}"
    found = state.get(name)
    if found is None:
        raise OperationRefusedError("unknown_line")
    if found.get("mta_mac", "") not in ("", operation.mta_mac):
        _check_idle(state, operation.line)
    state.put(name, {**found, "mta_mac": operation.mta_mac})


def _check_idle(state: State, line: str) -> None:
    use = state.get(f"use/{line}", {})
    if use.get("off_hook"):
        raise SystemBusyError("line_in_use", state.now + _LOOK_AGAIN)
    if at := use.get("emergency_call_at"):
        until = datetime.fromisoformat(at) + CALL_BACK
        if state.now < until:
            raise SystemBusyError("emergency_call_back", until)
