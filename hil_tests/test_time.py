"""Whom a board believes about the time: its controller first, a time server where nobody forges.

The board runs on the real machine, and asks over a real UDP port; the time server is the bench's.
"""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

import pytest

from agent.wire.codes import PERMISSION_DENIED
from hil_tests.demo_fleet import STB
from hil_tests.engineer import Answer, Engineer, Order, fleet_key_of
from hil_tests.instance import Instance
from hil_tests.waiting import wait_until

EID = STB.spec.endpoint_id
DAY_MS = 86_400_000
_ANSWER_S = 30.0
_COMMAND = "Device.X_IPKO-COM_Service.SetState()"
_ARGS = {"State": "active"}


@pytest.fixture(scope="module")
def instance(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Instance]:
    with Instance(tmp_path_factory.mktemp("time") / "state", [STB]) as started:
        yield started


def usp(instance: Instance, *words: str) -> str:
    done = subprocess.run(  # noqa: S603 - our own command
        [str(Path(sys.executable).parent / "usp"), *words, "--state", str(instance.state)],
        capture_output=True,
        text=True,
        timeout=_ANSWER_S,
    )
    return done.stdout


def is_told(instance: Instance, name: str, value: str) -> bool:
    path = f"Device.Time.{name}"
    return any(
        line.strip().startswith(path.rpartition(".")[2]) or path in line
        for line in usp(instance, "get", EID, path).splitlines()
        if value in line
    )


@pytest.mark.timeout(180)
def test_a_time_server_that_lies_dates_nothing_for_long_and_ends_no_authorisation(
    instance: Instance,
) -> None:
    board = instance.boards[STB.name]
    board.time_server("good", DAY_MS)
    asked = board.state()["time_questions"]
    board.reset()
    wait_until(lambda: board.state()["time_questions"] > asked, _ANSWER_S, "the board asks")
    wait_until(lambda: is_told(instance, "X_IPKO-COM_Source", "Controller"), _ANSWER_S, "the truth")
    told = usp(instance, "get", EID, "Device.Time.CurrentLocalTime")
    told_at = datetime.fromisoformat(told.split()[-1].replace("Z", "+00:00"))
    assert abs(told_at.timestamp() - time.time()) < 60
    engineer = Engineer(instance, EID)
    try:
        order = Order(EID, _COMMAND, _ARGS, counter=int(time.time()))
        key = fleet_key_of(instance)
        assert engineer.operate(_COMMAND, _ARGS, order.signed(key)) == Answer(0, "")
        late = Order(EID, _COMMAND, _ARGS, counter=int(time.time()) + 1, lifetime_s=-60)
        refused = engineer.operate(_COMMAND, _ARGS, late.signed(key))
        assert refused == Answer(PERMISSION_DENIED, "authorisation expired")
    finally:
        engineer.close()


@pytest.mark.timeout(180)
def test_an_honest_time_server_is_taken_beside_the_controller(instance: Instance) -> None:
    instance.boards[STB.name].time_server("good")
    usp(instance, "set", EID, "Device.Time.Client.1.Servers=other.example")
    wait_until(
        lambda: is_told(instance, "Client.1.Status", "Synchronized"), _ANSWER_S, "synchronized"
    )
    assert is_told(instance, "X_IPKO-COM_Trusted", "true")
