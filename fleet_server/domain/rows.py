"""Rows of an import: from the texts of a file to checked values, or to what is wrong with them.

A row that has faults is refused as a whole and reported with all of them at once. Readers of
fields that repeat from row to row remember what they read.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from functools import lru_cache
from typing import Any, Generic, TypeVar

from fleet_server.domain.errors import InvalidError

Values = dict[str, Any]
_Value = TypeVar("_Value")

LIST_SEPARATOR = ";"


@dataclass(frozen=True, slots=True)
class Column(Generic[_Value]):
    """One column of a file. `read` raises InvalidError; an empty field of one that is not
    required gives `default` without being read."""

    name: str
    read: Callable[[str], _Value]
    required: bool = False
    default: _Value | None = None


@dataclass(frozen=True, slots=True)
class Fault:
    """What is wrong with one field; `column` is empty when it is the row as a whole."""

    column: str
    text: str


@dataclass(frozen=True, slots=True)
class FileRow:
    """One row as it stands in the file; with faults when it could not be taken apart."""

    line: int
    fields: Mapping[str, str]
    faults: tuple[Fault, ...] = ()


@dataclass(frozen=True, slots=True)
class Refusal:
    """One fault of one line of the file, for the report."""

    line: int
    key: str
    column: str
    text: str


def read_row(
    columns: Iterable[Column[Any]], fields: Mapping[str, str]
) -> tuple[Values, list[Fault]]:
    """The values by column name, and every fault. With a fault the values are not complete."""
    values: Values = {}
    faults: list[Fault] = []
    for column in columns:
        text = fields.get(column.name, "").strip()
        if not text:
            if column.required:
                faults.append(Fault(column.name, "is missing"))
            values[column.name] = column.default
            continue
        try:
            values[column.name] = column.read(text)
        except InvalidError as error:
            faults.append(Fault(column.name, str(error)))
    return values, faults


def text_up_to(longest: int) -> Callable[[str], str]:
    """A reader of one line of printable text."""

    def read(text: str) -> str:
        if len(text) > longest:
            raise InvalidError(f"is longer than {longest} characters")
        if not text.isprintable():
            raise InvalidError("has characters that cannot be printed")
        return text

    return read


@lru_cache(maxsize=4096)
def code(text: str) -> str:
    """A short name that other rows refer to."""
    if len(text) > 32 or not all(c.isalnum() or c in "-_./" for c in text):
        raise InvalidError("a code has 1 to 32 letters, digits, '-', '_', '.' or '/'")
    return text


def one_of(*allowed: str) -> Callable[[str], str]:
    def read(text: str) -> str:
        if text not in allowed:
            raise InvalidError(f"must be one of {', '.join(allowed)}")
        return text

    return read


@lru_cache(maxsize=4096)
def civil_date(text: str) -> date:
    """A day, written 2026-05-03."""
    try:
        if len(text) != len("2026-05-03"):
            raise ValueError
        return date.fromisoformat(text)
    except ValueError as error:
        raise InvalidError("must be a day of the calendar, written 2026-05-03") from error


def whole_number(least: int, most: int) -> Callable[[str], int]:
    def read(text: str) -> int:
        if not (text.isascii() and text.isdigit()) or not least <= int(text[:12]) <= most:
            raise InvalidError(f"must be a whole number from {least} to {most}")
        return int(text)

    return read


def list_of(read_one: Callable[[str], str]) -> Callable[[str], tuple[str, ...]]:
    """Several values in one field, separated by semicolons, in order, none twice."""

    def read(text: str) -> tuple[str, ...]:
        values = tuple(read_one(part.strip()) for part in text.split(LIST_SEPARATOR))
        if len(set(values)) != len(values):
            raise InvalidError("names something twice")
        return values

    return read


def as_field(value: object) -> str:
    """How a value is written into a field; the opposite of reading it."""
    if value is None:
        return ""
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, list | tuple):
        return LIST_SEPARATOR.join(str(part) for part in value)
    return str(value)
