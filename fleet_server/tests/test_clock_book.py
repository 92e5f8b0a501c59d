"""The deadlines as they are kept, listed and acted on; facts are made up by hand."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import select, update

from fleet_server.domain.clocks import ClockKind, who_acts
from fleet_server.domain.errors import AlreadySaidError, ImpossibleMomentError
from fleet_server.domain.local_time import ZONE
from fleet_server.domain.policy import DEFAULTS
from fleet_server.domain.roles import Role
from fleet_server.services import audit
from fleet_server.services import tables as t
from fleet_server.services.audit import Actor, Entry
from fleet_server.services.clock_book import refresh
from fleet_server.services.clock_follow import follow
from fleet_server.services.defects import (
    Answer,
    Defect,
    Symptom,
    answer_defect,
    clear_by_phone,
    report_defect,
    request_compensation,
)
from fleet_server.services.policy import change_setting
from fleet_server.services.swap_plan import (
    Ground,
    PlannedSwap,
    SwapNotReadyError,
    announce_swap,
    cancel_swap,
    consent_to_swap,
    plan_swap,
    require_ready,
)
from fleet_server.services.views_clocks import (
    WHO,
    Due,
    Wanted,
    clocks_of_contract,
    list_due,
    open_counts,
)
from fleet_server.tests.console_site import Site

SOMEONE = Actor.account(4)
DAY = timedelta(days=1)


def local(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=ZONE).astimezone(UTC)


def due(site: Site, kind: ClockKind | None = None, who: str = "") -> list[Due]:
    with site.context.fleet.reading() as connection:
        return list_due(connection, Wanted(kind, who), site.now)


def counts(site: Site) -> dict[str, int]:
    with site.context.fleet.reading() as connection:
        return {kind: number for kind, number in open_counts(connection).items() if number}


def contract(site: Site, number: str, **values: Any) -> int:
    """Change a made-up contract as the registry would, and say so in its audit log."""
    with site.context.fleet.writing() as connection:
        connection.execute(update(t.contract).where(t.contract.c.number == number).values(**values))
        audit.append(
            connection, SOMEONE, [Entry("contract_changed", f"contract:{number}")], site.now
        )
        found = connection.scalar(select(t.contract.c.id).where(t.contract.c.number == number))
    return int(found or 0)


def keep_up(site: Site) -> int:
    with site.context.fleet.writing() as connection:
        return follow(connection, site.now)


def unit_state(site: Site, serial_number: str, state: str) -> None:
    """A step in the life of a unit, with its entry."""
    with site.context.fleet.writing() as connection:
        unit_id = connection.scalar(
            select(t.unit.c.id).where(t.unit.c.serial_number == serial_number)
        )
        (sequence,) = audit.append(
            connection,
            SOMEONE,
            [Entry("unit_state_changed", f"unit:{serial_number}", {"to": state})],
            site.now,
        )
        connection.execute(
            t.unit_state.insert().values(
                unit_id=unit_id, state=state, from_at=site.now, audit_sequence=sequence
            )
        )


def report(site: Site, symptom: Symptom = Symptom.NO_SERVICE) -> Defect:
    with site.context.fleet.writing() as connection:
        return report_defect(connection, SOMEONE, "C-1001", "internet", symptom, site.now, site.now)


def swap(site: Site, ground: Ground, ahead: timedelta) -> PlannedSwap:
    with site.context.fleet.writing() as connection:
        return plan_swap(
            connection, SOMEONE, "C-1001", "internet", ground, site.now + ahead, "new", site.now
        )


# -- installation --------------------------------------------------------------------------------


def test_a_signed_contract_is_due_for_installation_until_a_unit_is_in_the_position(
    site: Site,
) -> None:
    contract(site, "C-1004", signed_on=date(2026, 3, 28))
    keep_up(site)
    (found,) = due(site)
    assert (found.contract, found.position, found.clock.kind) == ("C-1004", "voice", "installation")
    assert found.clock.due_at == local("2026-04-03 00:00")
    assert (found.clock.binding, found.who) == (False, "dispatcher")
    assert counts(site) == {"installation": 1}
    place = site.insert
    with site.context.fleet.reading() as connection:
        unit_id = connection.scalar(select(t.unit.c.id).where(t.unit.c.serial_number == "00000004"))
        position_id = connection.scalar(
            select(t.service_position.c.id)
            .join(t.contract, t.contract.c.id == t.service_position.c.contract_id)
            .where(t.contract.c.number == "C-1004")
        )
    place(
        t.assignment,
        unit_id=unit_id,
        service_position_id=position_id,
        since_at=site.now,
        recorded_at=site.now,
    )
    unit_state(site, "00000004", "installed")
    keep_up(site)
    assert (due(site), counts(site)) == ([], {})


def test_what_was_installed_before_anybody_looked_fills_no_list(site: Site) -> None:
    contract(site, "C-1001", signed_on=date(2026, 3, 27))
    keep_up(site)
    assert (due(site), counts(site)) == ([], {})


def test_following_twice_changes_nothing(site: Site) -> None:
    contract(site, "C-1004", signed_on=date(2026, 3, 28))
    while keep_up(site):
        pass
    before = due(site)
    assert keep_up(site) == 0
    with site.context.fleet.writing() as connection:
        refresh(connection, [1, 2, 3, 4], DEFAULTS, site.now)
    assert (due(site), counts(site)) == (before, {"installation": 1})


# -- return --------------------------------------------------------------------------------------


def end_contract(site: Site, number: str = "C-1001") -> None:
    contract(site, number, terminated_on=date(2026, 3, 28), termination_confirmed_at=site.now)
    keep_up(site)


def value(site: Site, *cents: int | None) -> None:
    """The values in the papers of the voice modem's two positions."""
    with site.context.fleet.writing() as connection:
        rows = connection.execute(
            select(t.assignment.c.id)
            .join(t.unit, t.unit.c.id == t.assignment.c.unit_id)
            .where(t.unit.c.serial_number == "00000002")
            .order_by(t.assignment.c.id)
        ).all()
        for row, amount in zip(rows, cents, strict=True):
            connection.execute(
                update(t.assignment).where(t.assignment.c.id == row.id).values(value_cents=amount)
            )


