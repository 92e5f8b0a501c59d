from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from firmware_tools import serial_link
from firmware_tools.device_console import DeviceConsole, DeviceIdentity
from firmware_tools.errors import (
    BlacklistedError,
    CertificateRefusedError,
    ContractError,
    DeviceChangedError,
    NoAnswerError,
    NotOnlineError,
    PositionTakenError,
    ServerUnreachableError,
    UnitNotFreeError,
    UnknownSerialError,
)
from firmware_tools.provision import Placement, provision
from firmware_tools.registry import Registry
from firmware_tools.serial_link import Patience, SerialLink
from firmware_tools.tests.fakes import FakeDevice, FakeFleet, Refusal, fake_device

PLACE = Placement("C-1004", "voice")


class Steps:
    """Keeps the steps that ended well; `stop_before` plays the Ctrl-C at that step."""

    def __init__(self, stop_before: int = 99) -> None:
        self.done: list[str] = []
        self._stop_before = stop_before

    @contextmanager
    def step(self, text: str) -> Iterator[None]:
        if len(self.done) == self._stop_before:
            raise KeyboardInterrupt
        yield
        self.done.append(text)


@pytest.fixture
def device(monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeDevice]:
    monkeypatch.setattr(serial_link, "_BY_VERB", {})
    monkeypatch.setattr(serial_link, "ORDINARY", Patience(1.0, 2))
    with fake_device() as made:
        yield made


@pytest.fixture
def fleet() -> FakeFleet:
    made = FakeFleet()
    made.add()
    return made


def put_into_service(
    device: FakeDevice, fleet: FakeFleet, steps: Steps | None = None, place: Placement = PLACE
) -> DeviceIdentity:
    with (
        SerialLink(device.port) as link,
        Registry("http://fleet.test", "good", fleet.transport()) as registry,
    ):
        return provision(DeviceConsole(link), registry, place, steps or Steps(), online_s=0.6)


def test_a_blank_device_is_put_into_service(device: FakeDevice, fleet: FakeFleet) -> None:
    steps = Steps()
    identity = put_into_service(device, fleet, steps)
    assert identity.endpoint_id == "ops::00256D-VOICEMODEM-00000004"
    assert device.state == "provisioned"
    assert device.settings["broker_port"] == 8883
    assert device.settings["position"] == "voice"
    assert fleet.holders[("C-1004", "voice")] == "00000004"
    assert steps.done[-2:] == ["device says it is online", "server says it is online"]


def test_long_values_arrive_whole_in_pieces(device: FakeDevice, fleet: FakeFleet) -> None:
    put_into_service(device, fleet)
    assert len(device.settings["certificate"]) > 1024
    assert device.requests.count("install") > 7


@pytest.mark.parametrize("steps_done", range(8))
def test_stopped_anywhere_it_completes_when_run_again(
    device: FakeDevice, fleet: FakeFleet, steps_done: int
) -> None:
    with pytest.raises(KeyboardInterrupt):
        put_into_service(device, fleet, Steps(stop_before=steps_done))
    put_into_service(device, fleet)
    assert device.state == "provisioned"
    assert list(fleet.holders.values()).count("00000004") == 1


