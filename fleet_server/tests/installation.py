"""A whole installation on loopback for tests: real mosquitto, real controller process."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from sqlalchemy import select

from fleet_server import bootstrap
from fleet_server.adapters import broker, broker_install
from fleet_server.adapters.certificates import Pki, make_client, make_pki
from fleet_server.adapters.clock import utc_now
from fleet_server.adapters.migration import migrate, migrate_people
from fleet_server.config import Config
from fleet_server.services import tables as t
from fleet_server.services.demo_data import load_demo_data
from fleet_server.services.fleet import Fleet
from fleet_server.services.readiness import CONNECTED, CONTROLLER

START_S = 20.0
STOP_S = 10.0


def free_port() -> int:
    """A TCP port of 127.0.0.1 that was free a moment ago."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port: int = listener.getsockname()[1]
        return port


def wait_until(condition: Callable[[], bool], what: str, timeout_s: float = START_S) -> None:
    """Look again and again until the condition holds; fails after `timeout_s`."""
    until_s = time.monotonic() + timeout_s
    while not condition():
        if time.monotonic() > until_s:
            raise AssertionError(f"after {timeout_s} s still not: {what}")
        time.sleep(0.02)


@dataclass(slots=True)
class Installation:
    """Processes are started one by one, and all of them ended by `close`."""

    config: Config
    fleet: Fleet
    log: Path
    broker_process: subprocess.Popen[bytes] | None = None
    controller: subprocess.Popen[bytes] | None = None
    _started: list[subprocess.Popen[bytes]] = field(default_factory=list)

    @property
    def pki(self) -> Pki:
        return Pki(self.config.pki)

    def start_broker(self) -> None:
        """Start mosquitto and wait until it listens."""
        path = broker.write_configuration(self.config)
        mosquitto = broker_install.obtain_mosquitto(self.config.state)
        self.broker_process = self._start(broker.command(mosquitto, path), {})
        wait_until(self._broker_listens, "broker listens")

    def reload_broker(self) -> None:
        """Have mosquitto read its revocation list again, as the supervisor does."""
        assert self.broker_process is not None
        self.broker_process.send_signal(signal.SIGHUP)

    def start_controller(self, failpoint: str = "") -> None:
        """Start the controller process, to be killed at `failpoint` if one is named."""
        environment = {**self.config.environment(), "FLEET_FAILPOINT": failpoint}
        command = [sys.executable, "-m", "fleet_server.controller"]
        started_at = utc_now()
        self.controller = self._start(command, environment)
        wait_until(lambda: self._controller_said(started_at), "controller has its broker")

    def client_certificate(self, common_name: str) -> tuple[Path, Path]:
        """Certificate and key for one client."""
        base = self.config.state / "clients" / common_name.replace(":", "_")
        paths = base.with_name(base.name + ".pem"), base.with_name(base.name + ".key")
        if paths[0].exists():
            return paths
        return make_client(self.pki, base, common_name, utc_now())

    def close(self) -> None:
        """End every process that is still there."""
        for process in reversed(self._started):
            end(process)
        bootstrap.close(self.fleet)

    def sequences(self, endpoint_id: str) -> list[int]:
        """Sequences of the journalled events on record, in order."""
        query = select(t.event.c.sequence).where(t.event.c.endpoint_id == endpoint_id)
        with self.fleet.reading() as connection:
            return sorted(connection.scalars(query.where(t.event.c.sequence.is_not(None))))

    def presence(self, endpoint_id: str) -> str | None:
        """State of presence on record."""
        query = select(t.presence.c.state).where(t.presence.c.endpoint_id == endpoint_id)
        with self.fleet.reading() as connection:
            return connection.scalar(query)

    def is_onboarded(self, endpoint_id: str) -> bool:
        """Whether the controller has got to know the agent."""
        query = select(t.agent.c.onboarded_at).where(t.agent.c.endpoint_id == endpoint_id)
        with self.fleet.reading() as connection:
            return connection.scalar(query) is not None

    def _controller_said(self, started_at: datetime) -> bool:
        query = select(t.process_state.c.state).where(
            t.process_state.c.name == CONTROLLER, t.process_state.c.at >= started_at
        )
        with self.fleet.reading() as connection:
            return connection.scalar(query) == CONNECTED

    def _broker_listens(self) -> bool:
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", self.config.mqtt_port)) == 0

    def _start(self, command: list[str], environment: dict[str, str]) -> subprocess.Popen[bytes]:
        with self.log.open("ab") as log:
            process = subprocess.Popen(  # noqa: S603 - our own commands
                command,
                env={**os.environ, **environment},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )
        self._started.append(process)
        return process


def end(process: subprocess.Popen[bytes]) -> None:
    """Terminate a process, by force if it does not go."""
    if process.poll() is not None:
        return
    process.send_signal(signal.SIGTERM)
    try:
        process.wait(STOP_S)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait(STOP_S)


@contextmanager
def installed(folder: Path, database_url: str = "") -> Iterator[Installation]:
    """An installation with the made-up registry; no process runs yet."""
    config = Config(
        state=folder / "state",
        http_port=free_port(),
        mqtt_port=free_port(),
        periodic_interval_s=60,
        database_url=database_url,
    )
    config.state.mkdir()
    make_pki(Pki(config.pki), config.broker_host, config.controller_id, utc_now())
    fleet = bootstrap.build(config)
    migrate(fleet.engine)
    assert fleet.people is not None
    migrate_people(fleet.people)
    with fleet.writing() as connection:
        load_demo_data(connection, utc_now())
    installation = Installation(config, fleet, folder / "processes.log")
    try:
        yield installation
    finally:
        installation.close()
