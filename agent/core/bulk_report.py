"""The contents of one BulkData report: names, values, and which of them are exceptions.

A report is JSON: {"Report":[{"CollectionTime":1795352288,"up":2484,"dp.1":25}]}. A name is that of
the row of Profile.{i}.Parameter., followed by the instance numbers that a wildcard found and, where
an object is reported, by what stands below it; a row without a name gives the full path. Integers
and booleans are those of JSON, all else is text. Source: TR-369, R-BULK.9; TR-181, BulkData.
"""

import json

from agent.compat import const, crc32
from agent.core.paths import Target
from agent.wire.codes import BULK_DATA
from agent.wire.paths import is_integer
from agent.wire.usp import USPError

_PARAMETER = BULK_DATA + "Profile.{i}.Parameter.{i}."
_ENCODING = BULK_DATA + "Profile.{i}.JSONEncoding."
_LOW = "X_IPKO-COM_Low"
_HIGH = "X_IPKO-COM_High"
_CHANGE = "X_IPKO-COM_Change"
_MAX_WATCHED = const(64)
_SMALL = const(0x3FFFFFFF)  # what a 32-bit board holds without an object


class _Limits:
    """What makes a value of one Parameter row an exception; None where nothing does."""

    def __init__(self, model, obj, row) -> None:
        low, high = model.get(obj, row, _LOW), model.get(obj, row, _HIGH)
        self._low = int(low) if is_integer(low) else None
        self._high = int(high) if is_integer(high) else None
        self._change = int(model.get(obj, row, _CHANGE))

    def watch(self) -> bool:
        return self._low is not None or self._high is not None or self._change > 0

    def is_exception(self, value: int, told) -> bool:
        """Whether it must be told at once; `told` is what was told last, None for nothing yet."""
        inside = self._inside(value)
        if told is None:
            return not inside
        if inside != self._inside(told):
            return True
        return self._change > 0 and abs(value - told) >= self._change

    def _inside(self, value):
        if self._low is not None and value < self._low:
            return False
        return self._high is None or value <= self._high


def is_watched(model, profile) -> bool:
    """Whether any value of this profile has a limit."""
    obj = model.find(_PARAMETER)
    for row in model.rows(obj):
        if row[0][:1] == profile[0] and _Limits(model, obj, row).watch():
            return True
    return False


def collect(model, profile, told, exceptions: bool):
    """A generator that yields None after each value, and returns the report of a profile as text,
    "" when `exceptions` are asked for and there are none.

    `told` remembers what was last told of the watched values, None where none is watched.
    """
    parts = []
    obj = model.find(_PARAMETER)
    rows = [row for row in model.rows(obj) if row[0][:1] == profile[0]]
    excluded = [target for row, target in _targets(model, obj, rows, "true")]
    for row, target in _targets(model, obj, rows, "false"):
        limits = _Limits(model, obj, row)
        watched = told is not None and limits.watch()
        if exceptions and not watched:
            continue
        name = model.get(obj, row, "Name")
        yield None
        for found, spec, value in _values(model, target, name, excluded):
            yield None
            if watched:
                key = crc32(found.encode()) & _SMALL
                number = _number(value)
                if exceptions and not limits.is_exception(number, told.get(key)):
                    if key not in told and len(told) < _MAX_WATCHED:
                        told[key] = number
                    continue
                if key in told or len(told) < _MAX_WATCHED:
                    told[key] = number
            parts.append("%s:%s" % (json.dumps(found), _json(spec, value)))
    if exceptions and not parts:
        return ""
    stamp = _stamp(model, profile)
    if stamp:
        parts.insert(0, stamp)
    return '{"Report":[{%s}]}' % ",".join(parts)


def _targets(model, obj, rows, exclude):
    """Yield (row, Target) of every reference that means something to this agent."""
    for row in rows:
        if model.get(obj, row, "Exclude") == exclude:
            try:
                yield row, Target(model, model.get(obj, row, "Reference"))
            except USPError:
                continue


def _values(model, target, name, excluded):
    """Yield (name in the report, spec, text) of every parameter a reference finds."""
    for obj in model.under(target.supported):
        for slot, parameter, spec in model.parameters(obj):
            if target.name not in ("", parameter):
                continue
            for row in target.rows(obj):
                if not _is_excluded(excluded, model.path(obj), row[0], parameter):
                    path = model.instance_path(obj, row) + parameter
                    yield (
                        _short(name, target, row[0], path) if name else path,
                        spec,
                        model.value(obj, row, slot, parameter, spec),
                    )
        if target.name:
            return


def _short(name, target, numbers, path):
    """The name, the numbers a wildcard or search found, and what is below an object."""
    level = 0
    for key in target.keys:
        if key == "*" or key[0] == "[":
            name = "%s.%d" % (name, numbers[level])
        level += 1
    if target.name:
        return name
    return name + "." + ".".join(path.split(".")[target.supported.count(".") :])


def _is_excluded(excluded, path, numbers, parameter):
    for target in excluded:
        inside = path == target.supported if target.name else path.startswith(target.supported)
        if inside and target.name in ("", parameter) and target.matches(numbers):
            return True
    return False


def _number(value):
    """An integer as it is; any other text as something that differs when the text does."""
    return int(value) if is_integer(value) else crc32(value.encode()) & _SMALL


def _json(spec, value):
    if spec[1] == "b" or (spec[1] in "iu" and is_integer(value)):
        return value
    return json.dumps(value)


def _stamp(model, profile):
    obj = model.find(_ENCODING)
    form = model.get(obj, model.row(obj, profile[0]), "ReportTimestamp")
    if form == "None" or model.offset_ms is None:
        return ""
    if form == "ISO-8601":
        return '"CollectionTime":"%s"' % model.now()
    return '"CollectionTime":%d' % ((model.offset_ms + model.now_ms) // 1000)