@pytest.mark.parametrize("verb", ["new_key", "install", "commit"])
def test_a_device_that_loses_its_power_for_a_moment_is_put_into_service_all_the_same(
    device: FakeDevice, fleet: FakeFleet, verb: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(serial_link, "_BY_VERB", {verb: Patience(30.0, 2, 0.05)})
    device.restarts_at = [verb]
    put_into_service(device, fleet)
    assert device.state == "provisioned"
    assert device.requests.count("new_key") == (2 if verb == "new_key" else 1)


def test_a_device_in_service_at_this_place_is_only_looked_at(
    device: FakeDevice, fleet: FakeFleet
) -> None:
    put_into_service(device, fleet)
    device.requests.clear()
    put_into_service(device, fleet)
    assert set(device.requests) == {"hello", "status"}
    assert fleet.enrolments == 1


def test_a_board_that_says_it_is_for_the_lab_gets_no_contract(
    device: FakeDevice, fleet: FakeFleet
) -> None:
    device.lab = True
    with pytest.raises(UnitNotFreeError, match="lab board"):
        put_into_service(device, fleet)
    assert fleet.enrolments == 0
    assert device.requests == ["hello"]


def test_a_returned_device_is_opened_with_the_servers_token(
    device: FakeDevice, fleet: FakeFleet
) -> None:
    device.state = "provisioned"
    device.is_open = False
    device.expect_token("token-for-0123456789abcdef")
    put_into_service(device, fleet)
    assert device.settings["position"] == "voice"


def test_a_serial_number_the_server_does_not_know_is_refused(device: FakeDevice) -> None:
    with pytest.raises(UnknownSerialError):
        put_into_service(device, FakeFleet())
    assert device.state == "blank"


def test_a_serial_number_of_another_kind_of_unit_is_refused(device: FakeDevice) -> None:
    fleet = FakeFleet()
    fleet.add(product_class="STB")
    with pytest.raises(UnknownSerialError, match="belongs to ops::00256D-STB-00000004"):
        put_into_service(device, fleet)


def test_a_unit_in_service_elsewhere_is_refused(device: FakeDevice, fleet: FakeFleet) -> None:
    fleet.units["00000004"].update(status="in_service", contract="C-9", position="voice")
    with pytest.raises(UnitNotFreeError, match="C-9 voice"):
        put_into_service(device, fleet)
    assert "new_key" not in device.requests


def test_a_blacklisted_unit_is_refused(device: FakeDevice, fleet: FakeFleet) -> None:
    fleet.units["00000004"]["status"] = "blacklisted"
    with pytest.raises(BlacklistedError):
        put_into_service(device, fleet)


def test_a_position_that_another_unit_holds_is_refused(
    device: FakeDevice, fleet: FakeFleet
) -> None:
    fleet.holders[("C-1004", "voice")] = "00000009"
    with pytest.raises(PositionTakenError, match="00000009"):
        put_into_service(device, fleet)
    assert device.state == "keyed"


def test_a_position_that_the_contract_lacks_is_refused(
    device: FakeDevice, fleet: FakeFleet
) -> None:
    with pytest.raises(ContractError):
        put_into_service(device, fleet, place=Placement("C-1004", "fax"))


def test_a_server_that_does_not_answer_is_named(device: FakeDevice, fleet: FakeFleet) -> None:
    fleet.unreachable = True
    with pytest.raises(ServerUnreachableError):
        put_into_service(device, fleet)


def test_a_certificate_for_another_key_is_not_installed(
    device: FakeDevice, fleet: FakeFleet
) -> None:
    fleet.wrong_key = True
    with pytest.raises(CertificateRefusedError, match="another key"):
        put_into_service(device, fleet)
    assert "install" not in device.requests


def test_a_certificate_that_the_device_refuses_is_told(
    device: FakeDevice, fleet: FakeFleet
) -> None:
    def refuse(_: dict[str, Any]) -> dict[str, Any]:
        raise Refusal("mismatch", "does not fit")

    device._do_commit = refuse  # type: ignore[method-assign]
    with pytest.raises(CertificateRefusedError, match="does not fit"):
        put_into_service(device, fleet)


def test_a_lost_answer_to_commit_of_a_device_that_is_closed_now_is_no_failure(
    device: FakeDevice, fleet: FakeFleet
) -> None:
    device.closes_on_commit = True

    def lose_one_answer(arguments: dict[str, Any]) -> dict[str, Any]:
        device.garble = 1
        return FakeDevice._do_commit(device, arguments)

    device._do_commit = lose_one_answer  # type: ignore[method-assign,assignment]
    put_into_service(device, fleet)
    assert device.requests.count("commit") == 2
    assert device.settings["position"] == "voice"


def test_a_device_that_stays_offline_is_told_with_its_reason(
    device: FakeDevice, fleet: FakeFleet
) -> None:
    device.stays_offline = True
    with pytest.raises(NotOnlineError, match="no route to the broker"):
        put_into_service(device, fleet)


def test_a_device_the_server_never_sees_is_told(device: FakeDevice, fleet: FakeFleet) -> None:
    fleet.comes_online = False
    with pytest.raises(NotOnlineError, match="server says never"):
        put_into_service(device, fleet)


def test_a_silent_port_is_told(device: FakeDevice, fleet: FakeFleet) -> None:
    device.mute = True
    with pytest.raises(NoAnswerError):
        put_into_service(device, fleet)


def test_a_device_that_is_swapped_on_the_cable_is_noticed(device: FakeDevice) -> None:
    with SerialLink(device.port) as link:
        console = DeviceConsole(link)
        console.hello()
        device.endpoint_id = "ops::00256D-STB-1"
        with pytest.raises(DeviceChangedError):
            console.hello()
