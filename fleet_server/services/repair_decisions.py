"""The operator's part of a repair case: replacement, charge, void; and what they rest on.

Each decision is a named person's, with a reason, beside what was proposed at that moment. It may
differ from the proposal and be taken anew; every one stays on record. Nothing is billed here.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy import Connection, select

from fleet_server.domain.charges import propose_charge
from fleet_server.domain.errors import ConflictError, InvalidError
from fleet_server.domain.local_time import local_day
from fleet_server.domain.policy import Policy
from fleet_server.domain.proposal import Choice, Proposal, Subject, check_choice
from fleet_server.domain.repair import CaseState
from fleet_server.domain.replacement import (
    Facts,
    propose_repair,
    propose_replacement,
    propose_void,
)
from fleet_server.services import audit
from fleet_server.services import tables as t
from fleet_server.services.audit import Actor, Entry
from fleet_server.services.policy import read_policy
from fleet_server.services.repair_facts import Case, facts_of, locked_case, price_of_new_one

_MOST_EVIDENCE = 50


@dataclass(frozen=True, slots=True)
class Decision:
    """What a person decided on one subject of a case, beside what was proposed to them."""

    subject: Subject
    proposed: str
    choice: Choice
    articles: tuple[str, ...]
    amount_cents: int | None
    account_id: int
    decided_at: datetime
    audit_sequence: int


def proposals_for(
    connection: Connection, case: Case, facts: Facts, policy: Policy, today: date
) -> tuple[Proposal, ...]:
    """To the contractor on the repair, to the operator on the rest."""
    price_cents = price_of_new_one(connection, case, today)
    found = (
        propose_repair(facts, policy),
        propose_replacement(facts, policy),
        propose_charge(facts, price_cents, policy),
        propose_void(facts, policy),
    )
    return tuple(proposal for proposal in found if proposal is not None)


def decide(
    connection: Connection,
    account_id: int,
    number: str,
    subject: Subject,
    choice: Choice,
    amount_cents: int | None,
    reason: str,
    now: datetime,
) -> None:
    """Put down a decision. Raises UnknownCaseError, InvalidError, ConflictError for a case that
    was withdrawn, or where nothing was found yet that a charge or a void could rest on."""
    check_choice(subject, choice, amount_cents, reason)
    case = locked_case(connection, number)
    policy = read_policy(connection)
    facts = facts_of(connection, case, policy)
    _check_case(case, facts, choice)
    proposals = proposals_for(connection, case, facts, policy, local_day(now))
    proposed = next((one for one in proposals if one.subject == subject), None)
    if proposed is None:
        raise InvalidError("A void warranty is not proposed for this case, so none is decided.")
    sequence = _record(connection, account_id, number, proposed, choice, amount_cents, reason, now)
    connection.execute(
        t.repair_decision.insert().values(
            case_id=case.id,
            subject=subject,
            proposed=proposed.action,
            choice=choice,
            articles=" ".join(proposed.articles),
            amount_cents=amount_cents,
            account_id=account_id,
            decided_at=now,
            audit_sequence=sequence,
        )
    )


def decisions_of(connection: Connection, case_id: int) -> tuple[Decision, ...]:
    """Every decision on the case, the newest first: of each subject the first one holds."""
    rows = connection.execute(
        select(t.repair_decision)
        .where(t.repair_decision.c.case_id == case_id)
        .order_by(t.repair_decision.c.id.desc())
    )
    return tuple(
        Decision(
            Subject(row.subject),
            row.proposed,
            Choice(row.choice),
            tuple(row.articles.split()),
            row.amount_cents,
            row.account_id,
            row.decided_at,
            row.audit_sequence,
        )
        for row in rows
    )


def _check_case(case: Case, facts: Facts, choice: Choice) -> None:
    if case.state == CaseState.WITHDRAWN:
        raise ConflictError(
            "Case %(case)s was withdrawn: there is nothing to decide.", case=case.number
        )
    against = choice in (Choice.CHARGE, Choice.REPLACE_AGAINST_PRICE, Choice.VOID)
    if against and facts.finding is None:
        raise ConflictError("Nothing is decided against a customer before the bench found a cause.")


def _record(
    connection: Connection,
    account_id: int,
    number: str,
    proposed: Proposal,
    choice: Choice,
    amount_cents: int | None,
    reason: str,
    now: datetime,
) -> int:
    entry = Entry(
        "repair_decided",
        f"repair:{number}",
        {
            "subject": proposed.subject.value,
            "proposed": proposed.action.value,
            "choice": choice.value,
            "articles": " ".join(proposed.articles),
            "amount_cents": amount_cents,
            "grade": proposed.grade.value,
        },
        proposed.evidence[:_MOST_EVIDENCE],
    )
    return audit.append(connection, Actor.account(account_id), [entry], now, reason.strip())[0]
