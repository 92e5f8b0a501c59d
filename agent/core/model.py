"""The instantiated data model: rows of texts beside the table that says what they mean.

An object is known by where its line begins in the table. Every object has rows; one without
instances has a single row. A row is a list: its instance numbers as a tuple, then one slot per
parameter in the table's order. A slot is a text, None for the default, or a number, by which
`live` of model_device.py gives the text: nothing is computed before someone asks.
"""

import json

from agent.compat import const
from agent.core.model_table import TABLE
from agent.wire.codes import (
    DUPLICATE_KEY,
    INVALID_TYPE,
    INVALID_VALUE,
    NOT_WRITABLE,
    RESOURCES_EXCEEDED,
    UNKNOWN_TIME,
)
from agent.wire.paths import is_digits, is_integer, list_items, split
from agent.wire.usp import USPError

_MAX_ROWS = const(32)
_MAX_TEXT = const(1024)

_TYPE_DEFAULTS = {"b": "false", "u": "0", "i": "0", "d": UNKNOWN_TIME}


class Model:
    """Objects of one product class, with their rows; kept rows are loaded from `store`."""

    def __init__(self, store, product_class: str) -> None:
        self.store = store
        self._rows = {}
        self._next = {}
        self._dirty = []
        self.changed = 0  # counts every change of the set of rows or of a written value
        self.objects = []
        at = 0
        while at < len(TABLE):
            only = self._header(at, "?")
            if not only or only == product_class:
                self.objects.append(at)
                self._rows[at] = []
            at = TABLE.find(b"\n\n", at) + 2
        for obj in self.objects:
            if "{i}" not in self.path(obj):
                self._rows[obj].append(self._new_row(obj, ()))
        for obj in self.objects:
            self._load(obj)
        self._drop_orphans()
        self._dirty = []

    # --- what is supported ---

    def path(self, obj: int) -> str:
        """Supported path of an object, with {i} where rows are numbered."""
        return str(TABLE[obj : TABLE.find(b" ", obj)], "utf-8")

    def find(self, path: str) -> int:
        """The object of a supported path, or -1."""
        line = path.encode() + b" "
        for obj in self.objects:
            if TABLE.startswith(line, obj):
                return obj
        return -1

    def under(self, path: str):
        """Yield each object whose supported path begins so."""
        start = path.encode()
        for obj in self.objects:
            if TABLE.startswith(start, obj):
                yield obj

    def is_creatable(self, obj: int) -> bool:
        """Whether a controller may add and delete rows."""
        at = TABLE.find(b" ", obj)
        return TABLE[at + 1] == 65

    def key_sets(self, obj: int) -> list[list[str]]:
        """The unique keys of a table, each a list of parameter names."""
        words = self._words(obj)[2:]
        return [word.split(",") for word in words if word[0] not in "=?"]

    def entries(self, obj: int):
        """Yield (name, rest of the line) of every parameter, command and event, in this order."""
        at = TABLE.find(b"\n", obj) + 1
        while TABLE[at] != 10:
            end = TABLE.find(b"\n", at)
            name, rest = str(TABLE[at:end], "utf-8").split(" ", 1)
            yield name, rest
            at = end + 1

    def parameters(self, obj: int):
        """Yield (slot, name, spec) of every parameter."""
        slot = 0
        for name, spec in self.entries(obj):
            if name[-1] in ")!":
                return
            slot += 1
            yield slot, name, spec

    def entry(self, obj: int, name: str) -> tuple[int, str] | None:
        """(place, rest of the line) of a parameter, command or event, or None.

        The place of a parameter is its slot in a row.
        """
        end = TABLE.find(b"\n\n", obj) + 1
        at = TABLE.find(b"\n" + name.encode() + b" ", obj, end)
        if at < 0:
            return None
        line = TABLE.find(b"\n", at + 1)
        place = TABLE[obj : at + 1].count(b"\n")
        return place, str(TABLE[at + len(name) + 2 : line], "utf-8")

    def _words(self, obj):
        return str(TABLE[obj : TABLE.find(b"\n", obj)], "utf-8").split(" ")

    def _header(self, obj, sign):
        for word in self._words(obj)[2:]:
            if word[0] == sign:
                return word[1:]
        return ""

    # --- values ---

    def rows(self, obj: int) -> list:
        """The rows of an object, by instance number. Do not change the list."""
        return self._rows[obj]

    def row(self, obj: int, numbers: tuple) -> list | None:
        """The row with these instance numbers."""
        for row in self._rows[obj]:
            if row[0] == numbers:
                return row
        return None

    def instance_path(self, obj: int, row: list) -> str:
        """Object path of a row with its instance numbers filled in."""
        path = self.path(obj)
        for number in row[0]:
            path = path.replace("{i}", str(number), 1)
        return path

    def value(self, obj: int, row: list, slot: int, name: str, spec: str) -> str:
        """A parameter's text as a controller may see it."""
        if spec[0] == "s":
            return ""
        value = row[slot]
        if value is None:
            if name.endswith("NumberOfEntries"):
                return str(self._count(obj, row, name[:-15]))
            return default_of(spec)
        return value if isinstance(value, str) else self.live(value)

    def get(self, obj: int, row: list, name: str) -> str:
        """The same, by name alone."""
        slot, spec = self.entry(obj, name)
        return self.value(obj, row, slot, name, spec)

    def text(self, path: str) -> str:
        """Value of one parameter by its path with instance numbers; "" when there is none."""
        supported, keys, name = split(path)
        obj = self.find(supported)
        row = self.row(obj, tuple([int(key) for key in keys])) if obj >= 0 else None
        return self.get(obj, row, name) if row else ""

    def put(self, obj: int, row: list, name: str, value) -> None:
        """Set a slot unchecked."""
        self.put_slot(obj, row, self.entry(obj, name)[0], value)

    def put_slot(self, obj: int, row: list, slot: int, value) -> None:
        """Set a slot unchecked; None goes back to the default."""
        if row[slot] != value:
            row[slot] = value
            self._touch(obj)

    def bind(self, path: str, numbers: tuple, **values) -> list:
        """Set slots, to texts or numbers for `live`, as every start does anew; return the row.

        A name is written with _ for the hyphen, which no keyword can have.
        """
        obj = self.find(path)
        row = self.insert_row(obj, numbers)
        for name, value in values.items():
            row[self.entry(obj, name.replace("X_IPKO_", "X_IPKO-"))[0]] = value
        return row

    def _count(self, obj, row, table):
        child = self.find(self.path(obj) + table + ".{i}.")
        depth = len(row[0])
        return sum([1 for found in self._rows.get(child, ()) if found[0][:depth] == row[0]])

    # --- rows ---

    def add_row(self, obj: int, parent: tuple) -> list:
        """A new row, with those of the single objects in it. Raises USPError 7005 when full."""
        if len(self._rows[obj]) >= _MAX_ROWS:
            raise USPError(RESOURCES_EXCEEDED)
        number = self._next.get((obj, parent), 0)
        for row in self._rows[obj]:
            if row[0][:-1] == parent and row[0][-1] > number:
                number = row[0][-1]
        numbers = list(parent)
        numbers.append(number + 1)
        self._next[(obj, parent)] = number + 1
        return self.insert_row(obj, tuple(numbers))

    def insert_row(self, obj: int, numbers: tuple) -> list:
        """The row with these instance numbers, made if need be, with its single objects."""
        row = self.row(obj, numbers)
        if row:
            return row
        row = self._new_row(obj, numbers)
        self._rows[obj].append(row)
        path = self.path(obj)
        for child in self.under(path):
            if child != obj and "{i}" not in self.path(child)[len(path) :]:
                self.insert_row(child, numbers)
        self._touch(obj)
        return row

    def delete_row(self, obj: int, row: list) -> None:
        """Remove a row and everything below it."""
        depth = len(row[0])
        for child in self.under(self.path(obj)):
            kept = [found for found in self._rows[child] if found[0][:depth] != row[0]]
            if len(kept) != len(self._rows[child]):
                self._rows[child] = kept
                self._touch(child)

    def fill_keys(self, obj: int, row: list) -> None:
        """Give missing keys their automatic value and refuse a duplicate (7025)."""
        for slot, _, spec in self.parameters(obj):
            if spec[0] == "k" and not row[slot]:
                row[slot] = "cpe-%d" % row[0][-1]
        for names in self.key_sets(obj):
            mine = [self.get(obj, row, name) for name in names]
            for other in self._rows[obj]:
                if other is not row and other[0][:-1] == row[0][:-1]:
                    if [self.get(obj, other, name) for name in names] == mine:
                        raise USPError(DUPLICATE_KEY)

    def unique_keys(self, obj: int, row: list):
        """Yield (name, value) of each parameter that is part of a unique key."""
        for names in self.key_sets(obj):
            for name in names:
                yield name, self.get(obj, row, name)

    def _new_row(self, obj, numbers):
        row = [numbers]
        for _ in self.parameters(obj):
            row.append(None)
        return row

    # --- keeping ---

    def _touch(self, obj):
        self.changed += 1
        if obj not in self._dirty and self._header(obj, "="):
            self._dirty.append(obj)

    def save(self) -> None:
        """Make every change of kept rows durable. Raises StorageError."""
        while self._dirty:
            obj = self._dirty[-1]
            rows = []
            for row in self._rows[obj]:
                values = {}
                for slot, name, _ in self.parameters(obj):
                    if isinstance(row[slot], str):
                        values[name] = row[slot]
                rows.append((row[0], values))
            given = [(key[1], number) for key, number in self._next.items() if key[0] == obj]
            self.store.save(self._header(obj, "="), json.dumps([rows, given]).encode())
            self._dirty.pop()

    def _load(self, obj):
        name = self._header(obj, "=")
        data = self.store.load(name) if name else None
        if not data:
            return
        rows, given = json.loads(data)
        for parent, number in given:
            self._next[(obj, tuple(parent))] = number
        for numbers, values in rows:
            row = self.insert_row(obj, tuple(numbers))
            for slot, parameter, _ in self.parameters(obj):
                row[slot] = values.get(parameter)

    def _drop_orphans(self):
        """Rows whose parent row is gone: power failed while several blobs were saved."""
        for parent in self.objects:
            path = self.path(parent)
            if path.endswith("{i}."):
                there = [row[0] for row in self._rows[parent]]
                depth = path.count("{i}")
                for child in self.under(path):
                    self._rows[child] = [r for r in self._rows[child] if r[0][:depth] in there]

    def forget(self) -> None:
        """Factory reset: remove what is kept, but for the history of boots. Restart afterwards."""
        for obj in self.objects:
            name = self._header(obj, "=")
            if name and not name.startswith("reboot"):
                self.store.remove(name)
        self._dirty = []


def default_of(spec: str) -> str:
    """The value a parameter has before anyone wrote it."""
    at = spec.find(" ")
    return spec[at + 1 :] if at > 0 else _TYPE_DEFAULTS.get(spec[1], "")


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
    "l": _check_paths,
}
