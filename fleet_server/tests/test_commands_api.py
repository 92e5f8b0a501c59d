"""Commands over the API: who asks for what a device has not is told so."""

from __future__ import annotations

from typing import Any

import httpx
import pytest
from sqlalchemy import select, update

from fleet_server.domain.command import State
from fleet_server.domain.roles import Role
from fleet_server.protocol import usp_pb2 as usp
from fleet_server.services import audit
from fleet_server.services import tables as t
from fleet_server.tests.console_site import START, VOICE_MODEM, Site

REBOOT = {
    "endpoint_id": VOICE_MODEM,
    "command": "Device.Reboot()",
    "args": {"Reason": "a trial"},
    "reason": "a test of the API",
}


def supported() -> bytes:
    """A model with one command, one parameter to set and one to read."""
    answer = usp.GetSupportedDMResp()
    result = answer.req_obj_results.add(req_obj_path="Device.")
    device = result.supported_objs.add(supported_obj_path="Device.")
    device.supported_commands.add(command_name="Reboot()", input_arg_names=["Cause", "Reason"])
    reader = result.supported_objs.add(supported_obj_path="Device.Reader.{i}.")
    reader.supported_commands.add(command_name="Reset()", input_arg_names=["Slot.{i}.Name"])
    reader.supported_params.add(param_name="Enable", access=1)
    reader.supported_params.add(param_name="Status", access=0)
    return answer.SerializeToString()


class Desk:
    """Fleet operations at the API of a site."""

    def __init__(self, site: Site) -> None:
        self.fleet = site.context.fleet
        self._browser, self._headers = site.browser(), site.bearer(Role.FLEET_OPS)

    def call(self, method: str, url: str, body: Any = None) -> httpx.Response:
        return self._browser.request(method, f"/api/v1{url}", json=body, headers=self._headers)


@pytest.fixture
def told(site: Site) -> Desk:
    """The voice modem has told its model."""
    key = {"manufacturer": "Test", "model_name": "VM-1", "software_version": "1"}
    with site.context.fleet.writing() as connection:
        row = {**key, "answer": supported(), "fetched_at": START}
        connection.execute(t.supported_model.insert().values(row))
        there = select(t.agent.c.endpoint_id).where(t.agent.c.endpoint_id == VOICE_MODEM)
        if connection.execute(there).first() is None:
            agent = {"endpoint_id": VOICE_MODEM, "registered": True, "first_seen_at": START}
            connection.execute(t.agent.insert().values(response_topic="", connection=1, **agent))
        of_modem = t.agent.c.endpoint_id == VOICE_MODEM
        connection.execute(update(t.agent).where(of_modem).values(**key))
    return Desk(site)


def post(desk: Desk, body: dict[str, Any]) -> httpx.Response:
    return desk.call("POST", "/commands", body)


def test_a_command_is_given_followed_and_called_back(told: Desk) -> None:
    answer = post(told, REBOOT)
    assert answer.status_code == 201
    made = answer.json()
    assert (made["state"], made["args"], made["counter"]) == ("queued", {"Reason": "a trial"}, 0)
    assert told.call("GET", f"/commands/{made['id']}").json() == made
    assert told.call("GET", "/command-counts").json()["queued"] == 1
    address = f"/commands/{made['id']}/cancellation"
    back = told.call("POST", address, {"reason": "typed wrongly"}).json()
    assert (back["state"], back["past_recall"]) == ("cancelled", False)
    again = told.call("POST", address, {"reason": "typed wrongly"})
    assert (again.status_code, again.json()["type"]) == (
        409,
        "urn:ipko-fleet:problem:command-ended",
    )
    with told.fleet.reading() as connection:
        entries = audit.history(connection, f"command:{made['command_key']}")
    assert [one.action for one in entries] == ["command_cancelled", "command_queued"]


def test_lists_are_of_a_device_in_a_state_or_all(told: Desk) -> None:
    first, second = post(told, REBOOT).json(), post(told, REBOOT).json()
    told.call("POST", f"/commands/{first['id']}/cancellation", {"reason": "typed wrongly"})

    def listed(query: str) -> list[int]:
        return [one["id"] for one in told.call("GET", f"/commands{query}").json()["items"]]

    assert listed("") == [second["id"], first["id"]]
    assert listed(f"?state={State.QUEUED}") == [second["id"]]
    assert listed(f"?endpoint_id={VOICE_MODEM}&state={State.CANCELLED}") == [first["id"]]
    assert listed("?endpoint_id=os::012345-nobody") == []
    page = told.call("GET", "/commands?limit=1").json()
    assert [one["id"] for one in page["items"]] == [second["id"]]
    assert listed(f"?limit=1&after={page['next']}") == [first["id"]]


# What is asked for, the status, a piece of what is said.
ASKED: list[tuple[dict[str, Any], int, str]] = [
    ({"endpoint_id": "os::012345-nobody"}, 404, "no device"),
    ({"command": "Device.FactoryReset()"}, 422, "no command Device.FactoryReset()"),
    ({"args": {"Colour": "red"}}, 422, "takes no argument Colour; it takes: Cause, Reason"),
    ({"command": "Device.Reader.3.Reset()", "args": {"Slot.1.Name": "x"}}, 201, ""),
    ({"command": 'Device.Reader.[Name=="a.b"].Reset()', "args": {}}, 201, ""),
    ({"command": "", "args": {"Device.Reader.1.Enable": "false"}}, 201, ""),
    ({"command": "", "args": {"Device.Reader.1.Status": "x"}}, 422, "cannot be set"),
    ({"command": "", "args": {"Device.Reader.1.Colour": "x"}}, 422, "no parameter"),
    ({"command": "Device.X_IPKO-COM_Service.SetState()", "args": {}}, 422, "not given by hand"),
    ({"command": "Device.Reboot", "args": {}}, 422, "no command Device.Reboot."),
    ({"hours": 0}, 422, "hours"),
]


@pytest.mark.parametrize(("change", "status", "said"), ASKED)
def test_what_the_device_has_not_is_refused_in_words(
    told: Desk, change: dict[str, Any], status: int, said: str
) -> None:
    answer = post(told, {**REBOOT, **change})
    assert answer.status_code == status, answer.text
    assert said in answer.json().get("detail", "")


def test_a_device_whose_model_is_not_known_is_taken_at_its_word(site: Site) -> None:
    assert post(Desk(site), {**REBOOT, "command": "Device.Unheard()"}).status_code == 201
