"""Subscriptions: which of them want an event, and which values have changed for them.

A ReferenceList entry that is an object covers everything below it. Values are compared by their
CRC-32, so that watching a whole tree costs no copy of it. The baseline is what they are when a row
is made; after a start, at the first look.
Source: TR-369, "Subscriptions and Notifications"; TR-181 Device.LocalAgent.Subscription.{i}.
"""

from agent.compat import const, crc32
from agent.core.changes import SUBSCRIPTION
from agent.core.paths import Target
from agent.wire.paths import list_items, split
from agent.wire.usp import USPError

_MAX_WATCHED = const(512)
_SMALL = const(0x3FFFFFFF)  # what a 32-bit board holds without an object


class Subscriptions:
    """Reads the subscription rows of a model."""

    def __init__(self, model) -> None:
        self._model = model
        self._obj = model.find(SUBSCRIPTION)
        self._expiry = {}  # instance number: (TimeToLive s, when it ends in ms)
        self._values = {}  # CRC of subscription and path: CRC of the value
        self.watched = 0
        for row in list(model.rows(self._obj)):
            if self.get(row, "Persistent") != "true":
                model.delete_row(self._obj, row)

    def get(self, row, name: str) -> str:
        """One parameter of a subscription."""
        return self._model.get(self._obj, row, name)

    def by_number(self, number: int):
        """The row with this instance number, or None."""
        return self._model.row(self._obj, (number,))

    def wanting(self, notif_type: str, path: str, name: str = ""):
        """Yield the enabled rows of this type that cover `name` of the object at `path`."""
        supported, keys, _ = split(path)
        numbers = tuple([int(key) for key in keys])
        for row in self._enabled(notif_type):
            for target in self._targets(row):
                if _covers(target, supported, numbers, name):
                    yield row
                    break

    def expired(self, now_ms: int) -> list:
        """The rows whose TimeToLive has run out."""
        out = []
        for row in self._model.rows(self._obj):
            time_to_live_s = int(self.get(row, "TimeToLive"))
            known = self._expiry.get(row[0][0])
            if not known or known[0] != time_to_live_s:
                self._expiry[row[0][0]] = known = (time_to_live_s, now_ms + time_to_live_s * 1000)
            if time_to_live_s and known[1] <= now_ms:
                out.append(row)
        return out

    def object(self) -> int:
        """The object these rows belong to."""
        return self._obj

    def begin(self, row) -> None:
        """What a new row watches counts as told, as it is now."""
        for found in self._enabled("ValueChange"):
            if found is row:
                for _ in self._compare(row, self._values):
                    pass

    def changed_values(self):
        """Yield (row, parameter path, value) of every watched value that differs from last time,
        and None for every other: others may run then."""
        values = {}
        for row in self._enabled("ValueChange"):
            yield from self._compare(row, values)
        self._values = values
        self.watched = len(values)

    def _compare(self, row, values):
        for target in self._targets(row):
            for path, value in self._watched(target):
                key = crc32(path.encode(), row[0][0]) & _SMALL
                seen = crc32(value.encode()) & _SMALL
                if key not in values and len(values) < _MAX_WATCHED:
                    told = self._values.get(key, seen) == seen
                    values[key] = seen
                    yield None if told else (row, path, value)

    def _enabled(self, notif_type):
        for row in self._model.rows(self._obj):
            if self.get(row, "Enable") == "true" and self.get(row, "NotifType") == notif_type:
                yield row

    def _targets(self, row):
        for entry in list_items(self.get(row, "ReferenceList")):
            try:
                yield Target(self._model, entry)
            except USPError:
                continue  # the path means nothing to this agent

    def _watched(self, target):
        for obj in self._model.under(target.supported):
            for slot, name, spec in self._model.parameters(obj):
                if spec[2:3] != "~" and target.name in ("", name):
                    for row in target.rows(obj):
                        path = self._model.instance_path(obj, row) + name
                        yield path, self._model.value(obj, row, slot, name, spec)
            if target.name:
                return


def _covers(target, supported, numbers, name):
    if target.name:
        return target.name == name and target.supported == supported and target.matches(numbers)
    return supported.startswith(target.supported) and target.matches(numbers)
