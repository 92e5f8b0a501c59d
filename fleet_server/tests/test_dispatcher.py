"""Commands over the real broker to played agents, with the courier and the controller killed."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from datetime import timedelta
from typing import Any, TypeVar

import pytest

from agent.wire.authorisation import split_token
from agent.wire.codes import AUTHORIZATION_ARGUMENT, COMMAND_CANCELLED, OVERTAKE
from fleet_server.adapters import failpoint
from fleet_server.adapters.clock import utc_now
from fleet_server.domain.command import State
from fleet_server.protocol import usp_pb2 as usp
from fleet_server.services import commands
from fleet_server.services.audit import Actor
from fleet_server.services.commands import Command, Order
from fleet_server.tests.installation import Installation, end, wait_until
from fleet_server.tests.played_agent import PlayedAgent

VENDOR = "os::012345-0123456789"
BOX = "ops::00256D-STB-00000003"
STATE = "Device.X_IPKO-COM_Service.SetState()"


Agent = TypeVar("Agent", bound=PlayedAgent)


class VendorAgent(PlayedAgent):
    """Knows no tokens; carries a command out in the background, as a Request that can end."""

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self.asked: list[usp.Operate] = []

    def answer(self, request: usp.Msg) -> usp.Msg:
        message = super().answer(request)
        if request.body.request.WhichOneof("req_type") == "operate":
            operate = request.body.request.operate
            self.asked.append(operate)
            if not operate.command.endswith("Cancel()"):
                result = message.body.response.operate_resp.operation_results[0]
                result.req_obj_path = "Device.LocalAgent.Request.3"
        return message

    def complete(self, key: str, failure: int = 0) -> None:
        """Tell the end of a command, as a vendor's agent does: with any msg_id."""
        notify = usp.Notify(subscription_id="fleet-operations", send_resp=True)
        done = notify.oper_complete
        done.obj_path, done.command_name = "Device.", "SelfTestDiagnostics()"
        done.command_key = key
        if failure:
            done.cmd_failure.err_code = failure
        else:
            done.req_output_args.output_args["Status"] = "Complete"
        self.publish(self.notification(f"done-{key}", notify))


class ObedientAgent(PlayedAgent):
    """Accepts each counter once, as our agents do; `deaf` takes commands and says nothing."""

    accepted = effective = 0
    deaf = False

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self.ran: list[str] = []

    def answer(self, request: usp.Msg) -> usp.Msg:
        operate = request.body.request.operate
        self.model["Device.LocalAgent.X_IPKO-COM_CommandCounter"] = str(self.accepted)
        if AUTHORIZATION_ARGUMENT not in operate.input_args:
            return super().answer(request)
        message = super().answer(request)
        result = message.body.response.operate_resp.operation_results[0]
        counter = int(split_token(operate.input_args[AUTHORIZATION_ARGUMENT])[2]["ctr"])
        if counter <= self.accepted:
            result.cmd_failure.err_code = 7006
            result.cmd_failure.err_msg = "authorisation was used before"
            return message
        self.accepted = counter
        if operate.command == OVERTAKE:
            result.req_output_args.output_args["LastCounter"] = str(self.effective)
            return message
        self.effective = counter
        self.ran.append(operate.command_key)
        return message


class Site:
    """Broker, controller and courier of one installation, and one agent."""

    def __init__(self, installation: Installation) -> None:
        self.installation = installation
        self.courier: subprocess.Popen[bytes] | None = None

    def start_courier(self, at: str = "") -> None:
        environment = {
            **os.environ,
            **self.installation.config.environment(),
            failpoint.VARIABLE: at,
        }
        command = [sys.executable, "-m", "fleet_server.courier"]
        with self.installation.log.open("ab") as log:
            self.courier = subprocess.Popen(command, env=environment, stdout=log, stderr=log)  # noqa: S603

    def killed(self) -> None:
        assert self.courier is not None
        assert self.courier.wait(20) == -9

    def stop_courier(self) -> None:
        if self.courier is not None:
            end(self.courier)

    def queue(self, key: str, command: str = STATE, endpoint_id: str = BOX) -> None:
        order = Order(endpoint_id, command, {}, utc_now() + timedelta(minutes=5))
        with self.installation.fleet.writing() as connection:
            commands.queue(connection, key, order, utc_now())

    def read(self, key: str) -> Command:
        with self.installation.fleet.reading() as connection:
            return commands.read(connection, key)

    def wait_for(self, key: str, *states: State) -> Command:
        wait_until(lambda: self.read(key).state in states, f"{key} is {states}")
        return self.read(key)


