"""The simulated board itself: power, reset causes, pins, storage, serial port, clean ends."""

import json
import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import serial

from hil_tests.conftest import MakeBoard
from hil_tests.errors import BoardNotRunningError, BoardRefusedError
from hil_tests.simulated_board.board import SimulatedBoard
from hil_tests.simulated_board.flash_image import stored_files
from hil_tests.simulated_board.machine import has_micropython
from hil_tests.waiting import wait_until

needs_machine = pytest.mark.skipif(not has_micropython(), reason="no MicroPython machine here")
BOTH = pytest.mark.parametrize("cpython", [pytest.param(False, marks=needs_machine), True])


class Line:
    """The serial line as a program sees it; every read has a deadline."""

    def __init__(self, board: SimulatedBoard) -> None:
        self._port = serial.Serial(str(board.serial_port), timeout=10, exclusive=True)

    def say(self, text: str) -> None:
        self._port.write(text.encode() + b"\n")

    def hear(self, beginning: str) -> str:
        """Return the first line that begins so."""
        while line := self._port.readline().decode(errors="replace").rstrip():
            if line.startswith(beginning):
                return line
        raise AssertionError(f"the board did not say {beginning!r} in time")

    def close(self) -> None:
        self._port.close()


@pytest.fixture
def listen() -> Iterator[Callable[[SimulatedBoard], Line]]:
    lines: list[Line] = []

    def make(board: SimulatedBoard) -> Line:
        lines.append(Line(board))
        return lines[-1]

    yield make
    for line in lines:
        line.close()


Listen = Callable[[SimulatedBoard], Line]


def ask(line: Line, text: str, beginning: str) -> str:
    line.say(text)
    return line.hear(beginning)


@BOTH
def test_a_board_answers_on_its_serial_port(
    echo_board: MakeBoard, listen: Listen, cpython: bool
) -> None:
    board = echo_board(cpython=cpython)
    assert ask(listen(board), "hello", "echo") == "echo 'hello'"
    assert board.state()["runtime"] == ("cpython" if cpython else "micropython")


@needs_machine
def test_a_board_without_a_rom_image_runs_the_agent_from_its_storage(
    echo_board: MakeBoard, listen: Listen
) -> None:
    board = echo_board(rom=False)
    assert ask(listen(board), "hello", "echo") == "echo 'hello'"
    assert not board.folder.rom_image.exists()


@BOTH
def test_a_line_of_two_thousand_bytes_arrives_whole(
    echo_board: MakeBoard, listen: Listen, cpython: bool
) -> None:
    text = "0123456789" * 200
    assert ask(listen(echo_board(cpython=cpython)), text, "echo") == f"echo '{text}'"


@BOTH
def test_control_characters_do_not_end_the_agent(
    echo_board: MakeBoard, listen: Listen, cpython: bool
) -> None:
    board = echo_board(cpython=cpython)
    assert ask(listen(board), "\x03\x04\x1a\x1c", "echo") == "echo '\\x03\\x04\\x1a\\x1c'"
    assert board.state()["boots"] == 1


@BOTH
def test_power_fail_reaches_the_agent_within_milliseconds_and_before_the_end(
    echo_board: MakeBoard, listen: Listen, cpython: bool
) -> None:
    board = echo_board(cpython=cpython)
    line = listen(board)
    ask(line, "ready", "echo")
    cut = board.power_cut(hold_up_ms=200)
    heard_at = float(line.hear("power fail at").split()[-1])
    assert cut["signalled_at"] - 0.001 < heard_at < cut["dark_at"] - 0.1
    assert cut["dark_at"] - cut["signalled_at"] == pytest.approx(0.2, abs=0.1)
    state = board.state()
    assert (state["powered"], state["pid"]) == (False, None)


@BOTH
def test_without_hold_up_there_is_no_signal(
    echo_board: MakeBoard, listen: Listen, cpython: bool
) -> None:
    board = echo_board(cpython=cpython)
    ask(listen(board), "ready", "echo")
    assert board.power_cut(hold_up_ms=0)["signalled_at"] is None
    assert "power fail" not in board.folder.console_log.read_text()


def _on_battery(line: Line) -> bool:
    """Whether the board knows it: nothing is known of a battery while its fact is on the way."""
    found = json.loads(ask(line, "fact battery", "fact").removeprefix("fact "))
    return found is not None and bool(found["on_battery"])


