"""What is made smaller still does the same."""

from pathlib import Path
from typing import Any

import pytest

from firmware_tools import compact
from firmware_tools.errors import BuildError
from firmware_tools.vm_names import VM_NAMES


def compacted(folder: Path, **modules: str) -> dict[str, str]:
    """Compact made-up modules agent/<name>.py; return them by name."""
    sources = []
    for name, text in modules.items():
        path = folder / "agent" / f"{name}.py"
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)
        sources.append(path)
    return {name.rsplit(".", 1)[1]: text for name, text in compact.compacted(sources).items()}


def test_constants_of_other_modules_stand_where_they_are_used(tmp_path: Path) -> None:
    found = compacted(
        tmp_path,
        codes="DENIED = 7006\nEVENT = 'Boot!'\nTABLE = (1, 2)\n",
        one="from agent.codes import DENIED, TABLE\nprint(DENIED, TABLE)\n",
        other="from agent import codes as words\nprint(words.EVENT, words.TABLE)\n",
    )
    table = found["codes"].removesuffix(" = (1, 2)")
    assert table in VM_NAMES
    assert found["one"] == f"from agent.codes import {table}\nprint(7006, {table})"
    assert found["other"] == f"from agent import codes as words\nprint('Boot!', words.{table})"


def test_two_values_at_once_make_no_tuple_on_the_heap(tmp_path: Path) -> None:
    text = "def swap(a, b):\n    a, b = b, (a, 1)\n    a, b, c, d = 1, 2, 3, 4\n    return a, b\n"
    found = compacted(tmp_path, one=text)["one"].splitlines()
    second = found[1].strip()
    first, other = second.split(" = ")[0].split(", ")
    assert second == f"{first}, {other} = {other}, ({first}, 1)"
    assert found[2].endswith("= (1, 2, 3, 4)")


def test_a_constant_reached_through_a_part_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BuildError, match=r"agent\.one: DENIED .* import it by name"):
        compacted(
            tmp_path,
            codes="DENIED = 7006\n",
            one="def why(part):\n    return part('codes').DENIED\n",
        )


def test_names_become_those_of_the_machine_and_a_method_may_share_one(tmp_path: Path) -> None:
    found = compacted(
        tmp_path,
        one="def _first_helper(x: int) -> int:\n    return x\n_first_helper(1)\n",
        other="class B:\n    def _second_helper(self): ...\n    def _third_helper(self): ...\n",
    )
    first = found["one"].rsplit("\n", 1)[1].removesuffix("(1)")
    assert first in VM_NAMES
    assert f"def {first}(" in found["one"]
    assert f"def {first}(self)" in found["other"]


def test_a_name_of_the_machine_or_of_a_board_or_in_a_text_stays(tmp_path: Path) -> None:
    found = compacted(
        tmp_path,
        one="class A:\n    def write(self, host_name):\n        return len(host_name)\n",
        other="def handle_get(view): ...\nNAMES = ('handle_get', 'words of a view')\n",
        verbs="class V:\n    def _hello(self): ...\ndef run(v, n):\n    getattr(v, '_' + n)()\n",
    )
    assert "def write(self" in found["one"]
    assert "return len(" in found["one"]
    assert "host_name" not in found["one"]
    assert "def handle_get(" in found["other"]
    assert "(view)" not in found["other"]
    assert "def run(" in found["verbs"]
    assert "_hello" in found["verbs"]


def test_a_compile_time_constant_keeps_the_underscore_that_removes_it(tmp_path: Path) -> None:
    found = compacted(tmp_path, one="_LIMIT = const(3)\n_ROWS = (_LIMIT, 4)\n")["one"]
    assert "_LIMIT = const(3)" in found
    assert "_ROWS" not in found


def test_attributes_of_classes_that_inherit_stay_two(tmp_path: Path) -> None:
    found = compacted(
        tmp_path,
        base="class Base:\n    def __init__(self):\n        self._rows_of_base = 1\n",
        child=(
            "from agent.base import Base\n"
            "class Child(Base):\n    def go(self):\n        self._rows_of_child = 2\n"
        ),
    )
    names = [found[module].rsplit("self.", 1)[1].split(" ")[0] for module in ("base", "child")]
    assert names[0] != names[1]
    assert set(names) <= VM_NAMES


def test_a_private_name_that_two_modules_use_is_the_same_in_both(tmp_path: Path) -> None:
    found = compacted(
        tmp_path,
        one="def use(thing):\n    return thing._shared_name\n",
        other="class C:\n    _shared_name = 1\n",
    )
    assert found["one"].rsplit(".", 1)[1] == found["other"].split("    ")[1].split(" ")[0]


def test_a_name_imported_from_elsewhere_is_asked_for_by_its_own_name(tmp_path: Path) -> None:
    found = compacted(
        tmp_path,
        one="from os import odd_name, getcwd\nodd_name(getcwd())\n",
        other="def odd_name(): ...\n",
    )
    assert "from os import odd_name as " in found["one"]
    assert found["one"].endswith("(getcwd())")


def test_what_runs_gives_the_same_result(tmp_path: Path) -> None:
    text = (
        "_LIMIT = 3\n"
        "def outer(values):\n"
        "    _count_so_far = 0\n"
        "    def _inner_step(value):\n"
        "        nonlocal _count_so_far\n"
        "        _count_so_far += value\n"
        "    for value in values[:_LIMIT]:\n"
        "        _inner_step(value=value)\n"
        "    return _count_so_far\n"
    )
    small = compacted(tmp_path, one=text)["one"]
    before: dict[str, Any] = {}
    after: dict[str, Any] = {}
    exec(text, before)  # noqa: S102 - our own made-up module
    exec(small, after)  # noqa: S102 - the same, made smaller
    (outer,) = [after[name] for name in after if callable(after[name])]
    assert before["outer"]([1, 2, 3, 4]) == outer([1, 2, 3, 4]) == 6
    assert len(small) < len(text)