def test_a_box_in_two_positions_comes_back_once_with_its_value_once(site: Site) -> None:
    value(site, 6500, 6500)
    end_contract(site)
    (found,) = due(site, ClockKind.RETURN)
    assert (found.serial_number, found.product_class) == ("00000002", "VOICEMODEM")
    assert (found.value_cents, found.clock.charge_from_at) == (6500, None)
    assert found.clock.articles == ("7.3.2", "9.9")
    assert found.clock.due_at == local("2026-04-03 00:00")


def test_a_value_the_papers_do_not_name_is_not_known(site: Site) -> None:
    value(site, None, None)
    end_contract(site)
    assert due(site, ClockKind.RETURN)[0].value_cents is None


def test_a_modem_is_reminded_of_and_then_proposed_as_a_charge(site: Site) -> None:
    end_contract(site, "C-1002")
    steps = []
    for moment in ("2026-04-02 12:00", "2026-04-03 12:00", "2026-04-06 00:00"):
        site.now = local(moment)
        (found,) = due(site, ClockKind.RETURN)
        steps.append((found.step.value, found.who))
    assert steps == [
        ("await_return", "customer"),
        ("remind", "call_centre"),
        ("decide_charge", "fleet_ops"),
    ]


@pytest.mark.parametrize(
    ("state", "left"), [("returned", 0), ("quarantine", 0), ("stolen", 0), ("lost", 1)]
)
def test_what_becomes_of_the_unit_ends_the_return_or_does_not(
    site: Site, state: str, left: int
) -> None:
    end_contract(site)
    site.now += DAY
    unit_state(site, "00000002", state)
    keep_up(site)
    assert len(due(site, ClockKind.RETURN)) == left


