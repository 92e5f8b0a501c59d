"""Which unit replaced which, read from the assignments."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from typing import Any

from sqlalchemy import Connection, Select, select

from fleet_server.domain.errors import UnknownUnitError
from fleet_server.domain.local_time import local_day
from fleet_server.domain.replacement_chain import Chain, Stay, chains_of
from fleet_server.services import tables as t


@dataclass(frozen=True, slots=True)
class Link:
    """A unit of a chain by its serial number, and the local day since which it served there."""

    serial_number: str
    since_on: date


def read_chains(connection: Connection, serial_number: str) -> list[tuple[Link, ...]]:
    """Every chain of replacements with this unit in it, each from the first unit to the last.

    Raises UnknownUnitError.
    """
    unit_id = connection.scalar(select(t.unit.c.id).where(t.unit.c.serial_number == serial_number))
    if unit_id is None:
        raise UnknownUnitError(
            "No unit with serial number %(unit)s was taken into stock.", unit=serial_number
        )
    positions = connection.scalars(
        select(t.assignment.c.service_position_id)
        .where(t.assignment.c.unit_id == unit_id, t.assignment.c.corrected_at.is_(None))
        .distinct()
    ).all()
    stays = [stay for position in positions for stay in read_stays(connection, position)]
    chains = chains_of(unit_id, stays)
    serials = _serials(connection, chains)
    return [
        tuple(Link(serials[stay.unit], local_day(stay.since_at)) for stay in chain)
        for chain in chains
    ]


def read_stays(connection: Connection, position_id: int) -> list[Stay]:
    """Every stay of a unit at a service position, the oldest first."""
    rows = connection.execute(_stays_at(position_id)).all()
    return [
        Stay(row.service_position_id, row.unit_id, row.since_at, row.replaces_unit_id)
        for row in rows
    ]


def _stays_at(position_id: int) -> Select[Any]:
    columns = t.assignment.c
    return (
        select(
            columns.service_position_id,
            columns.unit_id,
            columns.since_at,
            columns.replaces_unit_id,
        )
        .where(columns.service_position_id == position_id, columns.corrected_at.is_(None))
        .order_by(columns.since_at, columns.id)
    )


def _serials(connection: Connection, chains: Iterable[Chain]) -> dict[int, str]:
    wanted = {stay.unit for chain in chains for stay in chain}
    rows = connection.execute(
        select(t.unit.c.id, t.unit.c.serial_number).where(t.unit.c.id.in_(wanted))
    )
    return {row.id: row.serial_number for row in rows}
