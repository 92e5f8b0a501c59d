"""Services, allow-lists, returns and operations over HTTP, from one end to the other."""

from __future__ import annotations

from typing import Any

import pytest

from fleet_server.domain.operations import AccessMode, SetAccess, System
from fleet_server.domain.roles import Role
from fleet_server.services import outbox
from fleet_server.services import tables as t
from fleet_server.services.operator_ports import OperationRefusedError
from fleet_server.services.outbox import Outcome, Result
from fleet_server.tests.console_site import Site

LIST = 'version = 7\nexpires = 2027-06-30\nnumbers = ["0800 11222"]\nhosts = []\n'


class Tool:
    """Calls the API in one role."""

    def __init__(self, site: Site, role: Role = Role.FLEET_OPS) -> None:
        self._browser, self._headers = site.browser(), site.bearer(role)

    def call(self, method: str, url: str, status: int = 200, **body: Any) -> Any:
        answer = self._browser.request(
            method, f"/api/v1{url}", json=body or None, headers=self._headers
        )
        assert answer.status_code == status, answer.text
        return answer.json() if answer.content else None


@pytest.fixture
def tool(site: Site) -> Tool:
    site.insert(t.place, code="STORE-1", kind="store", name="Store (made up)")
    with site.context.fleet.writing() as connection:
        connection.execute(t.unit.update().values(state="installed"))
    return Tool(site)


def test_a_contract_is_suspended_cancelled_and_ended(site: Site, tool: Tool) -> None:
    found = tool.call("GET", "/contracts/C-1001/service")
    assert (found["state"], found["decisions"]) == ("active", [])
    body = {"state": "suspended", "ground": "debt", "reason": "Bill of February"}
    made = tool.call("POST", "/contracts/C-1001/service-decisions", 201, **body)
    assert (made["needs_notice"], made["carried_out_at"]) == (True, None)
    problem = tool.call("POST", "/contracts/C-1001/service-decisions", 409, **body)
    assert problem["type"] == "urn:ipko-fleet:problem:service-state"
    tool.call("POST", "/contracts/C-1001/service-cancellation", 204, reason="Paid in a store")
    tool.call("POST", "/contracts/C-1001/service-cancellation", 404, reason="Paid in a store")
    body = {"state": "terminated", "ground": "customer_request", "reason": "In writing"}
    made = tool.call("POST", "/contracts/C-1001/service-decisions", 201, **body)
    assert made["carried_out_at"] == "2026-03-28T12:00:00Z"
    assert made["open_operations"] == 3
    confirmation = {"confirmed_at": "2026-03-28T12:00:00Z", "reason": "Handed over"}
    tool.call("PUT", "/contracts/C-1001/termination-confirmation", 204, **confirmation)
    tool.call("PUT", "/contracts/C-1001/termination-confirmation", 404, **confirmation)
    found = tool.call("GET", "/contracts/C-1001/service")
    assert found["state"] == "terminated"
    assert [one["confirmed_at"] is not None for one in found["decisions"]] == [True, False]
    (owed,) = tool.call("GET", "/owed-units")["items"]
    assert (owed["contract"], owed["proposal"]) == ("C-1001", "nothing")
    assert owed["reasons"] == ["terms_name_no_charge"]


def test_a_unit_is_taken_back_with_a_receipt(site: Site, tool: Tool) -> None:
    counter = Tool(site, Role.WAREHOUSE)
    body = {"serial_number": " 00000003 ", "place": "STORE-1", "condition": "damaged"}
    made = counter.call("POST", "/returns", 201, **body)
    assert (made["number"], made["returned_on"]) == ("R-00000001", "2026-03-28")
    assert made["receipt"].count(".") == 2
    assert counter.call("GET", "/returns/R-00000001") == made
    assert counter.call("GET", "/returns") == {"items": [made], "next": None}
    problem = counter.call("POST", "/returns", 409, **body)
    assert "returned" in problem["detail"]


