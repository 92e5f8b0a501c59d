"""The registry over HTTP: contracts on any day, stock, pairings, rows of files."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from fleet_server.domain.roles import Role
from fleet_server.services.demo_data import load_demo_history
from fleet_server.tests.console_site import START, Site

REASON = "a test of the registry"


class Caller:
    """One role with the made-up registry; answers are checked for their status."""

    def __init__(self, site: Site, role: Role = Role.FLEET_OPS) -> None:
        self.site = site
        self.headers = site.bearer(role)

    def __call__(self, method: str, url: str, status: int = 200, **body: Any) -> Any:
        answer = self.site.browser().request(
            method, f"/api/v1{url}", json=body or None, headers=self.headers
        )
        assert answer.status_code == status, answer.text
        return answer.json() if answer.content else None


@pytest.fixture
def ops(site: Site) -> Caller:
    with site.context.fleet.writing() as connection:
        load_demo_history(connection, START)
    return Caller(site)


def held(answer: Any) -> list[tuple[str, str]]:
    return [(one["position"], one["serial_number"]) for one in answer["holdings"]]


def test_a_contract_is_told_as_of_a_day_and_as_it_was_known(ops: Caller) -> None:
    now = [("internet", "00000012"), ("tv-1", "00000013"), ("card-1", "EX000013")]
    answer = ops("GET", "/contracts/C-1101")
    assert (answer["package"], answer["on"], held(answer)) == ("TOP L", "2026-03-28", now)
    assert [(one["card"], one["box"]) for one in answer["pairings"]] == [("EX000013", "00000013")]
    assert held(ops("GET", "/contracts/C-1101?on=2025-12-01"))[0] == ("internet", "00000011")
    # Swapped on 28 December 2025; the day of hand-over was corrected on 7 January 2026.
    both = ops("GET", "/contracts/C-1101?on=2025-12-28")
    assert held(both)[:2] == [("internet", "00000011"), ("internet", "00000012")]
    assert both["holdings"][1]["handed_over_on"] == "2025-12-27"
    asked = "/contracts/C-1101?on=2025-12-28&known_at=2026-01-01T00:00:00Z"
    assert ops("GET", asked)["holdings"][1]["handed_over_on"] == "2025-12-28"
    history = ops("GET", "/contracts/C-1101/history")["items"]
    assert len(history) == 5
    assert sum(one["corrected_at"] is not None for one in history) == 1
    ops("GET", "/contracts/C-9999", 404)
    ops("GET", "/contracts/C-1101?known_at=2026-01-01T00:00:00", 422)
    ops("GET", "/contracts/C-1101?on=2026-02-30", 422)


def test_a_box_with_its_card_goes_onto_a_contract_is_replaced_and_corrected(ops: Caller) -> None:
    row = {
        "number": "C-1201",
        "package": "TOP L",
        "signed_on": "2026-03-20",
        "network_element": "N1-S1",
        "positions": "tv-1;card-1",
    }
    assert ops("POST", "/registry/contracts", rows=[row], reason=REASON)["added"] == 1
    ops("PUT", "/units/EX000031/pairing", 204, box="00000031", reason=REASON)
    for serial, position in (("00000031", "tv-1"), ("EX000031", "card-1")):
        ops(
            "POST",
            "/contracts/C-1201/assignments",
            201,
            serial_number=serial,
            position=position,
            handed_over_on="2026-03-27",
            value_cents=6000,
            reason=REASON,
        )
    taken = {"serial_number": "00000041", "position": "tv-1", "reason": REASON}
    problem = ops("POST", "/contracts/C-1201/assignments", 409, **taken)
    assert problem["type"].endswith(":unapproved-model")
    unit = ops("GET", "/units/00000031")
    assert (unit["state"], unit["paired_with"], unit["contract"]) == (
        "installed",
        "EX000031",
        "C-1201",
    )
    assert unit["warranty"] == {
        "state": "in_term",
        "received_on": "2026-03-27",
        "last_covered_on": "2027-03-27",
        "days_left": 365,
        "supplier_until_on": None,
    }
    number = ops("GET", "/contracts/C-1201/history")["items"][0]["id"]
    (corrected,) = ops(
        "POST",
        f"/assignments/{number}/correction",
        201,
        since_on="2026-03-28",
        handed_over_on="2026-03-26",
        value_cents=5900,
        reason=REASON,
    )["items"]
    assert (corrected["handed_over_on"], corrected["value_cents"]) == ("2026-03-26", 5900)
    ops("POST", f"/assignments/{number}/withdrawal", 404, reason=REASON)
    ops("POST", f"/assignments/{corrected['id']}/withdrawal", 204, reason=REASON, place="ST-1")
    unit = ops("GET", "/units/00000031")
    assert (unit["state"], unit["place"], unit["contract"]) == ("returned", "ST-1", None)


def test_a_replacement_names_the_contract_it_is_on(ops: Caller) -> None:
    ops("POST", "/models/99999/approval", 404, approval_reference="EXAMPLE-9", reason=REASON)
    models = ops("GET", "/registry/models")["items"]
    (waiting,) = [one for one in models if one["model_name"] == "CM-41"]
    approval = {"approval_reference": "EXAMPLE-9", "reason": REASON}
    ops("POST", f"/models/{waiting['id']}/approval", 204, **approval)
    ops("POST", f"/models/{waiting['id']}/approval", 409, **approval)
    swap = {
        "before": "00000012",
        "successor": "00000041",
        "place": "WH-1",
        "handed_over_on": "2026-03-28",
        "value_cents": 5000,
        "reason": REASON,
    }
    ops("POST", "/contracts/C-1003/replacements", 409, **swap)
    answer = ops("POST", "/contracts/C-1101/replacements", 201, **swap)
    assert [(one["serial_number"], one["replaces"]) for one in answer["holdings"][:2]] == [
        ("00000012", "00000011"),
        ("00000041", "00000012"),
    ]
    assert ops("GET", "/units/00000012")["state"] == "returned"


def test_stock_is_listed_page_by_page_and_moved(ops: Caller) -> None:
    ops("POST", "/units/00000031/move", 204, state="van_stock", place="VAN-1", reason=REASON)
    ops("POST", "/units/00000031/move", 422, state="in_stock", reason=REASON)
    ops("POST", "/units/00000031/move", 404, state="in_stock", place="WH-9", reason=REASON)
    ops("POST", "/units/00000031/move", 409, state="installed", reason=REASON)
    ops("POST", "/units/00000013/move", 409, state="in_stock", place="WH-1", reason=REASON)
    van = ops("GET", "/units?place=VAN-1")
    assert [one["serial_number"] for one in van["items"]] == ["00000031"]
    serials, after = [], ""
    while after is not None:
        page = ops("GET", f"/units?product_class=STB&limit=1&after={after}")
        serials += [one["serial_number"] for one in page["items"]]
        after = page["next"]
    assert serials == ["00000003", "00000013", "00000031"]
    history = ops("GET", "/units/00000031/history")
    assert [(one["state"], one["place"]) for one in history["stays"]] == [
        ("in_stock", "WH-1"),
        ("van_stock", "VAN-1"),
    ]
    assert history["entries"][0]["reason"] == REASON


def test_the_warehouse_learns_where_a_unit_was_but_not_for_whom(ops: Caller) -> None:
    history = Caller(ops.site, Role.WAREHOUSE)("GET", "/units/00000013/history")
    assert [one["state"] for one in history["stays"]] == ["in_stock", "installed"]
    assert (history["holdings"], history["entries"]) == ([], [])
    assert [one["card"] for one in history["pairings"]] == ["EX000013"]
    assert "C-1101" not in str(history)


def test_rows_are_taken_in_by_the_rules_of_a_file(ops: Caller) -> None:
    rows = [
        {"code": "ST-2", "kind": "store", "name": "Store in the north"},
        {"code": "ST-3", "kind": "shed", "name": "x"},
        {"code": "ST-4", "kind": "store", "name": "x", "colour": "red"},
    ]
    dry = ops("POST", "/registry/places", rows=rows, reason=REASON, dry_run=True)
    done = ops("POST", "/registry/places", rows=rows, reason=REASON)
    assert dry == done
    assert (done["added"], done["unchanged"], done["refused"]) == (1, 0, 2)
    assert [(one["row"], one["column"]) for one in done["refusals"]] == [(2, "kind"), (3, "colour")]
    again = ops("POST", "/registry/places", rows=rows[:1], reason=REASON)
    assert (again["added"], again["unchanged"]) == (0, 1)
    codes, after = [], ""
    while after is not None:
        page = ops("GET", f"/registry/places?limit=2&after={after}")
        codes += [one["code"] for one in page["items"]]
        after = page["next"]
    assert codes == ["WH-1", "ST-1", "VAN-1", "CON-1", "SUP-EX", "ST-2"]
    ops("GET", "/registry/people", 422)


def test_a_card_that_has_no_box_cannot_be_unpaired(ops: Caller) -> None:
    ops("POST", "/units/EX000031/unpairing", 409, reason=REASON)
    ops("PUT", "/units/EX000031/pairing", 409, box="00000013", reason=REASON)
    ops("POST", "/units/EX000013/unpairing", 204, reason=REASON)
    ops.site.now += timedelta(minutes=1)
    ops("PUT", "/units/EX000031/pairing", 204, box="00000013", reason=REASON)
    assert ops("GET", "/units/00000013")["paired_with"] == "EX000031"
