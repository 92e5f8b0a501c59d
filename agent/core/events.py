"""The journal's record of an event: compact, and dated only when it is sent.

A JSON list [object path, event name, arguments, boot count, up time]. The up time is a text of
decimal digits, so that a record made beforehand can be completed in place.
"""

import json

from agent.compat import const
from agent.wire.codes import UNKNOWN_TIME

_MS_PER_DAY = const(86400000)


def event_record(path: str, name: str, args: dict, boot_count: int, up_time) -> bytes:
    """The journal's payload; `up_time` in ms, a number or a text of digits."""
    return json.dumps([path, name, args, boot_count, str(up_time)]).encode()


def stamped_arguments(record: bytes, clock_of) -> tuple[str, str, dict]:
    """Return (path, name, arguments) of a record, with when it was, as far as that is known.

    `clock_of(boot_count)` gives (offset ms, error ms) of that boot, or None. An argument `Loss`,
    the moment something was lost, becomes the duration since then; `Since`, a moment, its time.
    """
    path, name, args, boot_count, up_time = json.loads(record)
    up_time = int(up_time)
    args["BootCount"] = str(boot_count)
    args["UpTime"] = str(up_time)
    args["Time"] = UNKNOWN_TIME
    args.setdefault("Grade", "measured")
    loss = args.pop("Loss", None)
    if "Since" in args:
        args["Since"] = moment_text(args["Since"], clock_of)
    known = dated((boot_count, up_time), clock_of)
    if known:
        args["Time"] = date_time(known[0])
        args["TimeError"] = str(known[1])
        lost = loss and dated(loss, clock_of)
        if lost:
            args["Duration"] = str(max(0, known[0] - lost[0]))
            args["DurationError"] = str(known[1] + lost[1])
    return path, name, args


def dated(moment, clock_of) -> tuple[int, int] | None:
    """(Unix ms, error ms) of a moment, None while unknown. A moment is (boot count, up time ms);
    one that was dated for good is (0, Unix ms, error ms)."""
    if not moment[0]:
        return moment[1], moment[2]
    known = clock_of(moment[0])
    return (known[0] + moment[1], known[1]) if known else None


def moment_text(moment, clock_of) -> str:
    """dateTime of a moment, or the unknown time."""
    known = dated(moment, clock_of)
    return date_time(known[0]) if known else UNKNOWN_TIME


def date_time(unix_ms: int) -> str:
    """dateTime text in UTC with milliseconds."""
    days, rest = divmod(unix_ms, _MS_PER_DAY)
    year, month, day = _civil(days)
    seconds, ms = divmod(rest, 1000)
    return "%04d-%02d-%02dT%02d:%02d:%02d.%03dZ" % (
        year,
        month,
        day,
        seconds // 3600,
        seconds // 60 % 60,
        seconds % 60,
        ms,
    )


def unix_ms(text: str) -> int | None:
    """The instant of a dateTime text in UTC; None for the unknown time and what is not a time."""
    shape = "".join(["0" if "0" <= c <= "9" else c for c in text])
    if not shape.startswith("0000-00-00T00:00:00") or shape[-1] != "Z" or text[:4] < "1970":
        return None
    fraction = shape[19:-1]
    if fraction and (fraction[0] != "." or fraction[1:].strip("0")):
        return None
    year, month, day = int(text[:4]), int(text[5:7]), int(text[8:10])
    hour, minute, second = int(text[11:13]), int(text[14:16]), int(text[17:19])
    if not (0 < month < 13 and 0 < day < 32 and hour < 24 and minute < 60 and second < 61):
        return None
    seconds = _days(year, month, day) * 86400 + hour * 3600 + minute * 60 + second
    return seconds * 1000 + int((text[20:-1] + "000")[:3])


def _days(year, month, day):
    """Days since 1970-01-01 of a date of the Gregorian calendar; years begin in March here."""
    if month < 3:
        year -= 1
        month += 12
    return (
        year * 365 + year // 4 - year // 100 + year // 400 + (153 * month - 457) // 5 + day - 719469
    )


def _civil(days):
    """(year, month, day) of a day since 1970-01-01."""
    year = 1970 + days // 366
    while _days(year + 1, 1, 1) <= days:
        year += 1
    month = 12
    while _days(year, month, 1) > days:
        month -= 1
    return year, month, days - _days(year, month, 1) + 1
