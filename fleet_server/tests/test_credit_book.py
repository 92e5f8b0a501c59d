"""Credits as they are kept: through swaps and revisions, decided on, released; made-up outages."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import select, update

from fleet_server.domain.causes import Cause
from fleet_server.domain.credit import InvalidDecisionError
from fleet_server.domain.errors import InvalidError
from fleet_server.domain.liability import Liability
from fleet_server.domain.local_time import ZONE
from fleet_server.domain.roles import Role
from fleet_server.services import audit
from fleet_server.services import tables as t
from fleet_server.services.audit import Actor
from fleet_server.services.credit_book import CreditState
from fleet_server.services.credit_facts import NO_UNIT
from fleet_server.services.credit_sweep import CreditSweep
from fleet_server.services.credits import (
    NothingToReleaseError,
    Proof,
    ReleaseForm,
    credits_of_contract,
    decide_line,
    read_proof,
    release_credit,
)
from fleet_server.services.defects import Symptom, report_defect, request_compensation
from fleet_server.services.pieces import to_ms
from fleet_server.services.policy import change_setting
from fleet_server.tests.console_site import MODEM, VOICE_MODEM, Site

HOUR = timedelta(hours=1)
SOMEONE = 1


def local(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=ZONE).astimezone(UTC)


def interrupt(
    site: Site, endpoint_id: str, start: str, end: str, cause: Cause = Cause.ACCESS_NETWORK
) -> int:
    """An interruption with one cause, put down when it ended; open with an empty `end`."""
    start_at, end_at = local(start), local(end) if end else None
    site.now = max(site.now, end_at or start_at)
    return site.insert(
        t.interruption,
        endpoint_id=endpoint_id,
        cause=cause.value,
        started_at=start_at,
        start_error_ms=0,
        ended_at=end_at,
        end_error_ms=0 if end_at else None,
        length_ms=None if end_at is None else to_ms(end_at) - to_ms(start_at),
        length_error_ms=None if end_at is None else 0,
        evidence="[]",
        segments=segments(start_at, end_at, cause),
        revision=1,
        withdrawn=False,
        updated_at=site.now,
    )


def segments(start_at: datetime, end_at: datetime | None, cause: Cause) -> str:
    end_ms = None if end_at is None else to_ms(end_at)
    return json.dumps([[cause.value, to_ms(start_at), end_ms, ["event 1"]]])


def end(site: Site, interruption_id: int, start: str, until: str) -> None:
    """What lasted is over."""
    end_at = local(until)
    site.now = end_at
    with site.context.fleet.writing() as connection:
        connection.execute(
            update(t.interruption)
            .where(t.interruption.c.id == interruption_id)
            .values(
                ended_at=end_at,
                segments=segments(local(start), end_at, Cause.ACCESS_NETWORK),
                updated_at=end_at,
            )
        )


def sweep(site: Site) -> None:
    """The worker looks, a while later, until nothing is left."""
    site.now += timedelta(seconds=30)
    worker = CreditSweep()
    for _ in range(20):
        if not worker.sweep(site.context.fleet, site.now):
            return
    raise AssertionError("the sweep finds no end")


def proofs(site: Site, number: str = "C-1002") -> list[Proof]:
    with site.context.fleet.reading() as connection:
        cases = credits_of_contract(connection, number)
        return [read_proof(connection, case.id) for case in reversed(cases)]


def only(site: Site, number: str = "C-1002") -> Proof:
    (proof,) = proofs(site, number)
    return proof


def sums(proof: Proof) -> tuple[str, int, int, timedelta, timedelta]:
    case = proof.case
    return (
        case.state.value,
        case.days,
        case.credit_days,
        timedelta(milliseconds=case.remainder_ms),
        timedelta(milliseconds=case.to_decide_ms),
    )


NONE = timedelta(0)


def test_an_outage_of_thirty_hours_is_proposed_with_its_proof(site: Site) -> None:
    interrupt(site, MODEM, "2026-06-01 08:00", "2026-06-02 14:00")
    sweep(site)
    proof = only(site)
    assert sums(proof) == ("proposed", 1, 2, 6 * HOUR, NONE)
    (line,) = proof.lines
    assert (line.cause, line.liability, line.standing) == (
        Cause.ACCESS_NETWORK,
        Liability.OPERATOR,
        "counts",
    )
    assert (line.articles, line.evidence) == (("5.4",), ("event 1",))
    with site.context.fleet.reading() as connection:
        (entry,) = audit.history(connection, f"credit:{proof.case.id}")
    assert (entry.action, entry.actor) == ("credit_opened", Actor.system("worker"))
    assert entry.detail["credit_days"] == 2


def test_less_than_a_day_opens_nothing(site: Site) -> None:
    interrupt(site, MODEM, "2026-06-01 08:00", "2026-06-02 07:59")
    sweep(site)
    assert proofs(site) == []


def test_pieces_less_than_an_hour_apart_are_one_outage(site: Site) -> None:
    interrupt(site, MODEM, "2026-06-01 00:00", "2026-06-01 14:00")
    sweep(site)
    interrupt(site, MODEM, "2026-06-01 14:59", "2026-06-02 01:00")
    sweep(site)
    assert sums(only(site)) == ("proposed", 1, 2, timedelta(minutes=1), NONE)
    assert len(only(site).lines) == 2


def test_a_box_in_two_positions_is_credited_for_both(site: Site) -> None:
    interrupt(site, VOICE_MODEM, "2026-06-01 08:00", "2026-06-02 08:00")
    sweep(site)
    assert [(p.case.position, p.case.credit_days) for p in proofs(site, "C-1001")] == [
        ("internet", 2),
        ("voice", 2),
    ]


def test_sweeping_twice_changes_nothing(site: Site) -> None:
    interrupt(site, MODEM, "2026-06-01 08:00", "2026-06-02 14:00")
    sweep(site)
    before = proofs(site)
    sweep(site)
    assert proofs(site) == before


def test_a_swap_during_the_outage_is_one_outage_through_both_units(site: Site) -> None:
    """The modem fails, is taken off at 02:00, its successor comes at 05:00 and fails as well."""
    old = interrupt(site, MODEM, "2026-06-01 08:00", "", Cause.DEVICE)
    successor = "ops::00256D-VOICEMODEM-00000004"
    with site.context.fleet.writing() as connection:
        units = {row.endpoint_id: row.id for row in connection.execute(select(t.unit)).all()}
        held = connection.execute(
            select(t.assignment).where(t.assignment.c.unit_id == units[MODEM])
        ).one()
        connection.execute(
            update(t.assignment)
            .where(t.assignment.c.id == held.id)
            .values(until_at=local("2026-06-02 02:00"))
        )
        connection.execute(
            t.assignment.insert().values(
                unit_id=units[successor],
                service_position_id=held.service_position_id,
                since_at=local("2026-06-02 05:00"),
                recorded_at=local("2026-06-02 05:00"),
            )
        )
    interrupt(site, successor, "2026-06-02 05:30", "2026-06-02 10:00")
    assert old
    sweep(site)
    proof = only(site)
    assert [(line.cause.value, line.evidence) for line in proof.lines] == [
        ("device", ("event 1",)),
        ("device", (NO_UNIT,)),
        ("access network", ("event 1",)),
    ]
    # 18 h with the old unit, 3 h with none, 4.5 h with the new one; half an hour was service.
    assert sums(proof) == ("proposed", 1, 2, timedelta(hours=1, minutes=30), NONE)


def test_an_outage_that_lasts_grows_by_days_and_is_settled_at_its_end(site: Site) -> None:
    key = interrupt(site, MODEM, "2026-06-01 08:00", "")
    site.now = local("2026-06-02 07:00")
    sweep(site)
    assert proofs(site) == []
    site.now = local("2026-06-02 09:00")
    sweep(site)
    assert sums(only(site))[:3] == ("lasting", 1, 2)
    site.now = local("2026-06-03 08:01")
    sweep(site)
    assert sums(only(site))[:3] == ("lasting", 2, 4)
    end(site, key, "2026-06-01 08:00", "2026-06-03 20:00")
    sweep(site)
    proof = only(site)
    assert sums(proof) == ("proposed", 2, 4, 12 * HOUR, NONE)
    assert proof.case.revision == 3


def test_no_power_at_home_waits_for_a_person(site: Site) -> None:
    interrupt(site, MODEM, "2026-06-01 08:00", "2026-06-03 08:00", Cause.NO_POWER)
    sweep(site)
    assert sums(only(site)) == ("to_decide", 0, 0, NONE, 48 * HOUR)


@pytest.mark.parametrize(
    ("liability", "counts", "expected"),
    [
        (Liability.CUSTOMER_SIDE, False, ("none", 0, 0, NONE, NONE)),
        (Liability.OPERATOR, True, ("proposed", 2, 4, NONE, NONE)),
        (Liability.FORCE_MAJEURE, False, ("none", 0, 0, NONE, NONE)),
    ],
)
def test_a_decision_settles_it_and_stays_on_record(
    site: Site,
    liability: Liability,
    counts: bool,
    expected: tuple[str, int, int, timedelta, timedelta],
) -> None:
    interrupt(site, MODEM, "2026-06-01 08:00", "2026-06-03 08:00", Cause.NO_POWER)
    sweep(site)
    credit_id = only(site).case.id
    with site.context.fleet.writing() as connection:
        proof = decide_line(
            connection, SOMEONE, credit_id, 1, liability, counts, "the journal", site.now
        )
        entries = audit.history(connection, "interruption:1")
    assert sums(proof) == expected
    assert (entries[0].actor, entries[0].reason) == (Actor.account(SOMEONE), "the journal")
    sweep(site)
    assert sums(only(site)) == expected


def test_what_contradicts_itself_or_has_no_reason_is_not_decided(site: Site) -> None:
    interrupt(site, MODEM, "2026-06-01 08:00", "2026-06-03 08:00", Cause.NO_POWER)
    sweep(site)
    credit_id = only(site).case.id
    for liability, counts, reason, error in (
        (Liability.CUSTOMER_SIDE, True, "the journal", InvalidDecisionError),
        (Liability.OPERATOR, True, " ", InvalidError),
    ):
        with site.context.fleet.writing() as connection, pytest.raises(error):
            decide_line(connection, SOMEONE, credit_id, 1, liability, counts, reason, site.now)


def release(site: Site, credit_id: int) -> Proof:
    with site.context.fleet.writing() as connection:
        return release_credit(
            connection, SOMEONE, credit_id, ReleaseForm.EXTENSION, "proof checked", site.now
        )


def test_days_are_released_once_by_a_person(site: Site) -> None:
    interrupt(site, MODEM, "2026-06-01 08:00", "2026-06-02 14:00")
    sweep(site)
    credit_id = only(site).case.id
    proof = release(site, credit_id)
    assert (proof.case.state, proof.case.released_days) == (CreditState.RELEASED, 2)
    assert [(one.days, one.account_id) for one in proof.releases] == [(2, SOMEONE)]
    with pytest.raises(NothingToReleaseError):
        release(site, credit_id)


def test_what_a_later_verdict_adds_is_released_and_what_it_takes_is_not_taken_back(
    site: Site,
) -> None:
    key = interrupt(site, MODEM, "2026-06-01 08:00", "2026-06-02 14:00")
    sweep(site)
    credit_id = only(site).case.id
    release(site, credit_id)
    end(site, key, "2026-06-01 08:00", "2026-06-03 08:00")
    sweep(site)
    assert (only(site).case.state, only(site).case.due_days) == (CreditState.PROPOSED, 2)
    assert release(site, credit_id).case.released_days == 4
    end(site, key, "2026-06-01 08:00", "2026-06-01 09:00")
    site.now = local("2026-06-04 08:00")
    with site.context.fleet.writing() as connection:
        connection.execute(update(t.interruption).values(updated_at=site.now))
    sweep(site)
    case = only(site).case
    assert (case.state, case.credit_days, case.released_days, case.due_days) == (
        CreditState.RELEASED,
        0,
        4,
        0,
    )


def test_an_interruption_that_was_none_withdraws_its_credit(site: Site) -> None:
    interrupt(site, MODEM, "2026-06-01 08:00", "2026-06-02 14:00")
    sweep(site)
    with site.context.fleet.writing() as connection:
        connection.execute(update(t.interruption).values(withdrawn=True, updated_at=site.now))
    sweep(site)
    assert only(site).case.state == CreditState.WITHDRAWN
    with pytest.raises(NothingToReleaseError):
        release(site, only(site).case.id)


def test_a_request_is_needed_only_where_the_policy_says_so(site: Site) -> None:
    interrupt(site, MODEM, "2026-06-01 08:00", "2026-06-02 14:00")
    sweep(site)
    credit_id = only(site).case.id
    someone = Actor.account(SOMEONE)
    with site.context.fleet.writing() as connection:
        change_setting(connection, someone, "credit_without_request", "off", "for a test", site.now)
    with pytest.raises(NothingToReleaseError, match="request for compensation"):
        release(site, credit_id)
    with site.context.fleet.writing() as connection:
        defect = report_defect(
            connection,
            someone,
            "C-1002",
            "internet",
            Symptom.NO_SERVICE,
            local("2026-06-01 10:00"),
            site.now,
        )
        request_compensation(connection, someone, defect.id, site.now, site.now)
    assert release(site, credit_id).case.released_days == 2


def test_the_calls_show_decide_and_release(site: Site) -> None:
    interrupt(site, MODEM, "2026-06-01 08:00", "2026-06-03 08:00", Cause.NO_POWER)
    sweep(site)
    headers = site.bearer(Role.FLEET_OPS)
    browser = site.browser()
    (case,) = browser.get("/api/v1/credits", headers=headers).json()["items"]
    address = f"/api/v1/credits/{case['id']}"
    assert (case["state"], case["days_at_most"], case["due_days"]) == ("to_decide", 2, 0)
    listed = browser.get("/api/v1/contracts/C-1002/credits", headers=headers).json()["items"]
    assert listed == [case]
    decided = browser.request(
        "PUT",
        f"{address}/lines/1/decision",
        json={"liability": "operator", "counts": True, "reason": "our cabinet fed the house"},
        headers=headers,
    ).json()
    assert (decided["case"]["due_days"], decided["lines"][0]["liability"]) == (4, "operator")
    released = browser.post(
        f"{address}/releases", json={"form": "top_up", "reason": "checked"}, headers=headers
    )
    assert (released.status_code, released.json()["releases"][0]["days"]) == (201, 4)
    again = browser.post(
        f"{address}/releases", json={"form": "top_up", "reason": "checked"}, headers=headers
    )
    assert (again.status_code, again.json()["type"]) == (409, "urn:ipko-fleet:problem:conflict")
    assert browser.get(address, headers=headers).json()["case"]["state"] == "released"
    assert browser.get("/api/v1/credits/99", headers=headers).status_code == 404


def test_the_page_shows_the_proof_decides_and_releases(site: Site) -> None:
    interrupt(site, MODEM, "2026-06-01 08:00", "2026-06-03 14:00", Cause.MAINTENANCE)
    sweep(site)
    browser = site.signed_in(Role.FLEET_OPS)
    assert "C-1002" in browser.get("/credits").text
    page = browser.get("/credits/1").text
    for words in ("announced maintenance", "4.6, 5.4", "proposed not to count, to be confirmed"):
        assert words in page
    assert browser.submit("/credits/1/lines/1", word="operator", reason="").status_code == 422
    assert browser.submit("/credits/1/releases", reason="checked").status_code == 409
    decided = browser.submit("/credits/1/lines/1", word="operator", reason="no need for it")
    assert decided.status_code == 303
    assert "6\N{NO-BREAK SPACE}h" in browser.get("/credits/1").text
    assert browser.submit("/credits/1/releases", form="top_up", reason="checked").status_code == 303
    page = browser.get("/credits/1").text
    assert "as a top-up" in page
    assert "fleet_ops" in page
    assert "<form" not in site.signed_in(Role.AUDITOR).get("/credits/1").text.split("<main")[1]
