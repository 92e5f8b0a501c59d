"""Fixtures shared by the server's tests."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from fleet_server.tests.console_site import Site
from fleet_server.tests.installation import Installation, installed
from fleet_server.tests.played_agent import PlayedAgent
from fleet_server.tests.service_desk import ServiceDesk


@pytest.fixture(scope="session")
def prepared_database(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A migrated database with the first accounts and the made-up fleet, to be copied."""
    site = Site(tmp_path_factory.mktemp("prepared"))
    site.close()
    return site.database


@pytest.fixture
def site(tmp_path: Path, prepared_database: Path) -> Iterator[Site]:
    """A console over a database of its own, with the made-up fleet in it."""
    shutil.copy(prepared_database, tmp_path / "fleet.db")
    site = Site(tmp_path)
    yield site
    site.close()


@pytest.fixture(scope="session")
def prepared_desk(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The database of a service desk, to be copied."""
    folder = tmp_path_factory.mktemp("desk")
    ServiceDesk(folder).close()
    return folder / "fleet.db"


@pytest.fixture
def desk(tmp_path: Path, prepared_desk: Path) -> Iterator[ServiceDesk]:
    """One full contract, the operator's systems simulated, a clock that is moved by hand."""
    shutil.copy(prepared_desk, tmp_path / "fleet.db")
    made = ServiceDesk(tmp_path)
    yield made
    made.close()


@pytest.fixture
def installation(tmp_path: Path) -> Iterator[Installation]:
    """State and made-up registry of a fleet; broker and controller are started by the test."""
    with installed(tmp_path) as found:
        yield found


@pytest.fixture
def play(installation: Installation) -> Iterator[Callable[[str], PlayedAgent]]:
    """Makes agents for the installation; their connections end with the test."""
    agents: list[PlayedAgent] = []

    def make(endpoint_id: str) -> PlayedAgent:
        agent = PlayedAgent(
            endpoint_id,
            installation.config.controller_id,
            installation.config.mqtt_port,
            installation.pki.root,
            installation.client_certificate(endpoint_id),
        )
        agents.append(agent)
        return agent

    yield make
    for agent in agents:
        agent.stop()
