"""Versions of the allow-list: sign, publish, and how many devices have confirmed each."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Form, Path, Response
from fastapi.responses import RedirectResponse

from fleet_server.domain.errors import (
    InvalidAllowListError,
    OlderAllowListError,
    RuleError,
    UnknownAllowListError,
)
from fleet_server.domain.roles import Permission
from fleet_server.services import allow_list_versions
from fleet_server.services.audit import Actor
from fleet_server.web.page import CurrentPage, Page

router = APIRouter(include_in_schema=False)

Text = Annotated[str, Form(max_length=512)]
Reason = Annotated[str, Form(min_length=3, max_length=512)]


@router.get("/allow-lists")
def allow_lists(page: CurrentPage) -> Response:
    page.require(Permission.SEE_SERVICE)
    return _all(page)


@router.post("/allow-lists")
def sign(
    page: CurrentPage,
    text: Annotated[str, Form(min_length=1, max_length=16384)],
    reason: Reason,
    form_token: Text = "",
) -> Response:
    """Sign a list of TOML, or show it again with what is wrong."""
    account = page.require(Permission.MANAGE_ALLOW_LISTS)
    page.check_form(form_token)
    try:
        with page.context.fleet.writing() as connection:
            allow_list_versions.sign(
                connection, page.context.fleet, text, Actor.account(account.id), reason, page.now
            )
    except (InvalidAllowListError, OlderAllowListError) as error:
        return _all(page, error, text)
    return RedirectResponse("/allow-lists", 303)


@router.post("/allow-lists/{version}/publication")
def publish(
    page: CurrentPage,
    version: Annotated[int, Path(ge=1, lt=1 << 31)],
    reason: Reason,
    form_token: Text = "",
) -> Response:
    account = page.require(Permission.MANAGE_ALLOW_LISTS)
    page.check_form(form_token)
    actor = Actor.account(account.id)
    try:
        with page.context.fleet.writing() as connection:
            allow_list_versions.publish(connection, version, actor, reason, page.now)
    except UnknownAllowListError as error:
        return _all(page, error)
    return RedirectResponse("/allow-lists", 303)


def _all(page: Page, error: RuleError | None = None, text: str = "") -> Response:
    with page.context.fleet.reading() as connection:
        found = allow_list_versions.list_versions(connection)
    return page.render(
        "allow_lists.html",
        422 if error else 200,
        found=found,
        text=text,
        refusal=type(error).__name__ if error else "",
        error=error,
    )
