"""Search expressions: `[A==1&&B!="x"]` against the rows of a model.

Loaded when a path has one. Source: TR-369, "Searching with Expressions".
"""

from agent.compat import const
from agent.wire.codes import INVALID_PATH, INVALID_PATH_SYNTAX, UNKNOWN_TIME
from agent.wire.paths import is_integer, name_of
from agent.wire.usp import USPError

_MAX_CONDITIONS = const(8)
_OPERATORS = ("==", "!=", "~=", "<=", ">=", "<", ">")


def terms_of(model, table: str, expression: str) -> list:
    """The comparisons of an expression on the rows of a table. Raises USPError 7008 or 7026."""
    return [_Term(model, table, term) for term in conditions(expression)]


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
        if operator not in _OPERATORS:
            operator = part[at : at + 1]
        if operator not in _OPERATORS:
            raise USPError(INVALID_PATH_SYNTAX)
        name = part[:at].strip()
        if not _is_relative(name):
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


def _is_relative(name):
    try:
        return all(name_of(part) == part for part in name.split("."))
    except USPError:
        return False


class _Term:
    """One comparison of a search expression. Source: TR-369, "Searching with Expressions"."""

    def __init__(self, model, table, term) -> None:
        self.name, self.operator, constant = term
        self._model = model
        owner, _, parameter = self.name.rpartition(".")
        self._parameter = parameter
        self._obj = model.find(table + owner + "." if owner else table)
        entry = model.entry(self._obj, parameter) if self._obj >= 0 else None
        if entry is None or parameter[-1] in ")!":
            raise USPError(INVALID_PATH)
        self._kind = entry[1][1]
        self._constant = self._read_constant(constant)

    def _read_constant(self, constant):
        quoted = constant[0] == '"'
        if quoted:
            constant = constant[1:]
        if self._kind in "ui":
            if quoted or not is_integer(constant):
                raise USPError(INVALID_PATH_SYNTAX)
            constant = int(constant)
        elif self._kind == "b":
            if quoted or constant not in ("true", "false", "1", "0"):
                raise USPError(INVALID_PATH_SYNTAX)
            constant = "true" if constant in ("true", "1") else "false"
        elif not quoted:
            raise USPError(INVALID_PATH_SYNTAX)
        if self.operator == "~=" and self._kind != "l":
            raise USPError(INVALID_PATH_SYNTAX)
        if self.operator not in ("==", "!=", "~=") and self._kind not in "uid":
            raise USPError(INVALID_PATH_SYNTAX)
        return constant

    def holds(self, numbers) -> bool:
        """Whether the row with these numbers meets the comparison."""
        row = self._model.row(self._obj, numbers)
        value = self._model.get(self._obj, row, self._parameter)
        operator = self.operator
        if operator == "~=":
            return self._constant in [item.strip() for item in value.split(",")]
        if self._kind in "ui":
            value = int(value)
        if operator == "==":
            return value == self._constant
        if operator == "!=":
            return value != self._constant
        if self._kind == "d" and UNKNOWN_TIME in (value, self._constant):
            return False
        if operator == "<":
            return value < self._constant
        if operator == ">":
            return value > self._constant
        return value <= self._constant if operator == "<=" else value >= self._constant
