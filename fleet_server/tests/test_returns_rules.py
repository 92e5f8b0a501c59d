"""Worked cases of returns, theft and loss, by hand from the subscription terms.

Local time is Europe/Belgrade: UTC+1 in winter, UTC+2 in summer. Days in the table are civil days,
moments are local.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime

import pytest

from fleet_server.domain.clocks import return_clock
from fleet_server.domain.kinds import ProductClass
from fleet_server.domain.local_time import ZONE
from fleet_server.domain.policy import DEFAULTS, with_texts
from fleet_server.domain.returns import (
    Condition,
    Proposal,
    Verdict,
    for_condition,
    for_lost,
    for_stolen,
    for_unreturned,
)

P = ProductClass
MODEM, STB, CARD, VOICE = P.MODEM, P.STB, P.CARD, P.VOICEMODEM
A_MODEM = ("7.1.1", "9.9")
A_TV = ("7.2.1", "7.2.6", "9.9")
A_VOICE = ("7.3.2", "9.9")


def local(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=ZONE)


@dataclass(frozen=True)
class Case:
    """`effect`: termination takes effect; `confirmed`: written confirmation; `now`: asked."""

    what: str
    unit: ProductClass
    effect: str
    confirmed: str | None
    now: str
    value: int | None
    expected: Proposal
    returned: str | None = None
    stolen: str | None = None


def charge(articles: tuple[str, ...], cents: int) -> Proposal:
    return Proposal(Verdict.CHARGE, articles, ("not_returned",), cents)


def wait(articles: tuple[str, ...], cents: int) -> Proposal:
    return Proposal(Verdict.WAIT, articles, ("not_due_yet",), cents)


CASES = [
    Case(
        "five days after the 10th are the 15th; the next 5th is later, so nothing before it",
        *(MODEM, "2027-01-10", "2027-01-10T10:00", "2027-01-16T00:00", 4500),
        wait(A_MODEM, 4500),
    ),
    Case(
        "the 5th of February counts to its end",
        *(MODEM, "2027-01-10", "2027-01-10T10:00", "2027-02-05T23:59:59", 4500),
        wait(A_MODEM, 4500),
    ),
    Case(
        "the first moment after the 5th of February",
        *(MODEM, "2027-01-10", "2027-01-10T10:00", "2027-02-06T00:00", 4500),
        charge(A_MODEM, 4500),
    ),
    Case(
        "ended on the 1st: five days reach to the 6th, which is later than the 5th",
        *(MODEM, "2027-03-01", "2027-03-01T09:00", "2027-03-06T12:00", 4500),
        wait(A_MODEM, 4500),
    ),
    Case(
        "and from the 7th on the value is proposed",
        *(MODEM, "2027-03-01", "2027-03-01T09:00", "2027-03-07T00:00", 4500),
        charge(A_MODEM, 4500),
    ),
    Case(
        "ended on the 5th: the next 5th is that of the month after",
        *(MODEM, "2027-03-05", "2027-03-05T09:00", "2027-04-05T23:00", 4500),
        wait(A_MODEM, 4500),
    ),
    Case(
        "29 February: five days reach to 5 March, which is also the next 5th",
        *(STB, "2028-02-29", "2028-02-29T15:00", "2028-03-05T23:59", 8000),
        wait(A_TV, 8000),
    ),
    Case(
        "and 6 March is too late",
        *(STB, "2028-02-29", "2028-02-29T15:00", "2028-03-06T00:00", 8000),
        charge(A_TV, 8000),
    ),
    Case(
        "the clock change of 28 March moves no midnight: still winter at 00:00",
        *(CARD, "2027-03-22", "2027-03-22T12:00", "2027-04-06T00:00", 1500),
        charge(A_TV, 1500),
    ),
    Case(
        "one minute before, in summer time",
        *(CARD, "2027-03-22", "2027-03-22T12:00", "2027-04-05T23:59", 1500),
        wait(A_TV, 1500),
    ),
    Case(
        "confirmed at 00:10 local, which is still the day before in UTC: counts from the 2nd",
        *(STB, "2027-05-30", "2027-06-02T00:10", "2027-06-07T23:59", 8000),
        wait(A_TV, 8000),
    ),
    Case(
        "the later of effect and confirmation starts the clock, so the 8th is due",
        *(STB, "2027-05-30", "2027-06-02T00:10", "2027-06-08T00:00", 8000),
        charge(A_TV, 8000),
    ),
    Case(
        "never confirmed in writing: no clock runs, whatever the day",
        *(MODEM, "2027-01-10", None, "2027-12-31T12:00", 4500),
        Proposal(Verdict.WAIT, ("9.9",), ("termination_not_confirmed",)),
    ),
    Case(
        "a voice modem: the terms name no charge, however late",
        *(VOICE, "2027-01-10", "2027-01-10T10:00", "2027-06-30T12:00", 6000),
        Proposal(Verdict.NOTHING, A_VOICE, ("terms_name_no_charge",)),
    ),
    Case(
        "the papers named no value: nobody makes one up",
        *(STB, "2027-01-10", "2027-01-10T10:00", "2027-02-06T00:00", None),
        Proposal(Verdict.DECIDE, A_TV, ("value_not_in_papers",)),
    ),
    Case(
        "handed in on the last day",
        *(MODEM, "2027-01-10", "2027-01-10T10:00", "2027-03-01T12:00", 4500),
        Proposal(Verdict.NOTHING, A_MODEM, ("returned",)),
        returned="2027-01-15T23:30",
    ),
    Case(
        "handed in late, even after the charge was proposed: what came back is not owed",
        *(MODEM, "2027-01-10", "2027-01-10T10:00", "2027-03-01T12:00", 4500),
        Proposal(Verdict.NOTHING, A_MODEM, ("returned_late",)),
        returned="2027-02-20T09:00",
    ),
    Case(
        "stolen before the end: who pays is decided by the rule of theft, not twice",
        *(MODEM, "2027-01-10", "2027-01-10T10:00", "2027-03-01T12:00", 4500),
        Proposal(Verdict.NOTHING, A_MODEM, ("decided_apart",)),
        stolen="2027-01-05T08:00",
    ),
]


@pytest.mark.parametrize("case", CASES, ids=[case.what for case in CASES])
def test_unreturned_equipment(case: Case) -> None:
    clock = return_clock(
        DEFAULTS,
        case.unit,
        date.fromisoformat(case.effect),
        local(case.confirmed) if case.confirmed else None,
        local(case.returned) if case.returned else None,
        local(case.stolen) if case.stolen else None,
    )
    assert for_unreturned(clock, case.value, local(case.now)) == case.expected


# Unit, police report, what is proposed
THEFT: list[tuple[ProductClass, bool, Proposal]] = [
    (MODEM, True, Proposal(Verdict.NOTHING, ("7.1.5",), ("police_report",))),
    (MODEM, False, Proposal(Verdict.CHARGE, ("7.1.5",), ("no_police_report", "price_list"))),
    (VOICE, True, Proposal(Verdict.NOTHING, ("7.3.6",), ("police_report",))),
    (VOICE, False, Proposal(Verdict.CHARGE, ("7.3.6",), ("no_police_report", "price_list"))),
    (STB, True, Proposal(Verdict.DECIDE, (), ("terms_are_silent",))),
    (STB, False, Proposal(Verdict.DECIDE, (), ("terms_are_silent",))),
    (CARD, False, Proposal(Verdict.DECIDE, (), ("terms_are_silent",))),
]


@pytest.mark.parametrize(("unit", "report", "expected"), THEFT)
def test_stolen_equipment(unit: ProductClass, report: bool, expected: Proposal) -> None:
    assert for_stolen(DEFAULTS, unit, report) == expected


def test_the_setting_has_television_treated_as_modems_are() -> None:
    policy = with_texts(DEFAULTS, {"propose_theft_charge_stb_and_card": "on"})
    assert for_stolen(policy, STB, True).verdict is Verdict.NOTHING
    assert for_stolen(policy, CARD, False).verdict is Verdict.CHARGE


def test_a_loss_is_decided_by_a_person() -> None:
    assert for_lost() == Proposal(Verdict.DECIDE, (), ("terms_are_silent",))


# Unit, condition at the counter, what is proposed
CONDITIONS: list[tuple[ProductClass, Condition, Proposal]] = [
    (MODEM, Condition.COMPLETE, Proposal(Verdict.NOTHING, (), ("returned",))),
    (STB, Condition.INCOMPLETE, Proposal(Verdict.NOTHING, (), ("accessories_not_valued",))),
    (MODEM, Condition.DAMAGED, Proposal(Verdict.DECIDE, ("7.1.4",), ("needs_finding",))),
    (VOICE, Condition.DAMAGED, Proposal(Verdict.DECIDE, ("7.3.5",), ("needs_finding",))),
    (STB, Condition.DAMAGED, Proposal(Verdict.DECIDE, ("7.2.6",), ("needs_finding",))),
    (CARD, Condition.DAMAGED, Proposal(Verdict.DECIDE, ("7.2.6",), ("needs_finding",))),
]


@pytest.mark.parametrize(("unit", "condition", "expected"), CONDITIONS)
def test_how_a_unit_looks_never_charges_by_itself(
    unit: ProductClass, condition: Condition, expected: Proposal
) -> None:
    assert for_condition(unit, condition) == expected
