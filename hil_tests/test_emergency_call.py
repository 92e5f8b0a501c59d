"""A voice modem in an emergency call, and on its battery, on real parts.

The telephone, the voice processor and the battery are played; the agent on the MicroPython machine,
broker, server and the engineer's command line are real.
"""

import json
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from hil_tests.demo_fleet import VOICEMODEM
from hil_tests.instance import Instance
from hil_tests.waiting import wait_until

EID = VOICEMODEM.spec.endpoint_id
CALL_BACK_S = 8
_WAIT_S = 20.0
_EVENTS = "SELECT name, params FROM event WHERE endpoint_id = ? AND kind = 'event' ORDER BY id"
_SETTING = "Device.Services.X_IPKO-COM_EmergencyCalls."
_UNTIL = re.compile(r"busy: emergency call-back until (\S+Z)")


@pytest.fixture(scope="module")
def instance(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Instance]:
    with Instance(tmp_path_factory.mktemp("call") / "state", [VOICEMODEM]) as started:
        yield started


def usp(instance: Instance, *words: str) -> tuple[int, str]:
    """Exit code and words of the engineer's command line."""
    done = subprocess.run(  # noqa: S603 - our own command
        [str(Path(sys.executable).parent / "usp"), *words, "--state", str(instance.state)],
        capture_output=True,
        text=True,
        timeout=60,
        env={"COLUMNS": "300", "PATH": "/usr/bin:/bin"},
    )
    return done.returncode, done.stdout + done.stderr


def reboot(instance: Instance) -> tuple[int, str]:
    return usp(instance, "operate", EID, "Device.Reboot()", "--authorise")


def told(instance: Instance, name: str) -> list[dict[str, Any]]:
    return [json.loads(params) for event, params in instance.query(_EVENTS, EID) if event == name]


@pytest.mark.timeout(180)
def test_a_restart_waits_for_an_emergency_call_and_whoever_calls_back(instance: Instance) -> None:
    board = instance.boards[VOICEMODEM.name]
    boots = board.state()["boots"]
    shorter = ("Method=Set", f"Path={_SETTING}", f'Parameters={{"CallBackTime":"{CALL_BACK_S}"}}')
    apply = "Device.LocalAgent.X_IPKO-COM_Apply()"
    assert usp(instance, "operate", EID, apply, *shorter, "--authorise")[0] == 0

    board.phone(True, "112")
    code, said = reboot(instance)
    assert code == 1
    assert "7002 busy: emergency call" in said
    board.phone(False)
    code, said = reboot(instance)
    assert code == 1
    until = _UNTIL.search(said)
    assert until, said
    wait_s = (datetime.fromisoformat(until[1]) - datetime.now(UTC)).total_seconds()
    assert wait_s < CALL_BACK_S + 1
    assert board.state()["boots"] == boots
    time.sleep(max(0.0, wait_s) + 1)
    code, said = reboot(instance)
    assert code == 0, said
    board.wait_for_boots(boots + 1, _WAIT_S)
    journalled = str(instance.query("SELECT path, params FROM event WHERE endpoint_id = ?", EID))
    assert "112" not in re.findall(r'"(\d+)"', journalled), "who was called is nobody's business"


@pytest.mark.timeout(120)
def test_a_line_that_is_lost_is_told_at_once_and_kept_as_the_state(instance: Instance) -> None:
    board = instance.boards[VOICEMODEM.name]
    before = len(told(instance, "EmergencyReachability!"))
    board.set_facts("voice", registration="Error_Network")
    events = wait_until(
        lambda: told(instance, "EmergencyReachability!")[before:], _WAIT_S, "the loss"
    )
    assert (events[0]["Reachable"], events[0]["Reason"]) == ("false", "NoNetwork")
    page = instance.browser("fleet_ops").get(f"/devices/{EID}").text
    assert "cannot be reached, no network" in page
    board.set_facts("voice", registration="Up")


@pytest.mark.timeout(120)
def test_a_battery_carries_the_device_and_nothing_is_interrupted(instance: Instance) -> None:
    board = instance.boards[VOICEMODEM.name]
    count = "SELECT count(*) FROM interruption WHERE withdrawn = 0 AND endpoint_id = ?"
    before, boots = instance.query(count, EID), board.state()["boots"]
    board.battery(fitted=True)
    assert board.power_cut()["carried"]
    wait_until(lambda: told(instance, "MainsLost!"), _WAIT_S, "on battery")
    board.power_restore()
    back = wait_until(lambda: told(instance, "MainsRestored!"), _WAIT_S, "off battery")
    assert int(back[0]["Duration"]) < _WAIT_S * 1000
    assert told(instance, "PowerLoss!") == []
    assert instance.query(count, EID) == before
    assert board.state()["boots"] == boots