def test_a_termination_that_is_taken_back_stops_the_return(site: Site) -> None:
    end_contract(site)
    contract(site, "C-1001", terminated_on=None, termination_confirmed_at=None)
    keep_up(site)
    assert (due(site), counts(site)) == ([], {})


def test_without_the_written_confirmation_nothing_is_asked_back(site: Site) -> None:
    contract(site, "C-1001", terminated_on=date(2026, 3, 28))
    keep_up(site)
    assert due(site) == []


def test_a_unit_that_was_replaced_before_is_not_asked_back_at_the_end(site: Site) -> None:
    with site.context.fleet.writing() as connection:
        connection.execute(
            update(t.assignment)
            .where(
                t.assignment.c.unit_id
                == select(t.unit.c.id).where(t.unit.c.serial_number == "00000002").scalar_subquery()
            )
            .values(until_at=local("2026-03-27 12:00"))
        )
    end_contract(site)
    assert due(site) == []


# -- defects -------------------------------------------------------------------------------------


def test_a_report_is_due_for_an_answer_and_opens_the_right_to_compensation(site: Site) -> None:
    report(site)
    (found,) = due(site)
    assert (found.clock.kind, found.who) == ("defect_answer", "call_centre")
    assert found.clock.due_at == local("2026-04-03 00:00")
    (request,) = due(site, ClockKind.COMPENSATION_REQUEST)
    assert (request.clock.due_at, request.who) == (local("2026-04-28 00:00"), "customer")
    site.now = local("2026-04-28 00:00")
    assert due(site, ClockKind.COMPENSATION_REQUEST) == []


def test_an_answer_ends_it_and_is_given_once(site: Site) -> None:
    defect = report(site)
    with site.context.fleet.writing() as connection:
        answer_defect(connection, SOMEONE, defect.id, Answer.VISIT, "Monday", site.now)
        with pytest.raises(AlreadySaidError):
            answer_defect(connection, SOMEONE, defect.id, Answer.REPAIRED, "", site.now)
        with pytest.raises(AlreadySaidError):
            clear_by_phone(connection, SOMEONE, defect.id, site.now)
    assert due(site) == []
    with site.context.fleet.reading() as connection:
        entries = audit.history(connection, "contract:C-1001")
    assert [(e.action, e.reason) for e in entries] == [
        ("defect_answered", "Monday"),
        ("defect_reported", ""),
    ]


def test_clearing_by_phone_leaves_the_right_to_compensation(site: Site) -> None:
    defect = report(site)
    with site.context.fleet.writing() as connection:
        clear_by_phone(connection, SOMEONE, defect.id, site.now)
        found = request_compensation(connection, SOMEONE, defect.id, site.now, site.now)
    assert found.compensation_requested_at == site.now
    assert due(site) == []


@pytest.mark.parametrize("away", [-DAY, DAY])
def test_a_request_is_neither_before_the_report_nor_in_the_future(
    site: Site, away: timedelta
) -> None:
    defect = report(site)
    with site.context.fleet.writing() as connection, pytest.raises(ImpossibleMomentError):
        request_compensation(connection, SOMEONE, defect.id, site.now + away, site.now)


# -- swaps ---------------------------------------------------------------------------------------


def test_a_swap_the_operator_wants_waits_for_notice_in_time(site: Site) -> None:
    planned = swap(site, Ground.OPERATOR, 5 * DAY)
    (found,) = due(site)
    assert (found.clock.kind, found.step, found.who) == ("swap_notice", "send_notice", "fleet_ops")
    with site.context.fleet.writing() as connection:
        with pytest.raises(SwapNotReadyError, match="notice"):
            require_ready(connection, planned.id, site.now)
        announced = announce_swap(connection, SOMEONE, planned.id, site.now)
        assert announced.may_start_at == planned.planned_at
        with pytest.raises(SwapNotReadyError, match="announced"):
            require_ready(connection, planned.id, site.now)
        assert require_ready(connection, planned.id, planned.planned_at).id == planned.id
    assert due(site) == []


