"""Signed commands to devices, as the outbox sends them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime

import pytest

from agent.wire.authorisation import split_token
from agent.wire.codes import AUTHORIZATION_ARGUMENT, INVALID_VALUE
from fleet_server.adapters import broker
from fleet_server.adapters.clock import utc_now
from fleet_server.adapters.device_commands import DeviceCommands
from fleet_server.adapters.usp_client import open_client
from fleet_server.domain.operations import (
    GiveAllowList,
    RemoveAccess,
    SetDeviceState,
    TellWarranty,
)
from fleet_server.errors import LinkError
from fleet_server.protocol import usp_pb2 as usp
from fleet_server.services.operator_ports import OperationRefusedError, SystemUnavailableError
from fleet_server.tests.installation import Installation
from fleet_server.tests.played_agent import PlayedAgent
from fleet_server.tests.service_desk import STB, ServiceDesk

NOW = datetime(2026, 11, 26, 12, 0, tzinfo=UTC)
RESTRICTED = SetDeviceState(STB, "restricted", "decision 1", "TOP L")


class Asked:
    """Answers every request with what the test put there."""

    def __init__(self) -> None:
        self.requests: list[usp.Operate] = []
        self.sets: list[usp.Set] = []
        self.answer = usp.Msg()
        self.error: LinkError | None = None

    def ask(self, endpoint_id: str, timeout_s: float, **member: object) -> usp.Msg:
        assert (endpoint_id, timeout_s) == (STB, 10.0)
        for request in member.values():
            if isinstance(request, usp.Set):
                self.sets.append(request)
            else:
                assert isinstance(request, usp.Operate)
                self.requests.append(request)
        if self.error:
            raise self.error
        return self.answer

    @contextmanager
    def connect(self) -> Iterator[Asked]:
        yield self


@pytest.fixture
def asked() -> Asked:
    made = Asked()
    made.answer.header.msg_id = "cli-1"
    result = made.answer.body.response.operate_resp.operation_results.add()
    result.req_output_args.SetInParent()
    return made


@pytest.fixture
def commands(desk: ServiceDesk, asked: Asked) -> DeviceCommands:
    return DeviceCommands(desk.fleet, asked.connect, lambda: NOW)


def test_a_state_is_set_by_a_command_that_is_signed_for_it(
    commands: DeviceCommands, asked: Asked
) -> None:
    answer = commands.carry_out("service-1/3.1", RESTRICTED, 1)
    assert (answer.operation_id, answer.reference) == ("service-1/3.1", "cli-1")
    (operate,) = asked.requests
    args = dict(operate.input_args)
    assert split_token(args.pop(AUTHORIZATION_ARGUMENT))
    assert operate.command == "Device.X_IPKO-COM_Service.SetState()"
    assert (operate.command_key, operate.send_resp) == ("service-1/3.1", True)
    assert args == {"State": "restricted", "Reason": "decision 1", "Profile": "TOP L"}
    commands.carry_out("service-1/3.1", RESTRICTED, 1)
    first, second = (one.input_args[AUTHORIZATION_ARGUMENT] for one in asked.requests)
    assert first != second


def test_a_list_is_given_as_it_was_signed(commands: DeviceCommands, asked: Asked) -> None:
    commands.carry_out("allow-list-7/x", GiveAllowList(STB, 7, "document"), 1)
    (operate,) = asked.requests
    assert operate.command == "Device.X_IPKO-COM_Service.SetAllowList()"
    assert operate.input_args["Document"] == "document"


def test_the_days_of_the_warranty_are_set_all_or_none(
    commands: DeviceCommands, asked: Asked
) -> None:
    days = TellWarranty(STB, "2026-11-26", "2027-11-26", "2026-11-26", "2030-11-26")
    asked.answer.body.response.set_resp.SetInParent()
    commands.carry_out("warranty-1/1.1", days, 1)
    (update,) = asked.sets[0].update_objs
    assert update.obj_path == "Device.X_IPKO-COM_Warranty."
    assert {one.param: one.value for one in update.param_settings} == {
        "UnitReceived": "2026-11-26",
        "UnitLastCoveredDay": "2027-11-26",
        "CardReceived": "2026-11-26",
        "CardLastCoveredDay": "2030-11-26",
    }
    assert all(one.required for one in update.param_settings)
    asked.answer = usp.Msg()
    asked.answer.body.error.err_code = INVALID_VALUE
    with pytest.raises(OperationRefusedError):
        commands.carry_out("warranty-1/1.1", days, 1)


def test_a_silent_device_is_asked_again(commands: DeviceCommands, asked: Asked) -> None:
    asked.error = LinkError("no answer")
    with pytest.raises(SystemUnavailableError, match="no_answer"):
        commands.carry_out("a", RESTRICTED, 1)


@pytest.mark.parametrize(
    ("code", "text", "error"),
    [
        (7002, "the line is in use", SystemUnavailableError),
        (7022, "kept, but the filter failed: x", SystemUnavailableError),
        (7022, "allow-list is older: version 6, in force is 7", OperationRefusedError),
        (INVALID_VALUE, "State", OperationRefusedError),
    ],
)
def test_what_passes_is_tried_again_and_what_does_not_waits_for_a_person(
    commands: DeviceCommands, asked: Asked, code: int, text: str, error: type[Exception]
) -> None:
    failure = usp.CommandFailure(err_code=code, err_msg=text)
    results = asked.answer.body.response.operate_resp.operation_results
    results[0].cmd_failure.CopyFrom(failure)
    with pytest.raises(error, match=text):
        commands.carry_out("a", RESTRICTED, 1)


def test_an_error_message_and_an_empty_answer_are_no_success(
    commands: DeviceCommands, asked: Asked
) -> None:
    asked.answer = usp.Msg()
    asked.answer.body.error.err_code = 7026
    with pytest.raises(OperationRefusedError):
        commands.carry_out("a", RESTRICTED, 1)
    asked.answer = usp.Msg()
    asked.answer.body.response.operate_resp.SetInParent()
    with pytest.raises(SystemUnavailableError, match="empty_answer"):
        commands.carry_out("b", RESTRICTED, 1)


def test_what_is_no_command_is_refused(commands: DeviceCommands) -> None:
    with pytest.raises(OperationRefusedError):
        commands.carry_out("a", RemoveAccess("02:00:5E:00:00:01"), 1)


def test_a_command_reaches_a_device_over_the_broker(
    installation: Installation, play: Callable[[str], PlayedAgent]
) -> None:
    endpoint_id = "ops::00256D-STB-00000003"
    installation.start_broker()
    agent = play(endpoint_id)
    agent.start()
    config = installation.config
    commands = DeviceCommands(
        installation.fleet,
        lambda: open_client(broker.address(config), installation.pki, config.controller_id),
        utc_now,
    )
    operation = SetDeviceState(endpoint_id, "restricted", "decision 1")
    assert commands.carry_out("service-1/3.1", operation, 1).operation_id == "service-1/3.1"
    request = agent.requests.get(timeout=10)
    assert request.body.request.operate.input_args["State"] == "restricted"
