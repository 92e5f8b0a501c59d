"""A unit seen where its contract is not is told to a person [4.10, 11.3]."""

from __future__ import annotations

import json
from datetime import timedelta

import pytest
from sqlalchemy import Engine, insert, select

from fleet_server.domain.errors import (
    InvalidError,
    InvalidTimeError,
    UnknownFindingError,
    UnknownUnitError,
)
from fleet_server.services import audit
from fleet_server.services import tables as t
from fleet_server.services.audit import Actor
from fleet_server.services.sightings import (
    Finding,
    Outcome,
    SeenBy,
    list_findings,
    note_sighting,
    settle,
    waiting_findings,
)
from fleet_server.tests.memory_fleet import NOON
from fleet_server.tests.plant import MODEMS, add_plant

SERIAL = MODEMS[1].rsplit("-", 1)[1]
CMTS = Actor.system("cmts")


@pytest.fixture
def plant(engine: Engine) -> Engine:
    add_plant(engine, NOON)
    with engine.begin() as connection:
        connection.execute(
            insert(t.account).values(
                id=1, username="ops", role="fleet_ops", password_hash="", created_at=NOON
            )
        )
    return engine


def see(engine: Engine, element: str, serial: str = SERIAL, hours: int = 1) -> Finding | None:
    seen_at = NOON + timedelta(hours=hours)
    with engine.begin() as connection:
        return note_sighting(connection, CMTS, serial, element, SeenBy.CMTS, seen_at, seen_at)


@pytest.mark.parametrize("element", ["S-1", "N-1"])
def test_the_place_of_the_contract_or_what_it_hangs_on_fits(plant: Engine, element: str) -> None:
    assert see(plant, element) is None
    with plant.connect() as connection:
        assert waiting_findings(connection) == 0


@pytest.mark.parametrize("element", ["S-2", "N-2"])
def test_any_other_place_is_told_at_once_and_only_once(plant: Engine, element: str) -> None:
    found = see(plant, element)
    assert found is not None
    assert (found.expected, found.seen, found.contract) == ("S-1", element, "P-1")
    again = see(plant, element, hours=2)
    assert again is not None
    assert again.id == found.id
    with plant.connect() as connection:
        assert list_findings(connection) == [found]
        (order,) = connection.execute(select(t.outbox.c.system, t.outbox.c.arguments)).all()
        assert order.system == "work_orders"
        assert json.loads(order.arguments) == {
            "order": f"place-{found.id}",
            "kind": "check_place",
            "contract": "P-1",
            "serial_number": SERIAL,
            "due_on": "2027-01-15",
        }
        assert len(audit.history(connection, f"unit:{SERIAL}")) == 1


def test_a_finding_follows_the_unit_and_stays_until_a_person_settles_it(plant: Engine) -> None:
    found = see(plant, "S-2")
    moved = see(plant, "N-2", hours=2)
    assert found is not None
    assert moved is not None
    assert (moved.id, moved.seen) == (found.id, "N-2")
    see(plant, "S-1", hours=3)
    now = NOON + timedelta(hours=4)
    with plant.begin() as connection:
        assert waiting_findings(connection) == 1
        with pytest.raises(InvalidError):
            settle(connection, 1, found.id, Outcome.UNIT_BROUGHT_BACK, " ", now)
        settle(connection, 1, found.id, Outcome.UNIT_BROUGHT_BACK, "customer called", now)
        with pytest.raises(UnknownFindingError):
            settle(connection, 1, found.id, Outcome.UNIT_BROUGHT_BACK, "twice", now)
        assert list_findings(connection) == []
        orders = connection.scalars(select(t.outbox.c.target)).all()
        assert orders == [f"work_orders/order:place-{found.id}"] * 2


def test_a_sighting_needs_a_unit_and_a_moment_in_the_past(plant: Engine) -> None:
    with pytest.raises(UnknownUnitError):
        see(plant, "S-1", serial="nobody")
    with plant.begin() as connection, pytest.raises(InvalidTimeError):
        later = NOON + timedelta(hours=2)
        note_sighting(connection, CMTS, SERIAL, "S-1", SeenBy.CMTS, later, NOON)
