"""Signing in and out."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Request
from pydantic import BaseModel, StringConstraints

from fleet_server.api.caller import Context, CurrentCaller

router = APIRouter(prefix="/session", tags=["session"])


class SignIn(BaseModel):
    username: Annotated[str, StringConstraints(min_length=1, max_length=64)]
    password: Annotated[str, StringConstraints(min_length=1, max_length=256)]


class SessionView(BaseModel):
    """Send `token` as `Authorization: Bearer <token>` until `expires_at`."""

    token: str
    expires_at: datetime
    username: str
    role: str


@router.post("", status_code=201)
def open_session(request: Request, body: SignIn, context: Context) -> SessionView:
    """A token for user name and password. 401 when they are wrong, 429 after too many failures."""
    address = request.client.host if request.client else ""
    opened = context.sign_in(body.username, body.password, address)
    return SessionView(
        token=opened.token,
        expires_at=opened.expires_at,
        username=opened.account.username,
        role=opened.account.role.value,
    )


@router.delete("", status_code=204)
def close_session(caller: CurrentCaller, context: Context) -> None:
    """End the session of the token that is sent."""
    context.sign_out(caller.token)
