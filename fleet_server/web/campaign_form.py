"""The form that makes the draft of a campaign; refused, it keeps all that was entered."""

from __future__ import annotations

import json
import re
from datetime import time
from enum import StrEnum
from typing import Annotated, Any, TypeVar

from fastapi import APIRouter, Form, Response
from fastapi.responses import RedirectResponse
from pydantic import BaseModel, ConfigDict, Field

from fleet_server.domain.campaign import ADMISSIBLE, Why
from fleet_server.domain.campaign_plan import (
    Action,
    CommandAction,
    Hours,
    Limits,
    OnFailures,
    Plan,
    SwapAction,
    Wave,
    Way,
)
from fleet_server.domain.errors import InvalidError, RuleError
from fleet_server.domain.roles import Permission
from fleet_server.services import campaigns
from fleet_server.services.audit import Actor
from fleet_server.services.campaigns import Draft
from fleet_server.web.entry import moment_of
from fleet_server.web.page import CurrentPage, Page

router = APIRouter(include_in_schema=False)

Kind = TypeVar("Kind", bound=StrEnum)
_WAVE = re.compile(r"([0-9]{1,8}) ?(%?)")


class Entered(BaseModel):
    """What the form holds, as it was typed; moments and hours are local."""

    model_config = ConfigDict(frozen=True, str_strip_whitespace=True, str_max_length=512)

    form_token: str = ""
    name: str = ""
    selection: Annotated[str, Field(max_length=64_000)] = ""
    kind: str = ""
    model_name: str = ""
    place: str = ""
    way: str = ""
    outlets: str = ""
    waves: str = ""
    soak_minutes: str = ""
    ended_percent: str = ""
    success_percent: str = ""
    per_minute: str = ""
    at_once: str = ""
    max_failed_percent: str = ""
    minimum_ended: str = ""
    on_failures: str = ""
    begin: str = ""
    end: str = ""
    ends_at: str = ""
    late_joiners: bool = False
    admits: list[str] = []
    reason: str = ""

    def draft(self) -> Draft:
        """Raises InvalidError, InvalidPlanError or InvalidTimeError."""
        plan = Plan(
            action=self._action(),
            waves=self._waves(),
            limits=Limits(
                _number("per_minute", self.per_minute),
                _number("at_once", self.at_once),
                _number("max_failed_percent", self.max_failed_percent),
                _number("minimum_ended", self.minimum_ended),
                _one_of(OnFailures, self.on_failures),
            ),
            hours=self._hours(),
            admits=tuple(_one_of(Why, why) for why in self.admits),
            late_joiners=self.late_joiners,
            ends_at=moment_of(self.ends_at) if self.ends_at else None,
        )
        if len(self.reason) < 3:
            raise InvalidError("Say why, in three characters or more.")
        return Draft(self.name, _selection(self.selection), plan)

    def _action(self) -> Action:
        if self.kind != "swap":
            return CommandAction()
        outlets = _number("outlets", self.outlets)
        return SwapAction(self.model_name, self.place, _one_of(Way, self.way), outlets)

    def _waves(self) -> tuple[Wave, ...]:
        """Those that were written, `20` for units and `10 %` of all, and the rest."""
        goals = {
            name: _number(name, getattr(self, name))
            for name in ("soak_minutes", "ended_percent", "success_percent")
        }
        found = []
        for text in filter(None, (part.strip() for part in self.waves.split(","))):
            match = _WAVE.fullmatch(text)
            if match is None:
                raise InvalidError(f"waves: {text} is neither units, such as 20, nor 10 %.")
            size = "percent" if match[2] else "units"
            found.append(Wave(**{size: int(match[1]), **goals}))
        return (*found, Wave(**goals))

    def _hours(self) -> Hours | None:
        if not self.begin and not self.end:
            return None
        return Hours(_hour("begin", self.begin), _hour("end", self.end))


# As the form comes first; what counts where a file or a call leaves it out.
FIRST = Entered(
    selection='{"all": [{"field": "product_class", "is": "MODEM"}, {"field": "node", "is": "N1"}]}',
    kind="command",
    way=Way.REMOTE,
    outlets="1",
    waves="1 %, 10 %",
    soak_minutes="60",
    ended_percent="90",
    success_percent="95",
    per_minute="60",
    at_once="50",
    max_failed_percent="5",
    minimum_ended="20",
    on_failures=OnFailures.PAUSE,
)


@router.get("/campaigns/new")
def form(page: CurrentPage) -> Response:
    page.require(Permission.RUN_CAMPAIGN)
    return _form(page, FIRST)


@router.post("/campaigns/new")
def make(page: CurrentPage, entered: Annotated[Entered, Form()]) -> Response:
    """Make a draft, or show the form again with what is wrong."""
    account = page.require(Permission.RUN_CAMPAIGN)
    page.check_form(entered.form_token)
    try:
        draft = entered.draft()
        with page.context.fleet.writing() as connection:
            actor = Actor.account(account.id)
            made = campaigns.create(connection, actor, draft, entered.reason, page.now)
    except RuleError as error:
        return _form(page, entered, error)
    return RedirectResponse(f"/campaigns/{made}", 303)


def _form(page: Page, entered: Entered, error: RuleError | None = None) -> Response:
    return page.render(
        "campaign_form.html",
        422 if error else 200,
        entered=entered,
        ways=list(Way),
        reactions=list(OnFailures),
        admissible=ADMISSIBLE,
        refusal="InvalidError" if error else "",
        detail=str(error) if error else "",
    )


def _selection(text: str) -> Any:
    """Raises InvalidError."""
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        raise InvalidError(f"selection: not JSON: {error}") from error


def _number(name: str, text: str) -> int:
    """Raises InvalidError."""
    if not (text.isascii() and text.isdigit() and len(text) <= 10):
        raise InvalidError(f"{name}: a whole number, not {text!r}.")
    return int(text)


def _hour(name: str, text: str) -> time:
    """Raises InvalidError."""
    try:
        return time.fromisoformat(text)
    except ValueError as error:
        raise InvalidError(f"{name}: an hour such as 02:00; leave both empty for none.") from error


def _one_of(kinds: type[Kind], text: str) -> Kind:
    """Raises InvalidError."""
    try:
        return kinds(text)
    except ValueError as error:
        raise InvalidError(f"{text} is none of {', '.join(kinds)}.") from error
