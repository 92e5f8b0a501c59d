"""Warranty and repair over the HTTP API. All data are made up."""

from __future__ import annotations

import json
from datetime import date
from typing import Any

import httpx
import pytest

from fleet_server.domain.roles import Role
from fleet_server.services import audit
from fleet_server.services import tables as t
from fleet_server.tests.console_site import SET_TOP_BOX, START, Site, add_event, add_unit

CONTRACT, BOX = "C-1003", "00000003"
REPORT = {"serial_number": BOX, "symptom": "no_picture", "reported_on": "2026-03-28"}
FINDING = {
    "defect": "power_supply",
    "cause": "normal_use",
    "usable_again": False,
    "term": "in_term",
}


@pytest.fixture
def received(site: Site) -> Site:
    """The set-top box, received by its customer on 1 December 2025."""
    with site.context.fleet.writing() as connection:
        connection.execute(t.assignment.update().values(handed_over_on=date(2025, 12, 1)))
        connection.execute(
            t.assignment.update().values(since_at=START.replace(year=2025, month=12, day=1))
        )
        connection.execute(t.unit.update().values(state="installed"))
    return site


def call(site: Site, role: Role, method: str, path: str, body: Any = None) -> httpx.Response:
    return site.browser().request(method, f"/api/v1{path}", json=body, headers=site.bearer(role))


def opened(site: Site, **values: str) -> str:
    answer = call(site, Role.CONTRACTOR, "POST", "/repairs", {**REPORT, **values})
    assert answer.status_code == 201, answer.text
    return str(answer.json()["number"])


def found(site: Site, **values: Any) -> str:
    number = opened(site)
    for step, body in (("receipt", {}), ("finding", {**FINDING, **values})):
        answer = call(site, Role.CONTRACTOR, "POST", f"/repairs/{number}/{step}", body)
        assert answer.status_code == 200, answer.text
    return number


def test_a_look_up_says_the_cover_and_the_open_case(received: Site) -> None:
    number = opened(received)
    found = call(received, Role.CONTRACTOR, "GET", f"/units/{BOX}/warranty").json()
    assert found["cover"] == {
        "state": "in_term",
        "reason": "covered_day",
        "article": "7.2.2",
        "day": "2026-03-28",
        "received_on": "2025-12-01",
        "last_covered_on": "2026-12-01",
        "days_left": 249,
    }
    assert (found["repair_case"], found["paired"], found["supplier"]) == (number, None, None)


@pytest.mark.parametrize(
    ("role", "sees"),
    [(Role.WAREHOUSE, True), (Role.FLEET_OPS, True), (Role.TECHNICIAN, False)],
)
def test_the_suppliers_warranty_is_for_those_who_deal_with_suppliers(
    received: Site, role: Role, sees: bool
) -> None:
    found = call(received, role, "GET", f"/units/{BOX}/warranty").json()
    assert (found["supplier"] is not None) == sees


def test_any_day_may_be_asked_for(received: Site) -> None:
    path = f"/units/{BOX}/warranty?on="
    after = call(received, Role.CALL_CENTRE, "GET", path + "2026-12-02").json()["cover"]
    before = call(received, Role.CALL_CENTRE, "GET", path + "2025-11-30").json()["cover"]
    assert (after["state"], after["days_left"]) == ("expired", 0)
    assert before["state"] == "not_received"
    assert call(received, Role.CALL_CENTRE, "GET", path + "tomorrow").status_code == 422


def test_a_case_is_worked_through_to_the_operators_decision(received: Site) -> None:
    add_event(received, SET_TOP_BOX, 1, "Transient!", Magnitude="1900000", Duration="2")
    add_event(received, SET_TOP_BOX, 2, "PowerLoss!")
    number = found(received)
    view = call(received, Role.FLEET_OPS, "GET", f"/repairs/{number}").json()
    assert [(p["subject"], p["action"], p["articles"]) for p in view["proposals"]] == [
        ("repair", "ask_operator", ["7.2.6"]),
        ("replacement", "replace_free", ["7.2.6"]),
        ("charge", "no_charge", ["7.2.6"]),
    ]
    assert view["evidence"]["grade"] == "measured"
    assert view["evidence"]["counts"] == {
        "surge": {"measured": 1},
        "power_loss": {"measured": 1},
    }
    assert [record["kind"] for record in view["evidence"]["records"]] == ["surge"]
    body = {"subject": "replacement", "choice": "replace_free", "reason": "unusable"}
    answer = call(received, Role.FLEET_OPS, "POST", f"/repairs/{number}/decisions", body)
    assert answer.status_code == 201, answer.text
    (decision,) = answer.json()["decisions"]
    assert (decision["choice"], decision["decided_by"]) == ("replace_free", "fleet_ops")
    assert answer.json()["log"][-1]["words"] == "unusable"


def test_the_contractor_learns_nothing_of_contract_and_money(received: Site) -> None:
    number = found(received, cause="misuse")
    charge = {"subject": "charge", "choice": "charge", "amount_cents": 4500, "reason": "opened"}
    for body in (charge, {"subject": "replacement", "choice": "no_replacement", "reason": "no"}):
        answer = call(received, Role.FLEET_OPS, "POST", f"/repairs/{number}/decisions", body)
        assert answer.status_code == 201, answer.text
    add_unit(received, "ops::00256D-STB-00000009")
    answers = [
        call(received, Role.CONTRACTOR, "GET", path)
        for path in (
            "/repairs",
            f"/repairs/{number}",
            f"/units/{BOX}/warranty",
            f"/units/{BOX}/replacements",
        )
    ]
    for answer in answers:
        assert answer.status_code == 200
        for word in (CONTRACT, "tv-1", "4500", "charge"):
            assert word not in answer.text, f"{word} in {answer.url}"
    assert [d["subject"] for d in answers[1].json()["decisions"]] == ["replacement"]
    whole = call(received, Role.CALL_CENTRE, "GET", f"/repairs/{number}").json()
    assert [d["amount_cents"] for d in whole["decisions"]] == [None, 4500]


