"""One contract as pages and API show it: what was agreed, and what is on it on a day."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy import Connection, select

from fleet_server.domain.errors import UnknownContractError
from fleet_server.domain.positions import position_order
from fleet_server.services import tables as t
from fleet_server.services.as_of import Holding, PairedWith, contract_on, pairings_on


@dataclass(frozen=True, slots=True)
class Contract:
    """Nothing in it says whose it is."""

    number: str
    package: str
    signed_on: date | None
    network_element: str
    terminated_on: date | None
    positions: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ContractDay:
    """What was on a contract on a local day, as known at `known_at`, None for now."""

    contract: Contract
    day: date
    known_at: datetime | None
    holdings: tuple[Holding, ...]
    pairings: tuple[PairedWith, ...]


def read_contract(connection: Connection, number: str) -> Contract:
    """Raises UnknownContractError."""
    row = connection.execute(
        select(t.contract, t.network_element.c.code)
        .outerjoin(t.network_element, t.network_element.c.id == t.contract.c.network_element_id)
        .where(t.contract.c.number == number)
    ).first()
    if row is None:
        raise UnknownContractError("There is no contract %(contract)s.", contract=number)
    names = connection.scalars(
        select(t.service_position.c.name).where(t.service_position.c.contract_id == row.id)
    )
    return Contract(
        number=row.number,
        package=row.package,
        signed_on=row.signed_on,
        network_element=row.code or "",
        terminated_on=row.terminated_on,
        positions=tuple(sorted(names, key=position_order)),
    )


def contract_day(
    connection: Connection, number: str, day: date, known_at: datetime | None = None
) -> ContractDay:
    """Raises UnknownContractError."""
    contract = read_contract(connection, number)
    holdings = contract_on(connection, number, day, known_at)
    serials = [one.serial_number for one in holdings]
    pairings = pairings_on(connection, serials, day) if serials else []
    return ContractDay(contract, day, known_at, tuple(holdings), tuple(pairings))