@pytest.fixture
def site(installation: Installation) -> Iterator[Site]:
    made = Site(installation)
    installation.start_broker()
    installation.start_controller()
    yield made
    made.stop_courier()


@pytest.fixture
def box(installation: Installation, site: Site) -> Iterator[ObedientAgent]:
    with ExitStack() as stack:
        yield connected(installation, stack, ObedientAgent, BOX)


def connected(
    installation: Installation, stack: ExitStack, kind: type[Agent], endpoint_id: str
) -> Agent:
    """An agent that the controller has seen; its connection ends with the stack."""
    config = installation.config
    agent = kind(
        endpoint_id,
        config.controller_id,
        config.mqtt_port,
        installation.pki.root,
        installation.client_certificate(endpoint_id),
    )
    agent.start()
    stack.callback(agent.stop)
    wait_until(lambda: installation.presence(endpoint_id) == "online", f"{endpoint_id} is there")
    return agent


def boot(box: ObedientAgent, key: str) -> None:
    params = {"CommandKey": key, "Cause": "RemoteReboot"}
    box.publish(box.event("0123abcd-1", "Device.", "Boot!", params))


def test_commands_reach_the_device_and_end_with_its_word(
    site: Site, box: ObedientAgent, installation: Installation
) -> None:
    site.start_courier()
    site.queue("a")
    site.queue("b", "Device.Reboot()")
    assert site.wait_for("a", State.DONE).tries == 1
    site.wait_for("b", State.ACCEPTED)
    boot(box, "b")
    site.wait_for("b", State.DONE)
    assert box.ran == ["a", "b"]
    # The broker ends and comes back: the connection does too.
    assert installation.broker_process is not None
    installation.broker_process.kill()
    installation.broker_process.wait()
    site.queue("c")
    installation.start_broker()
    site.wait_for("c", State.DONE)
    assert box.ran == ["a", "b", "c"]


PLACES = [failpoint.BEFORE_COMMAND, failpoint.AFTER_COMMAND, failpoint.BEFORE_SETTLED]


def test_a_courier_killed_anywhere_runs_nothing_twice_and_forgets_nothing(
    site: Site, box: ObedientAgent
) -> None:
    for number, place in enumerate(PLACES):
        key = f"c-{number}"
        site.start_courier(place)
        site.queue(key)
        site.killed()
        assert site.read(key).state is State.SENT
        site.start_courier()
        site.wait_for(key, State.DONE, State.ACCEPTED)
        site.stop_courier()
    assert box.ran == ["c-0", "c-1", "c-2"]


def test_called_back_while_the_device_is_away(
    site: Site, box: ObedientAgent, installation: Installation
) -> None:
    site.start_courier(failpoint.BEFORE_COMMAND)
    site.queue("a")
    site.killed()  # on record as sent, and it never left
    with installation.fleet.writing() as connection:
        commands.cancel(connection, Actor.account(1), "a", "test", utc_now())
    site.start_courier()
    found = site.wait_for("a", State.CANCELLED)
    assert (found.past_recall, box.ran) == (False, [])


def test_a_vendors_device_is_told_with_what_it_supports(
    site: Site, installation: Installation
) -> None:
    test = "Device.SelfTestDiagnostics()"
    with ExitStack() as stack:
        vendor = connected(installation, stack, VendorAgent, VENDOR)
        site.start_courier()
        site.queue("a", test, VENDOR)
        site.wait_for("a", State.ACCEPTED)
        vendor.complete("a")
        assert site.wait_for("a", State.DONE).outputs == {"Status": "Complete"}
        site.queue("b", test, VENDOR)
        site.wait_for("b", State.ACCEPTED)
        with installation.fleet.writing() as connection:
            commands.cancel(connection, Actor.account(1), "b", "test", utc_now())
        wait_until(lambda: len(vendor.asked) == 3, "the Request is cancelled")
        vendor.complete("b", COMMAND_CANCELLED)
        site.wait_for("b", State.CANCELLED)
    assert [one.command for one in vendor.asked] == [
        test,
        test,
        "Device.LocalAgent.Request.3.Cancel()",
    ]
    assert all(AUTHORIZATION_ARGUMENT not in one.input_args for one in vendor.asked)
