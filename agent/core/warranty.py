"""What is left of the cover of the unit and of its card: counted down, never worked out here.

The controller sets both days of each; `unknown` stays unknown, and `none` says that the terms name
no cover. Days left are covered days from today on, today included, in local time: 1 on the last
covered day, 0 after it. Source: Subscription terms, article 7.2.2.
"""

from agent.core.events import date_time
from agent.core.local_time import day_of, last_second, local_day
from agent.wire.codes import UNKNOWN_TIME

UNKNOWN = "unknown"
NONE = "none"
_WARRANTY = "Device.X_IPKO-COM_Warranty."
UNIT, CARD, END = 0, 1, 2


def text(device, which: int) -> str:
    """Days left of UNIT or CARD, or END: the unit's last covered second, as a dateTime."""
    if which == END:
        day = day_of(_last_covered(device, "Unit"))
        return UNKNOWN_TIME if day is None else date_time(last_second(day) * 1000)
    return days_left(device, "Card" if which == CARD else "Unit")


def days_left(device, thing: str) -> str:
    """Of "Unit" or "Card": a number, `unknown` or `none`."""
    last = _last_covered(device, thing)
    day = day_of(last)
    if day is None:
        return NONE if last == NONE else UNKNOWN
    if device.offset_ms is None:
        return UNKNOWN
    today = local_day((device.offset_ms + device.now_ms) // 1000)
    return str(max(0, day - today + 1))


def is_day(value: str) -> bool:
    """Whether a controller may set this day."""
    return value in (UNKNOWN, NONE) or day_of(value) is not None


def _last_covered(device, thing):
    return device.text(_WARRANTY + thing + "LastCoveredDay")
