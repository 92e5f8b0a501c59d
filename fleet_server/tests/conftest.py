"""Fixtures shared by the server's tests."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from fleet_server.tests.console_site import Site, open_site
from fleet_server.tests.installation import Installation, installed
from fleet_server.tests.played_agent import PlayedAgent


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    """A console over a database of its own, with the made-up fleet in it."""
    yield from open_site(tmp_path)


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
