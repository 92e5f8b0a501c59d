"""Everything on record of one unit: where it was, what it served, and who recorded it."""

from __future__ import annotations

from fastapi import APIRouter, Response

from fleet_server.domain.roles import Permission
from fleet_server.services import audit
from fleet_server.services.accounts import usernames
from fleet_server.services.as_of import unit_holdings, unit_pairings, unit_stays
from fleet_server.services.audit import Recorded
from fleet_server.services.views_units import read_unit
from fleet_server.web.page import CurrentPage

router = APIRouter(include_in_schema=False)


@router.get("/units/{serial}")
def unit(page: CurrentPage, serial: str) -> Response:
    """A role that sees no contracts learns nothing of them here either."""
    account = page.require(Permission.SEE_REGISTRY)
    sees = account.may(Permission.SEE_CONTRACT)
    with page.context.fleet.reading() as connection:
        found = read_unit(connection, serial)
        entries = audit.history(connection, f"unit:{serial}") if sees else []
        return page.render(
            "unit.html",
            unit=found,
            stays=unit_stays(connection, found.id),
            pairings=unit_pairings(connection, found.id),
            holdings=unit_holdings(connection, found.id) if sees else [],
            entries=entries,
            usernames=usernames(connection, _accounts(entries)),
        )


def _accounts(entries: list[Recorded]) -> set[int]:
    return {int(one.actor.name) for one in entries if one.actor.kind == "account"}
