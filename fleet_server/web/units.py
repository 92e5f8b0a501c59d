"""Looking up one unit by the serial number on its label."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query, Response

from fleet_server.domain.errors import UnknownUnitError
from fleet_server.domain.roles import Permission
from fleet_server.services.views_units import read_unit
from fleet_server.web.page import CurrentPage

router = APIRouter(include_in_schema=False)


@router.get("/units")
def look_up(page: CurrentPage, serial: Annotated[str, Query(max_length=64)] = "") -> Response:
    """The form, and the unit if one was asked for."""
    page.require(Permission.LOOK_UP_UNIT)
    wanted = serial.strip()
    unit = None
    if wanted:
        with page.context.fleet.reading() as connection:
            try:
                unit = read_unit(connection, wanted)
            except UnknownUnitError:
                unit = None
    return page.render("units.html", 404 if wanted and not unit else 200, serial=wanted, unit=unit)