def test_what_is_refused_says_what_to_do_next(received: Site) -> None:
    number = opened(received)
    # (path, body, status, problem)
    refused: list[tuple[str, Any, int, str]] = [
        ("/repairs", REPORT, 409, "repair-open"),
        ("/repairs", {**REPORT, "serial_number": "none"}, 404, "unknown-unit"),
        ("/repairs", {**REPORT, "symptom": "sad"}, 422, "not-understood"),
        ("/repairs", {**REPORT, "reported_on": "2026-03-29"}, 422, "invalid"),
        (f"/repairs/{number}/finding", FINDING, 409, "repair-step"),
        ("/repairs/RMA-999999/receipt", {}, 404, "unknown-repair"),
    ]
    for path, body, status, problem in refused:
        answer = call(received, Role.CONTRACTOR, "POST", path, body)
        assert (answer.status_code, answer.json()["type"]) == (
            status,
            f"urn:ipko-fleet:problem:{problem}",
        ), answer.text
        assert answer.json()["next"]
    call(received, Role.CONTRACTOR, "POST", f"/repairs/{number}/receipt", {})
    other = {**FINDING, "term": "expired"}
    answer = call(received, Role.CONTRACTOR, "POST", f"/repairs/{number}/finding", other)
    assert answer.json()["type"].endswith("finding")


def test_cases_are_listed_by_key(received: Site) -> None:
    first = opened(received)
    words = {"words": "works again"}
    call(received, Role.CONTRACTOR, "POST", f"/repairs/{first}/withdrawal", words)
    second = opened(received)
    page = call(received, Role.AUDITOR, "GET", "/repairs?limit=1").json()
    assert [row["number"] for row in page["items"]] == [second]
    rest = call(received, Role.AUDITOR, "GET", f"/repairs?limit=1&after={page['next']}").json()
    assert ([row["number"] for row in rest["items"]], rest["next"]) == ([first], None)
    only = call(received, Role.AUDITOR, "GET", "/repairs?open_only=true").json()["items"]
    assert [row["number"] for row in only] == [second]


def test_parts_and_prices_are_kept_by_those_whose_job_it_is(received: Site) -> None:
    delivery = {"code": "PSU-12", "name": "Supply 12 V", "quantity": 8}
    answer = call(received, Role.CONTRACTOR, "POST", "/spare-parts", delivery)
    assert (answer.status_code, answer.json()["on_hand"]) == (201, 8)
    listed = call(received, Role.CONTRACTOR, "GET", "/spare-parts").json()
    assert listed == {"items": [answer.json()], "next": None}
    price = {
        "product_class": "STB",
        "model_name": "",
        "valid_from_on": "2026-03-28",
        "amount_cents": 6000,
    }
    set_ = call(received, Role.ADMINISTRATOR, "POST", "/prices", {**price, "reason": "new list"})
    assert (set_.status_code, set_.json()) == (201, price)
    assert call(received, Role.CALL_CENTRE, "GET", "/prices").json() == {"items": [price]}
    number = found(received, cause="misuse")
    used = {"code": "PSU-12", "quantity": 2}
    parts = call(received, Role.CONTRACTOR, "POST", f"/repairs/{number}/parts", used).json()
    assert parts["parts"] == [{"code": "PSU-12", "name": "Supply 12 V", "quantity": 2}]
    proposals = call(received, Role.FLEET_OPS, "GET", f"/repairs/{number}").json()["proposals"]
    charge = next(p for p in proposals if p["subject"] == "charge")
    assert (charge["action"], charge["amount_cents"]) == ("charge_new_one", 6000)


def test_words_of_a_case_go_when_the_person_of_the_contract_is_erased(received: Site) -> None:
    number = opened(received, words="MARKED-7 says it smells")
    path = f"/contracts/{CONTRACT}/person?ground=request"
    answer = call(received, Role.ADMINISTRATOR, "DELETE", path)
    assert answer.status_code == 200, answer.text
    view = call(received, Role.CONTRACTOR, "GET", f"/repairs/{number}")
    assert view.json()["log"][0]["words"] is None
    assert "MARKED" not in view.text
    with received.context.fleet.reading() as connection:
        assert audit.verify(connection).broken_at is None


def test_every_body_and_answer_has_an_example(site: Site) -> None:
    document = site.browser().get("/api/v1/openapi.json").json()
    schemas = document["components"]["schemas"]
    for path, methods in document["paths"].items():
        if not path.startswith(("/repairs", "/spare-parts", "/prices")) and not path.endswith(
            ("/warranty", "/replacements", "/site-checks")
        ):
            continue
        for method in methods.values():
            body = method.get("requestBody")
            if body:
                name = body["content"]["application/json"]["schema"]["$ref"].rsplit("/")[-1]
                assert schemas[name].get("examples"), f"{path}: {name}"
                json.dumps(schemas[name]["examples"])
