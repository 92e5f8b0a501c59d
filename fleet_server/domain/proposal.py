"""What the rules propose for a unit, and what a person decided on it.

A proposal carries its articles, its reasons and its evidence with a grade. It never takes effect
by itself: whoever is named in `party` decides, under their name and with a reason.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from fleet_server.domain.errors import InvalidError
from fleet_server.domain.evidence import Grade


class Subject(StrEnum):
    """What a proposal is about; each is decided apart from the others."""

    REPAIR = "repair"
    REPLACEMENT = "replacement"
    CHARGE = "charge"
    WARRANTY = "warranty"


class Party(StrEnum):
    """Who decides."""

    CONTRACTOR = "contractor"
    OPERATOR = "operator"


class Action(StrEnum):
    """What is proposed."""

    EXAMINE = "examine"
    REPAIR_IN_WARRANTY = "repair_in_warranty"
    REPAIR_AT_OPERATORS_COST = "repair_at_operators_cost"
    ASK_OPERATOR = "ask_operator"
    RETURN_AS_IT_WAS = "return_as_it_was"
    INSPECT = "inspect"
    AWAIT_FINDING = "await_finding"
    AWAIT_REPAIR = "await_repair"
    REPLACE_FREE = "replace_free"
    REPLACE_AGAINST_PRICE = "replace_against_price"
    NOTHING = "nothing"
    CHARGE_NEW_ONE = "charge_new_one"
    NO_CHARGE = "no_charge"
    DECIDE = "decide"
    VOID = "void"


class Reason(StrEnum):
    """Why; the words are in the console's language."""

    NOT_EXAMINED = "not_examined"
    NORMAL_USE = "normal_use"
    NO_FAULT_OF_CUSTOMER_ESTABLISHED = "no_fault_of_customer_established"
    OUT_OF_TERM_IS_NO_CHARGE = "out_of_term_is_no_charge"
    RECEIPT_NOT_ON_RECORD = "receipt_not_on_record"
    NO_TERM_IN_DOCUMENT = "no_term_in_document"
    DEFECT_BEFORE_RECEIPT = "defect_before_receipt"
    NEVER_HANDED_OVER = "never_handed_over"
    CAME_BACK = "came_back"
    NO_FAULT_FOUND = "no_fault_found"
    REPAIR_POSSIBLE = "repair_possible"
    UNUSABLE = "unusable"
    SIGNS_OF_ELECTRICAL_DAMAGE = "signs_of_electrical_damage"
    SURGE_ON_RECORD_PROVES_NOTHING = "surge_on_record_proves_nothing"
    NO_SURGE_ON_RECORD_PROVES_NOTHING = "no_surge_on_record_proves_nothing"
    AGAINST_THE_RULES = "against_the_rules"
    STILL_USABLE = "still_usable"
    PROTECTION_NOT_TO_NORMS = "protection_not_to_norms"


@dataclass(frozen=True, slots=True)
class Proposal:
    """`articles` of a proposal to inspect or decide are those that a person may rest on.

    `amount_cents` is that of a proposed charge, None where no price is on record.
    """

    subject: Subject
    party: Party
    action: Action
    articles: tuple[str, ...]
    reasons: tuple[Reason, ...]
    grade: Grade = Grade.NONE
    evidence: tuple[str, ...] = ()
    amount_cents: int | None = None


class Choice(StrEnum):
    """What a person decided."""

    REPLACE_FREE = "replace_free"
    REPLACE_AGAINST_PRICE = "replace_against_price"
    NO_REPLACEMENT = "no_replacement"
    CHARGE = "charge"
    WAIVE = "waive"
    VOID = "void"
    COVER_STANDS = "cover_stands"


CHOICES: dict[Subject, frozenset[Choice]] = {
    Subject.REPLACEMENT: frozenset(
        {Choice.REPLACE_FREE, Choice.REPLACE_AGAINST_PRICE, Choice.NO_REPLACEMENT}
    ),
    Subject.CHARGE: frozenset({Choice.CHARGE, Choice.WAIVE}),
    Subject.WARRANTY: frozenset({Choice.VOID, Choice.COVER_STANDS}),
}


def check_choice(subject: Subject, choice: Choice, amount_cents: int | None, reason: str) -> None:
    """Raises InvalidError for a decision that nobody could follow later."""
    possible = CHOICES.get(subject, frozenset())
    if choice not in possible:
        if not possible:
            raise InvalidError(
                "On %(proposal_subject)s one decides nothing: the contractor's finding decides.",
                proposal_subject=subject,
            )
        raise InvalidError(
            "On %(proposal_subject)s one decides %(choices)s.",
            proposal_subject=subject,
            choices=", ".join(sorted(possible)),
        )
    if not reason.strip():
        raise InvalidError("A decision needs a reason.")
    if (choice == Choice.CHARGE) != (amount_cents is not None):
        raise InvalidError("A charge names its amount, and nothing else does.")
    if amount_cents is not None and amount_cents <= 0:
        raise InvalidError("A charge is more than nothing.")
