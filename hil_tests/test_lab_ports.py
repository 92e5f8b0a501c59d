"""The ways to a board's console: a stable port, one that vanishes, and one over the network."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from firmware_tools.device_console import DeviceConsole
from firmware_tools.errors import PortError
from firmware_tools.serial_link import SerialLink
from hil_tests.lab.rfc2217 import RFC2217Server
from hil_tests.simulated_board.board import SimulatedBoard
from hil_tests.simulated_board.spec import BoardSpec
from hil_tests.waiting import wait_until


@pytest.fixture(scope="module")
def board(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SimulatedBoard]:
    spec = BoardSpec("usb", "MODEM", "00000005", lab=True, vanishing_port=True, cpython=True)
    with SimulatedBoard(tmp_path_factory.mktemp("ports"), spec) as made:
        yield made


def test_a_port_that_vanishes_at_a_reset_is_found_under_its_new_name(board: SimulatedBoard) -> None:
    with SerialLink(board.folder.usb_ports) as link:
        device = DeviceConsole(link)
        assert device.hello().serial_number == "00000005"
        before = board.state()["serial_port"]
        board.reset()
        assert device.hello().serial_number == "00000005"
        assert board.state()["serial_port"] != before
        device.reboot()
        wait_until(lambda: board.state()["serial_port"] == before, 20, "the port's first name")
        assert device.hello().serial_number == "00000005"


def test_there_is_no_port_while_the_power_is_off(board: SimulatedBoard) -> None:
    board.power_cut()
    try:
        assert not list(board.folder.path.glob("ttyACM*"))
        with pytest.raises(PortError, match="no such port now"):
            SerialLink(board.folder.usb_ports)
    finally:
        board.power_restore()


def test_over_the_network_the_console_answers_before_and_after_a_reset(
    board: SimulatedBoard,
) -> None:
    server = RFC2217Server(board.folder.usb_ports)
    try:
        with SerialLink(server.url) as link:
            device = DeviceConsole(link)
            assert device.hello().serial_number == "00000005"
            board.reset()
            assert device.hello().serial_number == "00000005"
    finally:
        server.close()


def test_a_server_that_is_gone_is_a_port_error(tmp_path: Path) -> None:
    server = RFC2217Server(tmp_path / "none")
    server.close()
    with pytest.raises(PortError, match="cannot be opened"):
        SerialLink(server.url)
