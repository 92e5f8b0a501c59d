"""The pages by subject, as the menus at the top of every page show them.

A menu opens without script and by keyboard (`<details>`); a role sees only what it may open, and
a menu of one page is shown as that page.
"""

from __future__ import annotations

from dataclasses import dataclass

from fleet_server.domain.roles import Permission
from fleet_server.services.accounts import Account


def _(message: str) -> str:
    return message


@dataclass(frozen=True, slots=True)
class Place:
    """One page; a template says with `place` that it is the page of this code, or below it."""

    code: str
    url: str
    title: str
    permission: Permission


@dataclass(frozen=True, slots=True)
class Menu:
    title: str
    places: tuple[Place, ...]


_P = Permission
MENUS = (
    Menu(
        _("Fleet"),
        (
            Place("devices", "/devices", _("Devices"), _P.SEE_DEVICES),
            Place("units", "/units", _("Unit look-up"), _P.LOOK_UP_UNIT),
            Place("contracts", "/contracts", _("Contracts"), _P.SEE_CONTRACT),
        ),
    ),
    Menu(
        _("Faults"),
        (
            Place("outages", "/outages", _("Outages"), _P.SEE_OUTAGES),
            Place("voice_risk", "/voice-risk", _("Telephone lines at risk"), _P.SEE_OUTAGES),
            Place("maintenance", "/maintenance", _("Work on the network"), _P.SEE_OUTAGES),
            Place("repairs", "/repairs", _("Repair cases"), _P.SEE_REPAIRS),
        ),
    ),
    Menu(
        _("Changes"),
        (
            Place("swaps", "/swaps", _("Replacements"), _P.SEE_SWAPS),
            Place("commands", "/commands", _("Commands"), _P.SEE_COMMANDS),
            Place("campaigns", "/campaigns", _("Campaigns"), _P.SEE_CAMPAIGNS),
        ),
    ),
    Menu(
        _("Customers"),
        (
            Place("services", "/services", _("Services"), _P.SEE_SERVICE),
            Place("deadlines", "/deadlines", _("Deadlines"), _P.SEE_CLOCKS),
            Place("returns", "/returns", _("Returns"), _P.SEE_RETURNS),
            Place("credits", "/credits", _("Credits"), _P.SEE_CREDITS),
        ),
    ),
    Menu(
        _("Administration"),
        (
            Place("operations", "/operations", _("Operations"), _P.SEE_OPERATIONS),
            Place("settings", "/settings", _("Settings"), _P.SEE_SETTINGS),
        ),
    ),
)


def menus_for(account: Account) -> list[Menu]:
    """What the account may open; no empty menu."""
    found = [
        Menu(menu.title, tuple(one for one in menu.places if account.may(one.permission)))
        for menu in MENUS
    ]
    return [menu for menu in found if menu.places]