def test_notice_that_came_too_late_lets_nobody_swap(site: Site) -> None:
    planned = swap(site, Ground.OPERATOR, 4 * DAY)
    site.now += timedelta(hours=25)
    with site.context.fleet.writing() as connection:
        assert announce_swap(connection, SOMEONE, planned.id, site.now).may_start_at is None
        with pytest.raises(SwapNotReadyError, match="notice"):
            require_ready(connection, planned.id, planned.planned_at)


def test_a_faulty_unit_is_replaced_on_consent_without_waiting(site: Site) -> None:
    planned = swap(site, Ground.FAULTY, DAY)
    assert due(site) == []
    with site.context.fleet.writing() as connection:
        with pytest.raises(SwapNotReadyError, match="consent"):
            require_ready(connection, planned.id, site.now)
        consent_to_swap(connection, SOMEONE, planned.id, site.now)
        assert require_ready(connection, planned.id, site.now).may_start_at == site.now


def test_a_cancelled_swap_asks_for_nothing(site: Site) -> None:
    planned = swap(site, Ground.OPERATOR, 5 * DAY)
    with site.context.fleet.writing() as connection:
        cancel_swap(connection, SOMEONE, planned.id, "the customer is away", site.now)
        with pytest.raises(AlreadySaidError):
            announce_swap(connection, SOMEONE, planned.id, site.now)
    assert (due(site), counts(site)) == ([], {})


# -- lists ---------------------------------------------------------------------------------------


@pytest.fixture
def busy(site: Site) -> Site:
    """One of everything, at moments at which different people act."""
    contract(site, "C-1004", signed_on=date(2026, 3, 28))
    report(site)
    swap(site, Ground.OPERATOR, 20 * DAY)
    for number in ("C-1001", "C-1002", "C-1003"):
        contract(
            site,
            number,
            terminated_on=date(2026, 3, 28),
            termination_confirmed_at=site.now,
        )
    keep_up(site)
    return site


@pytest.mark.parametrize("days", [0, 6, 9, 40])
def test_a_list_for_someone_holds_exactly_what_they_act_on(busy: Site, days: int) -> None:
    busy.now += days * DAY
    everything = [one for kind in ClockKind for one in due(busy, kind)]
    for who in WHO:
        listed = {(one.clock.kind, one.subject) for one in due(busy, who=who)}
        listed |= {
            (one.clock.kind, one.subject) for one in due(busy, ClockKind.COMPENSATION_REQUEST, who)
        }
        expected = {
            (one.clock.kind, one.subject) for one in everything if who_acts(one.step) == who
        }
        assert listed == expected, who
    assert due(busy, who="contractor") == []


def test_the_list_goes_by_due_moment_and_on_by_key(busy: Site) -> None:
    whole = due(busy)
    assert [one.clock.due_at for one in whole] == sorted(one.clock.due_at for one in whole)
    paged: list[Due] = []
    while True:
        after = (paged[-1].clock.due_at, paged[-1].id) if paged else None
        with busy.context.fleet.reading() as connection:
            found = list_due(connection, Wanted(), busy.now, after, 2)
        if not found:
            break
        paged += found
    assert paged == whole
    assert sum(counts(busy).values()) == len(whole) == 6


def test_the_contract_shows_what_ended_too(busy: Site) -> None:
    with busy.context.fleet.reading() as connection:
        found = clocks_of_contract(connection, "C-1001", DEFAULTS, busy.now)
    assert [(one.clock.kind.value, one.state.value) for one in found] == [
        ("defect_answer", "running"),
        ("return", "running"),
        ("swap_notice", "running"),
        ("compensation_request", "running"),
    ]


