"""Campaigns over HTTP: from the draft to the abort, and what is answered to what is wrong."""

from __future__ import annotations

from typing import Any

import pytest

from fleet_server.domain.roles import Role
from fleet_server.services import campaign_engine
from fleet_server.services import tables as t
from fleet_server.services.fleet_actions import FleetActions
from fleet_server.services.policy import read_policy
from fleet_server.tests.console_site import START, Site

BODY: dict[str, Any] = {
    "name": "Restart",
    "selection": {"field": "product_class", "in": ["MODEM", "VOICEMODEM"]},
    "plan": {"action": {"kind": "command"}, "admits": ["no_contact"]},
    "reason": "made up for a test",
}
SWAP = {"kind": "swap", "model_name": "CM-41", "place": "DEPOT", "way": "visit"}
REASON = {"reason": "made up for a test"}


class Desk:
    def __init__(self, site: Site) -> None:
        self.site = site

    def call(self, method: str, path: str, body: Any = None, status: int = 200) -> Any:
        headers = self.site.bearer(Role.FLEET_OPS)
        answer = self.site.browser().request(method, f"/api/v1{path}", json=body, headers=headers)
        assert answer.status_code == status, answer.text
        return answer.json() if answer.content else None


@pytest.fixture
def desk(site: Site) -> Desk:
    site.insert(t.policy_setting, name="campaign_four_eyes", value="off", changed_at=START)
    return Desk(site)


def test_a_campaign_from_draft_to_abort(desk: Desk) -> None:
    made = desk.call("POST", "/campaigns", BODY, 201)
    path = f"/campaigns/{made['id']}"
    assert (made["state"], made["units"], made["counts"]) == ("draft", 0, [])
    assert made["plan"]["waves"][0]["percent"] == 1
    planned = desk.call("POST", f"{path}/plan")
    assert planned["state"] == "planned"
    assert planned["units"] == sum(count["units"] for count in planned["counts"]) > 0
    page = desk.call("GET", f"{path}/items?limit=1")
    assert len(page["items"]) == 1
    rest = desk.call("GET", f"{path}/items?after={page['next']}")
    assert len(rest["items"]) == planned["units"] - 1
    approval = {"revision": planned["revision"], **REASON}
    assert desk.call("POST", f"{path}/approval", approval)["state"] == "approved"
    assert desk.call("POST", f"{path}/start")["wave"] == 1
    assert desk.call("POST", f"{path}/pause", REASON)["why"] == "person"
    assert desk.call("POST", f"{path}/resumption", REASON)["state"] == "running"
    ended = desk.call("POST", f"{path}/abort", REASON)
    assert {count["state"] for count in ended["counts"]} <= {"stopped", "excluded"}
    with desk.site.context.fleet.writing() as connection:
        now = desk.site.context.now()
        campaign_engine.step(connection, FleetActions(), read_policy(connection), now)
    assert desk.call("GET", path)["state"] == "aborted"
    assert [one["id"] for one in desk.call("GET", "/campaigns")["items"]] == [made["id"]]


@pytest.mark.parametrize(
    ("change", "code", "part"),
    [
        ({"selection": {"field": "colour", "is": "red"}}, "invalid-selection", "no field"),
        ({"plan": {"action": {"kind": "command", "command": "X()"}}}, "invalid-plan", "command"),
        (
            {"plan": {"action": {"kind": "command"}, "admits": ["blacklisted"]}},
            "invalid-plan",
            "admits",
        ),
        (
            {"plan": {"action": {"kind": "command"}, "waves": [{"units": 5}]}},
            "invalid-plan",
            "the last",
        ),
        (
            {"plan": {"action": {"kind": "command"}, "limits": {"at_once": 0}}},
            "invalid-plan",
            "at_once",
        ),
        (
            {
                "plan": {
                    "action": {"kind": "command"},
                    "hours": {"begin": "02:00+01:00", "end": "04:00+01:00"},
                }
            },
            "invalid-plan",
            "without an offset",
        ),
        (
            {"plan": {"action": {**SWAP, "model_name": "CM-41\0"}}},
            "invalid-plan",
            "name the model",
        ),
    ],
)
def test_what_is_wrong_is_named(desk: Desk, change: Any, code: str, part: str) -> None:
    problem = desk.call("POST", "/campaigns", {**BODY, **change}, 422)
    assert problem["type"].endswith(code)
    assert part in problem["detail"]


def test_what_is_out_of_order_says_what_comes_next(desk: Desk) -> None:
    made = desk.call("POST", "/campaigns", BODY, 201)
    problem = desk.call("POST", f"/campaigns/{made['id']}/start", None, 409)
    assert problem["type"].endswith("campaign-state")
    assert "plan it first" in problem["detail"]


def test_sites_for_emergencies_are_kept(desk: Desk) -> None:
    for _ in range(2):
        desk.call("PUT", "/contracts/C-1001/protection", REASON, 204)
    assert desk.call("GET", "/protected-contracts")["items"] == [{"contract": "C-1001"}]
    desk.call("DELETE", "/contracts/C-1001/protection?reason=made+up", None, 204)
    assert desk.call("GET", "/protected-contracts")["items"] == []
    desk.call("PUT", "/contracts/C-0/protection", REASON, 404)


@pytest.mark.parametrize(
    ("path", "body", "place"),
    [
        ("/campaigns", {**BODY, "plan": {**BODY["plan"], "hour": None}}, "body.plan"),
        (
            "/campaigns",
            {**BODY, "plan": {**BODY["plan"], "limits": {"per_minut": 1}}},
            "body.plan.limits",
        ),
        (
            "/campaigns",
            {**BODY, "plan": {**BODY["plan"], "waves": [{"unit": 1}]}},
            "body.plan.waves.0",
        ),
        ("/campaigns/1/pause", {**REASON, "force": True}, "body"),
        ("/replacements", {"consnt": True}, "body"),
        ("/replacements/1/waiver", {**REASON, "all": True}, "body"),
        ("/commands", {"hour": 1}, "body"),
        ("/commands/1/cancellation", {**REASON, "now": True}, "body"),
    ],
)
def test_a_key_that_is_not_known_is_refused_by_its_place_and_not_repeated(
    desk: Desk, path: str, body: Any, place: str
) -> None:
    problem = desk.call("POST", path, body, 422)
    assert problem["type"].endswith("not-understood")
    assert f"{place}: a member in it is not known to this call" in problem["detail"].split("; ")
    assert desk.call("GET", "/campaigns")["items"] == []
