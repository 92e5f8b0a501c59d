"""Who calls: by bearer token, or by the session cookie of a page."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends, Request

from fleet_server.domain.roles import Permission
from fleet_server.services.accounts import (
    Account,
    NotPermittedError,
    NotSignedInError,
    form_token_matches,
)
from fleet_server.services.audit import Actor
from fleet_server.services.console_context import (
    FORM_TOKEN_HEADER,
    SESSION_COOKIE,
    ConsoleContext,
)

_CALLER = "caller"
_SAFE_METHODS = ("GET", "HEAD")


async def console_context(request: Request) -> ConsoleContext:
    # async, so that it costs no turn of a thread
    context: ConsoleContext = request.app.state.context
    return context


Context = Annotated[ConsoleContext, Depends(console_context)]


@dataclass(frozen=True, slots=True)
class Caller:
    account: Account
    token: str

    @property
    def actor(self) -> Actor:
        """Who the audit log says it was."""
        return Actor.account(self.account.id)

    def require(self, permission: Permission) -> None:
        """Raises NotPermittedError."""
        self.account.require(permission)


def signed_in(request: Request, context: Context) -> Caller:
    """Raises NotSignedInError, TooManyCallsError, or NotPermittedError for a cookie without its
    form token."""
    known: Caller | None = getattr(request.state, _CALLER, None)
    if known is None:
        address = request.client.host if request.client else ""
        context.address_rate.take(address, context.now())
        known = _identify(request, context)
        context.account_rate.take(str(known.account.id), context.now())
        setattr(request.state, _CALLER, known)
    return known


def _identify(request: Request, context: ConsoleContext) -> Caller:
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() == "bearer" and token:
        return Caller(context.account_of(token.strip()), token.strip())
    cookie = request.cookies.get(SESSION_COOKIE, "")
    if not cookie:
        raise NotSignedInError("The call carries no token.")
    caller = Caller(context.account_of(cookie), cookie)
    proof = request.headers.get(FORM_TOKEN_HEADER, "")
    if request.method not in _SAFE_METHODS and not form_token_matches(cookie, proof):
        raise NotPermittedError(f"A change by cookie needs the header {FORM_TOKEN_HEADER}.")
    return caller


CurrentCaller = Annotated[Caller, Depends(signed_in)]
