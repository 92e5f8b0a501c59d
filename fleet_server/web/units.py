"""Looking up one unit by the serial number on its label."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Query, Response

from fleet_server.domain.errors import UnknownUnitError
from fleet_server.domain.local_time import local_day
from fleet_server.domain.roles import Permission
from fleet_server.services.chains import read_chains
from fleet_server.services.cover import read_cover
from fleet_server.services.policy import read_policy
from fleet_server.services.views_repairs import open_case_of
from fleet_server.services.views_units import read_unit
from fleet_server.web.page import CurrentPage, Page

router = APIRouter(include_in_schema=False)


@router.get("/units")
def look_up(page: CurrentPage, serial: Annotated[str, Query(max_length=64)] = "") -> Response:
    """The form, and the unit with its warranty if one was asked for."""
    page.require(Permission.LOOK_UP_UNIT)
    wanted = serial.strip()
    try:
        found = _found(page, wanted) if wanted else {"unit": None}
    except UnknownUnitError:
        return page.render("units.html", 404, serial=wanted, unit=None)
    return page.render("units.html", serial=wanted, **found)


def _found(page: Page, serial: str) -> dict[str, Any]:
    """What is shown of the unit. Raises UnknownUnitError."""
    with page.context.fleet.reading() as connection:
        day = local_day(page.now)
        return {
            "unit": read_unit(connection, serial),
            "warranty": read_cover(connection, serial, day, read_policy(connection)),
            "chains": [c for c in read_chains(connection, serial) if len(c) > 1],
            "repair_case": open_case_of(connection, serial),
        }
