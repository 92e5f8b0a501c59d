"""Accounts: made, given another role or password, disabled; all of it on record.

An account is never removed, because the audit log names it by its number. Whoever is disabled or
gets another role or password is signed out everywhere, and the account's tokens are revoked.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, Row, delete, func, insert, select, update

from fleet_server.domain.errors import ConflictError, InvalidError, NotFoundError
from fleet_server.domain.roles import Role
from fleet_server.services import audit
from fleet_server.services import tables as t
from fleet_server.services.accounts import FOLLOWS_BROWSER, PasswordHasher
from fleet_server.services.audit import Actor, Entry

SHORTEST_PASSWORD, LONGEST_PASSWORD = 12, 256
_USERNAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,63}")


class UnknownAccountError(NotFoundError):
    """No account of this number or name."""


class InvalidAccountError(InvalidError):
    """User name or password is not one that is taken."""


class UsernameTakenError(ConflictError):
    """Another account has the name; names are not used again."""


class LastAdministratorError(ConflictError):
    """Nobody would be left to manage accounts."""


@dataclass(frozen=True, slots=True)
class AccountRecord:
    """An account as an administrator sees it."""

    id: int
    username: str
    role: Role
    created_at: datetime
    disabled_at: datetime | None


def list_accounts(connection: Connection, after_id: int, limit: int) -> list[AccountRecord]:
    rows = connection.execute(
        select(t.account).where(t.account.c.id > after_id).order_by(t.account.c.id).limit(limit)
    )
    return [_record(row) for row in rows]


def find_account(connection: Connection, username: str) -> AccountRecord:
    """Raises UnknownAccountError."""
    row = connection.execute(select(t.account).where(t.account.c.username == username)).first()
    if row is None:
        raise UnknownAccountError(f"There is no account {username}.")
    return _record(row)


def read_account(connection: Connection, account_id: int) -> AccountRecord:
    """Raises UnknownAccountError."""
    row = connection.execute(select(t.account).where(t.account.c.id == account_id)).first()
    if row is None:
        raise UnknownAccountError(f"There is no account {account_id}.")
    return _record(row)


def create_account(
    connection: Connection,
    hasher: PasswordHasher,
    username: str,
    role: Role,
    password: str,
    actor: Actor,
    now: datetime,
) -> AccountRecord:
    """Raises InvalidAccountError or UsernameTakenError."""
    if not _USERNAME.fullmatch(username):
        raise InvalidAccountError(
            "A user name has up to 64 of the characters a to z, 0 to 9, dot, dash and underscore."
        )
    check_new_password(password)
    if connection.scalar(select(t.account.c.id).where(t.account.c.username == username)):
        raise UsernameTakenError(f"The user name {username} is taken.")
    connection.execute(
        insert(t.account).values(
            username=username,
            role=role.value,
            language=FOLLOWS_BROWSER,
            password_hash=hasher.hash(password),
            created_at=now,
        )
    )
    made = find_account(connection, username)
    _note(connection, actor, "account_created", made.id, now, role=role.value)
    return made


def set_role(
    connection: Connection, account_id: int, role: Role, actor: Actor, now: datetime
) -> None:
    """Raises UnknownAccountError or LastAdministratorError."""
    before = read_account(connection, account_id)
    if before.role is role:
        return
    _keep_an_administrator(connection, before)
    connection.execute(
        update(t.account).where(t.account.c.id == account_id).values(role=role.value)
    )
    _sign_out(connection, account_id)
    steps = {"from": before.role.value, "to": role.value}
    _note(connection, actor, "account_role_set", account_id, now, **steps)


def set_disabled(
    connection: Connection, account_id: int, disabled: bool, actor: Actor, now: datetime
) -> None:
    """Raises UnknownAccountError or LastAdministratorError."""
    before = read_account(connection, account_id)
    if (before.disabled_at is not None) == disabled:
        return
    if disabled:
        _keep_an_administrator(connection, before)
    connection.execute(
        update(t.account)
        .where(t.account.c.id == account_id)
        .values(disabled_at=now if disabled else None)
    )
    _sign_out(connection, account_id)
    action = "account_disabled" if disabled else "account_enabled"
    _note(connection, actor, action, account_id, now)


def set_password(
    connection: Connection,
    hasher: PasswordHasher,
    account_id: int,
    password: str,
    actor: Actor,
    now: datetime,
) -> None:
    """Raises UnknownAccountError or InvalidAccountError."""
    check_new_password(password)
    read_account(connection, account_id)
    connection.execute(
        update(t.account)
        .where(t.account.c.id == account_id)
        .values(password_hash=hasher.hash(password))
    )
    _sign_out(connection, account_id)
    _note(connection, actor, "account_password_set", account_id, now)


def check_new_password(password: str) -> None:
    """Raises InvalidAccountError."""
    if not SHORTEST_PASSWORD <= len(password) <= LONGEST_PASSWORD:
        raise InvalidAccountError(
            f"A password has {SHORTEST_PASSWORD} to {LONGEST_PASSWORD} characters."
        )


def _record(row: Row[tuple[object, ...]]) -> AccountRecord:
    found = row._mapping
    return AccountRecord(
        id=found["id"],
        username=found["username"],
        role=Role(found["role"]),
        created_at=found["created_at"],
        disabled_at=found["disabled_at"],
    )


def _keep_an_administrator(connection: Connection, changed: AccountRecord) -> None:
    if changed.role is not Role.ADMINISTRATOR or changed.disabled_at is not None:
        return
    others = connection.scalar(
        select(func.count())
        .select_from(t.account)
        .where(
            t.account.c.role == Role.ADMINISTRATOR.value,
            t.account.c.disabled_at.is_(None),
            t.account.c.id != changed.id,
        )
    )
    if not others:
        raise LastAdministratorError("This is the last administrator who can sign in.")


def _sign_out(connection: Connection, account_id: int) -> None:
    connection.execute(delete(t.api_token).where(t.api_token.c.account_id == account_id))


def _note(
    connection: Connection,
    actor: Actor,
    action: str,
    account_id: int,
    now: datetime,
    **detail: str,
) -> None:
    audit.append(connection, actor, [Entry(action, f"account:{account_id}", detail)], now)
