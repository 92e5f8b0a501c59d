"""Starts broker, controller, worker, courier and console, and starts again what ends.

Each is a direct child. They end when this process ends, however it ends; this process ends when the
one that started it does. What ends soon after its start is started again ever later.
"""

from __future__ import annotations

import ctypes
import fcntl
import logging
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from fleet_server import bootstrap, installation
from fleet_server.adapters import broker, broker_install
from fleet_server.adapters.certificates import Pki
from fleet_server.adapters.clock import utc_now
from fleet_server.config import Config, keep_ports
from fleet_server.errors import OperatorError

logger = logging.getLogger(__name__)

_PR_SET_PDEATHSIG = 1
_LOOK_INTERVAL_S = 0.1
_FIRST_BACK_OFF_S = 0.2
_LONGEST_BACK_OFF_S = 10.0
_HEALTHY_AFTER_S = 10.0
_STOP_S = 8.0


@dataclass(slots=True)
class Child:
    """One watched process. Times are monotonic seconds.

    It gets SIGHUP whenever the file `reloads` was written.
    """

    name: str
    command: Sequence[str]
    environment: Mapping[str, str]
    process: subprocess.Popen[bytes] | None = None
    started_s: float = 0.0
    start_after_s: float = 0.0
    back_off_s: float = _FIRST_BACK_OFF_S
    reloads: Path | None = None
    read_at_ns: int = 0

    def look(self, now_s: float) -> None:
        """Start it if it is down and its back-off is over; note it if it has just ended."""
        if self.process is None:
            if now_s >= self.start_after_s:
                self._start(now_s)
            return
        code = self.process.poll()
        if code is None:
            if now_s - self.started_s > _HEALTHY_AFTER_S:
                self.back_off_s = _FIRST_BACK_OFF_S
            self._reload(self.process)
            return
        logger.warning("%s ended with %s; next start in %.1f s", self.name, code, self.back_off_s)
        self.process = None
        self.start_after_s = now_s + self.back_off_s
        self.back_off_s = min(2 * self.back_off_s, _LONGEST_BACK_OFF_S)

    def _reload(self, process: subprocess.Popen[bytes]) -> None:
        written_at_ns = _written_at_ns(self.reloads)
        if written_at_ns != self.read_at_ns:
            self.read_at_ns = written_at_ns
            process.send_signal(signal.SIGHUP)

    def _start(self, now_s: float) -> None:
        self.read_at_ns = _written_at_ns(self.reloads)
        self.started_s = now_s
        self.process = subprocess.Popen(  # noqa: S603 - our own commands
            self.command,
            env={**os.environ, **self.environment},
            stdin=subprocess.DEVNULL,
            preexec_fn=_end_with_parent,
        )
        logger.info("%s started, process %d", self.name, self.process.pid)


class Supervisor:
    """Watches its children until `stop` is called or the parent process is gone."""

    def __init__(self, children: Sequence[Child], parent: int) -> None:
        self._children = children
        self._parent = parent
        self._stopping = False

    def stop(self, *_: object) -> None:
        """Ask `run` to end; may be a signal handler."""
        self._stopping = True

    def run(self) -> None:
        """Start everything and watch; stops everything before it returns."""
        try:
            while not self._stopping and os.getppid() == self._parent:
                for child in self._children:
                    child.look(time.monotonic())
                time.sleep(_LOOK_INTERVAL_S)
        finally:
            _stop_all(self._children)


def run(config: Config, say_where: Callable[[], None] = lambda: None) -> None:
    """Serve until SIGTERM, SIGINT or the end of the parent process.

    `say_where` is called once folder, ports and keys are had, just before the processes start.

    Raises OperatorError when the state folder is served already, a port is taken, or the broker
    cannot be had.
    """
    parent = os.getppid()
    with claimed(config.state):
        _run(config, parent, say_where)


@contextmanager
def claimed(state: Path) -> Iterator[None]:
    """Hold the state folder for this process alone. Raises OperatorError when another holds it."""
    state.mkdir(mode=0o700, parents=True, exist_ok=True)
    with (state / "server.lock").open("a+") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            lock.seek(0)
            owner = lock.read().strip() or "unknown"
            raise OperatorError(
                f"The state folder {state} is served already, by process {owner}.",
                "Stop that one, or name another folder with --state.",
            ) from None
        lock.truncate(0)
        lock.write(f"{os.getpid()}\n")
        lock.flush()
        yield


def _run(config: Config, parent: int, say_where: Callable[[], None]) -> None:
    check_ports(config)
    now = utc_now()
    installation.initialise(config, now)
    bootstrap.write_revocations(config, now)
    keep_ports(config)
    supervisor = Supervisor(children_of(config), parent)
    signal.signal(signal.SIGTERM, supervisor.stop)
    signal.signal(signal.SIGINT, supervisor.stop)
    say_where()
    supervisor.run()


def children_of(config: Config) -> list[Child]:
    """What has to run, in the order it is started and against which it is stopped."""
    mosquitto = broker_install.obtain_mosquitto(config.state)
    configuration = broker.write_configuration(config)
    console = ["uvicorn", "--factory", "fleet_server.console:app"]
    console += ["--no-server-header", "--no-proxy-headers"]
    listen = ["--host", config.bind, "--port", str(config.http_port), "--log-level", "warning"]
    environment = config.environment()
    return [
        Child(
            "broker",
            broker.command(mosquitto, configuration),
            broker_install.library_path(config.state),
            reloads=Pki(config.pki).revoked,
        ),
        Child("controller", [sys.executable, "-m", "fleet_server.controller"], environment),
        Child("worker", [sys.executable, "-m", "fleet_server.worker"], environment),
        Child("courier", [sys.executable, "-m", "fleet_server.courier"], environment),
        Child("console", [sys.executable, "-m", *console, *listen], environment),
    ]


def _written_at_ns(path: Path | None) -> int:
    try:
        return path.stat().st_mtime_ns if path else 0
    except FileNotFoundError:
        return 0


def check_ports(config: Config) -> None:
    """Raises OperatorError naming the port that is taken and the option that moves it."""
    for name, port, option in (
        ("console", config.http_port, "--http-port"),
        ("broker", config.mqtt_port, "--mqtt-port"),
    ):
        with socket.socket() as listener:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                listener.bind((config.bind, port))
            except OSError as error:
                raise OperatorError(
                    f"Port {port} for the {name} cannot be used: {error.strerror}.",
                    f"Choose another with {option}.",
                ) from error


def _stop_all(children: Sequence[Child]) -> None:
    running = [child.process for child in reversed(children) if child.process is not None]
    for process in running:
        process.terminate()
    until_s = time.monotonic() + _STOP_S
    for process in running:
        try:
            process.wait(max(0.0, until_s - time.monotonic()))
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _end_with_parent() -> None:
    # Ctrl-C reaches the whole terminal group: the children leave that to this process.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
