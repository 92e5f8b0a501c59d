"""Repair and replacement of a defective unit: what is proposed to the contractor and the operator.

Two decisions by two parties. The contracted company repairs faults of normal use in term [7.2.2].
Separately the operator, finding a set-top box or card unusable without the customer's fault, gives
the same one free, with no limit in time [7.2.6]. For a modem and a voice modem the document names
no term: what the customer did not cause is the owner's own cost [7.1.1, 7.3.2].

- A defect from before the customer received the unit is nothing of the customer's. One that showed
  after it came back needs no replacement, and whose it is a person decides.
- Electrical damage is `inspect`: the customer answers for the supply [7.2.4], protection of the
  household that is not to norms voids [7.2.5], use against the rules has a price. Which of these
  holds, if any, is for a person to say. A surge on record changes nothing, nor does its absence.
- What is not established counts for the customer.
- A void warranty is proposed only where the setting `propose_void` is on, the bench found
  electrical damage, and somebody recorded that the protection is not to norms.
"""

from __future__ import annotations

from dataclasses import dataclass

from fleet_server.domain.evidence import Grade, History, Kind
from fleet_server.domain.policy import DEFAULTS, REPAIR, Policy
from fleet_server.domain.proposal import Action, Party, Proposal, Reason, Subject
from fleet_server.domain.repair import Cause, Finding, Symptom
from fleet_server.domain.warranty import Cover, CoverState, Custody

REPORT_ARTICLE = "7.2.3"
REPAIR_ARTICLE = "7.2.2"
FREE_ARTICLE = "7.2.6"
_MISUSE_ARTICLES = {"MODEM": "7.1.4", "VOICEMODEM": "7.3.5", "STB": "7.2.6", "CARD": "7.2.6"}
_OWNER_ARTICLES = {"MODEM": "7.1.1", "VOICEMODEM": "7.3.2"}
_ELECTRICAL_SYMPTOMS = frozenset({Symptom.BURNT})
_COVER_REASONS: dict[CoverState, tuple[Reason, ...]] = {
    CoverState.IN_TERM: (),
    CoverState.EXPIRED: (Reason.OUT_OF_TERM_IS_NO_CHARGE,),
    CoverState.UNKNOWN: (Reason.RECEIPT_NOT_ON_RECORD,),
    CoverState.NO_TERM: (Reason.NO_TERM_IN_DOCUMENT,),
}
_NOT_THEIRS = {
    Custody.BEFORE_RECEIPT: Reason.DEFECT_BEFORE_RECEIPT,
    Custody.NEVER_HANDED_OVER: Reason.NEVER_HANDED_OVER,
}


@dataclass(frozen=True, slots=True)
class Facts:
    """What is known of a defect: the cover on its day, the bench, the records.

    `protection_to_norms` is what somebody recorded of the household's earthing and overvoltage
    protection; None, the usual case, is that nobody looked, which says nothing.
    """

    product_class: str
    cover: Cover
    symptom: Symptom
    finding: Finding | None
    history: History
    protection_to_norms: bool | None = None

    @property
    def theirs(self) -> bool:
        """Whether a customer had received the unit when the defect showed."""
        return self.cover.custody in (Custody.CUSTOMER, Custody.CAME_BACK)


def misuse_article(product_class: str) -> str:
    """The article by which a unit made unusable against the rules is paid for."""
    return _MISUSE_ARTICLES[product_class]


def free_article(product_class: str) -> str:
    """The article by which a unit that the customer did not damage costs the customer nothing."""
    return _OWNER_ARTICLES.get(product_class, FREE_ARTICLE)


def is_to_be_inspected(facts: Facts, policy: Policy) -> bool:
    """Whether the unit shows electrical damage; records of surges are no such sign."""
    if policy.electrical_damage_is == REPAIR or not facts.theirs:
        return False
    if facts.finding is not None:
        return facts.finding.cause == Cause.ELECTRICAL
    return facts.symptom in _ELECTRICAL_SYMPTOMS


def inspection(subject: Subject, party: Party, facts: Facts) -> Proposal:
    """To look at the unit and its place before anything is decided, with what is on record."""
    grade = facts.history.grade()
    records = Reason.SURGE_ON_RECORD_PROVES_NOTHING
    if grade == Grade.NONE:
        records = Reason.NO_SURGE_ON_RECORD_PROVES_NOTHING
    articles = ("7.2.4", "7.2.5", misuse_article(facts.product_class))
    return Proposal(
        subject,
        party,
        Action.INSPECT,
        articles,
        (Reason.SIGNS_OF_ELECTRICAL_DAMAGE, records),
        grade,
        facts.history.idents(frozenset(Kind)),
    )


