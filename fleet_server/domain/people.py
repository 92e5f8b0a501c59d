"""Whose data is personal, who sees which part of it, and for what [11.1].

A role sees of a person only what the purpose needs; a purpose that is not of the role is refused.
The repair contractor and the warehouse work by serial number and see nothing.
"""

from __future__ import annotations

from enum import StrEnum

from fleet_server.domain.errors import InvalidError, NotFoundError, RefusedError
from fleet_server.domain.roles import Role


class PersonField(StrEnum):
    """What is personal data [11.1]."""

    NAME = "name"
    SURNAME = "surname"
    PERSONAL_NUMBER = "personal_number"
    ADDRESS = "address"
    FIXED_NUMBER = "fixed_number"
    MOBILE_NUMBER = "mobile_number"
    E_MAIL = "e_mail"


class Purpose(StrEnum):
    """What a look at a person's data is for; it stands in the log of looks."""

    VISIT = "visit"
    CALL = "call"
    RETURN = "return"
    CONTRACT_DATA = "contract_data"
    OWN_DATA = "own_data"


class ErasureGround(StrEnum):
    """Why a person's data goes."""

    REQUEST = "request"
    END_OF_RETENTION = "end_of_retention"
    MISTAKE = "mistake"


class UnknownPersonError(NotFoundError):
    """No personal data is on record for the contract."""


class PurposeError(RefusedError):
    """The purpose is not one of the role's job."""


class InvalidPersonError(InvalidError):
    """A value is not what its field takes; the text names the field and never the value."""


LONGEST = {
    PersonField.NAME: 64,
    PersonField.SURNAME: 64,
    PersonField.PERSONAL_NUMBER: 20,
    PersonField.ADDRESS: 200,
    PersonField.FIXED_NUMBER: 20,
    PersonField.MOBILE_NUMBER: 20,
    PersonField.E_MAIL: 254,
}
_ALL = frozenset(PersonField)
_AT_THE_DOOR = frozenset(
    {PersonField.NAME, PersonField.SURNAME, PersonField.ADDRESS, PersonField.MOBILE_NUMBER}
)
_BY_TELEPHONE = _AT_THE_DOOR | {PersonField.FIXED_NUMBER}

_SEEN: dict[tuple[Role, Purpose], frozenset[PersonField]] = {
    (Role.TECHNICIAN, Purpose.VISIT): _AT_THE_DOOR,
    (Role.DISPATCHER, Purpose.VISIT): _BY_TELEPHONE,
    (Role.CALL_CENTRE, Purpose.CALL): _BY_TELEPHONE,
    (Role.CALL_CENTRE, Purpose.RETURN): _BY_TELEPHONE | {PersonField.E_MAIL},
    (Role.CALL_CENTRE, Purpose.CONTRACT_DATA): _ALL,
    (Role.ADMINISTRATOR, Purpose.CONTRACT_DATA): _ALL,
    (Role.ADMINISTRATOR, Purpose.OWN_DATA): _ALL,
}
_DIGITS = frozenset("0123456789 +-/()")
_NUMBERS = (PersonField.FIXED_NUMBER, PersonField.MOBILE_NUMBER)


def fields_for(role: Role, purpose: Purpose) -> frozenset[PersonField]:
    """What the role sees for the purpose. Raises PurposeError when that is nothing."""
    try:
        return _SEEN[role, purpose]
    except KeyError as error:
        raise PurposeError(
            "The role %(role)s sees no personal data for %(purpose)s.", role=role, purpose=purpose
        ) from error


def purposes_of(role: Role) -> tuple[Purpose, ...]:
    """What the role may look at a person's data for."""
    return tuple(purpose for purpose in Purpose if (role, purpose) in _SEEN)


def check_person(values: dict[PersonField, str]) -> dict[PersonField, str]:
    """The values without blanks around them. Raises InvalidPersonError naming the field."""
    checked = {field: values.get(field, "").strip() for field in PersonField}
    for field, value in checked.items():
        if len(value) > LONGEST[field] or not value.isprintable():
            raise InvalidPersonError(
                "%(person_field)s has at most %(most)s characters, all on one line.",
                person_field=field,
                most=LONGEST[field],
            )
    for field in _NUMBERS:
        if not _DIGITS.issuperset(checked[field]):
            raise InvalidPersonError(
                "%(person_field)s is a telephone number such as +383 38 000 000.",
                person_field=field,
            )
    mail = checked[PersonField.E_MAIL]
    if mail and (mail.count("@") != 1 or " " in mail or mail[0] == "@" or mail[-1] == "@"):
        raise InvalidPersonError("e_mail is an address such as someone@example.org.")
    if not checked[PersonField.NAME] and not checked[PersonField.SURNAME]:
        raise InvalidPersonError("name or surname is missing.")
    return checked
