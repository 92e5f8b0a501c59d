"""What is owed for equipment that did not come back, was stolen or lost, or came back damaged.

Nothing here bills anybody: every answer is a proposal with its articles and reasons, which a named
person takes up or not. Amounts are euro cents. Source: subscription terms 7.1.1, 7.1.4, 7.1.5,
7.2.1, 7.2.6, 7.3.2, 7.3.5, 7.3.6, 9.9.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from fleet_server.domain.clocks import Clock, ClockState
from fleet_server.domain.kinds import ProductClass
from fleet_server.domain.policy import Policy


class Condition(StrEnum):
    """How a unit looks when it is handed in; INCOMPLETE lacks a supply, a cable or a remote."""

    COMPLETE = "complete"
    INCOMPLETE = "incomplete"
    DAMAGED = "damaged"


class Verdict(StrEnum):
    """WAIT: too early to say; DECIDE: the terms leave it to a person."""

    NOTHING = "nothing"
    WAIT = "wait"
    CHARGE = "charge"
    DECIDE = "decide"


@dataclass(frozen=True, slots=True)
class Proposal:
    """`amount_cents` is None where the terms name a price that is not in our papers."""

    verdict: Verdict
    articles: tuple[str, ...]
    reasons: tuple[str, ...]
    amount_cents: int | None = None


_MODEMS = frozenset({ProductClass.MODEM, ProductClass.VOICEMODEM})
_THEFT = {ProductClass.MODEM: "7.1.5", ProductClass.VOICEMODEM: "7.3.6"}
_DAMAGE = {
    ProductClass.MODEM: "7.1.4",
    ProductClass.VOICEMODEM: "7.3.5",
    ProductClass.STB: "7.2.6",
    ProductClass.CARD: "7.2.6",
}


def for_unreturned(clock: Clock | None, value_cents: int | None, now: datetime) -> Proposal:
    """For a unit of a terminated contract; `clock` is its return clock, None while none runs.

    `value_cents` is the value of the device in use, as in the papers handed over at its change.
    """
    if clock is None:
        return Proposal(Verdict.WAIT, ("9.9",), ("termination_not_confirmed",))
    state = clock.state(now)
    if state in (ClockState.MET, ClockState.MISSED):
        reason = "returned" if state is ClockState.MET else "returned_late"
        return Proposal(Verdict.NOTHING, clock.articles, (reason,))
    if state is ClockState.STOPPED:
        return Proposal(Verdict.NOTHING, clock.articles, ("decided_apart",))
    if clock.charge_from_at is None:
        return Proposal(Verdict.NOTHING, clock.articles, ("terms_name_no_charge",))
    if now < clock.charge_from_at:
        return Proposal(Verdict.WAIT, clock.articles, ("not_due_yet",), value_cents)
    if value_cents is None:
        return Proposal(Verdict.DECIDE, clock.articles, ("value_not_in_papers",))
    return Proposal(Verdict.CHARGE, clock.articles, ("not_returned",), value_cents)


def for_stolen(policy: Policy, product_class: ProductClass, has_police_report: bool) -> Proposal:
    """Who pays for the new unit after a theft.

    A police report gets a new modem or voice modem; without one the customer pays for it, at the
    price list. For set-top boxes and cards the terms are silent.
    """
    if product_class in _MODEMS:
        articles: tuple[str, ...] = (_THEFT[product_class],)
    elif policy.propose_theft_charge_stb_and_card:
        articles = ("7.1.5", "7.3.6")
    else:
        return Proposal(Verdict.DECIDE, (), ("terms_are_silent",))
    if has_police_report:
        return Proposal(Verdict.NOTHING, articles, ("police_report",))
    return Proposal(Verdict.CHARGE, articles, ("no_police_report", "price_list"))


def for_lost() -> Proposal:
    """The terms know theft and not coming back, but no loss."""
    return Proposal(Verdict.DECIDE, (), ("terms_are_silent",))


def for_condition(product_class: ProductClass, condition: Condition) -> Proposal:
    """For a unit that came back: only what the customer's own acts made unusable is owed.

    That takes a finding; how it looks at the counter is none.
    """
    if condition is Condition.DAMAGED:
        return Proposal(Verdict.DECIDE, (_DAMAGE[product_class],), ("needs_finding",))
    reason = "accessories_not_valued" if condition is Condition.INCOMPLETE else "returned"
    return Proposal(Verdict.NOTHING, (), (reason,))
