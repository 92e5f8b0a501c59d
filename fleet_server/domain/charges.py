"""What a defective unit costs the customer: proposed, decided by a person, never billed here.

- Used against the rules and made unusable by the customer: a new one at the price list
  (modem 7.1.4, voice modem 7.3.5, set-top box and card 7.2.6). A unit that can be made usable again
  is not unusable: a person decides.
- What showed only after the unit came back was not in the customer's hands: a person decides.
- Out of term is no reason to charge, nor is a surge on record [7.2.6].

Theft, loss and what does not come back are in returns.py. Amounts are euro cents of the price list;
None where it names no price for the model.
"""

from __future__ import annotations

from fleet_server.domain.policy import DEFAULTS, Policy
from fleet_server.domain.proposal import Action, Party, Proposal, Reason, Subject
from fleet_server.domain.repair import Cause
from fleet_server.domain.replacement import (
    Facts,
    free_article,
    inspection,
    is_to_be_inspected,
    misuse_article,
)
from fleet_server.domain.warranty import CoverState, Custody


def propose_charge(facts: Facts, new_one_cents: int | None, policy: Policy = DEFAULTS) -> Proposal:
    """For a defective unit, to the operator; `new_one_cents` is the price of a new one."""
    if is_to_be_inspected(facts, policy):
        return inspection(Subject.CHARGE, Party.OPERATOR, facts)
    finding = facts.finding
    if finding is None and facts.theirs:
        return _charge(Action.AWAIT_FINDING, "7.2.3", Reason.NOT_EXAMINED)
    if finding is None or finding.cause != Cause.MISUSE or not facts.theirs:
        return _charge(Action.NO_CHARGE, free_article(facts.product_class), *_why_not(facts))
    article = misuse_article(facts.product_class)
    if finding.usable_again:
        return _charge(Action.DECIDE, article, Reason.AGAINST_THE_RULES, Reason.STILL_USABLE)
    if facts.cover.custody == Custody.CAME_BACK:
        return _charge(Action.DECIDE, article, Reason.AGAINST_THE_RULES, Reason.CAME_BACK)
    reasons = (Reason.AGAINST_THE_RULES, Reason.UNUSABLE)
    return _charge(Action.CHARGE_NEW_ONE, article, *reasons, amount_cents=new_one_cents)


def _why_not(facts: Facts) -> tuple[Reason, ...]:
    if facts.cover.custody == Custody.NEVER_HANDED_OVER:
        return (Reason.NEVER_HANDED_OVER,)
    if facts.cover.custody == Custody.BEFORE_RECEIPT:
        return (Reason.DEFECT_BEFORE_RECEIPT,)
    finding = facts.finding
    if finding is not None and finding.cause == Cause.NO_FAULT_FOUND:
        return (Reason.NO_FAULT_FOUND,)
    normal = finding is not None and finding.cause == Cause.NORMAL_USE
    why = Reason.NORMAL_USE if normal else Reason.NO_FAULT_OF_CUSTOMER_ESTABLISHED
    if facts.cover.state == CoverState.EXPIRED:
        return (why, Reason.OUT_OF_TERM_IS_NO_CHARGE)
    return (why,)


def _charge(
    action: Action, article: str, *reasons: Reason, amount_cents: int | None = None
) -> Proposal:
    return Proposal(
        Subject.CHARGE, Party.OPERATOR, action, (article,), reasons, amount_cents=amount_cents
    )
