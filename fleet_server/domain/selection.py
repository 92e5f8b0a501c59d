"""Which units a campaign is for, as one typed language in JSON; it never holds SQL.

    {"all": [{"field": "product_class", "is": "MODEM"},
             {"field": "node", "in": ["N1", "N2"]},
             {"not": {"field": "software_version", "is": "0.2.0"}},
             {"field": "seen_at", "within_days": 30}]}

A condition is `all` or `any` of conditions, `not` one condition, or a comparison of one field. What
a field takes goes by its kind:

- text: `is`, `in` (up to 1,000 values), `starts_with`
- choice: `is`, `in`, of the values listed in FIELDS
- place: `is`, `in`, codes of the network; what hangs below them is meant too
- moment: `before`, `after` (with offset from UTC), `within_days`, `older_than_days`
- day: `before`, `after` (such as 2026-05-03), `within_days`, `older_than_days`

A comparison with a value that a unit does not have is false; `not` of it is true.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from enum import StrEnum
from typing import Any

from fleet_server.domain.errors import InvalidError
from fleet_server.domain.kinds import ProductClass
from fleet_server.domain.life_cycle import UnitState
from fleet_server.domain.service_state import ServiceState
from fleet_server.domain.warranty import CoverState

MOST_VALUES = 1_000
_MOST_CONDITIONS = 100
_DEEPEST = 8
_LONGEST_TEXT = 64
_MOST_DAYS = 36_500


class InvalidSelectionError(InvalidError):
    """The selection is not one of the language; the text says where and what is possible."""


class Kind(StrEnum):
    TEXT = "text"
    CHOICE = "choice"
    PLACE = "place"
    MOMENT = "moment"
    DAY = "day"


class Operator(StrEnum):
    IS = "is"
    IN = "in"
    STARTS_WITH = "starts_with"
    BEFORE = "before"
    AFTER = "after"
    WITHIN_DAYS = "within_days"
    OLDER_THAN_DAYS = "older_than_days"


_O = Operator
_TIMES = (_O.BEFORE, _O.AFTER, _O.WITHIN_DAYS, _O.OLDER_THAN_DAYS)
OPERATORS: Mapping[Kind, tuple[Operator, ...]] = {
    Kind.TEXT: (_O.IS, _O.IN, _O.STARTS_WITH),
    Kind.CHOICE: (_O.IS, _O.IN),
    Kind.PLACE: (_O.IS, _O.IN),
    Kind.MOMENT: _TIMES,
    Kind.DAY: _TIMES,
}


@dataclass(frozen=True, slots=True)
class FieldRule:
    """`values` are those a choice has."""

    kind: Kind
    values: tuple[str, ...] = ()


def _choice(*values: str) -> FieldRule:
    return FieldRule(Kind.CHOICE, tuple(str(value) for value in values))


_TEXT = FieldRule(Kind.TEXT)
_PLACE = FieldRule(Kind.PLACE)
FIELDS: Mapping[str, FieldRule] = {
    "serial_number": _TEXT,
    "product_class": _choice(*ProductClass),
    "manufacturer_oui": _TEXT,
    "manufacturer": _TEXT,
    "model_name": _TEXT,
    "hardware_version": _TEXT,
    "software_version": _TEXT,
    "supplier": _TEXT,
    "state": _choice(*UnitState),
    "stock_place": _TEXT,
    "received_at": FieldRule(Kind.MOMENT),
    "contract": _TEXT,
    "position": _TEXT,
    "package": _TEXT,
    "contract_state": _choice(*ServiceState),
    "signed_on": FieldRule(Kind.DAY),
    "handed_over_on": FieldRule(Kind.DAY),
    "area": _PLACE,
    "node": _PLACE,
    "amplifier": _PLACE,
    "street": _PLACE,
    "warranty": _choice(*CoverState),
    "presence": _choice("online", "offline", "suspect", "never"),
    "seen_at": FieldRule(Kind.MOMENT),
}

Value = str | int | date | datetime | tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Comparison:
    """One field of a unit against a value; a moment is in UTC."""

    field: str
    operator: Operator
    value: Value


@dataclass(frozen=True, slots=True)
class Every:
    """Holds when each of them does."""

    of: tuple[Condition, ...]


@dataclass(frozen=True, slots=True)
class Some:
    """Holds when at least one of them does."""

    of: tuple[Condition, ...]


@dataclass(frozen=True, slots=True)
class Opposite:
    of: Condition


Condition = Comparison | Every | Some | Opposite


def parse_selection(text: str) -> Condition:
    """Raises InvalidSelectionError, which says where the fault is."""
    try:
        found = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise InvalidSelectionError(
            "%(part)s: not JSON: %(fault)s", part="selection", fault=str(error)
        ) from error
    return read_selection(found)


def read_selection(found: Any) -> Condition:
    """The same for what was JSON. Raises InvalidSelectionError."""
    budget = [_MOST_CONDITIONS]
    return _condition(found, "selection", 0, budget)


def _condition(found: Any, where: str, depth: int, budget: list[int]) -> Condition:
    budget[0] -= 1
    if depth > _DEEPEST or budget[0] < 0:
        raise InvalidSelectionError(
            "%(part)s: at most %(deepest)s levels and %(most)s conditions.",
            part=where,
            deepest=_DEEPEST,
            most=_MOST_CONDITIONS,
        )
    if not isinstance(found, dict):
        raise InvalidSelectionError(
            "%(part)s: an object is expected, such as %(example)s.", part=where, example=_EXAMPLE
        )
    if "field" in found:
        return _comparison(found, where)
    if len(found) != 1 or not found.keys() <= {"all", "any", "not"}:
        raise InvalidSelectionError(
            "%(part)s: one of all, any, not or field, such as %(example)s.",
            part=where,
            example=_EXAMPLE,
        )
    ((word, inner),) = found.items()
    if word == "not":
        return Opposite(_condition(inner, f"{where}.not", depth + 1, budget))
    if not isinstance(inner, list) or not inner:
        raise InvalidSelectionError(
            "%(part)s: a list of at least one condition.", part=f"{where}.{word}"
        )
    parts = tuple(
        _condition(one, f"{where}.{word}[{number}]", depth + 1, budget)
        for number, one in enumerate(inner)
    )
    return Every(parts) if word == "all" else Some(parts)


_EXAMPLE = '{"field": "model_name", "is": "CM-31"}'


def _comparison(found: dict[str, Any], where: str) -> Comparison:
    name = found["field"]
    rule = FIELDS.get(name) if isinstance(name, str) else None
    if rule is None:
        raise InvalidSelectionError(
            "%(part)s: no field %(text)s; there are %(possible)s.",
            part=where,
            text=repr(name),
            possible=", ".join(FIELDS),
        )
    possible = OPERATORS[rule.kind]
    words = found.keys() - {"field"}
    if len(words) != 1 or not words <= set(possible):
        raise InvalidSelectionError(
            "%(part)s: %(field)s takes one of %(possible)s.",
            part=where,
            field=name,
            possible=", ".join(possible),
        )
    operator = Operator(words.pop())
    return Comparison(name, operator, _value(rule, operator, found[operator], f"{where}.{name}"))


def _value(rule: FieldRule, operator: Operator, value: Any, where: str) -> Value:
    if operator == Operator.IN:
        if not isinstance(value, list) or not 0 < len(value) <= MOST_VALUES:
            raise InvalidSelectionError(
                "%(part)s: in takes a list of 1 to %(most)s values.", part=where, most=MOST_VALUES
            )
        return tuple(_text(rule, one, where) for one in value)
    if operator in (Operator.WITHIN_DAYS, Operator.OLDER_THAN_DAYS):
        if type(value) is not int or not 0 <= value <= _MOST_DAYS:
            raise InvalidSelectionError(
                "%(part)s: %(operator)s takes whole days up to %(most)s.",
                part=where,
                operator=operator.value,
                most=_MOST_DAYS,
            )
        return value
    if operator in (Operator.BEFORE, Operator.AFTER):
        return _time(rule.kind, value, where)
    return _text(rule, value, where)


def _text(rule: FieldRule, value: Any, where: str) -> str:
    # What cannot be printed no database takes: NUL, half of a surrogate pair.
    if not isinstance(value, str) or not value.isprintable():
        raise InvalidSelectionError(
            "%(part)s: texts of characters that can be printed.", part=where
        )
    if not 0 < len(value) <= _LONGEST_TEXT:
        raise InvalidSelectionError(
            "%(part)s: texts of 1 to %(most)s characters.", part=where, most=_LONGEST_TEXT
        )
    if rule.values and value not in rule.values:
        raise InvalidSelectionError(
            "%(part)s: %(text)s is none of %(possible)s.",
            part=where,
            text=repr(value),
            possible=", ".join(rule.values),
        )
    return value


def _time(kind: Kind, value: Any, where: str) -> Value:
    try:
        if kind == Kind.DAY:
            return date.fromisoformat(value)
        moment = datetime.fromisoformat(value)
        if moment.tzinfo is not None:
            return moment.astimezone(UTC)
    except (TypeError, ValueError, OverflowError) as error:
        raise _no_time(kind, where) from error
    raise _no_time(kind, where)


def _no_time(kind: Kind, where: str) -> InvalidSelectionError:
    if kind == Kind.DAY:
        return InvalidSelectionError("%(part)s: a day such as 2026-05-03 is expected.", part=where)
    return InvalidSelectionError(
        "%(part)s: a moment with its offset, such as 2026-05-03T12:00:00Z, is expected.",
        part=where,
    )
