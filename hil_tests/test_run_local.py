"""`make run` and `bench` as a newcomer meets them: one start, what it says, and its end."""

import os
import re
import shlex
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from hil_tests.run_local import CannotRun, check_port, choose_ports, lock_state
from hil_tests.server_process import children, command_line, free_port
from hil_tests.simulated_board.control import BoardControl
from hil_tests.waiting import wait_until

ROOT = Path(__file__).resolve().parent.parent
_START_S = 120.0
_STOP_S = 40.0
_LAST_LINE = "Ctrl-C ends everything."


def descendants(pid: int) -> list[int]:
    found = children(pid)
    return found + [each for child in found for each in descendants(child)]


class Run:
    """One `make run` without make, its output in a file."""

    def __init__(self, state: Path, http_port: int, mqtt_port: int) -> None:
        self.state = state
        self.http_port, self.mqtt_port = http_port, mqtt_port
        self.output = state.parent / "output.txt"
        with self.output.open("wb") as output:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "hil_tests.run_local"],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                env=self.environment(),
            )

    def environment(self) -> dict[str, str]:
        ports = {"HTTP_PORT": str(self.http_port), "MQTT_PORT": str(self.mqtt_port)}
        return {**os.environ, **ports, "STATE": str(self.state)}

    def said(self) -> str:
        return self.output.read_text()

    def wait_until_shown(self) -> None:
        def shown() -> bool:
            assert self.process.poll() is None, self.said()
            return _LAST_LINE in self.said()

        wait_until(shown, _START_S, "the end of the start")

    def bench(self, *words: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(  # noqa: S603 - our own command
            [str(Path(sys.executable).parent / "bench"), *words],
            capture_output=True,
            text=True,
            timeout=60,
            env=self.environment(),
        )

    def end(self, number: signal.Signals) -> list[int]:
        """Send a signal; give the process ids that are still there when all should be gone."""
        pids = descendants(self.process.pid)
        assert len(pids) >= 8, [command_line(pid) for pid in pids]
        self.process.send_signal(number)
        self.process.wait(_STOP_S)
        deadline = time.monotonic() + _STOP_S
        while left := [pid for pid in pids if command_line(pid)]:
            if time.monotonic() > deadline:
                return left
            time.sleep(0.05)
        return []


@pytest.fixture(scope="module")
def state(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("run") / "a state"


@pytest.fixture(scope="module")
def ports() -> tuple[int, int]:
    return free_port(), free_port()


@pytest.fixture
def run(state: Path, ports: tuple[int, int]) -> Iterator[Run]:
    run = Run(state, *ports)
    try:
        run.wait_until_shown()
        yield run
    finally:
        run.process.terminate()
        run.process.wait(_STOP_S)


@pytest.mark.timeout(300)
def test_a_first_start_serves_three_boards_and_ctrl_c_ends_every_process(run: Run) -> None:
    said = run.said()
    assert httpx.get(f"http://127.0.0.1:{run.http_port}/readyz").json()["agents_online"] == 3
    for role in ("fleet_ops", "technician", "contractor", "administrator"):
        assert re.search(rf"{role} +\S{{8,}}", said)
    for board in ("modem", "voicemodem", "stb", "blank"):
        assert re.search(rf"{board} .*boards/{board}/serial", said)
    assert len(re.findall(r"^[1-5]\. ", said, re.MULTILINE)) == 5
    asked = shlex.split(re.findall(r"\.venv/bin/usp get .*", said)[0])[1:]
    usp = Path(sys.executable).parent / "usp"
    answer = subprocess.run([usp, *asked], capture_output=True, text=True, timeout=60)  # noqa: S603
    assert "Device.DeviceInfo.SerialNumber = 00000002" in answer.stdout
    assert run.end(signal.SIGINT) == []


@pytest.mark.timeout(300)
def test_a_second_start_finds_its_state_and_bench_acts_on_the_boards(run: Run) -> None:
    voicemodem = BoardControl(run.state, "voicemodem")
    assert run.bench("power", "cut").returncode == 0
    assert not voicemodem.state()["powered"]
    assert run.bench("power", "restore", "voicemodem").returncode == 0
    assert voicemodem.state()["powered"]
    assert run.bench("supply", "9", "--for", "50").returncode == 0
    assert run.bench("card", "insert", "--kind", "mute").returncode == 0
    assert BoardControl(run.state, "stb").state()["card_kind"] == "mute"
    assert run.bench("card", "refresh").returncode == 0
    assert run.bench("card", "remove").returncode == 0
    assert BoardControl(run.state, "stb").state()["card"] is False
    assert run.bench("network", "unplug", "modem").returncode == 0
    assert run.bench("network", "plug", "modem").returncode == 0
    listed = run.bench("boards").stdout
    for name in ("modem", "voicemodem", "stb", "blank"):
        assert str(run.state / "boards" / name / "serial") in listed
    unknown = run.bench("power", "cut", "toaster")
    assert unknown.returncode == 1
    assert "there are blank, modem, stb, voicemodem" in unknown.stderr
    assert run.end(signal.SIGTERM) == []


def commands_of_the_readme(heading: str) -> list[str]:
    """The lines of the first block under a heading."""
    return (
        (ROOT / "README.md").read_text().partition(heading)[2].split("```")[1].strip().split("\n")
    )


def follow(run: Run, commands: list[str]) -> str:
    """Do what stands there, with this run's state, port and technician; gives what was said."""
    place = run.state.parent
    for name, target in (("state", run.state), (".venv", Path(sys.executable).parents[1])):
        if not (place / name).exists():
            (place / name).symlink_to(target)
    said = []
    for line in commands:
        words = shlex.split(line.replace(":8080", f":{run.http_port}"))
        done = subprocess.run(  # noqa: S603 - our own commands
            words,
            cwd=place,
            capture_output=True,
            text=True,
            timeout=120,
            stdin=subprocess.DEVNULL,
            env={**os.environ, "FLEET_TOKEN": technicians_token(run), "COLUMNS": "200"},
        )
        assert done.returncode == 0, (line, done.stdout, done.stderr)
        said.append(done.stdout)
    return "".join(said)


def technicians_token(run: Run) -> str:
    lines = (run.state / "first-sign-in.txt").read_text().splitlines()
    password = dict(line.split(maxsplit=1) for line in lines)["technician"]
    answer = httpx.post(
        f"http://127.0.0.1:{run.http_port}/api/v1/session",
        json={"username": "technician", "password": password},
    )
    return str(answer.raise_for_status().json()["token"])


@pytest.mark.timeout(300)
def test_the_readme_replaces_a_voice_modem_and_a_killed_start_leaves_no_process(run: Run) -> None:
    said = follow(run, commands_of_the_readme("## Replace a voice modem"))
    assert re.search(r"Service gap: \d+\.\d+ s$", said, re.MULTILINE), said
    assert re.search(r"From approval to service: \d+\.\d+ s$", said, re.MULTILINE), said
    assert "Ended: done" in said
    for step in ("prepare_old", "open_new", "move_voice", "adopt_new", "fence_old"):
        assert re.search(rf"{step} +done +\d+\.\d+ s", said), said
    assert BoardControl(run.state, "blank").visit("shop.example")
    assert not BoardControl(run.state, "voicemodem").visit("shop.example")
    assert run.end(signal.SIGKILL) == []


def test_a_second_start_on_the_same_state_names_the_first(tmp_path: Path) -> None:
    with lock_state(tmp_path), pytest.raises(CannotRun, match=rf"{os.getpid()}.*STATE="):
        lock_state(tmp_path)
    lock_state(tmp_path).close()


def test_a_state_folder_that_cannot_be_used_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(CannotRun, match=r"file/state .*STATE="):
        lock_state(tmp_path / "file" / "state")


def test_a_busy_port_is_named_with_the_setting_that_moves_it() -> None:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        port = listener.getsockname()[1]
        with pytest.raises(CannotRun, match=rf"Port {port} .*make run HTTP_PORT={port + 1}"):
            check_port("HTTP_PORT", port)
    check_port("HTTP_PORT", port)


def test_a_state_goes_on_with_its_ports_and_says_when_another_is_asked_for(tmp_path: Path) -> None:
    assert choose_ports(tmp_path, None, None) == (8080, 8883)
    assert choose_ports(tmp_path, 8081, 8884) == (8081, 8884)
    (tmp_path / "ports.json").write_text('{"http": 8081, "mqtt": 8884}')
    assert choose_ports(tmp_path, None, None) == (8081, 8884)
    assert choose_ports(tmp_path, 8082, 8884) == (8082, 8884)
    with pytest.raises(CannotRun, match=r"port 8884.*STATE=\./state2 MQTT_PORT=8885"):
        choose_ports(tmp_path, None, 8885)
    (tmp_path / "ports.json").write_text("{")
    with pytest.raises(CannotRun, match=r"ports\.json .*remove it"):
        choose_ports(tmp_path, None, None)
