"""The person of a contract: shown for a purpose, recorded, erased [11.1].

The page shows nothing until a purpose was chosen; each showing is a look on record. Other pages
link here and never show a person themselves: `{% include "person_box.html" %}` with `number`.
"""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Form, Path, Query, Response
from fastapi.responses import RedirectResponse

from fleet_server.domain.people import (
    LONGEST,
    ErasureGround,
    InvalidPersonError,
    PersonField,
    Purpose,
    UnknownPersonError,
    purposes_of,
)
from fleet_server.domain.roles import Permission
from fleet_server.services import people
from fleet_server.services.accounts import NotPermittedError
from fleet_server.services.audit import Actor
from fleet_server.services.people import Seen
from fleet_server.web.page import CurrentPage, Page

router = APIRouter(include_in_schema=False)

Number = Annotated[str, Path(max_length=32)]
Field = Annotated[str, Form(max_length=256)]


@router.get("/contracts/{number}/person")
def person(
    page: CurrentPage, number: Number, purpose: Annotated[Purpose | None, Query()] = None
) -> Response:
    """The purposes of the role; with one of them, what it sees of the person."""
    account = page.require(Permission.LOOK_AT_PERSON)
    if purpose is None:
        return _page(page, number)
    if purpose not in purposes_of(account.role):
        raise NotPermittedError(
            "The role %(role)s sees no personal data for %(purpose)s.",
            role=account.role,
            purpose=purpose,
        )
    try:
        seen = people.look(
            page.context.fleet, number, account.role, purpose, Actor.account(account.id), page.now
        )
    except UnknownPersonError:
        return _page(page, number, purpose=purpose)
    return _page(page, number, purpose=purpose, seen=seen)


@router.post("/contracts/{number}/person")
def keep(
    page: CurrentPage,
    number: Number,
    form_token: Field = "",
    name: Field = "",
    surname: Field = "",
    personal_number: Field = "",
    address: Field = "",
    fixed_number: Field = "",
    mobile_number: Field = "",
    e_mail: Field = "",
) -> Response:
    """Record whose contract it is, or show the form again with what is wrong."""
    account = page.require(Permission.KEEP_PERSON)
    page.check_form(form_token)
    values = {
        PersonField.NAME: name,
        PersonField.SURNAME: surname,
        PersonField.PERSONAL_NUMBER: personal_number,
        PersonField.ADDRESS: address,
        PersonField.FIXED_NUMBER: fixed_number,
        PersonField.MOBILE_NUMBER: mobile_number,
        PersonField.E_MAIL: e_mail,
    }
    try:
        people.keep(page.context.fleet, number, values, Actor.account(account.id), page.now)
    except InvalidPersonError as error:
        return _page(page, number, status=422, seen=values, error=error)
    return RedirectResponse(f"/contracts/{number}/person", 303)


@router.post("/contracts/{number}/person-erasure")
def erase(
    page: CurrentPage,
    number: Number,
    form_token: Field = "",
    ground: Annotated[ErasureGround, Form()] = ErasureGround.REQUEST,
) -> Response:
    """Erase the person and people's words about the contract."""
    account = page.require(Permission.ERASE_PERSON)
    page.check_form(form_token)
    people.erase(page.context.fleet, number, ground, Actor.account(account.id), page.now)
    return RedirectResponse(f"/contracts/{number}/person", 303)


def _page(
    page: Page,
    number: str,
    status: int = 200,
    purpose: Purpose | None = None,
    seen: Seen | None = None,
    error: InvalidPersonError | None = None,
) -> Response:
    account = page.require(Permission.LOOK_AT_PERSON)
    whole = seen is not None and len(seen) == len(PersonField)
    return page.render(
        "person.html",
        status,
        number=number,
        purposes=purposes_of(account.role),
        purpose=purpose,
        seen=seen if status == 200 else None,
        form=seen if whole and seen else dict.fromkeys(PersonField, ""),
        fields=tuple(PersonField),
        longest=LONGEST,
        grounds=tuple(ErasureGround),
        refused=status != 200,
        error=error,
        asked=purpose is not None,
    )
