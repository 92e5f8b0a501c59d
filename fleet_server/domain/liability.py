"""Who answers for an interruption: proposed from its cause, decided by a named person.

A proposal says what the cause alone suggests, with the article; who that is, is a setting. What
would take time out of a credit under 5.4 (force majeure, announced work, the customer's own
supply) counts only once a person has decided so. Source: Subscription terms, articles as named.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from fleet_server.domain.causes import Cause
from fleet_server.domain.policy import Policy


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


_GROUNDS: dict[Cause, tuple[str, tuple[str, ...], str]] = {
    # cause: the setting that says who is proposed, articles, reason
    Cause.SUSPENDED: ("liability_of_suspended", ("8.6", "10.1"), "suspended"),
    # 4.6 demands the notice; it does not itself waive 5.4.
    Cause.MAINTENANCE: ("liability_of_maintenance", ("4.6", "5.4"), "announced"),
    Cause.PLANT_POWER: ("liability_of_plant_power", ("5.4",), "operators_supply"),
    Cause.AREA_MAINS: ("liability_of_area_mains", ("7.2.4",), "mains_in_area"),
    Cause.NO_POWER: ("liability_of_no_power", ("7.2.4",), "no_power_at_device"),
    Cause.ACCESS_NETWORK: ("liability_of_access_network", ("5.4",), "operators_network"),
    Cause.DEVICE: ("liability_of_device", ("5.4", "7.1.1"), "operators_device"),
    Cause.UNKNOWN: ("liability_of_unknown", ("5.4",), "nothing_evidenced"),
}
_STORM_MAY_EXPLAIN = (Cause.PLANT_POWER, Cause.AREA_MAINS, Cause.ACCESS_NETWORK, Cause.DEVICE)


def propose(policy: Policy, cause: Cause, storm_at_start: bool) -> Proposal:
    """What the cause suggests; a lightning storm over the place when it began is force majeure.

    Whether the storm could not be foreseen or prevented is for the person to judge [4.9, 13.1].
    """
    if storm_at_start and cause in _STORM_MAY_EXPLAIN:
        excludes = policy.propose_force_majeure_exclusion
        return Proposal(Liability.FORCE_MAJEURE, ("4.9", "13.1"), "lightning_storm", excludes)
    setting, articles, reason = _GROUNDS[cause]
    liability = Liability(getattr(policy, setting))
    return Proposal(liability, articles, reason, _excludes(policy, cause, liability))


def _excludes(policy: Policy, cause: Cause, liability: Liability) -> bool:
    if liability == Liability.FORCE_MAJEURE:
        return policy.propose_force_majeure_exclusion
    if cause == Cause.MAINTENANCE and liability == Liability.OPERATOR:
        return policy.propose_maintenance_exclusion
    return liability == Liability.CUSTOMER_SIDE
