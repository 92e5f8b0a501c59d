from pathlib import Path
from types import SimpleNamespace

import pytest
from pytest_mock import MockerFixture

from firmware_tools.errors import PortError
from firmware_tools.serial_port import find_port, open_port


def plug(mocker: MockerFixture, **serial_by_device: str | None) -> None:
    """No USB adapter can be counted on where tests run."""
    ports = [
        SimpleNamespace(device=f"/dev/{name}", serial_number=number)
        for name, number in serial_by_device.items()
    ]
    mocker.patch("firmware_tools.serial_port.list_ports.comports", return_value=ports)


def test_a_path_and_a_url_are_taken_as_they_are() -> None:
    assert find_port("/dev/ttyUSB7") == "/dev/ttyUSB7"
    assert find_port("rfc2217://lab-pi:4000") == "rfc2217://lab-pi:4000"


def test_a_usb_serial_number_finds_whatever_name_it_has_now(mocker: MockerFixture) -> None:
    plug(mocker, ttyUSB0="FT0001", ttyACM3="E66038B713", ttyS0=None)
    assert find_port("usb:E66038B713") == "/dev/ttyACM3"


def test_a_missing_usb_serial_number_names_what_there_is(mocker: MockerFixture) -> None:
    plug(mocker, ttyUSB0="FT0001", ttyS0=None)
    with pytest.raises(PortError, match=r"there are /dev/ttyS0, /dev/ttyUSB0 \(usb:FT0001\)"):
        find_port("usb:FT0002")


def test_a_pattern_must_fit_one_port(tmp_path: Path) -> None:
    pattern = f"{tmp_path}/ttyACM*"
    with pytest.raises(PortError, match="no such port now"):
        find_port(pattern)
    (tmp_path / "ttyACM1").touch()
    assert find_port(pattern) == f"{tmp_path}/ttyACM1"
    (tmp_path / "ttyACM2").touch()
    with pytest.raises(PortError, match="fits"):
        find_port(pattern)


def test_a_host_that_does_not_answer_is_a_port_error() -> None:
    with pytest.raises(PortError, match="cannot be opened"):
        open_port("rfc2217://[::1")