def test_a_charge_is_decided_by_a_person_and_once(site: Site, tool: Tool) -> None:
    with site.context.fleet.writing() as connection:
        connection.execute(t.assignment.update().values(value_cents=8000))
        connection.execute(t.contract.update().values(terminated_on=site.now.date()))
        connection.execute(t.contract.update().values(termination_confirmed_at=site.now))
        connection.execute(
            t.unit.update()
            .where(t.unit.c.serial_number == "00000003")
            .values(state="to_be_returned")
        )
    body: dict[str, Any] = {"decision": "charge", "amount_cents": 8000, "reason": "Asked twice"}
    problem = tool.call("PUT", "/units/00000003/charge-decision", 409, **body)
    assert problem["type"] == "urn:ipko-fleet:problem:charge-not-proposed"
    site.now = site.now.replace(month=5)
    tool = Tool(site)
    (owed,) = tool.call("GET", "/owed-units")["items"]
    assert (owed["proposal"], owed["proposed_cents"], owed["articles"]) == (
        "charge",
        8000,
        ["7.2.1", "7.2.6", "9.9"],
    )
    made = tool.call("PUT", "/units/00000003/charge-decision", **body)
    assert (made["decision"], made["decided_cents"]) == ("charge", 8000)
    tool.call("PUT", "/units/00000003/charge-decision", 409, **body)


def test_a_unit_is_barred_and_found_again(tool: Tool) -> None:
    url = "/units/00000003/blacklisting"
    tool.call("POST", url, 204, cause="stolen", reason="Told by phone")
    tool.call("POST", url, 409, cause="stolen", reason="Told by phone")
    assert tool.call("GET", "/units/00000003")["status"] == "blacklisted"
    report = {"reference": "2026/03-1", "reported_on": "2026-03-28"}
    tool.call("PUT", f"{url}/police-report", 204, **report)
    tool.call("PUT", f"{url}/police-report", 422, **{**report, "reference": "<x>"})
    tool.call("POST", f"{url}/lifting", 404, place="NOWHERE", reason="Found")
    tool.call("POST", f"{url}/lifting", 204, place="STORE-1", reason="Found")
    tool.call("POST", f"{url}/lifting", 409, place="STORE-1", reason="Found")


def test_a_list_is_signed_and_published(tool: Tool) -> None:
    made = tool.call("POST", "/allow-lists", 201, list=LIST, reason="School at home")
    assert made["version"] == 7
    assert tool.call("GET", "/allow-lists/7") == made
    tool.call("PUT", "/allow-lists/7/publication", 204, reason="Ordered")
    (found,) = tool.call("GET", "/allow-lists")["items"]
    assert (found["published_at"], found["in_network"]) == ("2026-03-28T12:00:00Z", False)
    assert (found["confirmed"], found["devices"]) == (0, 3)
    problem = tool.call("POST", "/allow-lists", 422, list="version = 8", reason="Wrong")
    assert problem["type"] == "urn:ipko-fleet:problem:invalid-allow-list"
    tool.call("POST", "/allow-lists", 409, list=LIST.replace("11222", "1"), reason="Wrong")


def test_what_was_refused_waits_for_a_person(site: Site, tool: Tool) -> None:
    mac = "02:00:5E:00:00:01"
    stage = [(System.ACCESS, SetAccess(mac, "TOP L", AccessMode.OPEN))]
    with site.context.fleet.writing() as connection:
        outbox.queue(connection, "d-1", [stage], site.now)
        (taken,) = outbox.take(connection, site.now, 1)
        code = str(OperationRefusedError("unknown_mac"))
        outbox.settle(connection, taken, Result(Outcome.REFUSED, code), site.now)
    (found,) = tool.call("GET", "/operations")["items"]
    assert (found["operation_id"], found["state"], found["tries"]) == ("d-1/1.1", "refused", 1)
    assert found["arguments"]["mac_address"] == mac
    detail = tool.call("GET", f"/operations/{found['id']}")
    assert detail["tries"] == [
        {"at": "2026-03-28T12:00:00Z", "outcome": "refused", "code": "unknown_mac"}
    ]
    url = f"/operations/{found['id']}"
    assert (
        tool.call("POST", f"{url}/retry", reason="It knows now")["operation"]["state"] == "queued"
    )
    assert tool.call("POST", f"{url}/drop", reason="By hand")["operation"]["state"] == "dropped"
    tool.call("POST", f"{url}/drop", 409, reason="By hand")
    assert tool.call("GET", "/operations?state=dropped")["items"][0]["id"] == found["id"]
