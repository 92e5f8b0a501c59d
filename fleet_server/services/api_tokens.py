"""API tokens: for a tool that acts for an account, held to a part of what its role may, and ending.

The token is shown once, when it is made; the database keeps its SHA-256. A token is made by a
session only, so that none can make a wider or a longer one.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Connection, delete, func, insert, select

from fleet_server.domain.errors import InvalidError, NotFoundError
from fleet_server.domain.roles import Permission, Role, allows
from fleet_server.services import audit
from fleet_server.services import tables as t
from fleet_server.services.accounts import token_hash
from fleet_server.services.audit import Actor, Entry

LONGEST_DAYS = 366
MOST_TOKENS = 50


class InvalidTokenRequestError(InvalidError):
    """Name, scopes or days are not what a token takes."""


class UnknownTokenError(NotFoundError):
    """The account has no such token; it may have ended."""


@dataclass(frozen=True, slots=True)
class TokenRecord:
    """A token without its secret."""

    id: int
    account_id: int
    name: str
    scopes: tuple[Permission, ...]
    created_at: datetime
    expires_at: datetime


def make_token(
    connection: Connection,
    account_id: int,
    role: Role,
    name: str,
    scopes: Collection[Permission],
    days: int,
    token: str,
    actor: Actor,
    now: datetime,
) -> TokenRecord:
    """Make `token` (32 random bytes as text) stand for the account within `scopes`.

    Raises InvalidTokenRequestError.
    """
    _check(role, name, scopes, days)
    connection.execute(delete(t.api_token).where(t.api_token.c.expires_at <= now))
    if len(list_tokens(connection, account_id, now)) >= MOST_TOKENS:
        raise InvalidTokenRequestError(f"The account has {MOST_TOKENS} tokens: revoke one first.")
    ordered = tuple(sorted(scopes))
    expires_at = now + timedelta(days=days)
    token_id = connection.execute(
        insert(t.api_token)
        .values(
            account_id=account_id,
            token_hash=token_hash(token),
            expires_at=expires_at,
            name=name,
            scopes=" ".join(ordered),
            created_at=now,
        )
        .returning(t.api_token.c.id)
    ).scalar_one()
    detail = {"token": token_id, "scopes": " ".join(ordered), "days": days}
    entry = Entry("token_made", f"account:{account_id}", detail)
    audit.append(connection, actor, [entry], now)
    return TokenRecord(token_id, account_id, name, ordered, now, expires_at)


def list_tokens(connection: Connection, account_id: int, now: datetime) -> list[TokenRecord]:
    """The tokens of an account that have not ended."""
    rows = connection.execute(
        select(t.api_token)
        .where(
            t.api_token.c.account_id == account_id,
            t.api_token.c.name != "",
            t.api_token.c.expires_at > now,
        )
        .order_by(t.api_token.c.id)
    )
    return [
        TokenRecord(
            row.id,
            row.account_id,
            row.name,
            tuple(Permission(scope) for scope in row.scopes.split()),
            row.created_at,
            row.expires_at,
        )
        for row in rows
    ]


def revoke_token(
    connection: Connection, account_id: int, token_id: int, actor: Actor, now: datetime
) -> None:
    """Raises UnknownTokenError."""
    gone = connection.execute(
        delete(t.api_token).where(
            t.api_token.c.id == token_id,
            t.api_token.c.account_id == account_id,
            func.length(t.api_token.c.name) > 0,
        )
    ).rowcount
    if not gone:
        raise UnknownTokenError(f"The account has no token {token_id}.")
    entry = Entry("token_revoked", f"account:{account_id}", {"token": token_id})
    audit.append(connection, actor, [entry], now)


def _check(role: Role, name: str, scopes: Collection[Permission], days: int) -> None:
    if not name or len(name) > 64 or not name.isprintable():
        raise InvalidTokenRequestError("A token has a name of up to 64 characters.")
    if not 1 <= days <= LONGEST_DAYS:
        raise InvalidTokenRequestError(f"A token ends after 1 to {LONGEST_DAYS} days.")
    if not scopes:
        raise InvalidTokenRequestError("A token has at least one scope.")
    beyond = sorted(scope for scope in scopes if not allows(role, scope))
    if beyond:
        raise InvalidTokenRequestError(f"The role {role} does not include {', '.join(beyond)}.")
