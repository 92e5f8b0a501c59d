"""The person of a contract: looked at for a purpose, kept, erased; and who looked [11.1]."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Path, Query
from pydantic import BaseModel, ConfigDict, StringConstraints

from fleet_server.api.caller import Context, CurrentCaller
from fleet_server.api.idempotency import NotKept
from fleet_server.api.paging import Page, Paging
from fleet_server.domain.people import ErasureGround, PersonField, Purpose
from fleet_server.domain.roles import Permission
from fleet_server.services import people
from fleet_server.services.people import Look

router = APIRouter(tags=["people"])

ContractNumber = Annotated[str, Path(max_length=32, examples=["C-1001"])]
_Text = Annotated[str, StringConstraints(max_length=254)]


class PersonRequest(BaseModel):
    """Whose contract it is; what is left out is not on record."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "example": {
                "name": "Shembull",
                "surname": "Prova",
                "address": "Rruga e Shembullit 1, Prishtinë",
                "mobile_number": "+383 44 000 000",
            }
        },
    )

    name: _Text = ""
    surname: _Text = ""
    personal_number: _Text = ""
    address: _Text = ""
    fixed_number: _Text = ""
    mobile_number: _Text = ""
    e_mail: _Text = ""


class PersonView(BaseModel):
    """What the role sees for the purpose; null is what it does not see."""

    model_config = ConfigDict(
        json_schema_extra={
            "example": {
                "contract": "C-1001",
                "purpose": "visit",
                "name": "Shembull",
                "surname": "Prova",
                "personal_number": None,
                "address": "Rruga e Shembullit 1, Prishtinë",
                "fixed_number": None,
                "mobile_number": "+383 44 000 000",
                "e_mail": None,
            }
        }
    )

    contract: str
    purpose: Purpose
    name: str | None = None
    surname: str | None = None
    personal_number: str | None = None
    address: str | None = None
    fixed_number: str | None = None
    mobile_number: str | None = None
    e_mail: str | None = None


class ErasureView(BaseModel):
    """`texts_erased`: reasons and notes in people's words that went with the person."""

    model_config = ConfigDict(
        json_schema_extra={
            "example": {
                "contract": "C-1001",
                "erased_at": "2026-11-26T12:00:00Z",
                "ground": "request",
                "texts_erased": 3,
            }
        }
    )

    contract: str
    erased_at: datetime
    ground: ErasureGround
    texts_erased: int


class LookView(BaseModel):
    """One look at a person's data; `by` is `account:<number>` or a part of the system."""

    model_config = ConfigDict(
        json_schema_extra={
            "example": {
                "at": "2026-11-26T12:00:00Z",
                "by": "account:4",
                "contract": "C-1001",
                "purpose": "visit",
                "fields": ["address", "mobile_number", "name", "surname"],
            }
        }
    )

    at: datetime
    by: str
    contract: str
    purpose: Purpose
    fields: list[PersonField]


@router.get("/contracts/{number}/person")
def get_person(
    number: ContractNumber,
    purpose: Annotated[Purpose, Query(description="what the look is for; stands in its record")],
    caller: CurrentCaller,
    context: Context,
) -> PersonView:
    """What the role sees of the person for the purpose; the look is put on record first."""
    caller.require(Permission.LOOK_AT_PERSON)
    seen = people.look(
        context.fleet, number, caller.account.role, purpose, caller.actor, context.now()
    )
    values = {field.value: value for field, value in seen.items()}
    return PersonView(contract=number, purpose=purpose, **values)


@router.put("/contracts/{number}/person", status_code=204)
def put_person(
    number: ContractNumber,
    body: PersonRequest,
    caller: CurrentCaller,
    context: Context,
    _: NotKept,
) -> None:
    """Record whose contract it is, in place of what was there."""
    caller.require(Permission.KEEP_PERSON)
    values = {PersonField(name): value for name, value in body.model_dump().items()}
    people.keep(context.fleet, number, values, caller.actor, context.now())


@router.delete("/contracts/{number}/person")
def erase_person(
    number: ContractNumber,
    ground: Annotated[ErasureGround, Query(description="why; stands in the audit log")],
    caller: CurrentCaller,
    context: Context,
) -> ErasureView:
    """Erase the person of a contract, and people's words in the audit log about it."""
    caller.require(Permission.ERASE_PERSON)
    now = context.now()
    texts = people.erase(context.fleet, number, ground, caller.actor, now)
    return ErasureView(contract=number, erased_at=now, ground=ground, texts_erased=texts)


@router.get("/person-looks")
def list_looks(
    paging: Paging,
    caller: CurrentCaller,
    context: Context,
    contract: Annotated[str, Query(max_length=32, description="only of this contract")] = "",
) -> Page[LookView]:
    """Who looked at whose data and what for, the newest first."""
    caller.require(Permission.SEE_LOOKS)
    with context.fleet.reading_people() as connection:
        found = people.looks(connection, paging.after_id() or None, paging.fetch, contract)
    return paging.page(found, key=lambda one: (one.id,), view=_look)


def _look(one: Look) -> LookView:
    by = f"{one.actor.kind}:{one.actor.name}"
    return LookView(
        at=one.at,
        by=by,
        contract=one.contract_number,
        purpose=one.purpose,
        fields=list(one.fields),
    )
