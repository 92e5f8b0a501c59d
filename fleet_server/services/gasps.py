"""How many power losses were told by a gasp: by a `PowerLoss!` stored while the power failed.

A loss is counted once: with its `PowerLoss!`, whether that came at once or from the journal after
the next start, or with the `PowerRestored!` of a start that found no record (grade inferred) and
whose gasp is not here. The counts are kept, not counted: from the day this came on.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, select

from agent.wire.codes import GRADE_INFERRED, POWER, POWER_LOSS_EVENT, POWER_RESTORED_EVENT
from fleet_server.services.tables import event, gasp_count
from fleet_server.services.upsert import add_to

FLEET = ""


@dataclass(frozen=True, slots=True)
class Gasps:
    """Power losses, and how many of them were told before the dark."""

    losses: int = 0
    gasps: int = 0

    @property
    def share(self) -> float | None:
        """The delivery ratio, 0 to 1; None where no power was lost."""
        return self.gasps / self.losses if self.losses else None


def count(connection: Connection, told: Iterable[tuple[Mapping[str, Any], bool]]) -> None:
    """Add what new events tell: each is a row of `event`, and whether it came as a gasp."""
    losses: Counter[str] = Counter()
    gasps: Counter[str] = Counter()
    for row, is_gasp in told:
        if row["path"] == POWER and _is_loss(connection, row):
            for key in (row["endpoint_id"], FLEET):
                losses[key] += 1
                gasps[key] += is_gasp
    for key in sorted(losses):
        add_to(connection, gasp_count, {"endpoint_id": key}, "losses", losses[key])
        if gasps[key]:
            add_to(connection, gasp_count, {"endpoint_id": key}, "gasps", gasps[key])


def read(connection: Connection, endpoint_id: str = FLEET) -> Gasps:
    """The counts of a device, or of the fleet."""
    found = connection.execute(
        select(gasp_count.c.losses, gasp_count.c.gasps).where(
            gasp_count.c.endpoint_id == endpoint_id
        )
    ).one_or_none()
    return Gasps(*found) if found else Gasps()


def _is_loss(connection: Connection, row: Mapping[str, Any]) -> bool:
    if row["name"] == POWER_LOSS_EVENT:
        return True
    if row["name"] != POWER_RESTORED_EVENT or row["grade"] != GRADE_INFERRED:
        return False
    known = select(event.c.id).where(
        event.c.endpoint_id == row["endpoint_id"],
        event.c.name == POWER_LOSS_EVENT,
        event.c.boot_count == (row["boot_count"] or 0) - 1,
    )
    return connection.execute(known.limit(1)).first() is None