def test_a_charged_battery_carries_the_board_until_it_ends(
    echo_board: MakeBoard, listen: Listen
) -> None:
    board = echo_board(product_class="VOICEMODEM")
    line = listen(board)
    ask(line, "ready", "echo")
    board.battery(fitted=True)
    assert board.power_cut()["carried"]
    wait_until(lambda: _on_battery(line), 10, "the board knows that it is on battery")
    board.power_restore()
    assert board.state()["boots"] == 1
    board.power_cut()
    assert not board.power_cut(hold_up_ms=200)["carried"]
    assert "power fail at" in line.hear("power fail at")
    board.power_restore()
    assert not board.state()["facts"]["battery"]["on_battery"]
    board.battery(fitted=False)
    assert not board.power_cut(hold_up_ms=0)["carried"]


@BOTH
def test_the_agent_is_told_why_it_started(
    echo_board: MakeBoard, listen: Listen, cpython: bool
) -> None:
    board = echo_board(cpython=cpython)
    line = listen(board)
    ask(line, "ready", "echo")
    board.power_cut()
    board.power_restore()
    assert "cause 1 " in line.hear("up")
    line.say("restart")
    assert line.hear("MPY: soft reboot")
    assert "cause 5 " in line.hear("up")
    board.reset()
    assert "cause 4 " in line.hear("up")
    line.say("crash")
    assert "exit code 1" in line.hear("The agent ended")
    assert "cause 6 " in line.hear("up")


@BOTH
def test_pins_reach_the_agent(echo_board: MakeBoard, listen: Listen, cpython: bool) -> None:
    board = echo_board(cpython=cpython)
    line = listen(board)

    def has_supply(millivolts: int) -> bool:
        return ask(line, "supply", "supply") == f"supply {millivolts}"

    assert has_supply(12_000)
    board.supply(9.5)
    wait_until(lambda: has_supply(9_500), 5, "the supply on the pin")
    board.supply(14, for_ms=20)
    wait_until(lambda: has_supply(12_000), 5, "the supply to be nominal again")
    board.card(False)
    assert line.hear("card").startswith("card False")


@BOTH
def test_what_the_hardware_knows_reaches_the_agent(
    echo_board: MakeBoard, listen: Listen, cpython: bool
) -> None:
    board = echo_board(cpython=cpython)
    line = listen(board)

    def asked(subject: str) -> Any:
        return json.loads(ask(line, f"fact {subject}", "fact").removeprefix("fact "))

    assert asked("traffic") == {"rx_bytes": 0, "tx_bytes": 0}
    for note in ("short", "long " * 100):
        board.set_facts("traffic", rx_bytes=7, note=note)
        told = {"rx_bytes": 7, "tx_bytes": 0, "note": note}
        wait_until(lambda told=told: asked("traffic") == told, 5, "the new fact")  # type: ignore[misc]
    assert asked("nothing such") is None
    with pytest.raises(BoardRefusedError, match=r"it has .*traffic"):
        board.set_facts("nothing", such=1)


@BOTH
def test_what_is_stored_is_there_after_the_cut(
    echo_board: MakeBoard, listen: Listen, cpython: bool
) -> None:
    board = echo_board(cpython=cpython)
    line = listen(board)
    ask(line, "store first text", "stored")
    board.power_cut(hold_up_ms=0)
    if not cpython:
        assert stored_files(board.folder.flash_image) == {"/data/first": b"text"}
    board.power_restore()
    assert ask(line, "store second text", "stored") == "stored second, holds first second"


@needs_machine
def test_the_heap_of_the_machine_is_capped(echo_board: MakeBoard, listen: Listen) -> None:
    line = listen(echo_board(heap_bytes=160 * 1024))
    heap = int(ask(line, "heap", "heap").split()[1])
    assert 150 * 1024 < heap <= 160 * 1024


@needs_machine
@pytest.mark.parametrize("operation", [1, 2, 3, 4, 5])
def test_power_can_go_in_the_middle_of_a_flash_operation(
    echo_board: MakeBoard, listen: Listen, operation: int
) -> None:
    board = echo_board(cut_at_flash_operation=operation)
    line = listen(board)
    line.say("store first text")
    deadline = time.monotonic() + 10
    while board.state()["powered"]:
        assert time.monotonic() < deadline, "the flash did not cut the power"
        line.say("store first text")
        time.sleep(0.02)
    board.power_restore()
    line.hear("up")
    assert "second" in ask(line, "store second text", "stored second")


