"""What can harm runs only with the fleet's own authorisation, and each authorisation once.

The board is simulated, its agent and the broker are the real ones. The test does what whoever holds
the broker can do: it publishes any Record, with any authorisation but a rightly signed one. Then it
gives the service's commands rightly signed, and looks at what reaches the customer.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from agent.wire.codes import COMMAND_FAILURE, PERMISSION_DENIED
from hil_tests.demo_fleet import STB, VOICEMODEM
from hil_tests.engineer import ANSWER_S, Answer, Engineer, Key, Order, fleet_key_of
from hil_tests.errors import BoardRefusedError
from hil_tests.instance import Instance
from hil_tests.waiting import wait_until

EID = STB.spec.endpoint_id
REBOOT = "Device.Reboot()"
ARGS = {"Cause": "RemoteReboot", "Reason": "test"}
RESTART_S = 30.0
QUIET_S = 5.0  # a board that was told to restart has done so by then
DONE = Answer(0, "")
_DATED_BOOTS = (
    "SELECT id FROM event WHERE endpoint_id = ? AND name = 'Boot!' AND device_at IS NOT NULL"
)


@pytest.fixture(scope="module")
def instance(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Instance]:
    with Instance(tmp_path_factory.mktemp("authorisation") / "state", [STB]) as started:
        wait_until(
            lambda: started.query(_DATED_BOOTS, EID),
            ANSWER_S,
            "the board knows the time",
        )
        yield started


@pytest.fixture(scope="module")
def engineer(instance: Instance) -> Iterator[Engineer]:
    client = Engineer(instance, EID)
    yield client
    client.close()


@pytest.fixture(scope="module")
def fleet_key(instance: Instance) -> Key:
    return fleet_key_of(instance)


def reboot(engineer: Engineer, token: str | None, args: Mapping[str, str] = ARGS) -> Answer:
    return engineer.operate(REBOOT, args, token)


def check_stays_up(instance: Instance, boots: int) -> None:
    board = instance.boards[STB.name]
    with pytest.raises(BoardRefusedError):
        board.wait_for_boots(boots + 1, QUIET_S)
    assert board.state()["boots"] == boots


@pytest.mark.timeout(120)
def test_no_other_authorisation_restarts_a_board(
    instance: Instance, engineer: Engineer, fleet_key: Key
) -> None:
    boots = instance.boards[STB.name].state()["boots"]
    right = Order(EID, REBOOT, ARGS)
    foreign = replace(right, endpoint_id=VOICEMODEM.spec.endpoint_id)
    forged = right.signed(ec.generate_private_key(ec.SECP256R1()))
    refused = {
        "missing": reboot(engineer, None),
        "malformed": reboot(engineer, "x"),
        "not signed by the command key": reboot(engineer, forged),
        "for another endpoint": reboot(engineer, foreign.signed(fleet_key)),
        "for another command": reboot(
            engineer, replace(right, command="Device.FactoryReset()").signed(fleet_key)
        ),
        "for another command key": reboot(
            engineer, replace(right, command_key="work-order-16").signed(fleet_key)
        ),
        "for other arguments": reboot(engineer, right.signed(fleet_key), {**ARGS, "Reason": "x"}),
        "expired": reboot(engineer, replace(right, lifetime_s=-60).signed(fleet_key)),
    }
    for why, answer in refused.items():
        assert answer.code == PERMISSION_DENIED, why
        assert answer.text.startswith(f"authorisation {why}"), why
    check_stays_up(instance, boots)


@pytest.mark.timeout(120)
def test_the_right_authorisation_restarts_a_board_once(
    instance: Instance, engineer: Engineer, fleet_key: Key
) -> None:
    board = instance.boards[STB.name]
    boots = board.state()["boots"]
    told = len(instance.query(_DATED_BOOTS, EID))
    token = Order(EID, REBOOT, ARGS, counter=7).signed(fleet_key)
    assert reboot(engineer, token) == Answer(0, "")
    board.wait_for_boots(boots + 1, RESTART_S)
    wait_until(
        lambda: len(instance.query(_DATED_BOOTS, EID)) > told,
        RESTART_S,
        "the board is back",
    )
    used = (token, Order(EID, REBOOT, ARGS, counter=6).signed(fleet_key))
    for authorisation in used:
        answer = reboot(engineer, authorisation)
        assert answer.code == PERMISSION_DENIED
        assert answer.text.startswith("authorisation was used before")
    check_stays_up(instance, boots + 1)


# --- state of the service


LIST = """
version = 3
expires = 2090-01-01
numbers = ["0800 11222"]

