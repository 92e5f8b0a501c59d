"""Figures of the fleet that cost little to read."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, func, select

from fleet_server.domain.presence import OFFLINE, ONLINE, SUSPECT
from fleet_server.services import gasps
from fleet_server.services import tables as t
from fleet_server.services.gasps import Gasps
from fleet_server.services.readiness import arriving, readiness


@dataclass(frozen=True, slots=True)
class Figures:
    """`refused` counts records by the rule they broke; `arriving` agents wait to be onboarded."""

    agents: dict[str, int]
    refused: dict[str, int]
    connected: bool
    audit_entries: int
    gasps: Gasps
    arriving: int


def read_figures(connection: Connection, now: datetime) -> Figures:
    states = connection.execute(
        select(t.presence.c.state, func.count()).group_by(t.presence.c.state)
    )
    refused = connection.execute(select(t.ingest_counter.c.name, t.ingest_counter.c.value))
    return Figures(
        agents={ONLINE: 0, OFFLINE: 0, SUSPECT: 0} | {state: count for state, count in states},
        refused={name: value for name, value in refused},
        connected=readiness(connection, now).broker,
        audit_entries=connection.scalar(select(t.audit_head.c.sequence)) or 0,
        gasps=gasps.read(connection),
        arriving=arriving(connection, now),
    )
