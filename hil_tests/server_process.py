"""The fleet server as its users meet it: a command line, an HTTP port and processes to watch.

`fleet-server run` is the supervisor; broker, controller and console are its children, found by
their command lines. Nothing of `fleet_server` is imported here.
"""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Literal

import httpx

from hil_tests.errors import ServerStartError

ProcessName = Literal["supervisor", "broker", "controller", "courier", "console"]

COMMAND_LINE_SIGN: Mapping[str, bytes] = {
    "broker": b"mosquitto",
    "controller": b"fleet_server.controller",
    "courier": b"fleet_server.courier",
    "console": b"fleet_server.console",
}
_INIT_S = 120.0
_START_S = 120.0
_STOP_S = 20.0


def free_port() -> int:
    """A TCP port of 127.0.0.1 that was free a moment ago."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port: int = listener.getsockname()[1]
        return port


def is_port_free(port: int) -> bool:
    with socket.socket() as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


class ServerProcess:
    """One installation of the fleet server under a state folder."""

    def __init__(
        self,
        state: Path,
        http_port: int,
        mqtt_port: int,
        environment: Mapping[str, str] | None = None,
    ) -> None:
        self.state = state
        self.http_port = http_port
        self.mqtt_port = mqtt_port
        self.url = f"http://127.0.0.1:{http_port}"
        self.log = state / "server.log"
        self.environment = dict(environment or {})
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def database(self) -> Path:
        return self.state / "fleet.db"

    def command(self, *words: str) -> str:
        """Run one subcommand of `fleet-server` to its end and give what it said.

        Raises ServerStartError with its last words when it fails.
        """
        try:
            done = subprocess.run(  # noqa: S603 - our own command, our own arguments
                [*self._program(), *words, *self._options()],
                capture_output=True,
                text=True,
                timeout=_INIT_S,
                env=self._environment(),
                stdin=subprocess.DEVNULL,
            )
        except subprocess.TimeoutExpired as error:
            raise ServerStartError(f"fleet-server {words[0]} took over {_INIT_S:.0f} s") from error
        if done.returncode != 0:
            raise ServerStartError(f"fleet-server {words[0]}: {done.stderr.strip()[-2000:]}")
        return done.stdout

    def start(self) -> None:
        """Start the supervisor; wait_until_ready() tells when it serves.

        It ends by itself when this process does, however that happens.
        """
        self.state.mkdir(parents=True, exist_ok=True)
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(  # noqa: S603 - our own command, our own arguments
                [*self._program(), "run", *self._options()],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                env=self._environment(),
                start_new_session=True,
            )

    def stop(self) -> None:
        """End the supervisor and with it its children; quiet when it has ended already."""
        process, self._process = self._process, None
        if process is None:
            return
        process.terminate()
        try:
            process.wait(_STOP_S)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait(_STOP_S)

    def has_ended(self) -> bool:
        return self._process is None or self._process.poll() is not None

    def agents_online(self) -> int | None:
        """How many agents are online, or None while the server is not ready."""
        try:
            answer = httpx.get(f"{self.url}/readyz", timeout=5)
        except httpx.TransportError:
            return None
        return int(answer.json()["agents_online"]) if answer.status_code == 200 else None

    def wait_until_ready(self, agents_online: int = 0, timeout_s: float = _START_S) -> None:
        """Wait for broker, database and at least that many agents. Raises ServerStartError."""
        deadline = time.monotonic() + timeout_s
        while True:
            online = self.agents_online()
            if online is not None and online >= agents_online:
                return
            if self.has_ended():
                raise ServerStartError(f"the server has ended:\n{self.log_tail()}")
            if time.monotonic() > deadline:
                seen = "it is not ready" if online is None else f"{online} agents are online"
                raise ServerStartError(
                    f"after {timeout_s:.0f} s {seen}, {agents_online} expected; see {self.log}"
                )
            time.sleep(0.1)

    def pid_of(self, name: ProcessName) -> int | None:
        """Process id of the supervisor or of one of its children, None while it is not there."""
        if self._process is None:
            return None
        if name == "supervisor":
            return self._process.pid
        sign = COMMAND_LINE_SIGN[name]
        return next((pid for pid in children(self._process.pid) if sign in command_line(pid)), None)

    def kill(self, name: ProcessName) -> None:
        """SIGKILL one process. Raises ServerStartError when there is none of that name."""
        pid = self.pid_of(name)
        if pid is None:
            raise ServerStartError(f"no {name} process is running")
        os.kill(pid, signal.SIGKILL)

    def log_tail(self, characters: int = 2000) -> str:
        return self.log.read_text(errors="replace")[-characters:] if self.log.exists() else ""

    def _program(self) -> list[str]:
        return [str(Path(sys.executable).parent / "fleet-server")]

    def _options(self) -> list[str]:
        ports = ["--http-port", str(self.http_port), "--mqtt-port", str(self.mqtt_port)]
        return ["--state", str(self.state), *ports]

    def _environment(self) -> dict[str, str]:
        return {**os.environ, **self.environment}


def children(pid: int) -> list[int]:
    """Process ids of the direct children of a process."""
    found = []
    for task in Path(f"/proc/{pid}/task").glob("*/children"):
        try:
            found += [int(word) for word in task.read_text().split()]
        except OSError:
            continue
    return found


def command_line(pid: int) -> bytes:
    """Arguments of a process, each ended by a zero byte; empty once it has gone."""
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return b""
