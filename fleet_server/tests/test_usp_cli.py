"""The `usp` command line against a real broker and a played agent."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from agent.wire.authorisation import split_token
from agent.wire.codes import AUTHORIZATION_ARGUMENT
from fleet_server.protocol import usp_pb2 as usp
from fleet_server.tests.installation import Installation, end
from fleet_server.tests.played_agent import PlayedAgent

MODEM = "ops::00256D-MODEM-00000001"
NAME = "Device.DeviceInfo.ModelName"
ANSWER_S = 30

Usp = Callable[..., "subprocess.CompletedProcess[str]"]


def command(installation: Installation, *words: str) -> list[str]:
    program = Path(sys.executable).parent / "usp"
    state, port = str(installation.config.state), str(installation.config.mqtt_port)
    return [str(program), *words, "--state", state, "--mqtt-port", port]


@pytest.fixture
def run_usp(installation: Installation) -> Usp:
    def run(*words: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(  # noqa: S603 - our own command
            command(installation, *words), capture_output=True, text=True, timeout=ANSWER_S
        )

    installation.start_broker()
    return run


@pytest.fixture
def modem(run_usp: Usp, play: Callable[[str], PlayedAgent]) -> PlayedAgent:
    agent = play(MODEM)
    agent.model = {NAME: "Modem 1", "Device.DeviceInfo.SoftwareVersion": "0.1.0"}
    agent.start()
    return agent


def test_get_prints_each_parameter_with_its_path(modem: PlayedAgent, run_usp: Usp) -> None:
    done = run_usp("get", modem.endpoint_id, "Device.DeviceInfo.")
    assert done.stdout.splitlines() == [
        f"{NAME} = Modem 1",
        "Device.DeviceInfo.SoftwareVersion = 0.1.0",
    ]
    assert done.returncode == 0


def test_a_path_that_does_not_exist_is_an_error_with_its_code(
    modem: PlayedAgent, run_usp: Usp
) -> None:
    done = run_usp("get", modem.endpoint_id, "Device.Nothing")
    assert re.search(r"Device\.Nothing: 7026 \w+", done.stdout)
    assert done.returncode == 1


def test_a_name_that_is_no_endpoint_id_is_said_at_once(run_usp: Usp) -> None:
    done = run_usp("get", "voicemodem", "Device.")
    assert done.returncode == 1
    assert "voicemodem is not an endpoint id, such as ops::" in done.stderr


def test_set_changes_and_a_search_path_may_hold_an_equals_sign(
    modem: PlayedAgent, run_usp: Usp
) -> None:
    row = 'Device.LocalAgent.Subscription.[ID=="boot"].'
    assert run_usp("set", modem.endpoint_id, row + "Enable=a=b").returncode == 0
    request = modem.requests.get(timeout=5).body.request.set
    assert not request.allow_partial
    assert request.update_objs[0].obj_path == row
    assert (request.update_objs[0].param_settings[0].value) == "a=b"
    assert run_usp("set", modem.endpoint_id, "Device.X").returncode == 1


def test_a_harmful_command_goes_signed_when_asked_and_warns_when_not(
    modem: PlayedAgent, run_usp: Usp
) -> None:
    bare = run_usp("operate", modem.endpoint_id, "Device.Reboot()")
    assert "--authorise" in bare.stderr
    assert not modem.requests.get(timeout=5).body.request.operate.input_args
    words = ("operate", modem.endpoint_id, "Device.Reboot()", "Cause=RemoteReboot", "--authorise")
    assert run_usp(*words).returncode == 0
    operate = modem.requests.get(timeout=5).body.request.operate
    assert operate.input_args["Cause"] == "RemoteReboot"
    claims = split_token(operate.input_args[AUTHORIZATION_ARGUMENT])[2]
    assert (claims["eid"], claims["cmd"], claims["ctr"]) == (MODEM, "Device.Reboot()", 1)
    assert claims["key"] == operate.command_key


def test_an_agent_that_is_away_is_said_to_be(run_usp: Usp) -> None:
    done = run_usp("get", MODEM, "Device.", "--timeout", "0.5")
    assert done.returncode == 1
    assert f"No answer in 0.5 s. {MODEM} was never online." in done.stderr


def test_without_an_installation_the_option_is_named(tmp_path: Path, run_usp: Usp) -> None:
    done = subprocess.run(  # noqa: S603 - our own command
        [str(Path(sys.executable).parent / "usp"), "get", MODEM, "X", "--state", str(tmp_path)],
        capture_output=True,
        text=True,
        timeout=ANSWER_S,
    )
    assert done.returncode == 1
    assert "--state" in done.stderr


def test_a_broker_that_does_not_run_is_said_with_the_options_that_name_it(
    installation: Installation,
) -> None:
    done = subprocess.run(  # noqa: S603 - our own command
        command(installation, "get", MODEM, "X"),
        capture_output=True,
        text=True,
        timeout=ANSWER_S,
    )
    assert done.returncode == 1
    assert f"port {installation.config.mqtt_port} (Connection refused)" in done.stderr
    assert "--state" in done.stderr
    assert "--mqtt-port" in done.stderr


def test_watch_shows_traffic_as_text(
    installation: Installation, modem: PlayedAgent, tmp_path: Path
) -> None:
    seen = tmp_path / "watch.txt"
    with seen.open("w") as file:
        watcher = subprocess.Popen(  # noqa: S603 - our own command
            command(installation, "watch", MODEM),
            stdout=file,
            env={**os.environ, "PYTHONUNBUFFERED": "1"},
        )
    until_s = time.monotonic() + ANSWER_S
    notify = usp.Notify(subscription_id="fleet-supply")
    notify.value_change.param_path = "Device.X_IPKO-COM_Power.Source"
    notify.value_change.param_value = "Battery"
    while "Source = Battery" not in seen.read_text():
        assert time.monotonic() < until_s
        modem.publish(modem.notification("n-1-1", notify))
        time.sleep(0.2)
    end(watcher)
    assert f"{MODEM} > fqdn::fleet.test  notify n-1-1" in seen.read_text()
