"""Time where the customer lives: Central European Time with the summer time of the EU.

A board has no table of time zones. Summer time runs from the last Sunday of March to the last
Sunday of October, each at 01:00 UTC. Source: Directive 2000/84/EC.
"""

from agent.core.events import date_time, unix_ms

_DAY_S = 86400
_STANDARD_S = 3600
_SUMMER_S = 7200
_CHANGE_S = 3600  # of the day, UTC


def offset_s(unix_s: int) -> int:
    """Seconds by which local time is ahead of UTC at an instant."""
    year = date_time(unix_s * 1000)[:4]
    begins_s = _last_sunday(year + "-03-31") * _DAY_S + _CHANGE_S
    ends_s = _last_sunday(year + "-10-31") * _DAY_S + _CHANGE_S
    return _SUMMER_S if begins_s <= unix_s < ends_s else _STANDARD_S


def local_day(unix_s: int) -> int:
    """The local date of an instant, as days since 1970-01-01."""
    return (unix_s + offset_s(unix_s)) // _DAY_S


def day_of(text: str) -> int | None:
    """Days from 1970-01-01 to a date YYYY-MM-DD; None for what is no date of the calendar."""
    instant = unix_ms(text + "T00:00:00Z") if len(text) == 10 else None
    if instant is None or date_time(instant)[:10] != text:
        return None
    return instant // (_DAY_S * 1000)


def last_second(day: int) -> int:
    """The last second of a local day, in Unix seconds."""
    ends_s = (day + 1) * _DAY_S - 1
    return ends_s - offset_s(ends_s - _STANDARD_S)


def _last_sunday(text):
    """The last Sunday on or before a date; the first day of 1970 was a Thursday."""
    day = day_of(text)
    return day - (day + 4) % 7