def test_a_change_of_the_policy_moves_what_runs(busy: Site) -> None:
    with busy.context.fleet.writing() as connection:
        change_setting(connection, SOMEONE, "return_days", "10", "holidays", busy.now)
    assert {one.clock.due_at for one in due(busy, ClockKind.RETURN)} == {local("2026-04-08 00:00")}


def test_the_call_pages_and_shows_what_the_page_shows(busy: Site) -> None:
    headers = busy.bearer(Role.CALL_CENTRE)
    browser = busy.browser()
    first = browser.get("/api/v1/clocks?limit=4", headers=headers).json()
    rest = browser.get(f"/api/v1/clocks?after={first['next']}", headers=headers).json()
    assert (len(first["items"]), len(rest["items"]), rest["next"]) == (4, 2, None)
    assert browser.get("/api/v1/clock-counts", headers=headers).json() == {
        "installation": 1,
        "defect_answer": 1,
        "return": 3,
        "swap_notice": 1,
    }
    page = busy.signed_in(Role.CALL_CENTRE).get("/deadlines").text
    for item in [*first["items"], *rest["items"]]:
        assert item["contract"] in page


def test_the_calls_record_answer_and_request(site: Site) -> None:
    headers = site.bearer(Role.CALL_CENTRE)
    browser = site.browser()
    made = browser.post(
        "/api/v1/contracts/C-1001/defects",
        json={"position": "internet", "symptom": "no_service"},
        headers=headers,
    ).json()
    address = f"/api/v1/defects/{made['id']}"
    answered = browser.request(
        "PUT", f"{address}/answer", json={"answer": "repaired"}, headers=headers
    ).json()
    assert (answered["answer"], answered["answered_at"]) == ("repaired", "2026-03-28T12:00:00Z")
    again = browser.request("PUT", f"{address}/clearing", headers=headers)
    assert (again.status_code, again.json()["type"]) == (409, "urn:ipko-fleet:problem:already-said")
    requested = browser.request(
        "PUT",
        f"{address}/compensation-request",
        json={"requested_at": "2026-03-27T12:00:00Z"},
        headers=headers,
    )
    assert requested.json()["type"] == "urn:ipko-fleet:problem:impossible-moment"
    listed = browser.get("/api/v1/contracts/C-1001/defects", headers=headers).json()
    assert listed["items"] == [answered]


def test_the_page_of_a_contract_takes_report_answer_and_swap(site: Site) -> None:
    browser = site.signed_in(Role.FLEET_OPS)
    browser.submit("/deadlines/C-1001/defects", symptom="slow", position="internet")
    page = browser.get("/deadlines/C-1001").text
    assert "Tell the customer how the problem is solved" in page
    assert "2 Apr 2026 23:59:59 CEST" in page
    assert browser.submit("/defects/1", action="answer", answer="visit").status_code == 303
    assert browser.submit("/defects/1", action="clearing").status_code == 409
    fields = {"position": "internet", "ground": "operator", "reason": "new modems"}
    early = browser.submit("/deadlines/C-1001/swaps", planned="2026-03-01T03:00", **fields)
    assert early.status_code == 422
    made = browser.submit("/deadlines/C-1001/swaps", planned="2026-04-02T03:00", **fields)
    assert made.status_code == 303
    assert "Notice or consent is missing" in browser.get("/deadlines/C-1001").text
    assert browser.submit("/planned-swaps/1", action="notice").status_code == 303
    assert "2 Apr 2026 03:00:00 CEST" in browser.get("/deadlines/C-1001").text


def test_an_unknown_contract_has_no_deadlines(site: Site) -> None:
    assert site.signed_in(Role.AUDITOR).get("/deadlines/C-9999").status_code == 404
    answer = site.browser().get(
        "/api/v1/contracts/C-9999/clocks", headers=site.bearer(Role.AUDITOR)
    )
    assert answer.json()["type"] == "urn:ipko-fleet:problem:unknown-contract"
