"""What may be written: the values a parameter takes, and keys that are missing or taken.

Loaded for a request that writes. Codes: TR-369 7011, 7012, 7013, 7025.
"""

from agent.compat import const
from agent.core.parts import part
from agent.wire.codes import (
    DUPLICATE_KEY,
    INVALID_TYPE,
    INVALID_VALUE,
    NOT_WRITABLE,
)
from agent.wire.paths import is_digits, is_integer, list_items, split
from agent.wire.usp import USPError

_MAX_TEXT = const(1024)


def fill_keys(model, obj: int, row: list) -> None:
    """Give missing keys their automatic value and refuse a duplicate (7025)."""
    for slot, _, spec in model.parameters(obj):
        if spec[0] == "k" and not row[slot]:
            row[slot] = "cpe-%d" % row[0][-1]
    for names in model.key_sets(obj):
        mine = [model.get(obj, row, name) for name in names]
        for other in model.rows(obj):
            if other is not row and other[0][:-1] == row[0][:-1]:
                if [model.get(obj, other, name) for name in names] == mine:
                    raise USPError(DUPLICATE_KEY)


def check(spec: str, row: list | None, slot: int, value: str) -> str:
    """The value as it will be kept. `row` None: while the row is made.

    Raises USPError 7011, 7012 or 7013.
    """
    how = spec[0]
    if how == "r" or (row and (how == "k" or (how == "o" and row[slot]))):
        raise USPError(NOT_WRITABLE)
    at = spec.find(" ")
    words = (spec[:at] if at > 0 else spec).split(":", 1)
    return _CHECKS[spec[1]](value, words[1] if len(words) > 1 else "")


def _check_boolean(value, _):
    if value in ("true", "1"):
        return "true"
    if value in ("false", "0"):
        return "false"
    raise USPError(INVALID_TYPE)


def _check_number(value, limits):
    if not is_integer(value):
        raise USPError(INVALID_TYPE)
    number = int(value)
    at = limits.find("-", 1)
    low, high = (int(limits[:at]), int(limits[at + 1 :])) if at > 0 else (0, 4294967295)
    if not low <= number <= high:
        raise USPError(INVALID_VALUE)
    return str(number)


def _check_text(value, limit):
    if limit[:1] == "+":  # may not be empty
        if not value:
            raise USPError(INVALID_VALUE)
        limit = limit[1:]
    if limit and not is_digits(limit):
        if value not in limit.split("|"):
            raise USPError(INVALID_VALUE)
    elif len(value) > int(limit or _MAX_TEXT):
        raise USPError(INVALID_VALUE)
    return value


def _check_alias(value, limit):
    if not ("a" <= value[:1] <= "z" or "A" <= value[:1] <= "Z"):
        raise USPError(INVALID_VALUE)
    return _check_text(value, limit)


def _check_date_time(value, _):
    shape = "".join(["0" if is_digits(c) else c for c in value[:19]])
    if shape != "0000-00-00T00:00:00" or value[-1] != "Z":
        raise USPError(INVALID_TYPE)
    return value


def _check_day(value, _):
    if not part("warranty").is_day(value):
        raise USPError(INVALID_VALUE)
    return value


def _check_paths(value, limit):
    try:
        entries = list(list_items(value))
        for entry in entries:
            split(entry)
    except USPError:
        raise USPError(INVALID_VALUE)  # noqa: B904 (the board cannot chain)
    return _check_text(",".join(entries), limit)


_CHECKS = {
    "b": _check_boolean,
    "u": _check_number,
    "i": _check_number,
    "s": _check_text,
    "a": _check_alias,
    "d": _check_date_time,
    "y": _check_day,
    "l": _check_paths,
}
