"""Modules that are always in memory together become one: each module costs a board 0.4 KB.

That is its own table of names, an entry for every name it imports, and three texts with its path.
The source keeps its small modules; only what is compiled is joined. A group takes the name of its
last module. Private names that two modules of a group make become two names. Whatever else would
meet is a BuildError.
"""

import ast
from collections import Counter
from collections.abc import Iterator, Mapping

from firmware_tools.errors import BuildError

_FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)

# Each group in the order in which its modules need one another.
GROUPS = (
    (
        "agent.errors",
        "agent.breath",
        "agent.core.parts",
        "agent.wire.codes",
        "agent.wire.topics",
        "agent.wire.paths",
        "agent.wire.protobuf",
        "agent.wire.usp",
        "agent.core.events",
        "agent.core.clock",
        "agent.core.store",
        "agent.ports.storage",
        "agent.core.journal",
    ),
    (
        "agent.core.backoff",
        "agent.core.mqtt_client",
        "agent.core.session",
        "agent.core.changes",
        "agent.core.paths",
        "agent.core.controllers",
        "agent.core.outgoing",
        "agent.core.notify",
        "agent.core.subscriptions",
        "agent.core.notify_journal",
        "agent.core.operations",
        "agent.core.survival",
        "agent.core.endpoint",
        "agent.core.model_table",
        "agent.core.model",
        "agent.core.model_device",
        "agent.core.power",
    ),
)


def merged(trees: Mapping[str, ast.Module]) -> dict[str, ast.Module]:
    """The same program in fewer modules. Raises BuildError."""
    groups = [group for group in GROUPS if all(module in trees for module in group)]
    place = {module: group[-1] for group in groups for module in group}
    result = {module: tree for module, tree in trees.items() if module not in place}
    for module, tree in trees.items():
        _refuse_parts_of_groups(module, tree, place)
    for group in groups:
        result[group[-1]] = _joined({module: trees[module] for module in group})
    return {module: _Redirected(place).visit(tree) for module, tree in sorted(result.items())}


def _refuse_parts_of_groups(module: str, tree: ast.Module, place: Mapping[str, str]) -> None:
    """What is always in memory cannot be loaded for a while: on a board it is no module."""
    for node in ast.walk(tree):
        if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Name):
            continue
        if node.func.id == "part" and node.args and isinstance(node.args[0], ast.Constant):
            name = str(node.args[0].value)
            wanted = ("agent." if "." in name else "agent.core.") + name
            if wanted in place:
                raise BuildError(f"{module}: {wanted} is no part; import from it by name")


def _joined(members: Mapping[str, ast.Module]) -> ast.Module:
    made = {module: set(_made(tree)) for module, tree in members.items()}
    seen = Counter(name for names in made.values() for name in names)
    twice = {name for name, count in seen.items() if count > 1}
    if public := [name for name in sorted(twice) if name[0] != "_"]:
        raise BuildError(f"made twice in one group of modules: {', '.join(public)}")
    body: list[ast.stmt] = []
    imported: dict[str, str] = {}
    for module, tree in members.items():
        for node in _Distinct(module, made[module] & twice).visit(tree).body:
            if isinstance(node, ast.ImportFrom) and node.module in members:
                continue
            if not isinstance(node, ast.Import | ast.ImportFrom) or _is_new(node, imported):
                body.append(node)
    if meeting := imported.keys() & seen.keys():
        raise BuildError(f"made and imported in one group of modules: {', '.join(meeting)}")
    return ast.Module(body, [])


def _is_new(node: ast.Import | ast.ImportFrom, imported: dict[str, str]) -> bool:
    """Leave in the statement what the group has not imported yet. Raises BuildError."""
    kept = []
    for alias in node.names:
        local = alias.asname or alias.name
        origin = f"{getattr(node, 'module', '')} {alias.name}"
        if local not in imported:
            kept.append(alias)
        if imported.setdefault(local, origin) != origin:
            raise BuildError(f"{local} is both {imported[local]} and {origin} in one group")
    node.names = kept
    return bool(kept)


def _made(tree: ast.Module) -> Iterator[str]:
    """The names a module makes on its top level."""
    for node in tree.body:
        if isinstance(node, (*_FUNCTIONS, ast.ClassDef)):
            yield node.name
        elif isinstance(node, ast.Assign):
            for target in node.targets:
                for name in ast.walk(target):
                    if isinstance(name, ast.Name) and isinstance(name.ctx, ast.Store):
                        yield name.id


class _Distinct(ast.NodeTransformer):
    """Gives some names of one module's top level the module's name as an ending."""

    def __init__(self, module: str, names: set[str]) -> None:
        stem = module.rsplit(".", 1)[1]
        self._new = {n: f"{n}_{stem.upper() if n.isupper() else stem}" for n in names}

    def visit_ClassDef(self, node: ast.ClassDef) -> ast.ClassDef:
        methods = [(child, child.name) for child in node.body if isinstance(child, _FUNCTIONS)]
        self.generic_visit(node)
        for method, name in methods:
            method.name = name  # is reached through the object, whatever the module has
        return node

    def generic_visit(self, node: ast.AST) -> ast.AST:
        for field in ("id", "name", "arg"):
            value = getattr(node, field, None)
            if isinstance(value, str) and not isinstance(node, ast.alias | ast.keyword):
                setattr(node, field, self._new.get(value, value))
        if isinstance(node, ast.Global | ast.Nonlocal):
            node.names = [self._new.get(name, name) for name in node.names]
        return super().generic_visit(node)


class _Redirected(ast.NodeTransformer):
    """Imports name the module that a module has become part of."""

    def __init__(self, place: Mapping[str, str]) -> None:
        self._place = place

    def visit_ImportFrom(self, node: ast.ImportFrom) -> ast.stmt | list[ast.stmt]:
        if place := self._place.get(node.module or ""):
            node.module = place
            return node
        kept: list[ast.alias] = []
        moved: list[ast.stmt] = []
        for alias in node.names:
            place = self._place.get(f"{node.module}.{alias.name}", "")
            if not place:
                kept.append(alias)
                continue
            package, stem = place.rsplit(".", 1)
            local = alias.asname or alias.name
            new = ast.alias(stem, None if local == stem else local)
            moved.append(ast.ImportFrom(package, [new], 0))
        node.names = kept
        return [*([node] if kept else []), *moved]
