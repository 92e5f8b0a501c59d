"""The rules that leave room: what is in force, why it may be changed, and by whom it was."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Form, Response
from fastapi.responses import RedirectResponse

from fleet_server.domain.errors import InvalidSettingError
from fleet_server.domain.policy import setting_of
from fleet_server.domain.roles import Permission
from fleet_server.services import audit
from fleet_server.services.accounts import usernames
from fleet_server.services.audit import Actor
from fleet_server.services.policy import SHORTEST_REASON, change_setting, list_settings
from fleet_server.web.page import CurrentPage, Page

router = APIRouter(include_in_schema=False)


@router.get("/settings")
def settings(page: CurrentPage) -> Response:
    page.require(Permission.SEE_SETTINGS)
    with page.context.fleet.reading() as connection:
        found = list_settings(connection)
    return page.render("settings.html", settings=found)


@router.get("/settings/{name}")
def setting(page: CurrentPage, name: str) -> Response:
    page.require(Permission.SEE_SETTINGS)
    return _one(page, name)


@router.post("/settings/{name}")
def change(
    page: CurrentPage,
    name: str,
    form_token: Annotated[str, Form(max_length=256)] = "",
    value: Annotated[str, Form(max_length=256)] = "",
    reason: Annotated[str, Form(max_length=512)] = "",
) -> Response:
    """Put a value in force, or show the form again with what is wrong."""
    account = page.require(Permission.CHANGE_SETTINGS)
    page.check_form(form_token)
    try:
        with page.context.fleet.writing() as connection:
            change_setting(
                connection, Actor.account(account.id), name, value.strip(), reason, page.now
            )
    except InvalidSettingError as error:
        return _one(page, name, error, sent_value=value, sent_reason=reason)
    return RedirectResponse(f"/settings/{name}", 303)


def _one(
    page: Page,
    name: str,
    error: InvalidSettingError | None = None,
    sent_value: str | None = None,
    sent_reason: str = "",
) -> Response:
    setting_of(name)
    with page.context.fleet.reading() as connection:
        found = next(one for one in list_settings(connection) if one.setting.name == name)
        changes = audit.history(connection, f"setting:{name}")
        names = usernames(connection, {int(one.actor.name) for one in changes})
    return page.render(
        "setting.html",
        422 if error else 200,
        found=found,
        changes=changes,
        usernames=names,
        error=error,
        sent_value=found.value if sent_value is None else sent_value,
        sent_reason=sent_reason,
        shortest_reason=SHORTEST_REASON,
    )