[[hosts]]
names = ["mesimi.example", "*.school.example"]
from = 2026-01-01
to = 2089-12-31
"""


@pytest.fixture
def command(engineer: Engineer, fleet_key: Key) -> Callable[..., Answer]:
    """Give an authorised command of the service."""

    def give(name: str, **args: str) -> Answer:
        path = "Device.X_IPKO-COM_Service." + name
        order = Order(EID, path, args, counter=time.monotonic_ns())
        return engineer.operate(path, args, order.signed(fleet_key))

    return give


def told(instance: Instance, name: str) -> list[dict[str, str]]:
    """Arguments of the events of this name that are in the database."""
    query = "SELECT params FROM event WHERE endpoint_id = ? AND name = ? ORDER BY id"
    return [json.loads(params) for (params,) in instance.query(query, EID, name)]


@pytest.mark.timeout(120)
def test_a_restricted_customer_keeps_the_school_through_a_power_cut(
    instance: Instance, command: Callable[..., Answer], tmp_path: Path
) -> None:
    board = instance.boards[STB.name]
    wait_until(lambda: board.state()["rules"], RESTART_S, "the board told its filter")
    assert board.visit("shop.example")
    source, out = tmp_path / "list.toml", tmp_path / "list.jws"
    source.write_text(LIST)
    instance.server.command("sign-allow-list", str(source), "--out", str(out))
    document = out.read_text()
    assert command("SetAllowList()", Document=document) == DONE
    assert command("SetState()", State="restricted", Reason="unpaid") == DONE
    assert board.visit("mesimi.example") and board.visit("video.school.example", "203.0.113.20")
    assert not board.visit("shop.example") and not board.visit("", "203.0.113.30")
    assert board.dial("112") and board.dial("0800 11222") and not board.dial("038123456")
    forged = command("SetAllowList()", Document=document[:-8] + "AAAAAAAA")
    assert forged == Answer(COMMAND_FAILURE, "allow-list is not signed by the fleet")

    board.power_cut(0)
    assert not board.visit("mesimi.example"), "without power nothing passes"
    board.power_restore()
    wait_until(lambda: board.state()["rules"], RESTART_S, "the board told its filter again")
    assert board.state()["rules"]["state"] == "restricted"
    assert board.visit("mesimi.example") and not board.visit("shop.example")
    wait_until(lambda: told(instance, "AllowListChanged!"), RESTART_S, "the events have arrived")
    assert [event["State"] for event in told(instance, "StateChanged!")] == ["restricted"]
    assert [event["Version"] for event in told(instance, "AllowListChanged!")] == ["3"]
    instance.server.wait_until_ready(1)
    assert command("SetState()", State="active") == DONE
    assert board.visit("shop.example")


@pytest.mark.timeout(60)
def test_a_box_in_another_network_closes_television_and_tells(
    instance: Instance, command: Callable[..., Answer]
) -> None:
    board = instance.boards[STB.name]
    assert command("SetHomeNetworks()", Networks="10.64.0.0/12,cable.example") == DONE
    assert board.state()["rules"]["television"] is True
    board.set_facts("network", address="198.51.100.7", provider="other.example")
    wait_until(
        lambda: (
            [event["Network"] for event in told(instance, "StatusChanged!")][-1:]
            == ["other.example"]
        ),
        RESTART_S,
        "the foreign network was told",
    )
    assert told(instance, "StatusChanged!")[-1]["Status"] == "Closed"
    assert board.state()["rules"]["television"] is False
