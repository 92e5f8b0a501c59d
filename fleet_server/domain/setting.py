"""What a policy setting may hold: how a value is checked, written down and read back.

A value is kept as text, so that one table and one audit entry hold every kind of setting.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import Field, dataclass, field
from datetime import time
from typing import Any, ClassVar

from fleet_server.domain.errors import InvalidSettingError

Value = int | bool | str | time | tuple[str, ...]

_KEY = "setting"
_MOST_TEXTS = 40
_CLOCK = re.compile(r"([01][0-9]|2[0-3]):[0-5][0-9]")


@dataclass(frozen=True, slots=True)
class WholeNumber:
    """`lowest` to `highest`, both included; `unit` is years, days, hours, minutes, ..."""

    name: ClassVar[str] = "whole_number"
    lowest: int
    highest: int
    unit: str

    def parse(self, text: str) -> int:
        if not re.fullmatch(r"[0-9]{1,9}", text):
            raise InvalidSettingError("Not a whole number: %(text)r.", text=text)
        number = int(text)
        if not self.lowest <= number <= self.highest:
            raise InvalidSettingError(
                "%(number)s is not between %(lowest)s and %(highest)s %(measure)s.",
                number=number,
                lowest=self.lowest,
                highest=self.highest,
                measure=self.unit,
            )
        return number

    def text(self, value: Any) -> str:
        return str(value)

    @property
    def allowed(self) -> str:
        return f"{self.lowest}-{self.highest} {self.unit}"


@dataclass(frozen=True, slots=True)
class Switch:
    name: ClassVar[str] = "switch"
    allowed: ClassVar[str] = "on, off"

    def parse(self, text: str) -> bool:
        if text not in ("on", "off"):
            raise InvalidSettingError("Neither on nor off: %(text)r.", text=text)
        return text == "on"

    def text(self, value: Any) -> str:
        return "on" if value else "off"


@dataclass(frozen=True, slots=True)
class Choice:
    """One of `values`."""

    name: ClassVar[str] = "choice"
    values: tuple[str, ...]

    def parse(self, text: str) -> str:
        if text not in self.values:
            raise InvalidSettingError(
                "%(text)r is none of: %(possible)s.", text=text, possible=self.allowed
            )
        return text

    def text(self, value: Any) -> str:
        return str(value)

    @property
    def allowed(self) -> str:
        return ", ".join(self.values)


@dataclass(frozen=True, slots=True)
class TimeOfDay:
    """A local time of day, `HH:MM`; 00:00 as an end is midnight."""

    name: ClassVar[str] = "time_of_day"
    allowed: ClassVar[str] = "00:00-23:59"

    def parse(self, text: str) -> time:
        if not _CLOCK.fullmatch(text):
            raise InvalidSettingError("Not a time of day such as 06:00: %(text)r.", text=text)
        return time.fromisoformat(text)

    def text(self, value: Any) -> str:
        return f"{value:%H:%M}"


@dataclass(frozen=True, slots=True)
class Texts:
    """A comma list without repetition, each item of the form `pattern`; `form` says it in words.

    `needed` are items that may not be missing.
    """

    name: ClassVar[str] = "texts"
    pattern: str
    form: str
    needed: tuple[str, ...] = ()

    def parse(self, text: str) -> tuple[str, ...]:
        items = tuple(item.strip() for item in text.split(",") if item.strip())
        wrong = [item for item in items if not re.fullmatch(self.pattern, item)]
        if wrong or not items or len(items) > _MOST_TEXTS or len(set(items)) != len(items):
            raise InvalidSettingError(
                "Not a comma list of different items (%(form)s).", form=self.form
            )
        missing = [item for item in self.needed if item not in items]
        if missing:
            raise InvalidSettingError(
                "May not be missing: %(missing)s.", missing=", ".join(missing)
            )
        return items

    def text(self, value: Any) -> str:
        return ",".join(value)

    @property
    def allowed(self) -> str:
        return self.form


Kind = WholeNumber | Switch | Choice | TimeOfDay | Texts


@dataclass(frozen=True, slots=True)
class Setting:
    """One rule that leaves room. `articles` of the subscription terms; `effect` in English."""

    name: str
    articles: tuple[str, ...]
    kind: Kind
    default: Any
    effect: str

    @property
    def default_text(self) -> str:
        return self.kind.text(self.default)


def setting(articles: str, kind: Kind, default: Value, effect: str) -> Any:
    """A field of a policy; `articles` is a comma list."""
    split = tuple(articles.split(","))
    return field(default=default, metadata={_KEY: (split, kind, effect)})


def settings_of(fields: Mapping[str, Field[Any]]) -> dict[str, Setting]:
    """The settings that the fields of a policy declare, by name, in the order declared."""
    found = {}
    for name, declared in fields.items():
        articles, kind, effect = declared.metadata[_KEY]
        found[name] = Setting(name, articles, kind, declared.default, effect)
    return found
