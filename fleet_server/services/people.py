"""Persons by contract number: looked at on record, kept, erased [11.1].

A look is written down and committed before the data is read, so that there is none without its
record. What was erased stays erased: the register of erasures is applied again to a database that
was restored from an older backup (`reapply`). The words that people wrote into the audit log about
the contract and its units go with the person; the chain holds without them.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, delete, insert, select

from fleet_server.domain.errors import UnknownContractError
from fleet_server.domain.people import (
    ErasureGround,
    PersonField,
    Purpose,
    UnknownPersonError,
    check_person,
    fields_for,
)
from fleet_server.domain.roles import Role
from fleet_server.services import audit
from fleet_server.services import tables as t
from fleet_server.services.audit import Actor, Entry
from fleet_server.services.fleet import Fleet
from fleet_server.services.people_tables import customer_settings, erasure, person, person_look
from fleet_server.services.people_words import erase_words
from fleet_server.services.scrub import scrub
from fleet_server.services.upsert import upsert

Seen = dict[PersonField, str]


@dataclass(frozen=True, slots=True)
class Look:
    """One look on record."""

    id: int
    at: datetime
    actor: Actor
    contract_number: str
    purpose: Purpose
    fields: tuple[PersonField, ...]


@dataclass(frozen=True, slots=True)
class Erased:
    """One erasure on record; `erased_at` tells it from what was recorded later."""

    contract_number: str
    erased_at: datetime
    ground: ErasureGround


def look(
    fleet: Fleet, contract_number: str, role: Role, purpose: Purpose, actor: Actor, now: datetime
) -> Seen:
    """What the role sees of the person for the purpose.

    Raises PurposeError, UnknownContractError, or UnknownPersonError (a look all the same).
    """
    fields = sorted(fields_for(role, purpose))
    _check_contract(fleet, contract_number)
    with fleet.writing_people() as connection:
        connection.execute(
            insert(person_look).values(
                at=now,
                actor_kind=actor.kind,
                actor=actor.name,
                contract_number=contract_number,
                purpose=purpose.value,
                fields=" ".join(fields),
            )
        )
    with fleet.reading_people() as connection:
        row = connection.execute(
            select(*(person.c[field.value] for field in fields)).where(
                person.c.contract_number == contract_number
            )
        ).first()
    if row is None:
        raise UnknownPersonError(
            "No personal data is on record for contract %(contract)s.", contract=contract_number
        )
    return {field: row._mapping[field.value] for field in fields}


def keep(
    fleet: Fleet,
    contract_number: str,
    values: Mapping[PersonField, str],
    actor: Actor,
    now: datetime,
) -> None:
    """Record whose contract it is, in place of what was there. The audit log says that, not who.

    Raises UnknownContractError or InvalidPersonError.
    """
    checked = check_person(dict(values))
    _check_contract(fleet, contract_number)
    with fleet.writing() as connection:
        entry = Entry("person_recorded", f"contract:{contract_number}")
        audit.append(connection, actor, [entry], now)
        with fleet.writing_people() as people:
            row = {field.value: value for field, value in checked.items()}
            upsert(people, person, [{"contract_number": contract_number, "updated_at": now, **row}])


def erase(
    fleet: Fleet, contract_number: str, ground: ErasureGround, actor: Actor, now: datetime
) -> int:
    """Remove the person of a contract and people's words about it; gives how many texts went.

    May be repeated. Raises UnknownContractError.
    """
    _check_contract(fleet, contract_number)
    with fleet.writing_people() as people:
        people.execute(
            insert(erasure).values(
                contract_number=contract_number, erased_at=now, ground=ground.value
            )
        )
    with fleet.writing() as connection:
        entry = Entry("person_erased", f"contract:{contract_number}", {"ground": ground.value})
        audit.append(connection, actor, [entry], now)
    return reapply(fleet, [Erased(contract_number, now, ground)])


def reapply(fleet: Fleet, erasures: Sequence[Erased]) -> int:
    """Erase again what the register names and was recorded before; gives how many texts went."""
    texts = 0
    with fleet.writing_people() as people:
        for one in erasures:
            people.execute(
                delete(person).where(
                    person.c.contract_number == one.contract_number,
                    person.c.updated_at <= one.erased_at,
                )
            )
            people.execute(
                delete(customer_settings).where(
                    customer_settings.c.contract_number == one.contract_number,
                    customer_settings.c.kept_at <= one.erased_at,
                )
            )
    with fleet.writing() as connection:
        for one in erasures:
            texts += erase_words(connection, one.contract_number, one.erased_at)
    scrub(fleet.engine, ["audit_reason", "idempotency_key"])
    if fleet.people is not None:
        scrub(fleet.people, ["person", "customer_settings"])
    return texts


def register(connection: Connection) -> list[Erased]:
    """Every erasure on record in a personal data store."""
    return [
        Erased(row.contract_number, row.erased_at, ErasureGround(row.ground))
        for row in connection.execute(select(erasure).order_by(erasure.c.id))
    ]


def extend_register(connection: Connection, erasures: Iterable[Erased]) -> None:
    """Add what the register does not hold yet."""
    known = set(register(connection))
    for one in erasures:
        if one not in known:
            connection.execute(
                insert(erasure).values(
                    contract_number=one.contract_number,
                    erased_at=one.erased_at,
                    ground=one.ground.value,
                )
            )


def looks(
    connection: Connection, before: int | None, limit: int, contract_number: str = ""
) -> list[Look]:
    """Looks on record, the newest first; `before` is an id to go on from."""
    query = select(person_look).order_by(person_look.c.id.desc()).limit(limit)
    if before is not None:
        query = query.where(person_look.c.id < before)
    if contract_number:
        query = query.where(person_look.c.contract_number == contract_number)
    return [
        Look(
            id=row.id,
            at=row.at,
            actor=Actor(row.actor_kind, row.actor),
            contract_number=row.contract_number,
            purpose=Purpose(row.purpose),
            fields=tuple(PersonField(name) for name in row.fields.split()),
        )
        for row in connection.execute(query)
    ]


def _check_contract(fleet: Fleet, contract_number: str) -> None:
    with fleet.reading() as connection:
        found = connection.scalar(
            select(t.contract.c.id).where(t.contract.c.number == contract_number)
        )
    if found is None:
        raise UnknownContractError("There is no contract %(contract)s.", contract=contract_number)
