"""The path names of TR-369, taken apart without looking at a model.

`Device.A.*.B.[Key=="x"&&Size>3].Name` has the supported path `Device.A.{i}.B.{i}.`, the keys `*`
and `[Key=="x"&&Size>3]`, and the name `Name`. An object path ends with a dot and has no name;
after a key the dot may be missing.
"""

from agent.compat import const
from agent.wire.codes import INVALID_PATH, INVALID_PATH_SYNTAX
from agent.wire.usp import USPError

_MAX_PATH = const(1024)
_MAX_PARTS = const(24)


def split(path: str) -> tuple[str, list[str], str]:
    """Return (supported path, keys, name); raises USPError 7008 on a path no model can have."""
    if len(path) > _MAX_PATH or not path.startswith("Device."):
        raise USPError(INVALID_PATH_SYNTAX)
    supported = []
    keys = []
    at = 0
    while at < len(path):
        part, at = _part(path, at)
        is_key = part == "*" or part[0] == "[" or _is_number(part)
        if at > len(path) and not is_key:
            return ".".join(supported) + ".", keys, name_of(part)
        if is_key:
            keys.append(part)
            supported.append("{i}")
        else:
            supported.append(name_of(part))
        if len(supported) > _MAX_PARTS:
            raise USPError(INVALID_PATH_SYNTAX)
    return ".".join(supported) + ".", keys, ""


def _part(path, at):
    """Return (part, where the next begins); the last part of a path without a final dot ends
    beyond the path."""
    end = at
    if path[at] == "[":
        end = _closing(path, at)
    dot = path.find(".", end)
    if dot < 0:
        dot = len(path)
    part = path[at:dot]
    if not part or (part[0] == "[" and dot != end):
        raise USPError(INVALID_PATH_SYNTAX)
    return part, dot + 1


def _closing(path, at):
    quoted = False
    while at < len(path):
        if path[at] == '"':
            quoted = not quoted
        at += 1
        if path[at - 1] == "]" and not quoted:
            return at
    raise USPError(INVALID_PATH_SYNTAX)


def is_digits(text: str) -> bool:
    """Whether the text is one or more ASCII digits (`isdigit` takes more than int() reads)."""
    for c in text:
        if not "0" <= c <= "9":
            return False
    return bool(text)


def is_integer(text: str) -> bool:
    """Whether the text is a decimal integer of at most 20 digits, perhaps with a minus."""
    digits = text[1:] if text[:1] == "-" else text
    return is_digits(digits) and len(digits) <= 20


def list_items(text: str):
    """Yield the items of a comma separated list; commas within [ ] are part of an item."""
    start = at = 0
    while at < len(text):
        if text[at] == "[":
            at = _closing(text, at) - 1
        elif text[at] == ",":
            yield text[start:at].strip()
            start = at + 1
        at += 1
    if text:
        yield text[start:].strip()


def _is_number(part):
    if not is_digits(part):
        return False
    if part[0] == "0" or len(part) > 9:
        raise USPError(INVALID_PATH_SYNTAX)
    return True


def name_of(part):
    """The part itself when it is a name, maybe with () or ! at its end; else raises USPError."""
    bare = part
    if part.endswith("()"):
        bare = part[:-2]
    elif part.endswith("!"):
        bare = part[:-1]
    elif "+" in part:
        raise USPError(INVALID_PATH)
    if not bare or "0" <= bare[0] <= "9" or bare[0] == "-":
        raise USPError(INVALID_PATH_SYNTAX)
    for c in bare:
        if not ("a" <= c <= "z" or "A" <= c <= "Z" or "0" <= c <= "9" or c in "_-"):
            raise USPError(INVALID_PATH_SYNTAX)
    return part
