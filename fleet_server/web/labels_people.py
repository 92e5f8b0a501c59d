"""The words for what is personal data and what it is looked at for."""

from __future__ import annotations


def _(message: str) -> str:
    return message


PEOPLE_WORDS: dict[str, dict[str, str]] = {
    "person_field": {
        "name": _("Name"),
        "surname": _("Surname"),
        "personal_number": _("Personal number"),
        "address": _("Address"),
        "fixed_number": _("Fixed telephone number"),
        "mobile_number": _("Mobile number"),
        "e_mail": _("E-mail"),
    },
    "purpose": {
        "visit": _("A visit at the customer's"),
        "call": _("A call with the customer"),
        "return": _("The return of equipment"),
        "contract_data": _("To correct the data"),
        "own_data": _("The person asks what is kept"),
    },
    "erasure_ground": {
        "request": _("The person asked for it"),
        "end_of_retention": _("It is no longer needed"),
        "mistake": _("It was recorded by mistake"),
    },
}
