"""What the form of a campaign holds, as typed: read into a draft, and filled from one."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from datetime import datetime, time
from enum import StrEnum
from typing import Annotated, Any, TypeVar

from pydantic import BaseModel, ConfigDict, Field

from fleet_server.domain.campaign import Why
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
from fleet_server.domain.errors import InvalidError
from fleet_server.domain.local_time import ZONE
from fleet_server.services.campaigns import Draft
from fleet_server.web.entry import moment_of

Kind = TypeVar("Kind", bound=StrEnum)
_WAVE = re.compile(r"([0-9]{1,8}) ?(%?)")
_GOALS = ("soak_minutes", "ended_percent", "success_percent")


class Entered(BaseModel):
    """Moments and hours are local. A goal is one number for all waves, or one for each, the last
    included. `revision` is the one that the form was filled from."""

    model_config = ConfigDict(frozen=True, str_strip_whitespace=True, str_max_length=512)

    form_token: str = ""
    revision: Annotated[int, Field(ge=0, lt=1 << 31)] = 0
    name: str = ""
    selection: Annotated[str, Field(max_length=64_000)] = ""
    kind: str = ""
    expires_hours: str = ""
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
        plan = self.plan()
        if len(self.reason) < 3:
            raise InvalidError("Say why, in three characters or more.")
        return Draft(self.name, _selection(self.selection), plan)

    def plan(self) -> Plan:
        """Raises InvalidError, InvalidPlanError or InvalidTimeError."""
        return Plan(
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

    def _action(self) -> Action:
        if self.kind != "swap":
            return CommandAction(expires_hours=_number("expires_hours", self.expires_hours))
        outlets = _number("outlets", self.outlets)
        return SwapAction(self.model_name, self.place, _one_of(Way, self.way), outlets)

    def _waves(self) -> tuple[Wave, ...]:
        """Those that were written, `20` for units and `10 %` of all, and the rest."""
        sizes: list[dict[str, int]] = []
        for text in _parts(self.waves):
            match = _WAVE.fullmatch(text)
            if match is None:
                raise InvalidError(
                    "%(part)s: %(text)s is neither units, such as 20, nor 10 %%.",
                    part="waves",
                    text=text,
                )
            sizes.append({"percent" if match[2] else "units": int(match[1])})
        sizes.append({})
        goals = {name: _goals(name, getattr(self, name), len(sizes)) for name in _GOALS}
        return tuple(
            Wave(**size, **{name: each[at] for name, each in goals.items()})
            for at, size in enumerate(sizes)
        )

    def _hours(self) -> Hours | None:
        if not self.begin and not self.end:
            return None
        return Hours(_hour("begin", self.begin), _hour("end", self.end))


# As the form comes first; what counts where a file or a call leaves it out.
FIRST = Entered(
    selection='{"all": [{"field": "product_class", "is": "MODEM"}, {"field": "node", "is": "N1"}]}',
    kind="command",
    expires_hours="24",
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


def entered_of(name: str, selection: Any, plan: Plan, revision: int) -> Entered:
    """The form that says the same as a draft, without a reason."""
    limits, hours, ends_at = plan.limits, plan.hours, plan.ends_at
    goals = {goal: _same_or_each([getattr(wave, goal) for wave in plan.waves]) for goal in _GOALS}
    return FIRST.model_copy(
        update={
            **_action_as_typed(plan.action),
            **goals,
            "revision": revision,
            "name": name,
            "selection": json.dumps(selection, ensure_ascii=False, indent=1),
            "waves": ", ".join(
                f"{wave.percent} %" if wave.percent is not None else str(wave.units)
                for wave in plan.waves[:-1]
            ),
            "per_minute": str(limits.per_minute),
            "at_once": str(limits.at_once),
            "max_failed_percent": str(limits.max_failed_percent),
            "minimum_ended": str(limits.minimum_ended),
            "on_failures": limits.on_failures.value,
            "begin": f"{hours.begin:%H:%M}" if hours else "",
            "end": f"{hours.end:%H:%M}" if hours else "",
            "ends_at": _local(ends_at) if ends_at else "",
            "late_joiners": plan.late_joiners,
            "admits": [why.value for why in plan.admits],
        }
    )


def not_held(plan: Plan) -> list[str]:
    """The parts of a plan that the form cannot say: hours to the second, and an end that is, or
    lies in the second of the two hours of one name in October."""
    found = []
    if plan.hours and any(at.second or at.microsecond for at in (plan.hours.begin, plan.hours.end)):
        found.append("hours")
    if plan.ends_at and moment_of(_local(plan.ends_at)) != plan.ends_at:
        found.append("ends_at")
    return found


def _selection(text: str) -> Any:
    """Raises InvalidError."""
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        raise InvalidError(
            "%(part)s: not JSON: %(fault)s", part="selection", fault=str(error)
        ) from error


def _parts(text: str) -> list[str]:
    """What stands between commas."""
    return [part.strip() for part in text.split(",") if part.strip()]


def _goals(name: str, text: str, waves: int) -> list[int]:
    """One goal for each wave. Raises InvalidError."""
    found = [_number(name, part) for part in _parts(text)]
    if len(found) == 1:
        return found * waves
    if len(found) != waves:
        raise InvalidError(
            "%(part)s: one number for all waves, or one for each of the %(waves)s; not %(found)s.",
            part=name,
            waves=waves,
            found=len(found),
        )
    return found


def _same_or_each(goals: Sequence[int]) -> str:
    return ", ".join(map(str, goals if len(set(goals)) > 1 else goals[:1]))


def _action_as_typed(action: Action) -> dict[str, str]:
    if isinstance(action, CommandAction):
        return {"kind": "command", "expires_hours": str(action.expires_hours)}
    return {
        "kind": "swap",
        "model_name": action.model_name,
        "place": action.place,
        "way": action.way.value,
        "outlets": str(action.outlets),
    }


def _local(at: datetime) -> str:
    """As the browser's field for a local moment holds it."""
    return f"{at.astimezone(ZONE):%Y-%m-%dT%H:%M}"


def _number(name: str, text: str) -> int:
    """Raises InvalidError."""
    if not (text.isascii() and text.isdigit() and len(text) <= 10):
        raise InvalidError("%(part)s: a whole number, not '%(text)s'.", part=name, text=text)
    return int(text)


def _hour(name: str, text: str) -> time:
    """Raises InvalidError."""
    try:
        return time.fromisoformat(text)
    except ValueError as error:
        raise InvalidError(
            "%(part)s: an hour such as 02:00; leave both empty for none.", part=name
        ) from error


def _one_of(kinds: type[Kind], text: str) -> Kind:
    """Raises InvalidError."""
    try:
        return kinds(text)
    except ValueError as error:
        raise InvalidError(
            "%(text)s is none of %(possible)s.", text=text, possible=", ".join(kinds)
        ) from error
