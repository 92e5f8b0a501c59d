"""Units that come back, are stolen or lost: the registry, the operator's systems, the receipt."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime

import pytest
from sqlalchemy import select

from fleet_server.adapters.certificates import is_signed
from fleet_server.domain import errors
from fleet_server.domain.life_cycle import LifeCycleError
from fleet_server.domain.policy import DEFAULTS
from fleet_server.domain.returns import Condition, Verdict
from fleet_server.domain.service_state import Ground as ServiceGround
from fleet_server.domain.service_state import ServiceState
from fleet_server.services import audit, blacklist, charges, returns, service_state
from fleet_server.services import tables as t
from fleet_server.services.blacklist import Cause, PoliceReport
from fleet_server.services.charges import ChargeDecision, Owed
from fleet_server.services.console_token import console_token
from fleet_server.services.enrolment import enrol
from fleet_server.services.return_receipts import check_receipt
from fleet_server.services.returns import HandedIn, ReturnRecord
from fleet_server.services.service_state import Wanted
from fleet_server.tests.service_desk import (
    CARD,
    CLERK,
    CONTRACT,
    LINE,
    MAC,
    NOON,
    STB,
    STORE,
    VOICE_MODEM,
    ServiceDesk,
)

MODEM_SERIAL, BOX_SERIAL = "20000002", "20000003"
REPORT = PoliceReport("2026/11-4711", date(2026, 11, 25))


def end_contract(desk: ServiceDesk) -> None:
    with desk.fleet.writing() as connection:
        wanted = Wanted(ServiceState.TERMINATED, ServiceGround.CUSTOMER_REQUEST)
        service_state.decide(connection, CONTRACT, wanted, CLERK, "written", DEFAULTS, desk.now)
    desk.work()
    with desk.fleet.writing() as connection:
        service_state.step(connection, DEFAULTS, desk.now)


def take_back(
    desk: ServiceDesk, serial: str, condition: Condition = Condition.COMPLETE, place: str = STORE
) -> ReturnRecord:
    with desk.fleet.writing() as connection:
        handed_in = HandedIn(serial, place, condition)
        return returns.take_back(connection, desk.fleet.document_key, handed_in, CLERK, desk.now)


def bar(desk: ServiceDesk, serial: str, report: PoliceReport | None = None) -> None:
    with desk.fleet.writing() as connection:
        blacklist.blacklist(connection, serial, Cause.STOLEN, report, CLERK, "told", desk.now)


def owed(desk: ServiceDesk, serial: str) -> Owed:
    with desk.fleet.reading() as connection:
        return charges.owed_for(connection, DEFAULTS, serial, desk.now)


def test_a_return_takes_the_unit_off_contract_and_network_and_gives_a_receipt(
    desk: ServiceDesk,
) -> None:
    end_contract(desk)
    desk.later(days=2)
    record = take_back(desk, MODEM_SERIAL)
    desk.work()
    assert desk.state_of(MODEM_SERIAL) == "returned"
    assert desk.access.access(MAC) is None
    assert desk.voice.line(LINE) is None
    checked = check_receipt(record.text, desk.fleet.document_key.public_point(), is_signed)
    assert checked == record.receipt
    assert (checked.number, checked.returned_on, checked.place, checked.condition) == (
        "R-00000001",
        date(2026, 11, 28),
        STORE,
        "complete",
    )
    assert CONTRACT not in record.text
    with desk.fleet.reading() as connection:
        assert returns.read_return(connection, "R-00000001") == record
        assert returns.list_returns(connection, None, 10) == [(1, record)]
        assert returns.list_returns(connection, 1, 10) == []


def test_the_day_of_a_return_is_the_local_one(desk: ServiceDesk) -> None:
    desk.now = datetime(2026, 11, 30, 23, 30, tzinfo=UTC)
    assert take_back(desk, BOX_SERIAL).receipt.returned_on == date(2026, 12, 1)


def test_until_it_is_back_the_line_of_an_ended_contract_reaches_emergency_numbers(
    desk: ServiceDesk,
) -> None:
    end_contract(desk)
    desk.later(days=100)
    desk.work()
    assert desk.voice.may_call(LINE, "112")


def test_a_card_that_comes_back_is_paired_with_nothing_and_opens_nothing(
    desk: ServiceDesk,
) -> None:
    take_back(desk, CARD)
    desk.work()
    card = desk.cards.card(CARD)
    assert card is not None
    assert (card.box, card.package) == ("", "")
    assert desk.rows(t.pairing)[0].until_at == NOON


def test_what_comes_back_before_the_contract_ends_gives_its_position_up(
    desk: ServiceDesk,
) -> None:
    take_back(desk, BOX_SERIAL, Condition.INCOMPLETE)
    open_ = [row.unit_id for row in desk.rows(t.assignment) if row.until_at is None]
    box = desk.scalar(select(t.unit.c.id).where(t.unit.c.serial_number == BOX_SERIAL))
    assert box not in open_
    assert len(open_) == 3


@pytest.mark.parametrize(
    ("serial", "place", "error"),
    [
        ("99999999", STORE, errors.UnknownUnitError),
        (BOX_SERIAL, "NOWHERE", errors.UnknownPlaceError),
    ],
)
def test_what_cannot_be_taken_back_changes_nothing(
    desk: ServiceDesk, serial: str, place: str, error: type[errors.RuleError]
) -> None:
    with pytest.raises(error):
        take_back(desk, serial, place=place)
    assert (desk.rows(t.unit_return), desk.rows(t.outbox)) == ([], [])


def test_a_unit_comes_back_once(desk: ServiceDesk) -> None:
    take_back(desk, BOX_SERIAL)
    with pytest.raises(LifeCycleError):
        take_back(desk, BOX_SERIAL)


@pytest.mark.parametrize("number", ["R-00000009", "R-", "x", "R-" + "9" * 30])
def test_an_unknown_receipt_is_said_to_be_unknown(desk: ServiceDesk, number: str) -> None:
    with pytest.raises(errors.UnknownReturnError), desk.fleet.reading() as connection:
        returns.read_return(connection, number)


def test_what_is_not_back_is_listed_with_its_value_and_when_it_is_due(desk: ServiceDesk) -> None:
    end_contract(desk)
    take_back(desk, BOX_SERIAL)
    desk.now = datetime(2026, 12, 6, 9, 0, tzinfo=UTC)  # the 5th of December has passed
    with desk.fleet.reading() as connection:
        modem, card = charges.list_owed(connection, DEFAULTS, desk.now, 0, 10)
        assert charges.list_owed(connection, DEFAULTS, desk.now, card.unit_id, 10) == []
    assert (modem.serial_number, modem.proposal.verdict) == (MODEM_SERIAL, Verdict.NOTHING)
    assert modem.proposal.reasons == ("terms_name_no_charge",)
    assert (card.serial_number, card.contract, card.value_cents) == (CARD, CONTRACT, 1500)
    assert (card.proposal.verdict, card.proposal.amount_cents) == (Verdict.CHARGE, 1500)


def test_a_unit_that_was_replaced_has_no_day_on_which_it_is_owed(desk: ServiceDesk) -> None:
    with desk.fleet.writing() as connection:
        connection.execute(
            t.unit.update()
            .where(t.unit.c.serial_number == BOX_SERIAL)
            .values(state="to_be_returned")
        )
    desk.later(days=400)
    found = owed(desk, BOX_SERIAL)
    assert (found.clock, found.proposal.verdict) == (None, Verdict.WAIT)
    assert found.proposal.reasons == ("contract_runs",)


def decide(desk: ServiceDesk, found: Owed, decision: ChargeDecision, cents: int) -> None:
    with desk.fleet.writing() as connection:
        charges.decide_charge(connection, found, decision, cents, CLERK, "why", desk.now)


def test_a_named_person_decides_once_and_never_above_the_papers(desk: ServiceDesk) -> None:
    end_contract(desk)
    with pytest.raises(errors.ChargeNotProposedError, match="not_due_yet"):
        decide(desk, owed(desk, CARD), ChargeDecision.CHARGE, 1500)
    desk.later(days=30)
    for cents in (1501, 0):
        with pytest.raises(errors.ChargeNotProposedError):
            decide(desk, owed(desk, CARD), ChargeDecision.CHARGE, cents)
    decide(desk, owed(desk, CARD), ChargeDecision.CHARGE, 1500)
    found = owed(desk, CARD)
    assert (found.decision, found.decided_cents) == ("charge", 1500)
    with pytest.raises(errors.ChargeDecidedError):
        decide(desk, found, ChargeDecision.WAIVE, 0)
    (row,) = desk.rows(t.charge_decision)
    assert (row.proposed, row.articles) == ("charge", "7.2.1,7.2.6,9.9")
    with desk.fleet.reading() as connection:
        entry = audit.history(connection, f"unit:{CARD}")[0]
    assert (entry.action, entry.actor, entry.reason) == ("charge_decided", CLERK, "why")


def test_nobody_is_charged_for_a_voice_modem(desk: ServiceDesk) -> None:
    end_contract(desk)
    desk.later(days=400)
    with pytest.raises(errors.ChargeNotProposedError, match="terms_name_no_charge"):
        decide(desk, owed(desk, MODEM_SERIAL), ChargeDecision.CHARGE, 1)
    decide(desk, owed(desk, MODEM_SERIAL), ChargeDecision.WAIVE, 0)


def test_nothing_is_owed_for_a_unit_in_use(desk: ServiceDesk) -> None:
    with pytest.raises(errors.ChargeNotProposedError):
        owed(desk, MODEM_SERIAL)
    with pytest.raises(errors.UnknownUnitError):
        owed(desk, "99999999")


def test_a_stolen_unit_is_barred_everywhere(desk: ServiceDesk) -> None:
    with desk.fleet.writing() as connection:
        connection.execute(
            t.certificate.insert().values(
                certificate_serial_number="01",
                endpoint_id=STB,
                not_before=NOON,
                not_after=NOON,
                issued_at=NOON,
            )
        )
    bar(desk, BOX_SERIAL, REPORT)
    bar(desk, CARD)
    bar(desk, MODEM_SERIAL)
    desk.work()
    assert {desk.state_of(each) for each in (BOX_SERIAL, CARD, MODEM_SERIAL)} == {"stolen"}
    assert desk.cards.is_blacklisted(BOX_SERIAL)
    assert desk.cards.is_blacklisted(CARD)
    assert desk.access.access(MAC) is None
    assert [row.revoked_at for row in desk.rows(t.certificate)] == [NOON]
    with pytest.raises(errors.BlacklistedUnitError):
        enrol(desk.fleet, BOX_SERIAL, b"", CONTRACT, "tv-1", CLERK, desk.now)
    with pytest.raises(errors.BlacklistedUnitError):
        console_token(desk.fleet, BOX_SERIAL, "00" * 16, desk.now)
    with pytest.raises(errors.BlacklistedUnitError):
        bar(desk, BOX_SERIAL)


def test_the_police_reference_stays_out_of_the_audit_log(desk: ServiceDesk) -> None:
    bar(desk, BOX_SERIAL, REPORT)
    with desk.fleet.reading() as connection:
        entries = audit.history(connection, f"unit:{BOX_SERIAL}")
    assert {"unit_blacklisted", "unit_state_changed"} == {entry.action for entry in entries}
    assert REPORT.reference not in str(entries)
    assert desk.rows(t.blacklisting)[0].police_report == REPORT.reference


def test_a_report_that_comes_later_changes_the_proposal(desk: ServiceDesk) -> None:
    bar(desk, MODEM_SERIAL)
    before = owed(desk, MODEM_SERIAL)
    assert (before.proposal.verdict, before.proposal.articles) == (Verdict.CHARGE, ("7.3.6",))
    with desk.fleet.writing() as connection:
        blacklist.add_police_report(connection, MODEM_SERIAL, REPORT, CLERK, desk.now)
    assert owed(desk, MODEM_SERIAL).proposal.verdict is Verdict.NOTHING


@pytest.mark.parametrize(
    "report",
    [
        replace(REPORT, reference=""),
        replace(REPORT, reference="<b>"),
        replace(REPORT, reference="x" * 65),
        replace(REPORT, reported_on=date(2026, 11, 27)),
    ],
)
def test_a_report_that_cannot_be_one_is_refused(desk: ServiceDesk, report: PoliceReport) -> None:
    with pytest.raises(errors.InvalidPoliceReportError):
        bar(desk, BOX_SERIAL, report)
    with pytest.raises(errors.NotBlacklistedError), desk.fleet.writing() as connection:
        blacklist.add_police_report(connection, BOX_SERIAL, REPORT, CLERK, desk.now)


def test_a_unit_that_was_found_goes_into_quarantine_and_works_again(desk: ServiceDesk) -> None:
    bar(desk, BOX_SERIAL)
    with desk.fleet.writing() as connection:
        blacklist.lift(connection, BOX_SERIAL, STORE, CLERK, "Found in a yard.", desk.now)
    desk.work()
    assert desk.state_of(BOX_SERIAL) == "quarantine"
    assert not desk.cards.is_blacklisted(BOX_SERIAL)
    with pytest.raises(errors.NotBlacklistedError), desk.fleet.writing() as connection:
        blacklist.lift(connection, BOX_SERIAL, STORE, CLERK, "Again.", desk.now)
    bar_again = desk.rows(t.unit)
    assert not any(row.blacklisted for row in bar_again)


def test_services_of_the_rest_of_a_contract_go_on_without_the_stolen_unit(
    desk: ServiceDesk,
) -> None:
    bar(desk, BOX_SERIAL)
    with desk.fleet.writing() as connection:
        wanted = Wanted(ServiceState.SUSPENDED, ServiceGround.OTHER_BREACH)
        service_state.decide(connection, CONTRACT, wanted, CLERK, "x", DEFAULTS, desk.now)
    desk.work()
    assert set(desk.devices.told) == {VOICE_MODEM}
