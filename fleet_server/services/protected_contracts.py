"""Sites that no campaign touches: those that others rely on in an emergency."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Connection, delete, select

from fleet_server.services import audit
from fleet_server.services import tables as t
from fleet_server.services.audit import Actor, Entry
from fleet_server.services.upsert import insert_new
from fleet_server.services.views_clocks import contract_id_of


def protect(
    connection: Connection, actor: Actor, contract: str, reason: str, now: datetime
) -> None:
    """Have campaigns leave the contract out. Raises UnknownContractError."""
    contract_id = contract_id_of(connection, contract)
    row = {"contract_id": contract_id, "since_at": now}
    if insert_new(connection, t.protected_contract, [row], ("contract_id",)):
        _note(connection, actor, "contract_protected", contract, reason, now)


def lift(connection: Connection, actor: Actor, contract: str, reason: str, now: datetime) -> None:
    """End that. Raises UnknownContractError."""
    contract_id = contract_id_of(connection, contract)
    gone = connection.execute(
        delete(t.protected_contract).where(t.protected_contract.c.contract_id == contract_id)
    ).rowcount
    if gone:
        _note(connection, actor, "contract_protection_lifted", contract, reason, now)


def list_protected(connection: Connection, after: str = "", limit: int = 50) -> list[str]:
    """Their contracts' numbers, in order; `after` is the one to go on from."""
    numbers = t.contract.c.number
    return list(
        connection.scalars(
            select(numbers)
            .join(t.protected_contract, t.protected_contract.c.contract_id == t.contract.c.id)
            .where(numbers > after)
            .order_by(numbers)
            .limit(limit)
        )
    )


def _note(
    connection: Connection, actor: Actor, action: str, contract: str, reason: str, now: datetime
) -> None:
    audit.append(connection, actor, [Entry(action, f"contract:{contract}")], now, reason)
