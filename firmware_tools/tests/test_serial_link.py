from collections.abc import Iterator
from pathlib import Path

import pytest

from firmware_tools import serial_link
from firmware_tools.errors import DeviceRefusedError, NoAnswerError, PortBusyError, PortError
from firmware_tools.serial_link import Patience, SerialLink
from firmware_tools.tests.fakes import FakeDevice, fake_device


@pytest.fixture
def device(monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeDevice]:
    monkeypatch.setattr(serial_link, "_BY_VERB", {})
    monkeypatch.setattr(serial_link, "ORDINARY", Patience(0.3, 3))
    monkeypatch.setattr(serial_link, "BACK_S", 0.2)
    with fake_device() as made:
        yield made


def test_a_request_is_answered(device: FakeDevice) -> None:
    with SerialLink(device.port) as link:
        assert link.request("hello")["serial_number"] == "00000004"


def test_a_link_through_a_symbolic_link_works_alike(device: FakeDevice, tmp_path: Path) -> None:
    (tmp_path / "serial").symlink_to(device.port)
    with SerialLink(tmp_path / "serial") as link:
        assert link.request("status")["link"] == "down"


def test_what_people_and_noise_left_on_the_line_is_passed_over(device: FakeDevice) -> None:
    device.before_answer = b"login: \xff\xfe~1 ok {}*00000000\r\n~7 ok {\xc3\n\x00half a line "
    with SerialLink(device.port) as link:
        assert link.request("hello")["state"] == "blank"


def test_a_flood_without_any_newline_does_not_stop_the_answer(device: FakeDevice) -> None:
    device.before_answer = b"x" * 3000 + b"\n"
    with SerialLink(device.port) as link:
        assert link.request("hello")["state"] == "blank"


def test_half_a_request_left_by_another_program_does_not_swallow_ours(device: FakeDevice) -> None:
    with SerialLink(device.port) as link:
        link._line.write(b"~5 install {")
        assert link.request("hello")["protocol"] == 1


def test_spoilt_answers_are_asked_for_again(device: FakeDevice) -> None:
    device.garble = 2
    with SerialLink(device.port) as link:
        assert link.request("hello")["protocol"] == 1
    assert device.requests == ["hello"] * 3


def test_an_error_of_the_device_is_told_in_its_words(device: FakeDevice) -> None:
    with SerialLink(device.port) as link, pytest.raises(DeviceRefusedError) as caught:
        link.request("install", {"name": "colour", "value": "red"})
    assert caught.value.code == "name"
    assert "no setting colour" in str(caught.value)
    assert caught.value.next_step == "do something about it"


def test_a_silent_device_is_asked_three_times_and_then_given_up(device: FakeDevice) -> None:
    device.mute = True
    with SerialLink(device.port) as link, pytest.raises(NoAnswerError, match="nothing was heard"):
        link.request("hello")


def test_what_was_heard_instead_of_an_answer_is_shown(device: FakeDevice) -> None:
    device.garble = 99
    with SerialLink(device.port) as link, pytest.raises(NoAnswerError, match="last heard"):
        link.request("hello")


def test_a_port_that_another_program_has_is_said_to_be_busy(device: FakeDevice) -> None:
    with SerialLink(device.port), pytest.raises(PortBusyError):
        SerialLink(device.port)


def test_a_port_that_does_not_exist_is_named(tmp_path: Path) -> None:
    with pytest.raises(PortError, match="there is no such port"):
        SerialLink(tmp_path / "ttyUSB9")


def test_a_cable_that_is_pulled_is_a_port_error(device: FakeDevice) -> None:
    with SerialLink(device.port) as link:
        device.hang_up()
        with pytest.raises(PortError, match="vanished and did not come back"):
            link.request("hello")


def test_a_port_that_comes_back_under_another_name_goes_on(
    device: FakeDevice, tmp_path: Path
) -> None:
    port = tmp_path / "ttyACM0"
    port.symlink_to(device.port)
    with SerialLink(tmp_path / "ttyACM*") as link, fake_device() as again:
        assert link.request("hello")["state"] == "blank"
        port.unlink()
        device.hang_up()
        (tmp_path / "ttyACM1").symlink_to(again.port)
        assert link.request("hello")["state"] == "blank"
        assert again.requests == ["hello"]


def test_a_request_that_a_restart_swallowed_is_sent_again_at_once(device: FakeDevice) -> None:
    device.restarts_at = ["new_key"]
    with SerialLink(device.port) as link:
        assert "csr" in link.request("new_key", patience=Patience(60.0, 2, 0.05))
    assert device.requests.count("new_key") == 2


def test_a_device_that_takes_long_is_waited_for_and_not_asked_twice(device: FakeDevice) -> None:
    device.thinks_s = 0.4
    with SerialLink(device.port) as link:
        assert "csr" in link.request("new_key", patience=Patience(60.0, 2, 0.05))
        assert link.request("hello")["protocol"] == 1, (
            "the looks are answered later, and passed over"
        )
    assert device.requests.count("new_key") == 1


def test_a_device_without_power_is_waited_for_once(device: FakeDevice) -> None:
    device.mute = True
    lines: list[bytes] = []
    with SerialLink(device.port) as link:
        write = link._line.write

        def write_and_keep(data: bytes) -> None:
            lines.append(data)
            write(data)

        link._line.write = write_and_keep
        with pytest.raises(NoAnswerError, match="no answer to 'new_key'"):
            link.request("new_key", patience=Patience(0.3, 3, 0.05))
    assert sum(b" new_key " in line for line in lines) == 1
