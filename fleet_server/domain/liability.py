"""Who answers for an interruption: proposed from its cause, decided by a named person.

A proposal says what the cause alone suggests, with the article. What would take time out of a
credit under 5.4 (force majeure, announced work, the customer's own supply) counts only once a
person has decided so. Source: Subscription terms, articles as named.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from fleet_server.domain.causes import Cause


class Liability(StrEnum):
    """`undecided` is only ever proposed: a person decides for one of the others."""

    OPERATOR = "operator"
    CUSTOMER_SIDE = "customer_side"
    FORCE_MAJEURE = "force_majeure"
    UNDECIDED = "undecided"


@dataclass(frozen=True, slots=True)
class Proposal:
    """`reason` is a code; `excludes` when following it takes time out of a credit."""

    liability: Liability
    articles: tuple[str, ...]
    reason: str
    excludes: bool


_BY_CAUSE = {
    Cause.SUSPENDED: Proposal(Liability.CUSTOMER_SIDE, ("8.6", "10.1"), "suspended", True),
    # 4.6 demands the notice; it does not itself waive 5.4.
    Cause.MAINTENANCE: Proposal(Liability.OPERATOR, ("4.6", "5.4"), "announced", True),
    Cause.PLANT_POWER: Proposal(Liability.OPERATOR, ("5.4",), "operators_supply", False),
    Cause.AREA_MAINS: Proposal(Liability.CUSTOMER_SIDE, ("7.2.4",), "mains_in_area", True),
    Cause.NO_POWER: Proposal(Liability.CUSTOMER_SIDE, ("7.2.4",), "no_power_at_device", True),
    Cause.ACCESS_NETWORK: Proposal(Liability.OPERATOR, ("5.4",), "operators_network", False),
    Cause.DEVICE: Proposal(Liability.OPERATOR, ("5.4", "7.1.1"), "operators_device", False),
    Cause.UNKNOWN: Proposal(Liability.UNDECIDED, ("5.4",), "nothing_evidenced", False),
}
_STORM_MAY_EXPLAIN = (Cause.PLANT_POWER, Cause.AREA_MAINS, Cause.ACCESS_NETWORK, Cause.DEVICE)
_STORM = Proposal(Liability.FORCE_MAJEURE, ("4.9", "13.1"), "lightning_storm", True)


def propose(cause: Cause, storm_at_start: bool) -> Proposal:
    """What the cause suggests; a lightning storm over the place when it began is force majeure.

    Whether the storm could not be foreseen or prevented is for the person to judge [4.9, 13.1].
    """
    if storm_at_start and cause in _STORM_MAY_EXPLAIN:
        return _STORM
    return _BY_CAUSE[cause]
