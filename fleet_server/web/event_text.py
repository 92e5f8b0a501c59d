"""An event in words: its title and its details, in one language."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime

from agent.wire.codes import UNKNOWN_TIME
from fleet_server.domain.event import parse_time, whole
from fleet_server.services.views_devices import DeviceEvent
from fleet_server.web.formats import Formats

# Shown in columns of their own, or meant for machines.
_NOT_DETAILS = {
    "BootCount",
    "UpTime",
    "Time",
    "TimeError",
    "Grade",
    "DurationError",
    "ParameterMap",
}
_WORDED_OF = {
    ("Battery!", "Status"): ("battery", "Battery"),
}
_WORDED = {
    "Reachable": "reachable",
    "LineReady": "truth",
    "Source": "power_source",
    "Reason": "reason",
    "State": "state",
    "Status": "television",
    "Cause": "boot_cause",
    "FirmwareUpdated": "truth",
    "Other": "truth",
}

Label = Callable[[str, str], str]


@dataclass(frozen=True, slots=True)
class EventText:
    """One line of the event history."""

    id: int
    title: str
    details: tuple[tuple[str, str], ...]
    grade: str
    device_at: datetime | None
    device_error_ms: int | None
    received_at: datetime


def describe(event: DeviceEvent, label: Label, formats: Formats) -> EventText:
    title = label("event", event.name if event.kind == "event" else event.kind)
    return EventText(
        id=event.id,
        title=title,
        details=tuple(_details(event, label, formats)),
        grade=event.grade,
        device_at=event.device_at,
        device_error_ms=event.device_error_ms,
        received_at=event.received_at,
    )


def _details(event: DeviceEvent, label: Label, formats: Formats) -> Iterator[tuple[str, str]]:
    if event.kind != "event":
        yield event.path + event.name, ""
    for name, value in event.params.items():
        if value and name not in _NOT_DETAILS and not _says_nothing(name, value, event):
            title = _WORDED_OF.get((event.name, name), ("", name))[1]
            yield label("argument", title), _value(name, value, event, label, formats)
    if event.device_at is None and event.boot_count is not None:
        yield label("argument", "BootCount"), str(event.boot_count)
        yield label("argument", "UpTime"), formats.length(event.up_time_ms)


def _says_nothing(name: str, value: str, event: DeviceEvent) -> bool:
    """Whether another argument tells the same better, or the value is the usual one."""
    if name == "Cause":
        return event.params.get("Reason", "Unknown") != "Unknown"
    if name == "Since":  # of a line: told as the time of the event, but for an older beginning
        return value == event.params.get("Time") or value == UNKNOWN_TIME
    return name in ("FirmwareUpdated", "Other") and value in ("false", "0")


def _value(name: str, value: str, event: DeviceEvent, label: Label, formats: Formats) -> str:
    if (event.name, name) in _WORDED_OF:
        return label(_WORDED_OF[event.name, name][0], value)
    if name in _WORDED:
        return label(_WORDED[name], value)
    if name == "Since":
        return formats.moment(parse_time(value))
    number = whole(value)
    if number is not None and name == "RuntimeLeft":
        return formats.length(number * 1000)
    if number is not None and name == "ChargePercent":
        return f"{number}\N{NO-BREAK SPACE}%"
    if number is not None and name == "Duration":
        error_ms = whole(event.params.get("DurationError"))
        around = "" if error_ms is None else f" ±\N{NO-BREAK SPACE}{formats.length(error_ms)}"
        return formats.length(number) + around
    if number is not None and name == "Magnitude":
        return formats.volts(number)
    return value
