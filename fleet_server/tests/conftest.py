"""Fixtures shared by the server's tests."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from sqlalchemy import Engine

from fleet_server.adapters.migration import migrate_people
from fleet_server.tests.changes_desk import ChangesDesk, prepare_changes
from fleet_server.tests.console_site import Site, prepare_site
from fleet_server.tests.databases import POSTGRESQL, SQLITE, Database, Templates
from fleet_server.tests.installation import Installation, installed
from fleet_server.tests.memory_fleet import MemoryFleet, prepare_demo_data
from fleet_server.tests.played_agent import PlayedAgent
from fleet_server.tests.postgresql import NoPostgreSQLError, PostgreSQL, running, skip_or_fail
from fleet_server.tests.registry_desk import RegistryDesk
from fleet_server.tests.service_desk import ServiceDesk, prepare_desk

if TYPE_CHECKING:
    from selenium.webdriver import Chrome as WebDriver


@pytest.fixture(scope="session")
def templates(tmp_path_factory: pytest.TempPathFactory) -> Templates:
    """Prepared databases, made on first use and copied for each test."""
    return Templates(tmp_path_factory.mktemp("templates"))


@pytest.fixture(scope="session")
def postgresql() -> Iterator[PostgreSQL]:
    """A PostgreSQL server of this session's own."""
    with ExitStack() as stack:
        try:
            server = stack.enter_context(running())
        except NoPostgreSQLError as error:
            skip_or_fail(error)
        yield server


@pytest.fixture(params=[SQLITE, POSTGRESQL])
def database(
    request: pytest.FixtureRequest, tmp_path: Path, templates: Templates
) -> Iterator[Database]:
    """Fresh databases: whatever takes this runs once on SQLite and once on PostgreSQL."""
    server = request.getfixturevalue("postgresql") if request.param == POSTGRESQL else None
    made = Database(request.param, tmp_path, templates, server)
    yield made
    made.close()


@pytest.fixture
def engine(database: Database) -> Engine:
    """An empty database with the schema of this version, of both kinds."""
    return database.fresh()


@pytest.fixture
def demo_engine(database: Database) -> Engine:
    """The same with the made-up registry in it."""
    return database.fresh(prepare_demo_data)


@pytest.fixture
def memory_fleet(demo_engine: Engine) -> MemoryFleet:
    """The controller's intake on a database with the made-up registry."""
    return MemoryFleet(demo_engine)


@pytest.fixture
def registry(demo_engine: Engine) -> RegistryDesk:
    """Somebody who keeps that registry."""
    return RegistryDesk(demo_engine)


@pytest.fixture
def site(tmp_path: Path, database: Database) -> Iterator[Site]:
    """A console over databases of its own, with the made-up fleet in it."""
    people = database.fresh(migrate_people, "people")
    site = Site(tmp_path, database.fresh(prepare_site), people)
    yield site
    site.close()


@pytest.fixture
def address(site: Site) -> Iterator[str]:
    """The console of `site`, served on a free port of loopback; its clock is the machine's."""
    from fleet_server.tests.browsers import served

    site.now = datetime.now(UTC)
    with served(site.app) as address:
        yield address


@pytest.fixture
def changes(tmp_path: Path, database: Database) -> ChangesDesk:
    """A console whose replacements and campaigns go on."""
    people = database.fresh(migrate_people, "people")
    return ChangesDesk(tmp_path, database.fresh(prepare_changes), people)


@pytest.fixture
def changes_address(changes: ChangesDesk) -> Iterator[str]:
    """That console, served on a free port of loopback."""
    from fleet_server.tests.browsers import served

    with served(changes.site.app) as address:
        yield address


@pytest.fixture
def chromium(tmp_path: Path) -> Iterator[WebDriver]:
    """A browser of the test's own; its library is loaded for those tests alone."""
    from fleet_server.tests.browsers import chromium_in

    with chromium_in(tmp_path / "profile") as browser:
        yield browser


@pytest.fixture
def desk(tmp_path: Path, database: Database) -> ServiceDesk:
    """One full contract, the operator's systems simulated, a clock that is moved by hand."""
    return ServiceDesk(tmp_path, database.fresh(prepare_desk))


@pytest.fixture
def installation(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Installation]:
    """State and made-up registry of a fleet; broker and controller are started by the test.

    On SQLite, or on the kind of database that a test names by indirect parameters.
    """
    if getattr(request, "param", SQLITE) == SQLITE:
        with installed(tmp_path) as found:
            yield found
        return
    server: PostgreSQL = request.getfixturevalue("postgresql")
    name = server.create()
    with installed(tmp_path, server.url(name)) as found:
        yield found
    server.drop(name)


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