def propose_repair(facts: Facts, policy: Policy = DEFAULTS) -> Proposal:
    """To the contractor."""
    if is_to_be_inspected(facts, policy):
        return inspection(Subject.REPAIR, Party.CONTRACTOR, facts)
    action, article, reasons = _repair(facts)
    return Proposal(Subject.REPAIR, Party.CONTRACTOR, action, (article,), reasons)


def propose_replacement(facts: Facts, policy: Policy = DEFAULTS) -> Proposal:
    """To the operator."""
    if is_to_be_inspected(facts, policy):
        return inspection(Subject.REPLACEMENT, Party.OPERATOR, facts)
    action, article, reasons = _replacement(facts)
    return Proposal(Subject.REPLACEMENT, Party.OPERATOR, action, (article,), reasons)


def propose_void(facts: Facts, policy: Policy = DEFAULTS) -> Proposal | None:
    """To the operator; None, the rule, unless the setting and two findings say otherwise."""
    established = facts.finding is not None and facts.finding.cause == Cause.ELECTRICAL
    covered = facts.cover.state == CoverState.IN_TERM
    if not (policy.propose_void and established and covered and facts.protection_to_norms is False):
        return None
    return Proposal(
        Subject.WARRANTY,
        Party.OPERATOR,
        Action.VOID,
        ("7.2.5",),
        (Reason.SIGNS_OF_ELECTRICAL_DAMAGE, Reason.PROTECTION_NOT_TO_NORMS),
        facts.history.grade(),
        facts.history.idents(),
    )


_Found = tuple[Action, str, tuple[Reason, ...]]


def _repair(facts: Facts) -> _Found:
    finding, free = facts.finding, free_article(facts.product_class)
    if finding is None:
        return Action.EXAMINE, REPORT_ARTICLE, (Reason.NOT_EXAMINED,)
    if finding.cause == Cause.NO_FAULT_FOUND:
        return Action.RETURN_AS_IT_WAS, REPORT_ARTICLE, (Reason.NO_FAULT_FOUND,)
    if not finding.usable_again:
        return Action.ASK_OPERATOR, free, (Reason.UNUSABLE,)
    if not facts.theirs:
        return Action.REPAIR_AT_OPERATORS_COST, free, _why(facts, finding)
    if finding.cause == Cause.MISUSE:
        article = misuse_article(facts.product_class)
        return Action.ASK_OPERATOR, article, (Reason.AGAINST_THE_RULES,)
    if facts.cover.state == CoverState.IN_TERM:
        return Action.REPAIR_IN_WARRANTY, REPAIR_ARTICLE, _why(facts, finding)
    if facts.cover.state == CoverState.NO_TERM:
        return Action.REPAIR_AT_OPERATORS_COST, free, _why(facts, finding)
    return Action.ASK_OPERATOR, free, _why(facts, finding)


def _replacement(facts: Facts) -> _Found:
    finding, free = facts.finding, free_article(facts.product_class)
    if facts.cover.custody == Custody.NEVER_HANDED_OVER:
        return Action.NOTHING, free, (Reason.NEVER_HANDED_OVER,)
    if facts.cover.custody == Custody.CAME_BACK:
        return Action.NOTHING, free, (Reason.CAME_BACK,)
    if finding is None:
        return Action.AWAIT_FINDING, REPORT_ARTICLE, (Reason.NOT_EXAMINED,)
    if finding.cause == Cause.NO_FAULT_FOUND:
        return Action.NOTHING, REPORT_ARTICLE, (Reason.NO_FAULT_FOUND,)
    if finding.cause == Cause.MISUSE and facts.theirs:
        return _after_misuse(misuse_article(facts.product_class), finding)
    if finding.usable_again and facts.cover.state == CoverState.IN_TERM:
        return Action.AWAIT_REPAIR, REPAIR_ARTICLE, (Reason.REPAIR_POSSIBLE,)
    return Action.REPLACE_FREE, free, _why(facts, finding)


def _after_misuse(article: str, finding: Finding) -> _Found:
    if finding.usable_again:
        return Action.DECIDE, article, (Reason.AGAINST_THE_RULES, Reason.STILL_USABLE)
    return Action.REPLACE_AGAINST_PRICE, article, (Reason.AGAINST_THE_RULES, Reason.UNUSABLE)


def _why(facts: Facts, finding: Finding) -> tuple[Reason, ...]:
    if not facts.theirs:
        return (_NOT_THEIRS[facts.cover.custody],)
    established = finding.cause == Cause.NORMAL_USE
    why = Reason.NORMAL_USE if established else Reason.NO_FAULT_OF_CUSTOMER_ESTABLISHED
    return (why, *_COVER_REASONS[facts.cover.state])
