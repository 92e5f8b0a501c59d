"""Whether the server lives, and whether it can serve the fleet right now."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter
from fastapi.responses import JSONResponse
from sqlalchemy.exc import SQLAlchemyError

from fleet_server.api.caller import Context
from fleet_server.services.readiness import readiness

router = APIRouter(tags=["health"])


@router.get("/healthz")
async def healthz() -> dict[str, str]:
    """200 as long as this process answers."""
    return {"status": "alive"}


@router.get("/readyz")
def readyz(context: Context) -> JSONResponse:
    """200 with the number of agents online when broker and database answer, else 503."""
    content: dict[str, Any]
    try:
        with context.fleet.reading() as connection:
            found = readiness(connection, context.now())
    except SQLAlchemyError:
        content = {"agents_online": 0, "missing": ["database"], "next": "See the server's log."}
        return JSONResponse(content, 503)
    if found.ready:
        return JSONResponse({"agents_online": found.agents_online})
    content = {
        "agents_online": found.agents_online,
        "missing": ["broker"],
        "next": "The controller has no connection to the broker; see the server's log.",
    }
    return JSONResponse(content, 503)