def test_the_serial_port_stays_the_same_and_usable_over_cut_and_restart(
    echo_board: MakeBoard, listen: Listen
) -> None:
    board = echo_board()
    target = board.serial_port.readlink()
    line = listen(board)
    ask(line, "before", "echo")
    board.power_cut()
    board.power_restore()
    assert line.hear("up")
    assert ask(line, "after", "echo") == "echo 'after'"
    assert board.serial_port.readlink() == target


def test_programs_may_come_and_go_at_the_serial_port(echo_board: MakeBoard, listen: Listen) -> None:
    board = echo_board()
    for number in range(5):
        line = listen(board)
        assert ask(line, f"call {number}", "echo") == f"echo 'call {number}'"
        line.close()


def test_actions_that_make_no_sense_are_refused(echo_board: MakeBoard) -> None:
    board = echo_board(card_inserted=None)
    with pytest.raises(BoardRefusedError, match="has power already"):
        board.power_restore()
    with pytest.raises(BoardRefusedError, match="no card reader"):
        board.card(True)
    board.power_cut(0)
    with pytest.raises(BoardRefusedError, match="off already"):
        board.power_cut(0)
    with pytest.raises(BoardRefusedError, match="power first"):
        board.reset()


def test_every_action_is_written_down_with_the_bench_time(echo_board: MakeBoard) -> None:
    board = echo_board()
    before = time.time()
    board.power_cut(10)
    board.power_restore()
    board.stop()
    entries = [json.loads(line) for line in board.folder.actions_log.read_text().splitlines()]
    names = [entry["action"] for entry in entries]
    assert [name for name in names if name != "flash"] == [
        "boot",
        "power_cut",
        "power_restore",
        "boot",
        "end",
    ]
    (cut,) = (entry for entry in entries if entry["action"] == "power_cut")
    assert before <= cut["signalled_at"] <= cut["dark_at"] <= cut["killed_at"] <= time.time()


def test_the_console_log_has_a_time_before_each_line(echo_board: MakeBoard, listen: Listen) -> None:
    board = echo_board()
    ask(listen(board), "hello", "echo")
    board.stop()
    lines = board.folder.console_log.read_text().splitlines()
    assert any(line.endswith("+00:00 echo 'hello'") for line in lines)


def test_a_second_start_finds_the_state_and_leaves_the_flash_alone(
    echo_board: MakeBoard, listen: Listen
) -> None:
    first = echo_board()
    line = listen(first)
    ask(line, "store kept text", "stored")
    line.close()
    first.stop()
    second = echo_board()
    assert "kept" in ask(listen(second), "store more text", "stored")
    if second.state()["runtime"] == "micropython":
        entries = second.folder.actions_log.read_text().splitlines()
        assert sum('"flash"' in entry for entry in entries) == 1


def test_one_board_cannot_run_twice(echo_board: MakeBoard) -> None:
    board = echo_board()
    done = subprocess.run(  # noqa: S603 - our own module
        board._command(), stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=30
    )
    assert done.returncode == 1
    assert "runs already" in done.stderr
    assert board.state()["powered"]


def process_is_gone(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return True
    return state == "Z"


def wait_until_gone(*pids: int) -> None:
    deadline = time.monotonic() + 10
    while not all(process_is_gone(pid) for pid in pids):
        assert time.monotonic() < deadline, f"still there: {pids}"
        time.sleep(0.02)


@BOTH
@pytest.mark.parametrize("how", ["stop", "SIGTERM", "SIGKILL", "shut_down"])
def test_no_process_is_left_behind(echo_board: MakeBoard, cpython: bool, how: str) -> None:
    board = echo_board(cpython=cpython)
    machine = int(board.state()["pid"])
    assert board._process is not None
    supervisor = board._process.pid
    if how == "stop":
        board.stop()
    elif how == "shut_down":
        board.shut_down()
    else:
        os.kill(supervisor, signal.Signals[how])
    wait_until_gone(machine, supervisor)
    with pytest.raises(BoardNotRunningError):
        board.state()
