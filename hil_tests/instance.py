"""A whole private installation: fleet server, broker and boards, for tests and `make run`.

Everything lives under one state folder and listens on 127.0.0.1. start() is also how an existing
state is taken up again: what is made already is found, not made anew.
"""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Any

import httpx

from firmware_tools.device_console import DeviceConsole
from firmware_tools.provision import Quiet, provision
from firmware_tools.registry import Registry
from firmware_tools.serial_link import SerialLink
from hil_tests.demo_fleet import DEMO_FLEET, DemoBoard
from hil_tests.errors import BenchError
from hil_tests.server_process import ProcessName, ServerProcess, free_port
from hil_tests.simulated_board.board import SimulatedBoard
from hil_tests.waiting import all_at_once

ONLINE_S = 60.0


class Instance:
    """One installation with the given boards of the demo fleet; a context manager.

    Raises BenchError, or the ToolError of what provisioning met, when it does not come up.
    `environment` is added to that of the server's processes. Ports left out are chosen free.
    """

    def __init__(
        self,
        state: Path,
        boards: Sequence[DemoBoard] = DEMO_FLEET,
        *,
        http_port: int | None = None,
        mqtt_port: int | None = None,
        environment: Mapping[str, str] | None = None,
    ) -> None:
        self.state = state
        self.fleet = tuple(boards)
        self.server = ServerProcess(
            state, http_port or free_port(), mqtt_port or free_port(), environment
        )
        self.boards = {board.name: SimulatedBoard(state, board.spec) for board in boards}
        self._clients: list[httpx.Client] = []

    @property
    def database(self) -> Path:
        return self.server.database

    @property
    def in_service(self) -> list[DemoBoard]:
        return [board for board in self.fleet if board.in_service]

    def start(self) -> None:
        """Bring everything up and wait until every board that is in service is online."""
        self.start_processes()
        self.load_demo_data()
        self.provision_boards()
        self.server.wait_until_ready(len(self.in_service), ONLINE_S)

    def start_processes(self) -> None:
        """Start server and boards; the server makes what is missing of keys and accounts."""
        self.server.start()
        self.start_boards()
        self.server.wait_until_ready()

    def load_demo_data(self) -> None:
        """Fill the registry with made-up units and contracts, the first time only."""
        marker = self.state / "demo-data-loaded"
        if not marker.exists():
            self.server.command("demo-data")
            marker.touch()

    def start_boards(self) -> None:
        all_at_once([board.start for board in self.boards.values()])

    def provision_boards(self) -> None:
        """Put every board that belongs in service there; quick about those that are already."""
        with Registry(self.server.url) as registry:
            registry.sign_in("technician", self.password("technician"))
            all_at_once([partial(self._provision, board, registry) for board in self.in_service])

    def _provision(self, board: DemoBoard, registry: Registry) -> None:
        with SerialLink(self.boards[board.name].serial_port) as link:
            provision(DeviceConsole(link), registry, board.placement, Quiet(), ONLINE_S)

    def stop(self) -> None:
        """End every process; quiet about those that have ended."""
        while self._clients:
            self._clients.pop().close()
        for board in self.boards.values():
            board.stop()
        self.server.stop()

    def kill(self, name: ProcessName) -> None:
        self.server.kill(name)

    def sign_ins(self) -> dict[str, str]:
        """The first password of each role; empty once the file was removed."""
        path = self.state / "first-sign-in.txt"
        lines = path.read_text().splitlines() if path.exists() else []
        return dict(line.split(maxsplit=1) for line in lines)

    def password(self, role: str) -> str:
        try:
            return self.sign_ins()[role]
        except KeyError:
            raise BenchError(f"no first password of {role} under {self.state}") from None

    def client(self, role: str) -> httpx.Client:
        """A client that is signed in as `role`; closed by stop()."""
        client = httpx.Client(base_url=self.server.url, timeout=10)
        self._clients.append(client)
        answer = client.post(
            "/api/v1/session", json={"username": role, "password": self.password(role)}
        )
        answer.raise_for_status()
        client.headers["Authorization"] = f"Bearer {answer.json()['token']}"
        return client

    def browser(self, role: str) -> httpx.Client:
        """A client that signed in as `role` by the form, pages in English; closed by stop()."""
        client = httpx.Client(
            base_url=self.server.url, timeout=10, headers={"Accept-Language": "en"}
        )
        self._clients.append(client)
        form = client.get("/sign-in").raise_for_status().text
        token = re.search(r'name="form_token" value="([^"]+)"', form)
        if token is None:
            raise BenchError("the sign-in page has no form token")
        answer = client.post(
            "/sign-in",
            data={
                "username": role,
                "password": self.password(role),
                "form_token": token.group(1),
            },
        )
        if answer.status_code != httpx.codes.SEE_OTHER:
            raise BenchError(f"sign-in as {role} was answered {answer.status_code}")
        return client

    def query(self, sql: str, *values: Any) -> list[tuple[Any, ...]]:
        """Rows of the server's database, opened for reading only."""
        with sqlite3.connect(f"file:{self.database}?mode=ro", uri=True, timeout=10) as connection:
            rows = connection.execute(sql, values).fetchall()
        connection.close()
        return rows

    def __enter__(self) -> Instance:
        try:
            self.start()
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()
