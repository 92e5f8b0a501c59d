"""`fleet-server accounts` and `fleet-server tokens`: what the API offers, for whoever has the host.

The audit log names the command line as the one who acts. A new password is asked for, or read from
standard input when that is no terminal; it never stands among the arguments.
"""

from __future__ import annotations

import getpass
import secrets
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from sqlalchemy import Connection

from fleet_server import bootstrap
from fleet_server.adapters.clock import utc_now
from fleet_server.adapters.passwords import Argon2Hasher
from fleet_server.config import from_environment
from fleet_server.domain.roles import Permission, Role
from fleet_server.services import account_admin, api_tokens
from fleet_server.services.audit import Actor

accounts = typer.Typer(no_args_is_help=True, help="Accounts: list, create, change, disable.")
tokens = typer.Typer(no_args_is_help=True, help="API tokens of an account.")
_out = Console()
_ACTOR = Actor.system("command line")
_MANY = 100_000

State = Annotated[Path | None, typer.Option("--state", help="Folder that holds everything.")]
RoleOption = Annotated[Role, typer.Option("--role", help="The job the account is for.")]


@accounts.command("list")
def list_accounts(state: State = None) -> None:
    """Number, name, role and state of every account."""
    with _writing(state) as connection:
        found = account_admin.list_accounts(connection, 0, _MANY)
    for one in found:
        ended = f"disabled {one.disabled_at:%Y-%m-%d}" if one.disabled_at else "may sign in"
        _say(f"{one.id:4} {one.username:24} {one.role.value:14} {ended}")


@accounts.command("create")
def create_account(username: str, role: RoleOption, state: State = None) -> None:
    """Make an account; its password is asked for."""
    password = _new_password()
    with _writing(state) as connection:
        made = account_admin.create_account(
            connection, Argon2Hasher(), username, role, password, _ACTOR, utc_now()
        )
    _say(f"Account {made.id}, {made.username}, {made.role.value}.")


@accounts.command("set-role")
def set_role(username: str, role: RoleOption, state: State = None) -> None:
    """Give an account another role; it is signed out everywhere."""
    with _writing(state) as connection:
        found = account_admin.find_account(connection, username)
        account_admin.set_role(connection, found.id, role, _ACTOR, utc_now())
    _say(f"{username} is {role.value}.")


@accounts.command("set-password")
def set_password(username: str, state: State = None) -> None:
    """Set a new password, which is asked for; the account is signed out everywhere."""
    password = _new_password()
    with _writing(state) as connection:
        found = account_admin.find_account(connection, username)
        account_admin.set_password(
            connection, Argon2Hasher(), found.id, password, _ACTOR, utc_now()
        )
    _say(f"{username} has a new password.")


@accounts.command("disable")
def disable(username: str, state: State = None) -> None:
    """Let nobody sign in with the account any more."""
    _set_disabled(username, True, state)
    _say(f"{username} is disabled.")


@accounts.command("enable")
def enable(username: str, state: State = None) -> None:
    """Let the account sign in again."""
    _set_disabled(username, False, state)
    _say(f"{username} may sign in.")


@tokens.command("list")
def list_tokens(username: str, state: State = None) -> None:
    """Number, name, end and scopes of the account's tokens."""
    with _writing(state) as connection:
        found = account_admin.find_account(connection, username)
        made = api_tokens.list_tokens(connection, found.id, utc_now())
    for one in made:
        _say(f"{one.id:4} {one.name:24} until {one.expires_at:%Y-%m-%d} {' '.join(one.scopes)}")


@tokens.command("make")
def make_token(
    username: str,
    name: Annotated[str, typer.Option("--name", help="What the token is for.")],
    scope: Annotated[list[Permission], typer.Option("--scope", help="What it may; repeatable.")],
    days: Annotated[int, typer.Option("--days", help="After how many days it ends.")] = 90,
    state: State = None,
) -> None:
    """Make a token; it is shown this once."""
    token = secrets.token_urlsafe(32)
    with _writing(state) as connection:
        found = account_admin.find_account(connection, username)
        made = api_tokens.make_token(
            connection, found.id, found.role, name, set(scope), days, token, _ACTOR, utc_now()
        )
    _say(f"Token {made.id}, until {made.expires_at:%Y-%m-%d}:\n{token}")


@tokens.command("revoke")
def revoke_token(username: str, number: int, state: State = None) -> None:
    """Make a token worth nothing."""
    with _writing(state) as connection:
        found = account_admin.find_account(connection, username)
        api_tokens.revoke_token(connection, found.id, number, _ACTOR, utc_now())
    _say(f"Token {number} is revoked.")


def _set_disabled(username: str, disabled: bool, state: Path | None) -> None:
    with _writing(state) as connection:
        found = account_admin.find_account(connection, username)
        account_admin.set_disabled(connection, found.id, disabled, _ACTOR, utc_now())


@contextmanager
def _writing(state: Path | None) -> Iterator[Connection]:
    fleet = bootstrap.build(from_environment(state=state))
    try:
        with fleet.writing() as connection:
            yield connection
    finally:
        bootstrap.close(fleet)


def _new_password() -> str:
    if not sys.stdin.isatty():
        return sys.stdin.readline().rstrip("\n")
    first = getpass.getpass("New password: ")
    if getpass.getpass("Once more: ") != first:
        raise typer.BadParameter("the two passwords differ")
    return first


def _say(text: str) -> None:
    _out.print(text, soft_wrap=True, markup=False, highlight=False)
