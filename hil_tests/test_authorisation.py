"""What can harm runs only with the fleet's own authorisation, and each authorisation once.

The board is simulated, its agent and the broker are the real ones; beside it runs the agent of a
Linux machine, as its service would. The test does what whoever holds the broker can do: it
publishes any Record, with any authorisation but a rightly signed one. Then it gives commands
rightly signed, and looks at what reaches the customer.
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from agent.wire.codes import COMMAND_FAILURE, PERMISSION_DENIED
from firmware_tools.device_console import DeviceConsole
from firmware_tools.errors import ToolError
from firmware_tools.provision import Quiet, provision
from firmware_tools.registry import Registry
from firmware_tools.serial_link import SerialLink
from hil_tests.demo_fleet import MODEM, STB, VOICEMODEM
from hil_tests.engineer import Answer, Engineer, Key, Order, fleet_key_of
from hil_tests.errors import BoardRefusedError
from hil_tests.instance import Instance
from hil_tests.waiting import wait_until

EID = STB.spec.endpoint_id
REBOOT = "Device.Reboot()"
ARGS = {"Cause": "RemoteReboot", "Reason": "test"}
RESTART_S = 30.0
QUIET_S = 5.0  # a board that was told to restart has done so by then
DONE = Answer(0, "")
HOME = {
    "wifi": [{"ssid": "Home", "passphrase": "made-up passphrase"}],
    "bridge": False,
    "address": None,
}
_DATED_BOOTS = (
    "SELECT id FROM event WHERE endpoint_id = ? AND name = 'Boot!' AND device_at IS NOT NULL"
)


@pytest.fixture(scope="module")
def instance(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Instance]:
    with Instance(tmp_path_factory.mktemp("authorisation") / "state", [STB]) as started:
        wait_until(
            lambda: started.query(_DATED_BOOTS, EID),
            RESTART_S,
            "the board knows the time",
        )
        yield started


class LinuxAgent:
    """The program `cpe-agent` with a made-up machine round it, put into service by its console."""

    def __init__(self, instance: Instance, folder: Path) -> None:
        self.console = folder / "console"
        self.settings = folder / "settings.json"
        self.box = folder / "box.json"
        self.settings.write_text(json.dumps(HOME))
        config = {
            "manufacturer_oui": MODEM.spec.manufacturer_oui,
            "serial_number": MODEM.spec.serial_number,
            "state": str(folder / "state"),
            "console": str(self.console),
            "customer_settings": str(self.settings),
            "box_state": str(self.box),
        }
        lines = [f"{name} = {json.dumps(value)}" for name, value in config.items()]
        (folder / "agent.toml").write_text("\n".join(lines))
        command = [sys.executable, "-m", "agent", "--config", str(folder / "agent.toml")]
        self._process = subprocess.Popen(command)  # noqa: S603  our own program
        wait_until(self.console.exists, RESTART_S, "the agent's console is there")
        with Registry(instance.server.url) as registry, SerialLink(self.console) as link:
            registry.sign_in("technician", instance.password("technician"))
            provision(DeviceConsole(link), registry, MODEM.placement, Quiet(), RESTART_S)

    def serves(self) -> bool:
        """What the rest of the box was told."""
        return bool(json.loads(self.box.read_text())["serves"])

    def close(self) -> None:
        self._process.kill()
        self._process.wait()


@pytest.fixture(scope="module")
def linux(instance: Instance, tmp_path_factory: pytest.TempPathFactory) -> Iterator[LinuxAgent]:
    agent = LinuxAgent(instance, tmp_path_factory.mktemp("linux"))
    wait_until(
        lambda: instance.query(_DATED_BOOTS, MODEM.spec.endpoint_id),
        RESTART_S,
        "the Linux agent knows the time",
    )
    yield agent
    agent.close()


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


# --- a unit's part in a replacement, on both agents


FENCE = "Device.X_IPKO-COM_Replacement.Fence()"
ROLLBACK = "Device.X_IPKO-COM_Replacement.Rollback()"
SWAP = {"Swap": "swap-1"}


class Unit:
    """One of the two agents: whom to ask, and whether it serves."""

    def __init__(
        self, endpoint_id: str, instance: Instance, key: Key, serves: Callable[[], bool]
    ) -> None:
        self.endpoint_id = endpoint_id
        self.serves = serves
        self.engineer = Engineer(instance, endpoint_id)
        self._key = key

    def order(self, command: str = FENCE, **more: Any) -> Order:
        return Order(self.endpoint_id, command, SWAP, **{"counter": time.monotonic_ns(), **more})

    def give(self, order: Order, key: Key | None = None) -> Answer:
        return self.engineer.operate(order.command, order.args, order.signed(key or self._key))

    def token(self, order: Order) -> str:
        return order.signed(self._key)


@pytest.fixture(scope="module")
def units(instance: Instance, linux: LinuxAgent, fleet_key: Key) -> Iterator[dict[str, Unit]]:
    board = instance.boards[STB.name]

    def serves() -> bool:
        return bool(board.state()["rules"]["state"] == "active")

    made = {
        "board": Unit(EID, instance, fleet_key, serves),
        "linux": Unit(MODEM.spec.endpoint_id, instance, fleet_key, linux.serves),
    }
    yield made
    for unit in made.values():
        unit.engineer.close()


@pytest.fixture(params=("board", "linux"))
def unit(request: pytest.FixtureRequest, units: dict[str, Unit]) -> Unit:
    """Each agent in turn, serving."""
    found = units[request.param]
    assert found.give(found.order(ROLLBACK)) == DONE
    assert found.serves()
    return found


def refused(answer: Answer, why: str) -> bool:
    return answer.code == PERMISSION_DENIED and answer.text.startswith(f"authorisation {why}")


@pytest.mark.timeout(120)
def test_a_fence_of_the_fleet_is_obeyed_and_taken_back(unit: Unit) -> None:
    assert unit.give(unit.order()) == DONE
    assert not unit.serves()
    assert unit.give(unit.order(ROLLBACK)) == DONE
    assert unit.serves()


@pytest.mark.timeout(60)
def test_a_replayed_fence_is_refused(unit: Unit) -> None:
    order = unit.order()
    token = unit.token(order)
    assert unit.engineer.operate(FENCE, SWAP, token) == DONE
    assert unit.give(unit.order(ROLLBACK)) == DONE
    assert refused(unit.engineer.operate(FENCE, SWAP, token), "was used before")
    assert unit.serves()


@pytest.mark.timeout(60)
def test_a_forged_fence_is_refused(unit: Unit) -> None:
    forged = unit.give(unit.order(), ec.generate_private_key(ec.SECP256R1()))
    assert refused(forged, "not signed by the command key")
    assert refused(unit.engineer.operate(FENCE, SWAP, None), "missing")
    final = {**SWAP, "Final": "true"}
    held = unit.token(unit.order())
    assert refused(unit.engineer.operate(FENCE, final, held), "for other arguments")
    assert unit.serves()


@pytest.mark.timeout(60)
def test_a_fence_for_another_unit_is_refused(unit: Unit, units: dict[str, Unit]) -> None:
    (other,) = [one for one in units.values() if one is not unit]
    assert refused(unit.engineer.operate(FENCE, SWAP, other.token(other.order())), "for another")
    assert unit.serves() and other.serves()


@pytest.mark.timeout(60)
def test_an_expired_fence_is_refused(unit: Unit) -> None:
    assert refused(unit.give(unit.order(lifetime_s=-60)), "expired")
    assert unit.serves()


@pytest.mark.timeout(60)
def test_a_fence_that_arrives_after_its_rollback_is_refused(unit: Unit) -> None:
    fence = unit.order()
    assert unit.give(unit.order(ROLLBACK)) == DONE
    assert refused(unit.give(fence), "was used before")
    assert unit.serves()


@pytest.mark.timeout(60)
def test_a_doubled_fence_is_carried_out_once(unit: Unit) -> None:
    token = unit.token(unit.order())
    answers = [unit.engineer.operate(FENCE, SWAP, token) for _ in range(2)]
    assert answers[0] == DONE and refused(answers[1], "was used before")
    assert not unit.serves()
    assert unit.give(unit.order()) == DONE, "a new one for the same changes nothing"
    assert not unit.serves()


@pytest.mark.timeout(120)
def test_fenced_for_ever_both_forget_who_they_were(
    instance: Instance, units: dict[str, Unit], linux: LinuxAgent
) -> None:
    board = instance.boards[STB.name]
    final = {**SWAP, "Final": "true"}
    for one in units.values():
        order = Order(one.endpoint_id, FENCE, final, counter=time.monotonic_ns())
        assert one.give(order) == DONE
    for port in (board.serial_port, linux.console):
        wait_until(partial(is_blank, port), RESTART_S, f"{port} is blank")
    assert "return this box" in board.state()["shown"]
    assert "return this box" in json.loads(linux.box.read_text())["text"]
    assert not linux.serves()
    assert json.loads(linux.settings.read_text())["wifi"] == []
    assert "return this box" in board.folder.console_log.read_text()
    assert "made-up passphrase" not in board.folder.flash_image.read_bytes().decode("latin-1")


def is_blank(port: Path) -> bool:
    """Whether the device says so on its console; it says nothing while it restarts."""
    try:
        with SerialLink(port) as link:
            return DeviceConsole(link).hello().state == "blank"
    except ToolError:
        return False
