"""Accounts, sign-in and the tokens that stand for a signed-in account.

A token is random and known to its holder only: the database keeps its SHA-256. The same kind of
token is carried by the session cookie of a browser and by the bearer header of a tool.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

from sqlalchemy import Connection, bindparam, delete, func, insert, select, update

from fleet_server.domain.errors import RuleError
from fleet_server.domain.roles import Permission, Role, allows
from fleet_server.services.tables import account, api_token

TOKEN_LIFETIME = timedelta(hours=12)
LANGUAGES = ("sq", "sr", "en")
FOLLOWS_BROWSER = ""


class NotSignedInError(RuleError):
    """The call needs a signed-in account."""


class WrongSignInError(NotSignedInError):
    """User name and password do not belong together."""


class NotPermittedError(RuleError):
    """The role of the account does not include this."""


class TooManyAttemptsError(RuleError):
    """Too many sign-ins failed; `retry_after_s` seconds have to pass."""

    def __init__(self, retry_after_s: int) -> None:
        super().__init__(f"too many failed sign-ins; wait {retry_after_s} s")
        self.retry_after_s = retry_after_s


class PasswordHasher(Protocol):
    """Slow, salted password hashes."""

    def hash(self, password: str) -> str: ...

    def matches(self, password_hash: str, password: str) -> bool: ...


@dataclass(frozen=True, slots=True)
class Account:
    """One sign-in; `language` is empty while the person has not chosen one.

    `scopes` is what an API token is held to; None is a session, which may all that the role may.
    """

    id: int
    username: str
    role: Role
    language: str
    scopes: frozenset[Permission] | None = None

    def may(self, permission: Permission) -> bool:
        within = self.scopes is None or permission in self.scopes
        return within and allows(self.role, permission)

    def require(self, permission: Permission) -> None:
        """Raises NotPermittedError when role or token does not include `permission`."""
        if not allows(self.role, permission):
            raise NotPermittedError(
                "The role %(role)s does not include %(permission)s.",
                role=self.role,
                permission=permission,
            )
        if not self.may(permission):
            raise NotPermittedError(
                "The token was made without %(permission)s.", permission=permission
            )

    def require_session(self) -> None:
        """Raises NotPermittedError for an API token: it must not widen itself."""
        if self.scopes is not None:
            raise NotPermittedError("An API token cannot do this: sign in with the password.")


@dataclass(frozen=True, slots=True)
class FirstSignIn:
    """A freshly made account; the only moment its password is known."""

    username: str
    role: Role
    password: str


def create_first_accounts(
    connection: Connection,
    hasher: PasswordHasher,
    new_password: Callable[[], str],
    now: datetime,
) -> tuple[FirstSignIn, ...]:
    """One account per role, named after it, each with its own random password.

    Does nothing and gives nothing once any account exists.
    """
    if connection.scalar(select(func.count()).select_from(account)):
        return ()
    made = tuple(FirstSignIn(role.value, role, new_password()) for role in Role)
    for sign_in in made:
        connection.execute(
            insert(account).values(
                username=sign_in.username,
                role=sign_in.role.value,
                language=FOLLOWS_BROWSER,
                password_hash=hasher.hash(sign_in.password),
                created_at=now,
            )
        )
    return made


def check_password(
    connection: Connection, hasher: PasswordHasher, username: str, password: str
) -> Account:
    """The account, if the password is its own.

    Takes as long for an unknown name as for a wrong password. Raises WrongSignInError.
    """
    row = connection.execute(select(account).where(account.c.username == username)).first()
    if row is None:
        hasher.hash(password)
        raise WrongSignInError("Unknown user name or wrong password.")
    if not hasher.matches(row.password_hash, password) or row.disabled_at is not None:
        raise WrongSignInError("Unknown user name or wrong password.")
    return Account(row.id, row.username, Role(row.role), row.language)


def open_session(connection: Connection, account_id: int, token: str, now: datetime) -> datetime:
    """Make `token` stand for the account; gives the moment it ends. Clears what has ended."""
    expires_at = now + TOKEN_LIFETIME
    connection.execute(delete(api_token).where(api_token.c.expires_at <= now))
    connection.execute(
        insert(api_token).values(
            account_id=account_id,
            token_hash=token_hash(token),
            expires_at=expires_at,
            created_at=now,
        )
    )
    return expires_at


# Built once: this is asked for at every call.
_ACCOUNT_OF = (
    select(
        account.c.id,
        account.c.username,
        account.c.role,
        account.c.language,
        api_token.c.name,
        api_token.c.scopes,
    )
    .join(api_token, api_token.c.account_id == account.c.id)
    .where(
        api_token.c.token_hash == bindparam("hash"),
        api_token.c.expires_at > bindparam("now"),
        account.c.disabled_at.is_(None),
    )
)


def account_of(connection: Connection, token: str, now: datetime) -> Account:
    """The account `token` stands for. Raises NotSignedInError when it is unknown or has ended."""
    row = connection.execute(_ACCOUNT_OF, {"hash": token_hash(token), "now": now}).first()
    if row is None:
        raise NotSignedInError("The session has ended.")
    scopes = frozenset(Permission(scope) for scope in row.scopes.split()) if row.name else None
    return Account(row.id, row.username, Role(row.role), row.language, scopes)


def close_session(connection: Connection, token: str) -> None:
    connection.execute(delete(api_token).where(api_token.c.token_hash == token_hash(token)))


def usernames(connection: Connection, account_ids: Iterable[int]) -> dict[str, str]:
    """The user names of accounts, by their numbers as the audit log writes them."""
    query = select(account.c.id, account.c.username).where(account.c.id.in_(set(account_ids)))
    return {str(row.id): row.username for row in connection.execute(query)}


def choose_language(connection: Connection, account_id: int, language: str) -> None:
    """Keep the language of an account; it then no longer follows the browser."""
    if language not in LANGUAGES:
        raise RuleError("No such language: %(language)r.", language=language)
    connection.execute(update(account).where(account.c.id == account_id).values(language=language))


def form_token(secret: str) -> str:
    """What a form must send back to show that it came from a page of this browser's session.

    `secret` is the value of the cookie the form is bound to; a foreign page cannot read it.
    """
    return hmac.new(secret.encode(), b"form", hashlib.sha256).hexdigest()


def form_token_matches(secret: str, sent: str) -> bool:
    return hmac.compare_digest(form_token(secret).encode(), sent.encode())


def token_hash(token: str) -> str:
    """What the database keeps of a token."""
    return hashlib.sha256(token.encode()).hexdigest()
