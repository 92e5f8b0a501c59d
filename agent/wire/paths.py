"""The path names and search expressions of TR-369, taken apart without looking at a model.

`Device.A.*.B.[Key=="x"&&Size>3].Name` has the supported path `Device.A.{i}.B.{i}.`, the keys `*`
and `[Key=="x"&&Size>3]`, and the name `Name`. An object path ends with a dot and has no name;
after a key the dot may be missing.
"""

from agent.compat import const
from agent.wire.codes import INVALID_PATH, INVALID_PATH_SYNTAX
from agent.wire.usp import USPError

_MAX_PATH = const(1024)
_MAX_PARTS = const(24)
_MAX_CONDITIONS = const(8)

OPERATORS = ("==", "!=", "~=", "<=", ">=", "<", ">")


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
            return ".".join(supported) + ".", keys, _name(part)
        if is_key:
            keys.append(part)
            supported.append("{i}")
        else:
            supported.append(_name(part))
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


def _name(part):
    """A name, with () or ! at its end if it is a command or an event."""
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


def is_relative(name: str) -> bool:
    """Whether the text may be a relative parameter path: names with dots between them."""
    try:
        return all(_name(part) == part for part in name.split("."))
    except USPError:
        return False


def conditions(expression: str) -> list[tuple[str, str, str]]:
    """The (parameter, operator, value) of `[A==1&&B!="x"]`; a text keeps its opening quote, so that
    `"1` and `1` differ. Raises USPError 7008. Source: TR-369, "Searching with Expressions"."""
    out = []
    for part in _between_ands(expression[1:-1]):
        part = part.strip()
        at = 0
        while at < len(part) and part[at] not in "=!~<>":
            at += 1
        operator = part[at : at + 2]
        if operator not in OPERATORS:
            operator = part[at : at + 1]
        if operator not in OPERATORS:
            raise USPError(INVALID_PATH_SYNTAX)
        name = part[:at].strip()
        if not is_relative(name):
            raise USPError(INVALID_PATH_SYNTAX)
        out.append((name, operator, _constant(part[at + len(operator) :].strip())))
    if len(out) > _MAX_CONDITIONS:
        raise USPError(INVALID_PATH_SYNTAX)
    return out


def _between_ands(body):
    start = at = 0
    quoted = False
    while at < len(body):
        if body[at] == '"':
            quoted = not quoted
        elif not quoted and body[at : at + 2] == "&&":
            yield body[start:at]
            at += 1
            start = at + 1
        at += 1
    yield body[start:]


def _constant(value):
    if not value.startswith('"'):
        if not value or '"' in value or " " in value:
            raise USPError(INVALID_PATH_SYNTAX)
        return value
    if len(value) < 2 or value[-1] != '"' or '"' in value[1:-1]:
        raise USPError(INVALID_PATH_SYNTAX)
    return value[:-1].replace("%22", '"').replace("%25", "%")
