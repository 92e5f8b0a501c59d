"""The settings in force, and changing one of them."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Path
from pydantic import BaseModel, ConfigDict, StringConstraints

from fleet_server.api.caller import Context, CurrentCaller
from fleet_server.domain.policy import setting_of
from fleet_server.domain.roles import Permission
from fleet_server.services.policy import (
    SHORTEST_REASON,
    SettingInForce,
    change_setting,
    list_settings,
)

router = APIRouter(prefix="/policy", tags=["policy"])

Name = Annotated[str, Path(max_length=64, examples=["return_days"])]
_EXAMPLE: dict[str, Any] = {
    "name": "return_days",
    "articles": ["7.1.1", "7.2.1", "7.2.6", "7.3.2"],
    "value": "5",
    "default": "5",
    "kind": "whole_number",
    "allowed": "5-60 days",
    "effect": "Days within which equipment comes back; the customer is reminded when they have "
    "passed.",
    "changed_at": None,
}


class SettingView(BaseModel):
    """Values are texts; `kind` says how to read them: whole_number, switch, choice, time_of_day
    or texts (a comma list)."""

    model_config = ConfigDict(json_schema_extra={"examples": [_EXAMPLE]})

    name: str
    articles: list[str]
    value: str
    default: str
    kind: str
    allowed: str
    effect: str
    changed_at: datetime | None


class SettingList(BaseModel):
    items: list[SettingView]


class SettingChange(BaseModel):
    """`reason`: why, in words; it stands in the audit log."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"value": "7", "reason": "Holidays, decided 26 November"}]}
    )

    value: Annotated[str, StringConstraints(min_length=1, max_length=256)]
    reason: Annotated[str, StringConstraints(min_length=SHORTEST_REASON, max_length=512)]


@router.get("")
def get_policy(caller: CurrentCaller, context: Context) -> SettingList:
    """Every setting with article, value in force, default, allowed range and effect."""
    caller.require(Permission.SEE_SETTINGS)
    with context.fleet.reading() as connection:
        return SettingList(items=[_view(found) for found in list_settings(connection)])


@router.get("/{name}")
def get_setting(name: Name, caller: CurrentCaller, context: Context) -> SettingView:
    """One setting; 404 when there is none of this name."""
    caller.require(Permission.SEE_SETTINGS)
    setting_of(name)
    with context.fleet.reading() as connection:
        return next(
            _view(found) for found in list_settings(connection) if found.setting.name == name
        )


@router.put("/{name}")
def put_setting(
    name: Name, body: SettingChange, caller: CurrentCaller, context: Context
) -> SettingView:
    """Put a value in force from now on. Sending the value in force again changes nothing.

    404 when there is no such setting, 422 for a value outside its range.
    """
    caller.require(Permission.CHANGE_SETTINGS)
    with context.fleet.writing() as connection:
        return _view(
            change_setting(connection, caller.actor, name, body.value, body.reason, context.now())
        )


def _view(found: SettingInForce) -> SettingView:
    setting = found.setting
    return SettingView(
        name=setting.name,
        articles=list(setting.articles),
        value=found.value,
        default=setting.default_text,
        kind=setting.kind.name,
        allowed=setting.kind.allowed,
        effect=setting.effect,
        changed_at=found.changed_at,
    )
