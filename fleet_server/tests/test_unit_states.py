"""Steps of a unit's life cycle as the database keeps them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import Engine, select

from fleet_server.domain.life_cycle import LifeCycleError, UnitState
from fleet_server.services import tables as t
from fleet_server.services.audit import Actor, history
from fleet_server.services.units import change_state

NOW = datetime(2027, 1, 15, 12, 0, tzinfo=UTC)
LATER = NOW + timedelta(hours=3)
STORE = Actor.account(3)


@pytest.fixture
def engine(engine: Engine) -> Engine:
    """With a box in stock and a van."""
    with engine.begin() as connection:
        connection.execute(
            t.unit.insert().values(
                id=1,
                serial_number="00000001",
                manufacturer_oui="00256D",
                product_class="STB",
                received_at=NOW,
            )
        )
        connection.execute(t.place.insert().values(id=5, code="VAN-5", kind="van", name="Van 5"))
    return engine


def test_a_step_is_kept_with_its_place_and_its_entry(engine: Engine) -> None:
    with engine.begin() as connection:
        change_state(
            connection, 1, UnitState.VAN_STOCK, STORE, NOW, place_id=5, reason="for Tuesday"
        )
        change_state(connection, 1, UnitState.LOST, STORE, LATER, evidence=("report:4",))
        steps = connection.execute(select(t.unit_state).order_by(t.unit_state.c.id)).all()
        lost, taken = history(connection, "unit:00000001")
        now = connection.execute(select(t.unit.c.state, t.unit.c.place_id)).one()
    assert [(s.state, s.place_id, s.from_at) for s in steps] == [
        ("van_stock", 5, NOW),
        ("lost", None, LATER),
    ]
    assert [s.audit_sequence for s in steps] == [taken.sequence, lost.sequence]
    assert taken.detail == {"from": "in_stock", "to": "van_stock", "place": "VAN-5"}
    assert (taken.reason, lost.evidence) == ("for Tuesday", ("report:4",))
    assert now == ("lost", None)


def test_a_refused_step_leaves_no_trace(engine: Engine) -> None:
    with engine.begin() as connection, pytest.raises(LifeCycleError):
        change_state(connection, 1, UnitState.RETURNED, STORE, NOW)
    with engine.connect() as connection:
        assert connection.execute(select(t.unit_state)).all() == []
        assert history(connection, "unit:00000001") == []
