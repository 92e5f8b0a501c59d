"""A technician puts the blank board into service: the command, a real server, a real agent."""

import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from hil_tests.demo_fleet import BLANK, VOICEMODEM
from hil_tests.instance import Instance
from hil_tests.waiting import wait_until

ONLINE_S = 60
SPARE = replace(VOICEMODEM, in_service=False)


@pytest.fixture(scope="module")
def instance(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Instance]:
    with Instance(tmp_path_factory.mktemp("provisioning"), [BLANK, SPARE]) as made:
        yield made


def command(instance: Instance, **changes: str) -> list[str]:
    password = instance.state / "technician-password"
    password.write_text(instance.password("technician"))
    options = {
        "port": str(instance.boards[BLANK.name].serial_port),
        "server": instance.server.url,
        "contract": BLANK.placement.contract,
        "position": BLANK.placement.position,
        "username": "technician",
        "password-file": str(password),
        **changes,
    }
    words = [word for name, value in options.items() if value for word in (f"--{name}", value)]
    words += ["--spare"] if "spare" in options else []
    return [sys.executable, "-m", "firmware_tools.cli", "provision", *words]


def provision(instance: Instance, **changes: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(  # noqa: S603 - our own command
        command(instance, **changes), capture_output=True, text=True, timeout=2 * ONLINE_S
    )


def test_what_cannot_be_is_refused_with_what_to_do(instance: Instance, tmp_path: Path) -> None:
    wrong = tmp_path / "wrong"
    wrong.write_text("guess")
    for code, changes in (
        (41, {"password-file": str(wrong)}),
        (53, {"contract": "C-9999"}),
        (53, {"position": "fax"}),
        (40, {"server": "http://127.0.0.1:1"}),
    ):
        done = provision(instance, **changes)
        assert done.returncode == code, (changes, done.stdout, done.stderr)
        assert re.search(r"^Next: +\S", done.stderr, re.MULTILINE)


def test_a_spare_unit_serves_nobody_until_it_is_assigned(
    instance: Instance,
) -> None:
    board, place = instance.boards[SPARE.name], SPARE.placement
    port = str(board.serial_port)
    done = provision(instance, port=port, contract="", position="", spare="")
    assert done.returncode == 0, done.stderr
    assert "is spare, for a replacement" in done.stdout
    assert not board.visit("shop.example") and board.dial("112")
    assert board.state()["facts"]["voice"]["registration"] == "Disabled"
    desk = instance.client("technician")
    wanted = {
        "serial_number": SPARE.spec.serial_number,
        "position": place.position,
        "reason": "test",
    }
    answer = desk.post(f"/api/v1/contracts/{place.contract}/assignments", json=wanted)
    assert answer.status_code == 201, answer.text
    wait_until(lambda: board.visit("shop.example"), ONLINE_S, "the spare unit was told to serve")
    assert board.state()["facts"]["voice"]["registration"] == "Up"


KEY_IS_NEXT = "is known to the server"
STAGES = (
    KEY_IS_NEXT,
    pytest.param("device made its key", marks=pytest.mark.soak),
    "server issued its certificate",
    pytest.param("certificate, broker and position installed", marks=pytest.mark.soak),
)
_GIVEN_UP_S = 45  # a device without power is waited for no longer at any stage


@pytest.mark.parametrize("stage", STAGES)
def test_with_its_power_cut_at_a_stage_the_board_can_be_tried_again(
    instance: Instance, stage: str
) -> None:
    """The command says soon what is wrong; the board starts, and takes the next attempt."""
    board = instance.boards[BLANK.name]
    with started(instance, stage) as process:
        board.power_cut(0)
        assert process.stdout is not None
        process.stdout.read()
        assert process.wait(_GIVEN_UP_S) != 0
    board.power_restore()


def test_power_that_is_back_at_once_is_not_even_noticed(instance: Instance) -> None:
    board = instance.boards[BLANK.name]
    with started(instance, KEY_IS_NEXT) as process:
        board.power_cut(0)
        board.power_restore()
        assert process.stdout is not None
        assert any("device made its key" in line for line in process.stdout)


@contextmanager
def started(instance: Instance, stage: str) -> Iterator[subprocess.Popen[str]]:
    """The command, just after it told of a stage; killed if it goes on past the deadline."""
    process = subprocess.Popen(  # noqa: S603 - our own command
        command(instance), stdout=subprocess.PIPE, text=True, env={**os.environ, "COLUMNS": "200"}
    )
    with process:
        assert process.stdout is not None
        for line in process.stdout:
            if stage in line:
                break
        try:
            yield process
        finally:
            process.kill()


def test_killed_half_way_and_run_again_the_board_comes_into_service(instance: Instance) -> None:
    with started(instance, "server issued its certificate") as process:
        process.send_signal(signal.SIGKILL)
    done = provision(instance)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "server says it is online" in done.stdout
    assert "is in service at C-1004 voice." in done.stdout


def test_run_once_more_it_only_looks_and_another_place_is_refused(instance: Instance) -> None:
    again = provision(instance)
    assert again.returncode == 0, again.stdout + again.stderr
    assert "already" in again.stdout
    elsewhere = provision(instance, contract="C-1001")
    assert elsewhere.returncode == 51
    assert "C-1004" in elsewhere.stderr


def test_the_board_in_service_comes_back_after_a_power_cut(instance: Instance) -> None:
    board = instance.boards[BLANK.name]
    board.power_cut()
    board.power_restore()
    client = instance.client("fleet_ops")
    path = f"/api/v1/units/{BLANK.spec.serial_number}/presence"
    wait_until(
        lambda: client.get(path).json()["presence"] == "online", ONLINE_S, "online after the cut"
    )
