"""A repair case from the report to its end, on a database. All data are made up."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import pytest
from sqlalchemy import Engine, select

from fleet_server.domain.errors import (
    BlacklistedUnitError,
    ConflictError,
    InvalidError,
    UnknownUnitError,
)
from fleet_server.domain.evidence import Grade, Kind, Sight
from fleet_server.domain.life_cycle import LifeCycleError
from fleet_server.domain.proposal import Action, Choice, Subject
from fleet_server.domain.repair import (
    CaseError,
    CaseOpenError,
    CaseState,
    Cause,
    Defect,
    Finding,
    FindingError,
    Outcome,
    UnknownCaseError,
)
from fleet_server.domain.warranty import CoverState
from fleet_server.services import audit
from fleet_server.services import tables as t
from fleet_server.services.audit import Actor
from fleet_server.services.policy import change_setting
from fleet_server.services.repair_decisions import decide
from fleet_server.services.repair_stock import (
    Price,
    SiteCheck,
    deliver_parts,
    list_parts,
    list_prices,
    record_site_check,
    set_price,
)
from fleet_server.services.repairs import close, find, log, receive, use_part, withdraw
from fleet_server.services.views_repairs import (
    CaseFilter,
    CaseView,
    for_the_bench,
    list_cases,
    open_case_of,
    read_case,
)
from fleet_server.tests.repair_bench import BENCH, NOW, RepairBench, at, worn_out

OPERATOR = 2
ELECTRICAL = Finding(Defect.POWER_SUPPLY, Cause.ELECTRICAL, False, CoverState.IN_TERM)
MISUSED = Finding(Defect.MAIN_BOARD, Cause.MISUSE, False, CoverState.IN_TERM)


@pytest.fixture
def bench(engine: Engine) -> RepairBench:
    return RepairBench(engine)


def test_a_case_goes_from_report_to_repair_and_the_unit_back_to_its_customer(
    bench: RepairBench,
) -> None:
    unit = bench.installed("S1", "2026-03-01")
    number = bench.case("S1", defect_on=date(2026, 11, 18), words="the picture freezes")
    assert number == "RMA-000001"
    with bench.engine.begin() as connection:
        receive(connection, BENCH, number, None, "", at("2026-11-24T09:00"))
        log(connection, BENCH, number, "5 V rail is at 3.9 V", NOW)
        find(connection, 1, number, worn_out(), "", NOW)
    assert bench.one(t.unit, unit).state == "in_repair"
    with bench.engine.begin() as connection:
        close(connection, BENCH, number, Outcome.REPAIRED, None, "", NOW)
    view = _read(bench, number)
    assert bench.one(t.unit, unit).state == "installed"
    assert (view.case.state, view.case.outcome) == (CaseState.CLOSED, Outcome.REPAIRED)
    assert view.turn_round is not None
    assert (view.turn_round.days, view.turn_round.ended) == (2, True)
    assert [entry.action for entry in view.log] == [
        "repair_reported",
        "repair_received",
        "bench_logged",
        "repair_found",
        "repair_closed",
    ]
    assert view.log[2].reason == "5 V rail is at 3.9 V"
    assert view.who == {"1": "bench"}
    with bench.reading() as connection:
        assert audit.verify(connection).broken_at is None


def test_a_unit_has_one_open_case_at_a_time(bench: RepairBench) -> None:
    bench.installed("S1", "2026-03-01")
    number = bench.case("S1")
    with pytest.raises(CaseOpenError):
        bench.case("S1")
    with bench.engine.begin() as connection:
        assert open_case_of(connection, "S1") == number
        withdraw(connection, BENCH, number, "works again", NOW)
        assert open_case_of(connection, "S1") is None
    assert bench.case("S1") > number


def test_what_cannot_be_reported_is_refused(bench: RepairBench) -> None:
    bench.unit("S1", blacklisted=True)
    bench.unit("S2")
    with pytest.raises(BlacklistedUnitError):
        bench.case("S1")
    with pytest.raises(UnknownUnitError):
        bench.case("nothing")
    with pytest.raises(InvalidError):
        bench.case("S2", reported_on=date(2026, 11, 27))
    with pytest.raises(InvalidError):
        bench.case("S2", defect_on=date(2026, 11, 21))


@pytest.mark.parametrize("number", ["RMA-000009", "RMA-1", "", "R-000001", "RMA-" + "9" * 30])
def test_an_unknown_case_is_said_to_be_so(bench: RepairBench, number: str) -> None:
    with pytest.raises(UnknownCaseError):
        _read(bench, number)


def test_steps_out_of_order_are_refused_and_change_nothing(bench: RepairBench) -> None:
    bench.installed("S1", "2026-03-01")
    number = bench.case("S1")
    with bench.engine.begin() as connection:
        with pytest.raises(CaseError):
            log(connection, BENCH, number, "words", NOW)
        with pytest.raises(CaseError):
            find(connection, 1, number, worn_out(), "", NOW)
        with pytest.raises(CaseError):
            close(connection, BENCH, number, Outcome.REPAIRED, None, "", NOW)
        with pytest.raises(CaseError):
            use_part(connection, BENCH, number, "PSU-12", 1, NOW)
    assert [entry.action for entry in _read(bench, number).log] == ["repair_reported"]


def test_a_unit_that_the_registry_has_in_stock_does_not_come_to_a_bench(
    bench: RepairBench,
) -> None:
    bench.unit("S1")
    number = bench.case("S1")
    with pytest.raises(LifeCycleError), bench.engine.begin() as connection:
        receive(connection, BENCH, number, None, "", NOW)
    assert _read(bench, number).case.state == CaseState.REPORTED


def test_the_bench_is_a_place_of_a_contractor(bench: RepairBench) -> None:
    unit = bench.installed("S1", "2026-03-01")
    place = bench.insert(t.place, code="REP-1", kind="contractor", name="Made-up repairs")
    bench.insert(t.place, code="WH-1", kind="warehouse", name="Made-up store")
    number = bench.case("S1")
    with pytest.raises(InvalidError), bench.engine.begin() as connection:
        receive(connection, BENCH, number, "WH-1", "", NOW)
    with bench.engine.begin() as connection:
        receive(connection, BENCH, number, "REP-1", "", NOW)
    assert bench.one(t.unit, unit).place_id == place


def test_a_finding_is_revised_until_the_case_is_closed_and_each_is_kept(
    bench: RepairBench,
) -> None:
    bench.installed("S1", "2026-03-01")
    number = bench.case("S1")
    bench.found(number)
    with bench.engine.begin() as connection:
        with pytest.raises(FindingError):
            find(connection, 1, number, worn_out(term=CoverState.EXPIRED), "", NOW)
        find(connection, 1, number, worn_out(term=CoverState.EXPIRED), "label says so", NOW)
        kept = connection.execute(select(t.repair_finding)).all()
    assert [(row.term, row.cover_state) for row in kept] == [
        ("in_term", "in_term"),
        ("expired", "in_term"),
    ]
    view = _read(bench, number)
    assert view.finding == worn_out(term=CoverState.EXPIRED)
    # The reckoned cover decides what is proposed, not the word.
    assert _proposed(view)[Subject.REPAIR] == Action.REPAIR_IN_WARRANTY


def test_out_of_term_the_operator_replaces_free_under_a_name_and_a_reason(
    bench: RepairBench,
) -> None:
    bench.installed("S1", "2025-03-01")
    number = bench.case("S1")
    bench.found(number, worn_out(term=CoverState.EXPIRED))
    assert _proposed(_read(bench, number)) == {
        Subject.REPAIR: Action.ASK_OPERATOR,
        Subject.REPLACEMENT: Action.REPLACE_FREE,
        Subject.CHARGE: Action.NO_CHARGE,
    }
    with bench.engine.begin() as connection:
        decide(
            connection,
            OPERATOR,
            number,
            Subject.REPLACEMENT,
            Choice.NO_REPLACEMENT,
            None,
            "first a look at it",
            NOW,
        )
        decide(
            connection,
            OPERATOR,
            number,
            Subject.REPLACEMENT,
            Choice.REPLACE_FREE,
            None,
            "7.2.6",
            NOW,
        )
    newest, before = _read(bench, number).decisions
    assert (newest.choice, newest.proposed) == (Choice.REPLACE_FREE, "replace_free")
    assert (newest.account_id, newest.articles) == (OPERATOR, ("7.2.6",))
    assert before.choice == Choice.NO_REPLACEMENT


def test_a_charge_follows_the_price_list_and_is_hidden_from_the_bench(bench: RepairBench) -> None:
    bench.installed("S1", "2026-03-01")
    bench.insert(t.price, product_class="STB", valid_from_on=date(2026, 1, 1), amount_cents=5_000)
    bench.insert(t.price, product_class="STB", valid_from_on=date(2026, 11, 1), amount_cents=6_000)
    bench.insert(t.price, product_class="STB", valid_from_on=date(2027, 1, 1), amount_cents=7_000)
    number = bench.case("S1")
    with bench.engine.begin() as connection, pytest.raises(ConflictError):
        decide(connection, OPERATOR, number, Subject.CHARGE, Choice.CHARGE, 1, "too soon", NOW)
    bench.found(number, MISUSED)
    view = _read(bench, number)
    charge = next(one for one in view.proposals if one.subject == Subject.CHARGE)
    assert (charge.action, charge.amount_cents) == (Action.CHARGE_NEW_ONE, 6_000)
    with bench.engine.begin() as connection:
        decide(connection, OPERATOR, number, Subject.CHARGE, Choice.CHARGE, 4_500, "half", NOW)
        decide(connection, OPERATOR, number, Subject.CHARGE, Choice.WAIVE, None, "first time", NOW)
    seen = for_the_bench(_read(bench, number))
    assert seen.decisions == ()
    assert {one.subject for one in seen.proposals} == {Subject.REPAIR, Subject.REPLACEMENT}
    assert "repair_decided" not in {entry.action for entry in seen.log}


def test_the_models_own_price_goes_before_that_of_its_kind(bench: RepairBench) -> None:
    bench.installed("S1", "2026-03-01")
    with bench.engine.begin() as connection:
        connection.execute(t.unit.update().values(model_name="Example Box"))
    day = date(2026, 1, 1)
    bench.insert(t.price, product_class="STB", valid_from_on=day, amount_cents=5_000)
    bench.insert(
        t.price,
        product_class="STB",
        model_name="Example Box",
        valid_from_on=day,
        amount_cents=8_000,
    )
    number = bench.case("S1")
    bench.found(number, MISUSED)
    charge = next(o for o in _read(bench, number).proposals if o.subject == Subject.CHARGE)
    assert charge.amount_cents == 8_000


def test_records_are_collected_with_their_grade_and_what_the_unit_can_see(
    bench: RepairBench,
) -> None:
    bench.installed("S1", "2026-11-10")
    bench.sensors("S1", "rail")
    bench.event("S1", "Transient!", "2026-11-05T10:00", Magnitude="1900000")
    surge = bench.event("S1", "Transient!", "2026-11-18T10:00", Magnitude="1900000", Duration="2")
    # 23:30 UTC on the day before the window's last is the day after it here.
    bench.event("S1", "Dip!", "2026-11-20T23:30", grade="inferred")
    dip = bench.event("S1", "Dip!", "2026-11-19T23:30", grade="inferred")
    boot = bench.event("S1", "Boot!", "2026-11-19T10:00", Reason="watchdog")
    bench.event("S2", "Transient!", "2026-11-18T10:00")
    history = _read(bench, bench.case("S1")).history
    assert history.sight == Sight.SENSOR
    assert history.earlier == 1
    assert [e.ident for e in history.exhibits] == [f"event:{k}" for k in (surge, boot, dip)]
    first, second, third = history.exhibits
    assert (first.kind, first.magnitude_mv, first.duration_ms) == (Kind.SURGE, 1_900_000, 2)
    assert (second.kind, second.code) == (Kind.RESTART, "watchdog")
    assert (third.grade, third.day) == (Grade.INFERRED, date(2026, 11, 20))
    assert history.grade() == Grade.MEASURED


def test_where_the_receipt_is_not_on_record_the_stay_tells_whose_records_they_are(
    bench: RepairBench,
) -> None:
    unit = bench.unit("S1", state="installed")
    (before,) = bench.position("C-1", "tv-1")
    (now,) = bench.position("C-2", "tv-1")
    bench.stay(unit, before, "2026-01-10", "2026-11-05", handed_over="2026-01-10")
    bench.stay(unit, now, "2026-11-10")
    bench.event("S1", "Transient!", "2026-11-04T10:00")
    theirs = bench.event("S1", "Transient!", "2026-11-12T10:00")
    view = _read(bench, bench.case("S1"))
    assert view.cover.state == CoverState.UNKNOWN
    assert [e.ident for e in view.history.exhibits] == [f"event:{theirs}"]
    assert view.history.earlier == 1


def test_a_cards_records_are_those_of_the_boxes_it_was_in(bench: RepairBench) -> None:
    card = bench.installed("K1", "2024-03-01", "CARD")
    one, other = bench.unit("S1"), bench.unit("S2")
    bench.insert(
        t.pairing,
        card_unit_id=card,
        box_unit_id=one,
        since_at=at("2026-01-01"),
        until_at=at("2026-11-15"),
    )
    bench.insert(t.pairing, card_unit_id=card, box_unit_id=other, since_at=at("2026-11-15"))
    mine = [
        bench.event("S1", "X_IPKO-COM_CardState!", "2026-11-10T10:00", State="Mute"),
        bench.event("S2", "Transient!", "2026-11-16T10:00"),
    ]
    bench.event("S1", "Transient!", "2026-11-16T10:00")
    bench.event("S2", "Transient!", "2026-11-10T10:00")
    history = _read(bench, bench.case("K1")).history
    assert [e.ident for e in history.exhibits] == [f"event:{key}" for key in mine]
    assert history.exhibits[0].code == "Mute"
    assert history.sight == Sight.NOT_KNOWN


def test_electrical_damage_is_inspected_and_void_only_by_setting_and_a_check_on_site(
    bench: RepairBench,
) -> None:
    bench.installed("S1", "2026-03-01")
    number = bench.case("S1")
    bench.found(number, ELECTRICAL)
    assert set(_proposed(_read(bench, number)).values()) == {Action.INSPECT}
    check = SiteCheck("S1", date(2026, 11, 22), 9_800, False, "made-up tester", "3-pole")
    with bench.engine.begin() as connection:
        record_site_check(connection, OPERATOR, check, NOW)
        with pytest.raises(InvalidError):
            decide(connection, OPERATOR, number, Subject.WARRANTY, Choice.VOID, None, "void", NOW)
    assert Subject.WARRANTY not in _proposed(_read(bench, number))
    with bench.engine.begin() as connection:
        change_setting(connection, Actor.account(2), "propose_void", "on", "as agreed", NOW)
    view = _read(bench, number)
    assert _proposed(view)[Subject.WARRANTY] == Action.VOID
    assert _proposed(view)[Subject.CHARGE] == Action.INSPECT
    with bench.engine.begin() as connection:
        decide(
            connection, OPERATOR, number, Subject.WARRANTY, Choice.COVER_STANDS, None, "kind", NOW
        )
    assert _read(bench, number).decisions[0].choice == Choice.COVER_STANDS


def test_a_check_made_at_an_earlier_customer_says_nothing(bench: RepairBench) -> None:
    bench.installed("S1", "2026-03-01")
    check = SiteCheck("S1", date(2026, 2, 1), None, False, "made-up tester", "visual")
    with bench.engine.begin() as connection:
        record_site_check(connection, OPERATOR, check, NOW)
        change_setting(connection, Actor.account(2), "propose_void", "on", "as agreed", NOW)
    number = bench.case("S1")
    bench.found(number, ELECTRICAL)
    assert Subject.WARRANTY not in _proposed(_read(bench, number))


@pytest.mark.parametrize(
    "change",
    [
        {"checked_on": date(2026, 11, 27)},
        {"earthing_milliohm": None, "protection_to_norms": None},
    ],
)
def test_a_check_that_says_nothing_is_refused(
    bench: RepairBench, change: dict[str, object]
) -> None:
    bench.unit("S1")
    check = SiteCheck("S1", date(2026, 11, 20), 4_000, True, "made-up tester", "3-pole")
    with bench.engine.begin() as connection, pytest.raises(InvalidError):
        record_site_check(connection, OPERATOR, replace(check, **change), NOW)  # type: ignore[arg-type]


def test_the_day_that_counts_is_the_defects_unless_set_to_the_reports(bench: RepairBench) -> None:
    bench.installed("S1", "2025-11-19")
    number = bench.case("S1", defect_on=date(2026, 11, 19))
    assert _read(bench, number).cover.state == CoverState.IN_TERM
    with bench.engine.begin() as connection:
        change_setting(connection, Actor.account(2), "warranty_counts", "report", "agreed", NOW)
    assert _read(bench, number).cover.state == CoverState.EXPIRED


def test_parts_leave_the_shelf_and_stand_in_the_case(bench: RepairBench) -> None:
    bench.installed("S1", "2026-03-01")
    number = bench.case("S1")
    with bench.engine.begin() as connection:
        receive(connection, BENCH, number, None, "", NOW)
        with pytest.raises(InvalidError):
            deliver_parts(connection, BENCH, "PSU-12", " ", 2, NOW)
        deliver_parts(connection, BENCH, "PSU-12", "Supply 12 V", 2, NOW)
        deliver_parts(connection, BENCH, "PSU-12", "", 1, NOW)
        use_part(connection, BENCH, number, "PSU-12", 2, NOW)
        for code, quantity in (("PSU-12", 2), ("nothing", 1), ("PSU-12", 0), ("PSU-12", -1)):
            with pytest.raises(InvalidError), connection.begin_nested():
                use_part(connection, BENCH, number, code, quantity, NOW)
        (part,) = list_parts(connection, "", 10)
    assert (part.code, part.on_hand) == ("PSU-12", 1)
    assert [(p.code, p.quantity) for p in _read(bench, number).parts] == [("PSU-12", 2)]


def test_a_price_begins_today_or_later_and_once(bench: RepairBench) -> None:
    price = Price("STB", "", date(2026, 11, 26), 6_000)
    with bench.engine.begin() as connection:
        set_price(connection, BENCH, price, "new list", NOW)
        for wrong, reason in (
            (price, "again"),
            (replace(price, valid_from_on=date(2026, 11, 25)), "late"),
            (replace(price, valid_from_on=date(2026, 12, 1)), " "),
        ):
            with pytest.raises(InvalidError):
                set_price(connection, BENCH, wrong, reason, NOW)
        assert list_prices(connection) == [price]


def test_a_repair_that_did_not_hold_is_flagged(bench: RepairBench) -> None:
    bench.installed("S1", "2026-03-01")
    first = bench.case("S1")
    bench.found(first)
    with bench.engine.begin() as connection:
        close(connection, BENCH, first, Outcome.REPAIRED, None, "", at("2026-11-20T10:00"))
    second = bench.case("S1")
    assert _read(bench, second).repeats == (first,)
    assert _read(bench, first).repeats == ()


def test_a_unit_on_a_contract_is_not_scrapped_under_its_customer(bench: RepairBench) -> None:
    unit = bench.installed("S1", "2026-03-01")
    bench.unit("S2")
    bench.unit("M1", "MODEM")
    number = bench.case("S1")
    bench.found(number, worn_out(usable_again=False))
    with bench.engine.begin() as connection:
        for outcome, other in ((Outcome.SCRAPPED, None), (Outcome.REPLACED, "S2")):
            with pytest.raises(CaseError, match="holds a service position"):
                close(connection, BENCH, number, outcome, other, "", NOW)
        for outcome, other in (
            (Outcome.REPLACED, None),
            (Outcome.SCRAPPED, "S2"),
            (Outcome.REPLACED, "M1"),
            (Outcome.REPLACED, "S1"),
        ):
            with pytest.raises(InvalidError):
                close(connection, BENCH, number, outcome, other, "", NOW)
        connection.execute(t.assignment.update().values(until_at=NOW))
        close(connection, BENCH, number, Outcome.REPLACED, "S2", "", NOW)
    assert bench.one(t.unit, unit).state == "quarantine"
    assert _read(bench, number).replacement == "S2"


def test_the_list_is_narrowed_and_paged_the_newest_first(bench: RepairBench) -> None:
    for serial in ("S1", "S2", "S3"):
        bench.installed(serial, "2026-03-01")
    one, two, three = (bench.case(serial) for serial in ("S1", "S2", "S3"))
    with bench.engine.begin() as connection:
        withdraw(connection, BENCH, two, "never came", NOW)

    def numbers(narrowed: CaseFilter, before: int | None = None, size: int = 50) -> list[str]:
        with bench.reading() as connection:
            rows = list_cases(connection, narrowed, before, size, NOW)
        return [row.case.number for row in rows]

    assert numbers(CaseFilter()) == [three, two, one]
    assert numbers(CaseFilter(open_only=True)) == [three, one]
    assert numbers(CaseFilter(state=CaseState.WITHDRAWN)) == [two]
    assert numbers(CaseFilter(serial_number="S1")) == [one]
    assert numbers(CaseFilter(), before=3, size=1) == [two]


def _read(bench: RepairBench, number: str) -> CaseView:
    with bench.reading() as connection:
        return read_case(connection, number, NOW)


def _proposed(view: CaseView) -> dict[Subject, Action]:
    return {proposal.subject: proposal.action for proposal in view.proposals}
