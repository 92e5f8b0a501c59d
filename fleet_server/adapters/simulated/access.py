"""A simulated CMTS, DHCP and DNS; the port AccessProvisioning."""

from __future__ import annotations

from agent.wire.allow_list import claims_of, covers, split_document
from fleet_server.adapters.simulated.base import SimulatedSystem, State
from fleet_server.domain.operations import (
    AccessMode,
    Operation,
    PublishAllowList,
    RemoveAccess,
    SetAccess,
)
from fleet_server.services.operator_ports import Access, OperationRefusedError

_LIST = "allow-list"
NO_LIST = {"ver": 0, "numbers": [], "hosts": []}


class SimulatedAccess(SimulatedSystem):
    """Serves MAC addresses; opens the hosts of the allow-list in the walled garden."""

    def apply(self, state: State, operation: Operation) -> None:
        if isinstance(operation, SetAccess):
            value = {"service_class": operation.service_class, "mode": operation.mode}
            state.put(f"mac/{operation.mac_address}", value)
        elif isinstance(operation, RemoveAccess):
            state.remove(f"mac/{operation.mac_address}")
        elif isinstance(operation, PublishAllowList):
            take_list(state, operation)
        else:
            raise OperationRefusedError("unknown_operation")

    def access(self, mac_address: str) -> Access | None:
        found = self.item(f"mac/{mac_address}")
        return Access(found["service_class"], AccessMode(found["mode"])) if found else None

    def allow_list_version(self) -> int:
        version: int = self.item(_LIST, NO_LIST)["ver"]
        return version

    def may_reach(self, mac_address: str, host: str) -> bool:
        """Whether the network lets this customer's traffic to a host through now."""
        access = self.access(mac_address)
        if access is None or access.mode is AccessMode.MANAGEMENT_ONLY:
            return False
        if access.mode is AccessMode.OPEN:
            return True
        now_s = self._now().timestamp()
        groups = self.item(_LIST, NO_LIST)["hosts"]
        return any(first <= now_s <= last and covers(names, host) for first, last, names in groups)


def take_list(state: State, operation: PublishAllowList) -> None:
    """Keep the claims of a list, unless a newer one is in force."""
    claims = claims_of(split_document(operation.document)[0])
    if claims["ver"] >= state.get(_LIST, NO_LIST)["ver"]:
        state.put(_LIST, claims)
