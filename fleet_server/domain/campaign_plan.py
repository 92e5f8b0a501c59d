"""How a campaign is to go: its action, waves, limits and hours; checked once, kept as JSON.

Waves are sizes or percentages of all units that are not excluded; the last takes the rest. The
first is the canary. A wave has ended when `ended_percent` of it did; then it soaks, and the next
one begins when `success_percent` of what ended was done. Units that are offline wait, and go on
when later waves run.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, time
from enum import StrEnum
from typing import Any

from fleet_server.domain.campaign import ADMISSIBLE, Why
from fleet_server.domain.errors import InvalidError

MOST_WAVES = 20
MOST_PER_MINUTE = 60_000
MOST_AT_ONCE = 5_000
# What a campaign may have devices do; whatever could leave one without service is not among them.
COMMANDS = ("Device.Reboot()",)


class InvalidPlanError(InvalidError):
    """The plan contradicts itself or goes beyond what is allowed; the text says which part."""


class Way(StrEnum):
    """How the new unit comes to the customer."""

    REMOTE = "remote"
    VISIT = "visit"
    POSTED = "posted"


class OnFailures(StrEnum):
    PAUSE = "pause"
    ABORT = "abort"


@dataclass(frozen=True, slots=True)
class CommandAction:
    """One command to the device; it is given up `expires_hours` after it was ordered, and where
    the hours end in which it was."""

    command: str = COMMANDS[0]
    expires_hours: int = 24

    def __post_init__(self) -> None:
        if self.command not in COMMANDS:
            raise InvalidPlanError(
                "%(part)s: one of %(possible)s.",
                part="action.command",
                possible=", ".join(COMMANDS),
            )
        _within("action.expires_hours", self.expires_hours, 1, 24 * 30)


@dataclass(frozen=True, slots=True)
class SwapAction:
    """A swap for a unit of `model_name` taken from the stock at `place`."""

    model_name: str
    place: str
    way: Way
    outlets: int = 1

    def __post_init__(self) -> None:
        if not _is_name(self.model_name, 64) or not _is_name(self.place, 32):
            raise InvalidPlanError(
                "%(part)s: name the model and the place of the new units.", part="action"
            )
        _within("action.outlets", self.outlets, 1, 2)


Action = CommandAction | SwapAction


@dataclass(frozen=True, slots=True)
class Wave:
    """`units` or `percent` of all; neither for the last, which takes the rest."""

    units: int | None = None
    percent: int | None = None
    soak_minutes: int = 60
    ended_percent: int = 90
    success_percent: int = 95

    def __post_init__(self) -> None:
        if self.units is not None:
            _within("wave.units", self.units, 1, 10_000_000)
        if self.percent is not None:
            _within("wave.percent", self.percent, 1, 100)
        _within("wave.soak_minutes", self.soak_minutes, 0, 60 * 24 * 30)
        _within("wave.ended_percent", self.ended_percent, 1, 100)
        _within("wave.success_percent", self.success_percent, 0, 100)


@dataclass(frozen=True, slots=True)
class Limits:
    """`max_failed_percent` of what ended since the start or the last resume, judged once at least
    `minimum_ended` have ended; what goes back or needs a person counts as ended and failed."""

    per_minute: int = 60
    at_once: int = 50
    max_failed_percent: int = 5
    minimum_ended: int = 20
    on_failures: OnFailures = OnFailures.PAUSE

    def __post_init__(self) -> None:
        _within("limits.per_minute", self.per_minute, 1, MOST_PER_MINUTE)
        _within("limits.at_once", self.at_once, 1, MOST_AT_ONCE)
        _within("limits.max_failed_percent", self.max_failed_percent, 0, 100)
        _within("limits.minimum_ended", self.minimum_ended, 1, 1_000_000)


@dataclass(frozen=True, slots=True)
class Hours:
    """Local hours within those that the settings allow; may pass midnight."""

    begin: time
    end: time

    def __post_init__(self) -> None:
        if self.begin.tzinfo is not None or self.end.tzinfo is not None:
            raise InvalidPlanError(
                "%(part)s: local hours such as 02:00, without an offset from UTC.", part="hours"
            )
        if self.begin == self.end:
            raise InvalidPlanError("%(part)s: begin and end may not be the same.", part="hours")


def _default_waves() -> tuple[Wave, ...]:
    return (Wave(percent=1), Wave(percent=10), Wave())


@dataclass(frozen=True, slots=True)
class Plan:
    """`admits`: reasons for exclusion that do not exclude here. `ends_at`: what has not begun by
    then is stopped."""

    action: Action
    waves: tuple[Wave, ...] = field(default_factory=_default_waves)
    limits: Limits = field(default_factory=Limits)
    hours: Hours | None = None
    admits: tuple[Why, ...] = ()
    late_joiners: bool = False
    ends_at: datetime | None = None

    def __post_init__(self) -> None:
        _within("waves", len(self.waves), 1, MOST_WAVES)
        for number, wave in enumerate(self.waves, 1):
            sized = (wave.units is not None) + (wave.percent is not None)
            if sized != (number < len(self.waves)):
                raise InvalidPlanError(
                    "%(part)s, %(number)s: units or percent; neither for the last, which takes "
                    "the rest.",
                    part="waves",
                    number=number,
                )
        wrong = [why for why in self.admits if why not in ADMISSIBLE]
        if wrong:
            raise InvalidPlanError(
                "%(part)s: only %(possible)s, not %(text)s.",
                part="admits",
                possible=", ".join(ADMISSIBLE),
                text=wrong[0],
            )
        if self.ends_at is not None and self.ends_at.tzinfo is None:
            raise InvalidPlanError("%(part)s: a moment with its offset from UTC.", part="ends_at")


def wave_of(number: int, total: int, waves: Sequence[Wave]) -> int:
    """The wave, counted from 1, of the `number`-th of `total` units, both counted from 1."""
    last = 0
    for index, wave in enumerate(waves[:-1], 1):
        last += size_of(wave, total)
        if number <= last:
            return index
    return len(waves)


def size_of(wave: Wave, total: int) -> int:
    """Units of a wave that is not the last; a percentage is rounded up."""
    if wave.units is not None:
        return wave.units
    return (total * (wave.percent or 0) + 99) // 100


def encode_plan(plan: Plan) -> str:
    """The plan as the table keeps it."""
    return json.dumps(_plain(plan), sort_keys=True)


def _plain(value: Any) -> Any:
    if isinstance(value, (datetime, time)):
        return value.isoformat()
    if isinstance(value, tuple):
        return [_plain(one) for one in value]
    if hasattr(value, "__dataclass_fields__"):
        members = {name: _plain(getattr(value, name)) for name in value.__dataclass_fields__}
        if isinstance(value, CommandAction):
            members["kind"] = "command"
        elif isinstance(value, SwapAction):
            members["kind"] = "swap"
        return members
    return value


def decode_plan(text: str) -> Plan:
    """What `encode_plan` gave."""
    found: dict[str, Any] = json.loads(text)
    hours = found["hours"]
    ends_at = found["ends_at"]
    return Plan(
        action=_action(found["action"]),
        waves=tuple(Wave(**wave) for wave in found["waves"]),
        limits=Limits(
            **{**found["limits"], "on_failures": OnFailures(found["limits"]["on_failures"])}
        ),
        hours=hours and Hours(time.fromisoformat(hours["begin"]), time.fromisoformat(hours["end"])),
        admits=tuple(Why(why) for why in found["admits"]),
        late_joiners=found["late_joiners"],
        ends_at=ends_at and datetime.fromisoformat(ends_at),
    )


def _action(found: Mapping[str, Any]) -> Action:
    members = {name: value for name, value in found.items() if name != "kind"}
    if found["kind"] == "command":
        return CommandAction(**members)
    return SwapAction(**{**members, "way": Way(members["way"])})


def _is_name(text: str, longest: int) -> bool:
    return 0 < len(text) <= longest and text.isprintable()


def _within(name: str, number: int, lowest: int, highest: int) -> None:
    if not lowest <= number <= highest:
        raise InvalidPlanError(
            "%(part)s: %(lowest)s to %(highest)s, not %(number)s.",
            part=name,
            lowest=lowest,
            highest=highest,
            number=number,
        )
