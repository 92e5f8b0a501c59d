"""Moving a unit through its life cycle."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Connection, select, update

from fleet_server.domain.life_cycle import UnitState, check_step
from fleet_server.services import audit
from fleet_server.services import tables as t
from fleet_server.services.audit import Actor, Entry


def change_state(
    connection: Connection,
    unit_id: int,
    after: UnitState,
    actor: Actor,
    now: datetime,
    *,
    place_id: int | None = None,
    reason: str = "",
    evidence: tuple[str, ...] = (),
) -> None:
    """Take one step, with its entry in the audit log.

    `place_id` is where the unit then is, None when that is no place of the operator. Raises
    LifeCycleError when the step is not allowed.
    """
    row = connection.execute(
        select(t.unit.c.serial_number, t.unit.c.state).where(t.unit.c.id == unit_id)
    ).one()
    check_step(UnitState(row.state), after)
    place = None
    if place_id is not None:
        place = connection.scalars(select(t.place.c.code).where(t.place.c.id == place_id)).one()
    (sequence,) = audit.append(
        connection,
        actor,
        [
            Entry(
                "unit_state_changed",
                f"unit:{row.serial_number}",
                {"from": row.state, "to": after.value, "place": place},
                evidence,
            )
        ],
        now,
        reason,
    )
    connection.execute(
        update(t.unit).where(t.unit.c.id == unit_id).values(state=after.value, place_id=place_id)
    )
    connection.execute(
        t.unit_state.insert().values(
            unit_id=unit_id,
            state=after.value,
            place_id=place_id,
            from_at=now,
            audit_sequence=sequence,
        )
    )
