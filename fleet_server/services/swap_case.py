"""What the registry and presence say of everything a replacement is about."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, exists, select

from fleet_server.domain.kinds import ProductClass
from fleet_server.domain.policy import Policy
from fleet_server.domain.positions import kind_of, split_positions
from fleet_server.domain.presence import ONLINE
from fleet_server.domain.service_state import ServiceState
from fleet_server.domain.swap import Ask, Step, Swap, Target, ask
from fleet_server.services import swap_store
from fleet_server.services import tables as t
from fleet_server.services.policy import read_policy

_IN_THE_NETWORK = ("cable", "emta")
_VOICE = "voice"


@dataclass(frozen=True, slots=True)
class Unit:
    """`macs` is what the network knows it by, `mta_mac` what the softswitch does.

    `away_since`: None while it is connected, and where it never was. `may_connect`: it has a
    certificate that is not revoked.
    """

    id: int
    serial_number: str
    endpoint_id: str
    product_class: ProductClass
    state: str
    blacklisted: bool
    macs: tuple[str, ...]
    mta_mac: str
    is_online: bool
    away_since: datetime | None
    may_connect: bool


@dataclass(frozen=True, slots=True)
class Case:
    """One replacement with all that it is about; `partner` is the card of a box, or its box.

    `old_is_in`: by the registry the old unit is on the contract still; one that was barred is not.
    """

    row: Row[Any]
    swap: Swap
    contract: str
    package: str
    state: ServiceState
    new: Unit
    old: Unit | None
    partner: Unit | None
    old_is_in: bool
    policy: Policy

    @property
    def id(self) -> int:
        return int(self.row.id)

    @property
    def asked(self) -> Ask | None:
        return ask(self.swap)

    @property
    def step(self) -> Step:
        return self.swap.plan[self.swap.at]

    @property
    def name(self) -> str:
        """The argument Swap of the commands to its units."""
        return f"swap-{self.row.id}"

    @property
    def lines(self) -> tuple[str, ...]:
        names = split_positions(self.row.position)
        return tuple(f"{self.contract}/{name}" for name in names if kind_of(name) == _VOICE)

    @property
    def endpoints(self) -> dict[Target, str]:
        found = {Target.NEW_UNIT: self.new.endpoint_id}
        if self.old is not None:
            found[Target.OLD_UNIT] = self.old.endpoint_id
        return found

    @property
    def box(self) -> Unit | None:
        """The set-top box that serves the customer in the end; None where it is about none."""
        return self.partner if self.row.kind == ProductClass.CARD else self.new

    @property
    def card(self) -> Unit | None:
        """The smart card that is in that box then; None where it is about none."""
        return self.new if self.row.kind == ProductClass.CARD else self.partner

    def unit(self, target: Target) -> Unit | None:
        """The unit that is asked; None where there is none."""
        units = {Target.OLD_UNIT: self.old, Target.NEW_UNIT: self.new, Target.BOX: self.box}
        return units.get(target)


def load(connection: Connection, swap_id: int) -> Case:
    """Raises UnknownSwapOrderError."""
    row = swap_store.find(connection, swap_id)
    contract = connection.execute(
        select(t.contract, t.contract_service.c.state)
        .outerjoin(t.contract_service, t.contract_service.c.contract_id == t.contract.c.id)
        .where(t.contract.c.id == row.contract_id)
    ).one()
    return Case(
        row,
        swap_store.value_of(connection, row),
        contract.number,
        contract.package,
        ServiceState(contract.state or ServiceState.ACTIVE),
        _unit(connection, row.new_unit_id),
        _unit(connection, row.old_unit_id) if row.old_unit_id else None,
        _unit(connection, row.partner_unit_id) if row.partner_unit_id else None,
        _is_on_a_contract(connection, row.old_unit_id),
        read_policy(connection),
    )


def reported(connection: Connection, endpoint_id: str, path: str, since_at: datetime) -> str | None:
    """What a unit said a parameter is, if it said so since then."""
    value: str | None = connection.scalar(
        select(t.parameter.c.value).where(
            t.parameter.c.endpoint_id == endpoint_id,
            t.parameter.c.path == path,
            t.parameter.c.reported_at >= since_at,
        )
    )
    return value


def may_connect(connection: Connection, endpoint_id: str) -> bool:
    """Whether the broker lets the unit in."""
    certificate = t.certificate.c
    query = exists().where(certificate.endpoint_id == endpoint_id, certificate.revoked_at.is_(None))
    return bool(connection.scalar(select(query)))


def _is_on_a_contract(connection: Connection, unit_id: int | None) -> bool:
    query = exists().where(t.assignment.c.unit_id == unit_id, t.open_assignment)
    return bool(connection.scalar(select(query)))


def _unit(connection: Connection, unit_id: int) -> Unit:
    row = connection.execute(
        select(t.unit, t.presence.c.state.label("presence"), t.presence.c.since_at)
        .outerjoin(t.presence, t.presence.c.endpoint_id == t.unit.c.endpoint_id)
        .where(t.unit.c.id == unit_id)
    ).one()
    macs = connection.execute(
        select(t.unit_mac)
        .where(t.unit_mac.c.unit_id == unit_id, t.unit_mac.c.interface.in_(_IN_THE_NETWORK))
        .order_by(t.unit_mac.c.mac_address)
    ).all()
    voice = [mac.mac_address for mac in macs if mac.interface == "emta"]
    every = tuple(mac.mac_address for mac in macs)
    return Unit(
        row.id,
        row.serial_number,
        row.endpoint_id or "",
        ProductClass(row.product_class),
        row.state,
        row.blacklisted,
        every,
        next(iter([*voice, *every]), ""),
        row.presence == ONLINE,
        row.since_at if row.presence != ONLINE else None,
        bool(row.endpoint_id) and may_connect(connection, row.endpoint_id),
    )
