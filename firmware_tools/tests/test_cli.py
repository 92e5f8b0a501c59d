import os
import re
import select
import subprocess
import sys
from pathlib import Path

import pytest

from firmware_tools.build import REPOSITORY
from firmware_tools.errors import BuildError, ToolError
from firmware_tools.flash_image import FlashImage
from firmware_tools.tests.fakes import fake_device

COMMANDS = ("provision", "identify", "report", "console", "build", "linux-package")


def firmware_tools(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(  # noqa: S603 - our own command
        [sys.executable, "-m", "firmware_tools.cli", *arguments],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=60,
        env={**os.environ, "COLUMNS": "200", **environment},
    )


def every_error(root: type[ToolError]) -> list[type[ToolError]]:
    return [root, *(each for child in root.__subclasses__() for each in every_error(child))]


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_explains_itself(command: str) -> None:
    done = firmware_tools(command, "--help")
    assert done.returncode == 0
    assert "--help" in done.stdout


def test_every_kind_of_failure_has_its_own_exit_code_and_says_what_next() -> None:
    errors = every_error(ToolError)
    codes = [error.exit_code for error in errors]
    assert sorted(codes) == sorted(set(codes))
    assert all(error.next_step.endswith((".", "`).")) for error in errors)


def test_the_technicians_page_explains_every_failure_of_provisioning() -> None:
    page = (REPOSITORY / "docs" / "technician" / "provisioning.md").read_text()
    explained = {int(code) for code in re.findall(r"^\| (\d+) \|", page, re.MULTILINE)}
    codes = {error.exit_code for error in every_error(ToolError)}
    assert codes - explained == {ToolError.exit_code, BuildError.exit_code}


def test_identify_shows_who_the_device_is_and_how_it_does() -> None:
    with fake_device() as device:
        done = firmware_tools("identify", "--port", device.port)
    assert done.returncode == 0, done.stderr
    assert "ops::00256D-VOICEMODEM-00000004" in done.stdout
    assert re.search(r"state +blank", done.stdout)
    assert re.search(r"link +down", done.stdout)


def test_a_report_is_shown_whole_with_its_verdicts() -> None:
    with fake_device() as device:
        done = firmware_tools("report", "levels", "--port", device.port)
        nothing = firmware_tools("report", "events", "--port", device.port)
        unknown = firmware_tools("report", "dance", "--port", device.port)
    lines = done.stdout.splitlines()
    assert len(lines) == 20
    assert lines[16].split() == ["downstream_power_dbmv", "17", "16.5", "pass"]
    assert nothing.stdout.strip() == "nothing to show"
    assert unknown.returncode != 0 and "no such report" in unknown.stderr


def test_a_port_that_is_not_there_ends_with_its_code_and_what_to_do(tmp_path: Path) -> None:
    done = firmware_tools("identify", "--port", str(tmp_path / "none"))
    assert done.returncode == 20
    assert "there is no such port" in done.stderr
    assert "Next:" in done.stderr


def test_without_password_and_terminal_it_says_which_option_helps() -> None:
    with fake_device() as device:
        done = firmware_tools(
            *("provision", "--port", device.port, "--server", "http://127.0.0.1:1"),
            *("--contract", "C-1", "--position", "voice"),
            FLEET_TOKEN="",
        )
    assert done.returncode == 41
    assert "--password-file" in done.stderr


def test_a_server_that_is_down_ends_with_its_code() -> None:
    with fake_device() as device:
        done = firmware_tools(
            *("provision", "--port", device.port, "--server", "http://127.0.0.1:1"),
            *("--contract", "C-1", "--position", "voice"),
            FLEET_TOKEN="any",
        )
    assert done.returncode == 40, done.stderr
    assert "✓" in done.stdout
    assert "✗" in done.stdout


def test_build_reports_the_bytes_of_the_agent(tmp_path: Path) -> None:
    done = firmware_tools("build", "--image", str(tmp_path / "flash.img"), "--blocks", "192")
    assert done.returncode == 0, done.stderr
    assert re.search(r"\d+ files, \d+ bytes of \.mpy", done.stdout)
    assert (tmp_path / "flash.img").stat().st_size == 192 * 4096


def test_an_image_without_room_for_the_agent_says_what_to_give_it(tmp_path: Path) -> None:
    done = firmware_tools("build", "--image", str(tmp_path / "flash.img"), "--blocks", "64")
    assert done.returncode == BuildError.exit_code
    assert "does not fit into the image" in done.stderr
    assert "--blocks" in done.stderr


def test_build_puts_the_agent_into_a_rom_image_instead(tmp_path: Path) -> None:
    rom, flash = tmp_path / "rom" / "agent.romfs", tmp_path / "flash.img"
    done = firmware_tools(
        *("build", "--image", str(flash), "--blocks", "128", "--rom", str(rom)),
    )
    assert done.returncode == 0, done.stderr
    assert rom.read_bytes().startswith(b"\xd2\xcd\x31")
    assert f"{rom.stat().st_size} bytes" in done.stdout
    assert not FlashImage.load(flash).files("/agent")


def test_the_console_carries_words_both_ways() -> None:
    with fake_device() as device:
        device.say(b"hello, person\n")
        process = subprocess.Popen(  # noqa: S603 - our own command
            [sys.executable, "-m", "firmware_tools.cli", "console", "--port", device.port],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        with process:
            assert process.stdin is not None
            assert process.stdout is not None
            assert process.stderr is not None
            assert b"Ctrl-]" in process.stderr.readline()
            process.stdin.write(b"~1 nonsense\r")
            process.stdin.flush()
            assert select.select([process.stdout], [], [], 10)[0], "the device's words did not come"
            assert b"crc" in process.stdout.readline()
            process.stdin.write(b"\x1d")
            process.stdin.flush()
            assert process.wait(10) == 0
