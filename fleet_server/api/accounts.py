"""Accounts, for an administrator, and the API tokens of whoever is signed in."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Path, Response
from pydantic import BaseModel, ConfigDict, Field, StringConstraints
from pydantic.config import JsonDict

from fleet_server.api.caller import Caller, Context, CurrentCaller
from fleet_server.api.idempotency import NotKept
from fleet_server.api.paging import Page, Paging
from fleet_server.domain.roles import Permission, Role
from fleet_server.services import account_admin, api_tokens
from fleet_server.services.account_admin import LONGEST_PASSWORD, AccountRecord
from fleet_server.services.api_tokens import TokenRecord

router = APIRouter(tags=["accounts"])

AccountId = Annotated[int, Path(ge=1, lt=1 << 63, examples=[3])]
TokenId = Annotated[int, Path(ge=1, lt=1 << 63, examples=[12])]
Password = Annotated[str, StringConstraints(max_length=LONGEST_PASSWORD)]
_EXAMPLE: JsonDict = {
    "id": 9,
    "username": "van-7",
    "role": "technician",
    "created_at": "2026-11-26T12:00:00Z",
    "disabled_at": None,
}
_TOKEN: JsonDict = {
    "id": 12,
    "name": "stock import",
    "scopes": ["look_up_unit"],
    "created_at": "2026-11-26T12:00:00Z",
    "expires_at": "2027-02-24T12:00:00Z",
}


class AccountView(BaseModel):
    """An account; `disabled_at` is null while it may sign in."""

    model_config = ConfigDict(json_schema_extra={"example": _EXAMPLE})

    id: int
    username: str
    role: Role
    created_at: datetime
    disabled_at: datetime | None


class NewAccount(BaseModel):
    """`username`: a to z, 0 to 9, dot, dash, underscore. `password`: at least 12 characters."""

    model_config = ConfigDict(
        json_schema_extra={
            "example": {
                "username": "van-7",
                "role": "technician",
                "password": "a made-up sentence of five words",
            }
        }
    )

    username: Annotated[str, StringConstraints(max_length=64)]
    role: Role
    password: Password


class AccountChange(BaseModel):
    """What is left out stays."""

    model_config = ConfigDict(
        extra="forbid", json_schema_extra={"example": {"role": "dispatcher", "disabled": False}}
    )

    role: Role | None = None
    disabled: bool | None = None


class NewPassword(BaseModel):
    """At least 12 characters."""

    model_config = ConfigDict(
        json_schema_extra={"example": {"password": "another made-up sentence of words"}}
    )

    password: Password


class TokenView(BaseModel):
    """A token without its secret."""

    model_config = ConfigDict(json_schema_extra={"example": _TOKEN})

    id: int
    name: str
    scopes: list[Permission]
    created_at: datetime
    expires_at: datetime


class NewToken(BaseModel):
    """`scopes`: what the token may, a part of what the role may."""

    model_config = ConfigDict(
        json_schema_extra={
            "example": {"name": "stock import", "scopes": ["look_up_unit"], "days": 90}
        }
    )

    name: Annotated[str, StringConstraints(max_length=64)]
    scopes: Annotated[list[Permission], Field(max_length=len(Permission))]
    days: int


class MadeToken(TokenView):
    """`token` is shown this once: send it as `Authorization: Bearer <token>`."""

    model_config = ConfigDict(json_schema_extra={"example": {**_TOKEN, "token": "tok-EXAMPLE"}})

    token: str


@router.get("/accounts")
def list_accounts(paging: Paging, caller: CurrentCaller, context: Context) -> Page[AccountView]:
    """Every account, in the order they were made."""
    _administrator(caller)
    with context.fleet.reading() as connection:
        found = account_admin.list_accounts(connection, paging.after_id(), paging.fetch)
    return paging.page(found, key=lambda one: (one.id,), view=_view)


@router.post("/accounts", status_code=201)
def create_account(
    body: NewAccount, caller: CurrentCaller, context: Context, response: Response
) -> AccountView:
    """Make an account. 409 when the name is taken."""
    _administrator(caller)
    with context.fleet.writing() as connection:
        made = account_admin.create_account(
            connection,
            context.hasher,
            body.username,
            body.role,
            body.password,
            caller.actor,
            context.now(),
        )
    response.headers["Location"] = f"/api/v1/accounts/{made.id}"
    return _view(made)


@router.get("/accounts/{account_id}")
def get_account(account_id: AccountId, caller: CurrentCaller, context: Context) -> AccountView:
    """One account."""
    _administrator(caller)
    with context.fleet.reading() as connection:
        return _view(account_admin.read_account(connection, account_id))


@router.patch("/accounts/{account_id}")
def change_account(
    account_id: AccountId, body: AccountChange, caller: CurrentCaller, context: Context
) -> AccountView:
    """Give another role, disable, or enable again; the account is signed out everywhere."""
    _administrator(caller)
    now = context.now()
    with context.fleet.writing() as connection:
        if body.role is not None:
            account_admin.set_role(connection, account_id, body.role, caller.actor, now)
        if body.disabled is not None:
            account_admin.set_disabled(connection, account_id, body.disabled, caller.actor, now)
        return _view(account_admin.read_account(connection, account_id))


@router.put("/accounts/{account_id}/password", status_code=204)
def set_password(
    account_id: AccountId,
    body: NewPassword,
    caller: CurrentCaller,
    context: Context,
    _: NotKept,
) -> None:
    """Set a new password; the account is signed out everywhere and its tokens are revoked."""
    _administrator(caller)
    with context.fleet.writing() as connection:
        account_admin.set_password(
            connection, context.hasher, account_id, body.password, caller.actor, context.now()
        )


@router.get("/tokens")
def list_tokens(caller: CurrentCaller, context: Context) -> list[TokenView]:
    """The API tokens of the own account that have not ended, at most 50."""
    caller.account.require_session()
    with context.fleet.reading() as connection:
        found = api_tokens.list_tokens(connection, caller.account.id, context.now())
    return [_token_view(one) for one in found]


@router.post("/tokens", status_code=201)
def make_token(body: NewToken, caller: CurrentCaller, context: Context, _: NotKept) -> MadeToken:
    """Make an API token for the own account; only a session can, and it is shown once."""
    caller.account.require_session()
    token = context.new_token()
    with context.fleet.writing() as connection:
        made = api_tokens.make_token(
            connection,
            caller.account.id,
            caller.account.role,
            body.name.strip(),
            set(body.scopes),
            body.days,
            token,
            caller.actor,
            context.now(),
        )
    return MadeToken(**_token_view(made).model_dump(), token=token)


@router.delete("/tokens/{token_id}", status_code=204)
def revoke_token(token_id: TokenId, caller: CurrentCaller, context: Context) -> None:
    """Revoke an API token of the own account."""
    caller.account.require_session()
    with context.fleet.writing() as connection:
        api_tokens.revoke_token(
            connection, caller.account.id, token_id, caller.actor, context.now()
        )


def _administrator(caller: Caller) -> None:
    """Accounts are managed by a session: a token must not make itself a wider account."""
    caller.require(Permission.MANAGE_ACCOUNTS)
    caller.account.require_session()


def _view(record: AccountRecord) -> AccountView:
    return AccountView(
        id=record.id,
        username=record.username,
        role=record.role,
        created_at=record.created_at,
        disabled_at=record.disabled_at,
    )


def _token_view(record: TokenRecord) -> TokenView:
    return TokenView(
        id=record.id,
        name=record.name,
        scopes=list(record.scopes),
        created_at=record.created_at,
        expires_at=record.expires_at,
    )
