"""Makes the agent's source smaller before it is compiled for a board.

On a board every name lies on the heap. Three things change, none of what the code does: module
constants that are a number or a text stand where they are used, annotations go, and private names
become short ones, the same few in every module. A private name that occurs in more than one family
of modules, or in a module that builds names from text (`getattr`), keeps its spelling.
"""

import ast
import re
from collections import Counter
from collections.abc import Iterable
from pathlib import Path

from firmware_tools.errors import BuildError

_CONSTANT = re.compile(r"[A-Z][A-Z0-9_]*")
_PRIVATE = re.compile(r"_[a-z][A-Za-z0-9_]*")
_DYNAMIC = re.compile(r"attr\([^)]*['\"]_")


class Compactor:
    """Knows all sources of one build, and so which names are private to one family of them.

    Raises BuildError that names a source which is not Python.

    Modules are of one family when a class of one inherits from a class of the other.
    """

    def __init__(self, sources: Iterable[Path]) -> None:
        trees = {_module_name(source): _parsed(source) for source in sources}
        self._constants = {module: _constants(tree) for module, tree in trees.items()}
        self._family = _families(trees)
        names: dict[str, set[str]] = {}
        for module, tree in trees.items():
            names.setdefault(self._family[module], set()).update(_private_names(tree))
        seen = Counter(name for family in names.values() for name in family)
        keep = {name for name, count in seen.items() if count > 1}
        for tree in trees.values():
            if _DYNAMIC.search(ast.unparse(tree)):
                keep |= _private_names(tree)
        self._short = {
            family: dict(zip(sorted(private - keep), _short_names(keep), strict=False))
            for family, private in names.items()
        }

    def compact(self, source: Path) -> str:
        """The smaller source of one module."""
        module = _module_name(source)
        tree = _Inliner(module, self._constants).visit(ast.parse(source.read_text()))
        tree = _Rewriter(self._short[self._family[module]]).visit(tree)
        return ast.unparse(ast.fix_missing_locations(tree))


def _parsed(source: Path) -> ast.Module:
    try:
        return ast.parse(source.read_text())
    except SyntaxError as error:
        raise BuildError(f"{source} does not compile:\n{error}") from error


def _module_name(source: Path) -> str:
    parts = source.with_suffix("").parts
    return ".".join(parts[len(parts) - 1 - parts[::-1].index("agent") :])


def _families(trees: dict[str, ast.Module]) -> dict[str, str]:
    """The name of each module's family: that of its first module."""
    family = {module: module for module in trees}
    for module, tree in trees.items():
        origin = {
            alias.asname or alias.name: node.module
            for node in tree.body
            if isinstance(node, ast.ImportFrom)
            for alias in node.names
        }
        for node in ast.walk(tree):
            for base in node.bases if isinstance(node, ast.ClassDef) else ():
                parent = origin.get(base.id) if isinstance(base, ast.Name) else None
                if parent in family:
                    old, new = sorted((family[module], family[parent]))
                    family = {name: old if of == new else of for name, of in family.items()}
    return family


def _private_names(tree: ast.AST) -> set[str]:
    found = set()
    for node in ast.walk(tree):
        for field in ("id", "attr", "name", "arg"):
            value = getattr(node, field, None)
            if isinstance(value, str) and _PRIVATE.fullmatch(value):
                found.add(value)
        if isinstance(node, ast.Global | ast.Nonlocal):
            found.update(name for name in node.names if _PRIVATE.fullmatch(name))
    return found


def _short_names(taken: set[str]) -> Iterable[str]:
    letters = "abcdefghijklmnopqrstuvwxyz"
    for first in ("", *letters):
        for second in letters:
            name = f"_{first}{second}"
            if name not in taken:
                yield name


def _constants(tree: ast.Module) -> dict[str, ast.Constant]:
    """The public constants of a module that are a number or a text, assigned once."""
    found: dict[str, ast.Constant] = {}
    for node in tree.body:
        value = _constant_value(node)
        if value is not None and isinstance(node, ast.Assign):
            found[ast.unparse(node.targets[0])] = value
    return found


def _constant_value(node: ast.stmt) -> ast.Constant | None:
    if not (isinstance(node, ast.Assign) and _CONSTANT.fullmatch(ast.unparse(node.targets[0]))):
        return None
    value = node.value
    if isinstance(value, ast.Call) and ast.unparse(value.func) == "const":
        value = value.args[0]
    if isinstance(value, ast.Constant) and isinstance(value.value, int | str):
        return value
    return None


class _Inliner(ast.NodeTransformer):
    """Puts constants where their names stand, and drops the names."""

    def __init__(self, module: str, constants: dict[str, dict[str, ast.Constant]]) -> None:
        self._all = constants
        self._names = dict(constants[module])
        self._modules: dict[str, dict[str, ast.Constant]] = {}

    def visit_ImportFrom(self, node: ast.ImportFrom) -> ast.stmt | None:
        kept = []
        for alias in node.names:
            constant = self._all.get(node.module or "", {}).get(alias.name)
            if constant is not None:
                self._names[alias.asname or alias.name] = constant
                continue
            self._modules[alias.asname or alias.name] = self._all.get(
                f"{node.module}.{alias.name}", {}
            )
            kept.append(alias)
        node.names = kept
        return node if kept else None

    def visit_Assign(self, node: ast.Assign) -> ast.stmt | None:
        if _constant_value(node) is not None:
            return None
        self.generic_visit(node)
        return node

    def visit_Name(self, node: ast.Name) -> ast.expr:
        return self._names.get(node.id, node)

    def visit_Attribute(self, node: ast.Attribute) -> ast.expr:
        if isinstance(node.value, ast.Name) and node.value.id in self._modules:
            constant = self._modules[node.value.id].get(node.attr)
            if constant is not None:
                return constant
        self.generic_visit(node)
        return node


class _Rewriter(ast.NodeTransformer):
    """Shortens names and drops annotations."""

    def __init__(self, short: dict[str, str]) -> None:
        self._short = short

    def generic_visit(self, node: ast.AST) -> ast.AST:
        for field in ("id", "attr", "name", "arg"):
            value = getattr(node, field, None)
            if isinstance(value, str) and value in self._short:
                setattr(node, field, self._short[value])
        if isinstance(node, ast.Global | ast.Nonlocal):
            node.names = [self._short.get(name, name) for name in node.names]
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            node.returns = None
        if isinstance(node, ast.arg):
            node.annotation = None
        return super().generic_visit(node)
