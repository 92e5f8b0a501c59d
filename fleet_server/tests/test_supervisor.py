"""The supervisor with its real children."""

from __future__ import annotations

import functools
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from fleet_server.config import Config
from fleet_server.errors import OperatorError
from fleet_server.supervisor import check_ports, claimed
from fleet_server.tests.installation import end, free_port, wait_until

READY_S = 60.0
GONE_S = 20.0
PROGRAM = str(Path(sys.executable).parent / "fleet-server")


PROCESSES = (
    "mosquitto",
    "fleet_server.controller",
    "fleet_server.worker",
    "fleet_server.courier",
    "fleet_server.console",
)


class Running:
    """`fleet-server run` on a folder of its own."""

    def __init__(self, state: Path) -> None:
        self.http_port, self.mqtt_port = free_port(), free_port()
        self.words = [PROGRAM, "run", "--state", str(state)]
        self.words += ["--http-port", str(self.http_port), "--mqtt-port", str(self.mqtt_port)]
        self.process = subprocess.Popen(  # noqa: S603 - our own command
            self.words, stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )

    def ready(self) -> bool:
        try:
            url = f"http://127.0.0.1:{self.http_port}/readyz"
            with urllib.request.urlopen(url, timeout=5) as answer:
                return bool(answer.status == 200)
        except OSError:
            return False

    def is_back(self, name: str, before: int) -> bool:
        return self.children().get(name, before) != before

    def children(self) -> dict[str, int]:
        pid = self.process.pid
        try:
            found = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
        except OSError:
            return {}
        named = {}
        for child in found:
            line = command_line(int(child))
            for name in PROCESSES:
                if name in line:
                    named[name] = int(child)
        return named


def command_line(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode()
    except OSError:
        return ""


def are_gone(pids: list[int]) -> bool:
    return not any(command_line(pid) for pid in pids)


@pytest.fixture
def running(tmp_path: Path) -> Iterator[Running]:
    started = Running(tmp_path / "state")
    wait_until(started.ready, "server ready", READY_S)
    yield started
    end(started.process)


def test_what_is_killed_comes_back_and_all_end_with_the_supervisor(running: Running) -> None:
    for name in PROCESSES:
        before = running.children()[name]
        os.kill(before, signal.SIGKILL)
        wait_until(functools.partial(running.is_back, name, before), f"{name} back")
    wait_until(running.ready, "server ready again", READY_S)
    children = list(running.children().values())
    assert len(children) == len(PROCESSES)
    running.process.send_signal(signal.SIGTERM)
    assert running.process.wait(GONE_S) == 0
    assert are_gone(children)


def test_children_do_not_outlive_a_killed_supervisor(running: Running) -> None:
    children = list(running.children().values())
    running.process.kill()
    running.process.wait(GONE_S)
    wait_until(lambda: are_gone(children), "children gone", GONE_S)


def test_a_second_start_on_the_same_state_names_folder_and_option(running: Running) -> None:
    done = subprocess.run(  # noqa: S603 - our own command
        running.words, capture_output=True, text=True, timeout=READY_S
    )
    assert done.returncode == 1
    assert "is served already" in done.stderr
    assert "Console" not in done.stdout
    assert "--state" in done.stderr


@pytest.mark.parametrize(
    ("name", "option"), [("http_port", "--http-port"), ("mqtt_port", "--mqtt-port")]
)
def test_a_busy_port_is_named_with_the_option_that_moves_it(name: str, option: str) -> None:
    with socket.socket() as holder:
        holder.bind(("127.0.0.1", 0))
        holder.listen()
        taken = holder.getsockname()[1]
        config = Config(http_port=free_port(), mqtt_port=free_port())
        with pytest.raises(OperatorError) as caught:
            check_ports(replace(config, **{name: taken}))
        assert option in caught.value.remedy
        assert str(taken) in caught.value.problem


def test_the_server_ends_when_what_started_it_has_gone(tmp_path: Path) -> None:
    http_port, mqtt_port, state = free_port(), free_port(), tmp_path / "state"
    script = (
        "import subprocess, sys; "
        "print(subprocess.Popen(sys.argv[1:], stdout=subprocess.DEVNULL, "
        "stderr=subprocess.DEVNULL).pid, flush=True); sys.stdin.read()"
    )
    words = [PROGRAM, "run", "--state", str(state), "--http-port", str(http_port)]
    parent = subprocess.Popen(  # noqa: S603 - our own command
        [sys.executable, "-c", script, *words, "--mqtt-port", str(mqtt_port)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert parent.stdout is not None
    server = int(parent.stdout.readline())
    wait_until(lambda: (state / "pki" / "root.pem").exists(), "server starting", READY_S)
    parent.kill()
    parent.communicate()
    begun_s = time.monotonic()
    wait_until(lambda: are_gone([server]), "server gone", READY_S)
    assert time.monotonic() - begun_s < READY_S


def test_a_state_folder_is_served_by_one_process_at_a_time(tmp_path: Path) -> None:
    with claimed(tmp_path):
        words = [PROGRAM, "run", "--state", str(tmp_path)]
        words += ["--http-port", str(free_port()), "--mqtt-port", str(free_port())]
        second = subprocess.run(words, capture_output=True, text=True, timeout=READY_S)  # noqa: S603
        assert second.returncode == 1
        assert f"is served already, by process {os.getpid()}" in " ".join(second.stderr.split())
    with claimed(tmp_path):
        pass
