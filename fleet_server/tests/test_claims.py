"""What is proposed for a claim, case by case (`cases/claims.txt`, `cases/thefts.txt`)."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from itertools import product
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fleet_server.domain.charges import propose_charge
from fleet_server.domain.errors import InvalidError
from fleet_server.domain.evidence import Exhibit, Grade, Kind, Sight, history_of, window_before
from fleet_server.domain.kinds import ProductClass
from fleet_server.domain.policy import DEFAULTS, REPAIR, Policy
from fleet_server.domain.proposal import (
    Action,
    Choice,
    Proposal,
    Reason,
    Subject,
    check_choice,
)
from fleet_server.domain.repair import Cause, Defect, Finding, Symptom
from fleet_server.domain.replacement import (
    Facts,
    propose_repair,
    propose_replacement,
    propose_void,
)
from fleet_server.domain.returns import for_lost, for_stolen
from fleet_server.domain.warranty import cover_on
from fleet_server.tests.worked_cases import case_id, read_cases, receipts_of

NEW_ONE_CENTS = 6_000
CLASSES = ("MODEM", "VOICEMODEM", "STB", "CARD")
SURGE = "surge:2026-11-18:measured"


@pytest.mark.parametrize("case", read_cases("claims"), ids=case_id)
def test_a_claim_is_proposed_as_the_terms_say(case: tuple[str, ...]) -> None:
    _article, _what, product_class, receipts, defect_on, bench, records, *expected = case
    facts = facts_of(product_class, receipts, defect_on, bench, records)
    found = [
        propose_repair(facts),
        propose_replacement(facts),
        propose_charge(facts, NEW_ONE_CENTS),
    ]
    assert [_text(proposal) for proposal in found] == expected


@pytest.mark.parametrize("case", read_cases("thefts"), ids=case_id)
def test_theft_and_loss_are_proposed_as_the_terms_say(case: tuple[str, ...]) -> None:
    article, _what, product_class, happened, report, expected = case
    found = for_lost()
    if happened == "stolen":
        found = for_stolen(DEFAULTS, ProductClass(product_class), report == "yes")
    assert " ".join([found.verdict, *found.articles]) == expected
    assert found.articles == ((article,) if article else ())


def test_the_evidence_of_an_inspection_is_named_with_its_grade() -> None:
    records = "surge:2026-11-18:measured surge:2026-11-19:inferred restart:2026-11-19:inferred"
    found = propose_replacement(
        facts_of("STB", "2026-03-01", "2026-11-20", "electrical dead", records)
    )
    assert found.grade == Grade.MEASURED
    assert found.evidence == ("event:0", "event:1", "event:2")
    assert Reason.SURGE_ON_RECORD_PROVES_NOTHING in found.reasons


def test_no_record_is_graded_none_and_said_to_prove_nothing() -> None:
    found = propose_charge(facts_of("STB", "2026-03-01", "2026-11-20", "electrical", ""), None)
    assert (found.action, found.grade, found.evidence) == (Action.INSPECT, Grade.NONE, ())
    assert Reason.NO_SURGE_ON_RECORD_PROVES_NOTHING in found.reasons


def test_a_burnt_unit_is_inspected_before_anybody_examined_it() -> None:
    facts = replace(facts_of("STB", "2026-03-01", "2026-11-20", "", ""), symptom=Symptom.BURNT)
    for found in (propose_repair(facts), propose_replacement(facts), propose_charge(facts, 1)):
        assert found.action == Action.INSPECT


def test_void_is_proposed_by_nothing_less_than_setting_bench_and_site() -> None:
    electrical = facts_of("STB", "2026-03-01", "2026-11-20", "electrical dead", SURGE)
    on = Policy(propose_void=True)
    not_to_norms = replace(electrical, protection_to_norms=False)
    assert propose_void(not_to_norms) is None
    assert propose_void(electrical, on) is None
    assert propose_void(replace(electrical, protection_to_norms=True), on) is None
    worn = facts_of("STB", "2026-03-01", "2026-11-20", "normal_use dead", SURGE)
    assert propose_void(replace(worn, protection_to_norms=False), on) is None
    modem = facts_of("MODEM", "2026-03-01", "2026-11-20", "electrical dead", SURGE)
    assert propose_void(replace(modem, protection_to_norms=False), on) is None
    found = propose_void(not_to_norms, on)
    assert found is not None
    assert (found.action, found.articles) == (Action.VOID, ("7.2.5",))
    assert propose_replacement(not_to_norms, on).action == Action.INSPECT


def test_electrical_damage_may_be_repaired_like_any_other_by_setting() -> None:
    facts = facts_of("STB", "2026-03-01", "2026-11-20", "electrical", SURGE)
    found = propose_repair(facts, Policy(electrical_damage_is=REPAIR))
    assert _text(found) == "repair_in_warranty 7.2.2"
    assert found.reasons == (Reason.NO_FAULT_OF_CUSTOMER_ESTABLISHED,)


def test_a_price_that_is_not_on_the_list_is_left_open() -> None:
    facts = facts_of("STB", "2026-03-01", "2026-11-20", "misuse dead", "")
    found = propose_charge(facts, None)
    assert (found.action, found.amount_cents) == (Action.CHARGE_NEW_ONE, None)


_EVERY = list(
    product(CLASSES, [None, *Cause], [True, False], ["2020-01-01", "2026-03-01", "-", "?"])
)


@pytest.mark.parametrize(("product_class", "cause", "usable", "receipt"), _EVERY)
def test_only_the_customers_own_misuse_is_ever_proposed_for_a_charge(
    product_class: str, cause: Cause | None, usable: bool, receipt: str
) -> None:
    receipts = {"-": "", "?": "2020-01-01/?"}.get(receipt, receipt)
    bench = "" if cause is None else f"{cause}{'' if usable else ' dead'}"
    facts = facts_of(product_class, receipts, "2026-11-20", bench, SURGE)
    charge = propose_charge(facts, NEW_ONE_CENTS)
    charged = charge.action == Action.CHARGE_NEW_ONE
    assert charged == (cause == Cause.MISUSE and not usable and receipts != "")
    assert (charge.amount_cents is not None) == charged
    for found in (propose_repair(facts), propose_replacement(facts), charge):
        assert found.articles
        assert found.reasons
    assert propose_void(facts) is None


@given(st.lists(st.integers(0, 29), max_size=8), st.booleans(), st.sampled_from([*Cause, None]))
def test_surges_on_record_never_change_what_is_proposed(
    days: list[int], measured: bool, cause: Cause | None
) -> None:
    grade = Grade.MEASURED if measured else Grade.INFERRED
    records = " ".join(f"surge:{date(2026, 11, 20) - timedelta(days=d)}:{grade}" for d in days)
    bench = "" if cause is None else cause.value
    bare = facts_of("STB", "2026-03-01", "2026-11-20", bench, "")
    surged = facts_of("STB", "2026-03-01", "2026-11-20", bench, records)
    for propose in (propose_repair, propose_replacement, _charge):
        assert propose(surged).action == propose(bare).action
        assert propose(surged).articles == propose(bare).articles


@pytest.mark.parametrize(
    ("subject", "choice", "amount_cents", "reason"),
    [
        (Subject.REPLACEMENT, Choice.CHARGE, 100, "wrong subject"),
        (Subject.REPAIR, Choice.REPLACE_FREE, None, "not the operator's"),
        (Subject.CHARGE, Choice.CHARGE, None, "no amount"),
        (Subject.CHARGE, Choice.CHARGE, 0, "nothing"),
        (Subject.CHARGE, Choice.WAIVE, 100, "an amount that is waived"),
        (Subject.CHARGE, Choice.WAIVE, None, "  "),
    ],
)
def test_a_decision_that_nobody_could_follow_is_refused(
    subject: Subject, choice: Choice, amount_cents: int | None, reason: str
) -> None:
    with pytest.raises(InvalidError):
        check_choice(subject, choice, amount_cents, reason)


def test_a_decision_with_its_reason_is_taken() -> None:
    check_choice(Subject.CHARGE, Choice.CHARGE, 100, "the case was opened")
    check_choice(Subject.REPLACEMENT, Choice.REPLACE_FREE, None, "unusable")


def facts_of(product_class: str, receipts: str, defect_on: str, bench: str, records: str) -> Facts:
    day = date.fromisoformat(defect_on)
    cover = cover_on(product_class, receipts_of(receipts), day)
    exhibits = [_exhibit(n, word) for n, word in enumerate(records.split())]
    history = history_of(exhibits, window_before(day, day, 30), cover.received_on, Sight.SENSOR)
    return Facts(product_class, cover, Symptom.OTHER, _finding(bench, cover.state), history)


def _exhibit(number: int, word: str) -> Exhibit:
    kind, day, grade = word.split(":")
    return Exhibit(f"event:{number}", Kind(kind), Grade(grade), date.fromisoformat(day))


def _finding(bench: str, state: Any) -> Finding | None:
    if not bench:
        return None
    cause, _, dead = bench.partition(" ")
    defect = Defect.NONE if cause == Cause.NO_FAULT_FOUND else Defect.MAIN_BOARD
    return Finding(defect, Cause(cause), not dead, state)


def _charge(facts: Facts) -> Proposal:
    return propose_charge(facts, NEW_ONE_CENTS)


def _text(proposal: Proposal) -> str:
    words = [proposal.action.value, *proposal.articles]
    if proposal.amount_cents is not None:
        words.append(f"{proposal.amount_cents / 100:.2f}")
    return " ".join(words)
