"""Paths that meet the model: which objects and rows a path names.

A search that finds nothing is a success; a row that is named by number or by a whole unique key
and is not there is not. Source: TR-369 R-MSG.4a, R-GET.0.
"""

from agent.core.parts import part
from agent.wire.codes import INVALID_PATH, OBJECT_DOES_NOT_EXIST
from agent.wire.paths import split
from agent.wire.usp import USPError


class Target:
    """A path resolved against the model.

    `obj` is the object it names, a table counting as its rows' object; `name` the parameter,
    command or event, "" for an object path; `whole_table` whether a table is meant, not a row.
    Raises USPError 7008 or 7026.
    """

    def __init__(self, model, path: str) -> None:
        self._model = model
        self.supported, self.keys, self.name = split(path)
        self.obj = model.find(self.supported)
        self.whole_table = False
        if self.obj < 0:
            self.obj = model.find(self.supported + "{i}.")
            self.whole_table = True
        if self.obj < 0 or (self.name and (self.whole_table or not self.entry())):
            raise USPError(INVALID_PATH)
        self.is_search = False
        self._found = [self._numbers(level) for level in range(len(self.keys))]

    def entry(self):
        """(place, rest of the line) of the named parameter, command or event."""
        return self._model.entry(self.obj, self.name)

    def is_row(self) -> bool:
        """Whether the path names rows of a table."""
        return not self.name and not self.whole_table and self.supported.endswith("{i}.")

    def matches(self, numbers: tuple) -> bool:
        """Whether a row with these instance numbers is at or below the path."""
        if len(numbers) < len(self.keys):
            return False
        for level, key in enumerate(self.keys):
            found = self._found[level]
            if found is not None:
                if numbers[: level + 1] not in found:
                    return False
            elif key != "*" and int(key) != numbers[level]:
                return False
        return True

    def rows(self, obj: int = -1):
        """Yield the rows of the object, or of one below it, that the path covers."""
        for row in self._model.rows(self.obj if obj < 0 else obj):
            if self.matches(row[0]):
                yield row

    def require(self) -> None:
        """Raises USPError 7016 when a row is named that is not there."""
        if self.keys and not self.is_search:
            at = _end_of_key(self.supported, len(self.keys))
            for _ in self.rows(self._model.find(self.supported[:at])):
                return
            raise USPError(OBJECT_DOES_NOT_EXIST)

    def _numbers(self, level):
        """The rows an expression selects on its level; None for a number or `*`."""
        key = self.keys[level]
        if key[0] != "[":
            self.is_search = self.is_search or key == "*"
            return None
        table = self.supported[: _end_of_key(self.supported, level + 1)]
        obj = self._model.find(table)
        terms = part("expressions").terms_of(self._model, table, key)
        if not self._is_unique_key(obj, terms):
            self.is_search = True
        return [row[0] for row in self._model.rows(obj) if all([t.holds(row[0]) for t in terms])]

    def _is_unique_key(self, obj, terms):
        names = sorted([term.name for term in terms])
        if [term for term in terms if term.operator != "=="]:
            return False
        return names in [sorted(keys) for keys in self._model.key_sets(obj)]


def _end_of_key(path, count):
    at = 0
    for _ in range(count):
        at = path.find("{i}.", at) + 4
    return at
