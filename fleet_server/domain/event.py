"""What an agent notified, and the key under which it is counted once.

- `j-<epoch>-<sequence>` is a journalled event of our agent: the same for ever.
- `j-<epoch>-<sequence>-<subscription>` repeats one for a further subscription: not counted.
- Any other msg_id of our agent is unique for that agent for ever.
- A vendor's agent may use a msg_id again after a reboot: it counts within one connection.

Source: docs/developer/architecture.md, "Journalled events".
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

EVENT = "event"
VALUE_CHANGE = "value_change"
OBJECT_CREATION = "object_creation"
OBJECT_DELETION = "object_deletion"
OPERATION_COMPLETE = "operation_complete"
ON_BOARD_REQUEST = "on_board_request"

_JOURNALLED = re.compile(r"j-([0-9a-f]{8})-([1-9][0-9]{0,17})(-[0-9]+)?")
_OURS = re.compile(r"ops::[0-9A-F]{6}-(MODEM|VOICEMODEM|STB)-[A-Za-z0-9._%]+")
_LONGEST_KEY = 128
_CREDIBLE_YEARS = range(2000, 2200)
_CENTURY_MS = 100 * 366 * 86_400_000


@dataclass(frozen=True, slots=True)
class EventKey:
    """`text` is unique per endpoint; epoch and sequence only for a journalled event."""

    text: str
    epoch: str | None = None
    sequence: int | None = None


@dataclass(frozen=True, slots=True)
class Stamp:
    """When a journalled event happened, by the device's own clocks."""

    boot_count: int | None
    up_time_ms: int | None
    at: datetime | None
    error_ms: int | None
    grade: str


def product_class_of(endpoint_id: str) -> str | None:
    """The product class when the endpoint is one of our agents."""
    found = _OURS.fullmatch(endpoint_id)
    return found[1] if found else None


def key_of(endpoint_id: str, msg_id: str, connection: int) -> EventKey | None:
    """The key of a notification, or None for a repeat made for a further subscription."""
    if product_class_of(endpoint_id) is None:
        return EventKey(_bounded(f"{connection}:{msg_id}"))
    found = _JOURNALLED.fullmatch(msg_id)
    if found is None:
        return EventKey(_bounded(msg_id))
    if found[3] is not None:
        return None
    return EventKey(msg_id, found[1], int(found[2]))


def stamp_of(params: Mapping[str, str]) -> Stamp:
    """Reads what every journalled event carries; what is absent or unreadable is None.

    A time whose error is unreadable is none.
    """
    at = parse_time(params.get("Time", ""))
    error_ms = length_ms(params.get("TimeError"))
    if "TimeError" in params and error_ms is None:
        at = None
    return Stamp(
        boot_count=whole(params.get("BootCount")),
        up_time_ms=length_ms(params.get("UpTime")),
        at=at,
        error_ms=error_ms if at else None,
        grade=storable(params.get("Grade", ""), 8),
    )


def storable(text: str, longest: int) -> str:
    """`text` as any database takes it: without NUL, cut to `longest` characters."""
    return text.replace("\0", "")[:longest]


def whole(text: str | None) -> int | None:
    """A number of 0 or more that fits 63 bits, or None."""
    if text is None or not text.isascii() or not text.isdigit() or len(text) > 18:
        return None
    return int(text)


def length_ms(text: str | None) -> int | None:
    """A length of time of a century at most, so that reckoning with it stays within the calendar;
    else None."""
    found = whole(text)
    return found if found is not None and found <= _CENTURY_MS else None


def parse_time(text: str) -> datetime | None:
    """A dateTime of the data model in UTC; None while unknown or past belief.

    Source: TR-106, "dateTime".
    """
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        return None
    if found.year not in _CREDIBLE_YEARS:
        return None
    return found.astimezone(UTC) if found.tzinfo else found.replace(tzinfo=UTC)


def format_time(at: datetime) -> str:
    """A dateTime of the data model, with milliseconds."""
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.") + f"{at.microsecond // 1000:03d}Z"


def _bounded(key: str) -> str:
    if len(key) <= _LONGEST_KEY:
        return key
    return "sha256:" + hashlib.sha256(key.encode()).hexdigest()
