"""The instantiated data model: rows of texts beside the table that says what they mean.

Every object has rows; one without instances has a single row. A row is a list: its instance
numbers as a tuple, then one slot per parameter in the table's order. A slot is a text, None for the
default, or a number, by which `live` of model_device.py gives the text: nothing is computed before
someone asks.

Rows that are kept as `~name` are read from the store when somebody asks, and let go of between two
messages: until then they are one and the same, and may be written as any other.

The rows of a live object (`@name` in the table) are not here at all: the part `live_<name>` has a
generator `rows(model, path)` that makes them, of texts and None alone, from the board's facts.
"""

from agent.breath import breathe
from agent.compat import const
from agent.core.model_table import Table
from agent.core.parts import part
from agent.wire.codes import RESOURCES_EXCEEDED, UNKNOWN_TIME
from agent.wire.paths import split
from agent.wire.usp import USPError

_MAX_ROWS = const(32)

_TYPE_DEFAULTS = {"b": "false", "u": "0", "i": "0", "d": UNKNOWN_TIME}


class Model(Table):
    """Objects of one product class, with their rows; kept rows are loaded from `store`."""

    def __init__(self, store, product_class: str) -> None:
        start = part("model_start")
        Table.__init__(self, *start.index(product_class))
        self.store = store
        self.tables = []  # the rows of each object; None where they are live, or only on flash
        self._awake = []  # objects whose rows were read from flash for this message
        self.given = {}
        self.dirty = []
        self.changed = 0  # counts every change of the set of rows or of a written value
        start.load(self)

    # --- values ---

    def facts(self, subject: str) -> dict | None:
        """What the board knows about a subject; there is no board here."""
        return None

    def rows(self, obj: int):
        """The rows of an object, to be gone through once and not changed."""
        table = self.tables[obj]
        if table is None:
            name = self.header(obj, "@")
            if name:
                return part("live_" + name).rows(self, self.path(obj))
            self.tables[obj] = table = part("model_rows").read(self, obj)
            self._awake.append(obj)
        return table

    def rest(self) -> None:
        """Let go of the rows that are kept on flash, unless they wait to be saved."""
        for obj in self._awake:
            if obj in self.dirty:
                return
        while self._awake:
            self.tables[self._awake.pop()] = None

    def row(self, obj: int, numbers: tuple) -> list | None:
        """The row with these instance numbers."""
        for row in self.rows(obj):
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
        entry = self.entry(obj, name)
        return self.value(obj, row, entry[0], name, entry[1]) if entry else ""

    def live(self, which: int) -> str:
        """The text of a sampled value; nothing is sampled in a model without a board."""
        return ""

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

    def _count(self, obj, row, table):
        child = self.find(self.path(obj) + table + ".{i}.")
        depth = len(row[0])
        if child < 0:
            return 0
        return sum([1 for found in self.rows(child) if found[0][:depth] == row[0]])

    # --- rows ---

    def add_row(self, obj: int, parent: tuple) -> list:
        """A new row, with those of the single objects in it. Raises USPError 7005 when full."""
        rows = self.rows(obj)
        if len(rows) >= _MAX_ROWS:
            raise USPError(RESOURCES_EXCEEDED)
        number = self.given.get((obj, parent), 0)
        for row in rows:
            if row[0][:-1] == parent and row[0][-1] > number:
                number = row[0][-1]
        numbers = list(parent)
        numbers.append(number + 1)
        self.given[(obj, parent)] = number + 1
        return self.insert_row(obj, tuple(numbers))

    def insert_row(self, obj: int, numbers: tuple) -> list:
        """The row with these instance numbers, made if need be, with its single objects."""
        row = self.row(obj, numbers)
        if row:
            return row
        row = self.new_row(obj, numbers)
        self.rows(obj).append(row)
        path = self.path(obj)
        for child in self.under(path):
            if child == obj or self.header(child, "@"):
                continue
            if "{i}" not in self.path(child)[len(path) :]:
                self.insert_row(child, numbers)
        self._touch(obj)
        return row

    def delete_row(self, obj: int, row: list) -> None:
        """Remove a row and everything below it."""
        depth = len(row[0])
        for child in self.under(self.path(obj)):
            if self.header(child, "@"):
                continue
            kept = [found for found in self.rows(child) if found[0][:depth] != row[0]]
            if len(kept) != len(self.tables[child]):
                self.tables[child] = kept
                self._touch(child)

    def unique_keys(self, obj: int, row: list):
        """Yield (name, value) of each parameter that is part of a unique key."""
        for names in self.key_sets(obj):
            for name in names:
                yield name, self.get(obj, row, name)

    def new_row(self, obj, numbers):
        row = [numbers]
        for _ in self.parameters(obj):
            row.append(None)
        return row

    # --- keeping ---

    def _touch(self, obj):
        self.changed += 1
        if obj not in self.dirty and self.header(obj, "=~"):
            self.dirty.append(obj)

    def save(self) -> None:
        """Make every change of kept rows durable. Raises StorageError."""
        while self.dirty:
            breathe()
            part("model_rows").save(self, self.dirty[-1])
            self.dirty.pop()

    def forget(self) -> None:
        """Factory reset: remove what is kept, but for boots and warranty. Restart afterwards."""
        part("model_start").forget(self)


def default_of(spec: str) -> str:
    """The value a parameter has before anyone wrote it."""
    at = spec.find(" ")
    return spec[at + 1 :] if at > 0 else _TYPE_DEFAULTS.get(spec[1], "")
