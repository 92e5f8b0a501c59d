"""Makes the agent's source smaller before it is compiled for a board.

On a board every name lies on the heap. What changes, none of what the code does: module constants
that are a number or a text stand where they are used, annotations go, modules that are always
together become one (firmware_tools/merge.py), and names become those the machine has already
(firmware_tools/rename.py).
"""

import ast
import re
from collections.abc import Iterable
from pathlib import Path

from firmware_tools.errors import BuildError
from firmware_tools.merge import merged
from firmware_tools.rename import new_names, renamed

_CONSTANT = re.compile(r"[A-Z][A-Z0-9_]*")
_PAIR = re.compile(r"_pair_\d+_")


def compacted(sources: Iterable[Path]) -> dict[str, str]:
    """The smaller source of each module that is left, by its dotted name.

    Raises BuildError that names a source which is not Python.
    """
    trees = {_module_name(source): _parsed(source) for source in sources}
    constants = {module: _constants(tree) for module, tree in trees.items()}
    plain = {
        module: _Plainer().visit(_Inliner(module, constants).visit(tree))
        for module, tree in trees.items()
    }
    fewer = merged(plain)
    new = new_names(fewer)
    return {
        module: _written(ast.fix_missing_locations(renamed(tree, new)))
        for module, tree in fewer.items()
    }


def _written(tree: ast.Module) -> str:
    """The source of a module. The values of `a, b = c, d` stay without brackets: with them the
    machine makes a tuple first, on the heap."""
    pairs = _Pairs()
    text = ast.unparse(pairs.visit(tree))
    return _PAIR.sub(lambda found: pairs.values[found.group()], text)


class _Pairs(ast.NodeTransformer):
    """Puts a name in the place of the values of each assignment to two or three at once."""

    def __init__(self) -> None:
        self.values: dict[str, str] = {}

    def visit_Assign(self, node: ast.Assign) -> ast.Assign:
        target, value = node.targets[0], node.value
        if isinstance(target, ast.Tuple) and isinstance(value, ast.Tuple) and len(value.elts) < 4:
            name = f"_pair_{len(self.values)}_"
            self.values[name] = ", ".join(ast.unparse(each) for each in value.elts)
            node.value = ast.Name(name)
        return node


def _parsed(source: Path) -> ast.Module:
    try:
        return ast.parse(source.read_text())
    except SyntaxError as error:
        raise BuildError(f"{source} does not compile:\n{error}") from error


def _module_name(source: Path) -> str:
    parts = source.with_suffix("").parts
    return ".".join(parts[len(parts) - 1 - parts[::-1].index("agent") :])


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
        self._module = module
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
        elif any(node.attr in constants for constants in self._all.values()):
            raise BuildError(f"{self._module}: {node.attr} is gone on a board; import it by name")
        self.generic_visit(node)
        return node


class _Plainer(ast.NodeTransformer):
    """Drops what only readers need: annotations and the texts that describe."""

    def visit_arg(self, node: ast.arg) -> ast.arg:
        node.annotation = None
        return node

    def generic_visit(self, node: ast.AST) -> ast.AST:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            node.returns = None
        return super().generic_visit(node)
