"""The one life cycle of every unit: where it stands, and which step may follow.

What is not in the table is refused: a unit that is where the registry says it cannot be has to be
taken back by a step that says what really happened (returned, lost, quarantine).
"""

from __future__ import annotations

from enum import StrEnum

from fleet_server.domain.errors import ConflictError


class UnitState(StrEnum):
    """Where a unit stands between delivery and scrap."""

    IN_STOCK = "in_stock"
    RESERVED = "reserved"
    IN_TRANSIT = "in_transit"
    VAN_STOCK = "van_stock"
    INSTALLED = "installed"
    TO_BE_RETURNED = "to_be_returned"
    RETURNED = "returned"
    QUARANTINE = "quarantine"
    IN_REPAIR = "in_repair"
    REFURBISHED = "refurbished"
    DEAD_ON_ARRIVAL = "dead_on_arrival"
    SCRAPPED = "scrapped"
    LOST = "lost"
    STOLEN = "stolen"


class LifeCycleError(ConflictError):
    """The unit cannot take this step from where it stands."""


_S = UnitState
_GONE = {_S.LOST, _S.STOLEN}
_STEPS: dict[UnitState, frozenset[UnitState]] = {
    _S.IN_STOCK: frozenset(
        {_S.RESERVED, _S.IN_TRANSIT, _S.VAN_STOCK, _S.INSTALLED, _S.DEAD_ON_ARRIVAL}
        | {_S.QUARANTINE, _S.SCRAPPED}
        | _GONE
    ),
    _S.RESERVED: frozenset(
        {_S.IN_STOCK, _S.IN_TRANSIT, _S.VAN_STOCK, _S.INSTALLED, _S.DEAD_ON_ARRIVAL}
        | {_S.QUARANTINE}
        | _GONE
    ),
    _S.IN_TRANSIT: frozenset(
        {_S.IN_STOCK, _S.VAN_STOCK, _S.INSTALLED, _S.RETURNED, _S.IN_REPAIR}
        | {_S.DEAD_ON_ARRIVAL, _S.QUARANTINE}
        | _GONE
    ),
    _S.VAN_STOCK: frozenset(
        {_S.IN_STOCK, _S.RESERVED, _S.IN_TRANSIT, _S.INSTALLED, _S.DEAD_ON_ARRIVAL} | _GONE
    ),
    _S.INSTALLED: frozenset(
        {_S.TO_BE_RETURNED, _S.RETURNED, _S.IN_REPAIR, _S.DEAD_ON_ARRIVAL} | _GONE
    ),
    _S.TO_BE_RETURNED: frozenset({_S.INSTALLED, _S.IN_TRANSIT, _S.RETURNED, _S.IN_REPAIR} | _GONE),
    _S.RETURNED: frozenset({_S.IN_STOCK, _S.QUARANTINE, _S.IN_REPAIR, _S.SCRAPPED} | _GONE),
    _S.QUARANTINE: frozenset(
        {_S.IN_STOCK, _S.RETURNED, _S.IN_REPAIR, _S.REFURBISHED, _S.DEAD_ON_ARRIVAL, _S.SCRAPPED}
        | _GONE
    ),
    _S.IN_REPAIR: frozenset(
        {_S.INSTALLED, _S.RETURNED, _S.QUARANTINE, _S.REFURBISHED, _S.SCRAPPED} | _GONE
    ),
    _S.REFURBISHED: frozenset(
        {_S.IN_STOCK, _S.RESERVED, _S.IN_TRANSIT, _S.VAN_STOCK, _S.INSTALLED, _S.SCRAPPED} | _GONE
    ),
    _S.DEAD_ON_ARRIVAL: frozenset(
        {_S.IN_TRANSIT, _S.RETURNED, _S.QUARANTINE, _S.IN_REPAIR, _S.SCRAPPED}
    ),
    _S.SCRAPPED: frozenset(),
    _S.LOST: frozenset({_S.RETURNED, _S.QUARANTINE, _S.STOLEN}),
    _S.STOLEN: frozenset({_S.RETURNED, _S.QUARANTINE}),
}


def steps_after(state: UnitState) -> frozenset[UnitState]:
    """Where a unit may go next."""
    return _STEPS[state]


def check_step(before: UnitState, after: UnitState) -> None:
    """Raises LifeCycleError naming what may follow `before`."""
    if after in _STEPS[before]:
        return
    if not _STEPS[before]:
        raise LifeCycleError(
            "From %(unit_state)s a unit cannot become %(next_unit_state)s, only: nothing.",
            unit_state=before,
            next_unit_state=after,
        )
    raise LifeCycleError(
        "From %(unit_state)s a unit cannot become %(next_unit_state)s, only: %(unit_states)s.",
        unit_state=before,
        next_unit_state=after,
        unit_states=", ".join(sorted(_STEPS[before])),
    )
