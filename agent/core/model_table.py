"""The supported data model: model_table.txt, of which one object at a time is in memory.

The text lies on flash beside this code. A board keeps where each object of its product class begins
and a check of its path, six bytes an object, and reads the object when it is asked for. Objects
stand in the order of the tree: what is below a path follows it without a gap.

An object is a line `path access keys ...`, its parameters, then its commands and events, then an
empty line. Access: R read only, A rows can be added and deleted. Then come the unique keys (commas
join a compound key), `=name` for the blob the rows are kept in, `~name`
for one whose rows are in memory only while they are used, `?CLASS|CLASS` for some product
classes alone, `@name` for a live object: the part `live_name` makes its rows whenever somebody
asks, and every parameter of it is read only.

A parameter is `name spec default`. Spec: how it is written (r not at all, w, o once, k only while
the row is made, and filled in by the agent if missing, s write-only), its type (s text, a text that
begins with a letter, b boolean, i int, u unsigned, d dateTime, y day of the calendar, `unknown` or
`none`, l list of paths, p path of a row),
`~` where changes are never notified, and after a colon the range, the greatest length, or the
texts allowed.

A command is `name kind inputs outputs`: s at once, a in the background, capitals where it can harm
and demands an authorisation; `*` marks a mandatory input, `-` none. An event is `name arguments`;
`+` stands for those of every journalled event. Names follow TR-181 2.19; ours are X_IPKO-COM_.
"""

from agent.compat import crc32

_opened = []


def opened_text():
    """The text, opened by the first who reads it: a part of the program, like its code."""
    if not _opened:
        _opened.append(open(__file__.rpartition("/")[0] + "/model_table.txt", "rb"))
    return _opened[0]


def check_of(path: bytes) -> int:
    """Sixteen bits by which a path is looked for before the text is read."""
    return crc32(path) & 0xFFFF


class Table:
    """What one product class supports: an object is known by its place in these arrays. `starts`
    and `sizes` say where its lines are in the text, `checks` is `check_of` its path."""

    def __init__(self, starts, sizes, checks) -> None:
        self.starts = starts
        self._sizes = sizes
        self._checks = checks
        self.objects = range(len(starts))
        self._held = -1
        self._lines = b""

    def path(self, obj: int) -> str:
        """Supported path of an object, with {i} where rows are numbered."""
        text = self._read(obj)
        return str(text[: text.find(b" ")], "utf-8")

    def find(self, path: str) -> int:
        """The object of a supported path, or -1."""
        line = path.encode()
        check = check_of(line)
        line += b" "
        for obj in self.objects:
            if self._checks[obj] == check and self._read(obj).startswith(line):
                return obj
        return -1

    def under(self, path: str):
        """Yield the object or table at a supported path, and each object below it."""
        start = path.encode()
        obj = self.find(path)
        if obj < 0:
            obj = self.find(path + "{i}.")
        while 0 <= obj < len(self.objects) and self._read(obj).startswith(start):
            yield obj
            obj += 1

    def is_creatable(self, obj: int) -> bool:
        """Whether a controller may add and delete rows."""
        text = self._read(obj)
        return text[text.find(b" ") + 1] == 65

    def key_sets(self, obj: int) -> list[list[str]]:
        """The unique keys of a table, each a list of parameter names."""
        return [word.split(",") for word in self._words(obj) if word[0] not in "=~?@"]

    def header(self, obj: int, sign: str) -> str:
        """The word behind `=`, `~`, `?` or `@`, or one of several, in the line of an object; "" if
        there is none."""
        for word in self._words(obj):
            if word[0] in sign:
                return word[1:]
        return ""

    def entries(self, obj: int):
        """Yield (name, rest of the line) of every parameter, command and event, in this order."""
        text = self._read(obj)
        at = text.find(b"\n") + 1
        while text[at] != 10:
            end = text.find(b"\n", at)
            name, rest = str(text[at:end], "utf-8").split(" ", 1)
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
        text = self._read(obj)
        at = text.find(b"\n" + name.encode() + b" ")
        if at < 0:
            return None
        line = text.find(b"\n", at + 1)
        return text.count(b"\n", 0, at + 1), str(text[at + len(name) + 2 : line], "utf-8")

    def _words(self, obj):
        text = self._read(obj)
        return str(text[: text.find(b"\n")], "utf-8").split(" ")[2:]

    def _read(self, obj):
        """The lines of an object, the empty one behind it included."""
        if obj != self._held:
            text = opened_text()
            text.seek(self.starts[obj])
            self._lines = text.read(self._sizes[obj])
            self._held = obj
        return self._lines


def arguments(words: str) -> list[str]:
    """The names in a list of arguments."""
    return [] if words == "-" else words.replace("*", "").split(",")
