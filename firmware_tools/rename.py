"""Names for the whole agent that cost a board no heap: those its machine has already.

A name is given up when the agent itself makes it (a function, class, attribute or argument) and
nobody outside can know it: it is no name of the machine, none of a contract of boards, none of a
module, and stands in no text. It becomes, everywhere alike, a name of the machine that no source
uses for anything. A name that only stands behind a dot (an attribute) and one that never does (an
argument) may become the same: they never meet. Why: docs/adr/0003-names-of-the-machine.md.
"""

import ast
import re
from collections.abc import Iterator, Mapping

from firmware_tools.vm_names import VM_NAMES

_NAMING = re.compile(r"[A-Za-z_][A-Za-z0-9_.]*")  # a text that may name something
_PRIVATE = re.compile(r"_[a-z][A-Za-z0-9_]*")
_CONSTANT = re.compile(r"_[A-Z][A-Z0-9_]*")
_DYNAMIC = re.compile(r"attr\([^)]*['\"]_")
_CONTRACTS = (
    "agent.ports.board",
    "agent.ports.card",
    "agent.ports.customer",
    "agent.ports.esp32",
    "agent.ports.filter",
    "agent.ports.microcontroller",
    "agent.ports.rp2",
    "agent.ports.sampler",
    "agent.ports.signals",
)
_KEPT = frozenset(
    {"run", "memory_bytes", "const"}
)  # what boards and their trials call, and mpy-cross
_FIELDS = ("id", "attr", "name", "arg", "asname")

# Names that mean something wherever they stand: of exceptions, to the compiler, in a class.
_MEANT = {"args", "const", "errno", "micropython", "native", "strerror", "super", "value", "viper"}


def new_names(trees: Mapping[str, ast.Module]) -> dict[str, str]:
    """The new name of each name that is given up."""
    kept = _kept(trees)
    taken: set[str] = set()
    made: set[str] = set()
    members: set[str] = set()
    alone: set[str] = set()
    for tree in trees.values():
        taken.update(names_of(tree))
        made.update(_made(tree) - kept)
        members.update(_members(tree))
        alone.update(_alone(tree))
    free = _free_names(taken)
    new = dict(zip(sorted(made & members & alone), free, strict=False))
    rest = list(free)
    for names in (made & members - alone, made - members):
        new.update(zip(sorted(names), _more(rest, taken), strict=False))
    return new


def names_of(tree: ast.AST) -> Iterator[str]:
    """Every name that stands in a source, but for those in texts."""
    for node in ast.walk(tree):
        for field in _FIELDS:
            value = getattr(node, field, None)
            if isinstance(value, str):
                yield from value.split(".")
        if isinstance(node, ast.Global | ast.Nonlocal):
            yield from node.names


def _free_names(used: set[str]) -> Iterator[str]:
    fit = [name for name in VM_NAMES - used - _MEANT if not _CONSTANT.fullmatch(name)]
    return iter(sorted(fit, key=lambda name: (len(name), name)))


def _members(tree: ast.AST) -> Iterator[str]:
    """The names that stand behind a dot, or are made in the body of a class."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute):
            yield node.attr
        elif isinstance(node, ast.ClassDef):
            for child in node.body:
                if isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef):
                    yield child.name
                else:
                    yield from names_of(child)


def _alone(tree: ast.AST) -> Iterator[str]:
    """The names that stand by themselves."""
    methods = {
        child
        for node in ast.walk(tree)
        if isinstance(node, ast.ClassDef)
        for child in node.body
        if isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef)
    }
    for node in ast.walk(tree):
        if not isinstance(node, ast.Attribute) and node not in methods:
            for field in _FIELDS:
                value = getattr(node, field, None)
                if isinstance(value, str):
                    yield value
        if isinstance(node, ast.Global | ast.Nonlocal):
            yield from node.names
    for method in methods:  # what is worked out in the body of the class, and so may meet members
        for part in (*method.decorator_list, *method.args.defaults, *method.args.kw_defaults):
            if part is not None:
                yield from names_of(part)


def _more(rest: list[str], used: set[str]) -> Iterator[str]:
    """These, and short ones when those of the machine are used up."""
    yield from rest
    letters = "abcdefghijklmnopqrstuvwxyz"
    for first in letters:
        for second in letters:
            if f"_{first}{second}" not in used:
                yield f"_{first}{second}"


def _made(tree: ast.Module) -> set[str]:
    """What a module makes: names that a board would keep, and that are no compile-time constant."""
    found = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            found.add(node.name)
        elif isinstance(node, ast.arg):
            found.add(node.arg)
        elif isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store):
            found.add(node.attr)
    for owner in ast.walk(tree):
        if isinstance(owner, ast.Module | ast.ClassDef):
            for node in owner.body:
                found.update(_assigned(node))
    return {name for name in found if not name.endswith("__")}


def _assigned(node: ast.stmt) -> set[str]:
    if not isinstance(node, ast.Assign):
        return set()
    if isinstance(node.value, ast.Call) and ast.unparse(node.value.func) == "const":
        return set()
    return {
        name.id
        for target in node.targets
        for name in ast.walk(target)
        if isinstance(name, ast.Name)
    }


def _kept(trees: Mapping[str, ast.Module]) -> set[str]:
    kept = set(VM_NAMES | _KEPT)
    for module, tree in trees.items():
        kept.update(module.split("."))
        if module in _CONTRACTS:
            kept.update(names_of(tree))
        if _DYNAMIC.search(ast.unparse(tree)):
            kept.update(name for name in names_of(tree) if _PRIVATE.fullmatch(name))
        for text in _texts(tree):
            if _NAMING.fullmatch(text):
                kept.update(text.split("."))
    return kept


def _texts(tree: ast.AST) -> Iterator[str]:
    """The texts of a source, without those that only people read."""
    for node in ast.walk(tree):
        for child in ast.iter_child_nodes(node):
            is_docstring = isinstance(node, ast.Expr)
            if (
                isinstance(child, ast.Constant)
                and isinstance(child.value, str)
                and not is_docstring
            ):
                yield child.value


def renamed(tree: ast.Module, new: Mapping[str, str]) -> ast.Module:
    """The same program with these names."""
    return _Renamer(new).visit(tree)  # type: ignore[no-any-return]


class _Renamer(ast.NodeTransformer):
    def __init__(self, new: Mapping[str, str]) -> None:
        self._new = new

    def generic_visit(self, node: ast.AST) -> ast.AST:
        if not isinstance(node, ast.alias):
            for field in _FIELDS:
                value = getattr(node, field, None)
                if isinstance(value, str) and value in self._new:
                    setattr(node, field, self._new[value])
        if isinstance(node, ast.Global | ast.Nonlocal):
            node.names = [self._new.get(name, name) for name in node.names]
        return super().generic_visit(node)

    def visit_ImportFrom(self, node: ast.ImportFrom) -> ast.ImportFrom:
        ours = (node.module or "").split(".")[0] == "agent"
        for alias in node.names:
            local = alias.asname or alias.name
            if ours:
                alias.name = self._new.get(alias.name, alias.name)
            local = self._new.get(local, local)
            alias.asname = None if local == alias.name else local
        return node

    def visit_Import(self, node: ast.Import) -> ast.Import:
        for alias in node.names:
            if alias.asname:
                alias.asname = self._new.get(alias.asname, alias.asname)
        return node
