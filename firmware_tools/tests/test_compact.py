"""What is made smaller still does the same."""

from pathlib import Path
from typing import Any

from firmware_tools.compact import Compactor


def compacted(folder: Path, **modules: str) -> dict[str, str]:
    """Compact made-up modules agent/<name>.py; return them by name."""
    sources = []
    for name, text in modules.items():
        path = folder / "agent" / f"{name}.py"
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)
        sources.append(path)
    compactor = Compactor(sources)
    return {path.stem: compactor.compact(path) for path in sources}


def test_constants_of_other_modules_stand_where_they_are_used(tmp_path: Path) -> None:
    found = compacted(
        tmp_path,
        codes="DENIED = 7006\nEVENT = 'Boot!'\nTABLE = (1, 2)\n",
        one="from agent.codes import DENIED, TABLE\nprint(DENIED, TABLE)\n",
        other="from agent import codes as words\nprint(words.EVENT, words.TABLE)\n",
    )
    assert found["codes"] == "TABLE = (1, 2)"
    assert found["one"] == "from agent.codes import TABLE\nprint(7006, TABLE)"
    assert found["other"] == "from agent import codes as words\nprint('Boot!', words.TABLE)"


def test_private_names_become_short_and_the_same_in_unrelated_modules(tmp_path: Path) -> None:
    found = compacted(
        tmp_path,
        one="def _first_helper(x: int) -> int:\n    return x\n_first_helper(1)\n",
        other="class B:\n    def _second_helper(self):\n        return self._value_of_it\n",
    )
    assert found["one"] == "def _a(x):\n    return x\n_a(1)"
    assert found["other"] == "class B:\n\n    def _a(self):\n        return self._b"


def test_classes_that_inherit_share_no_short_name_for_two_things(tmp_path: Path) -> None:
    found = compacted(
        tmp_path,
        base="class Base:\n    def __init__(self):\n        self._rows_of_base = 1\n",
        child=(
            "from agent.base import Base\n"
            "class Child(Base):\n    def go(self):\n        self._rows_of_child = 2\n"
        ),
    )
    names = {found["base"].rsplit("self.", 1)[1][:2], found["child"].rsplit("self.", 1)[1][:2]}
    assert names == {"_a", "_b"}


def test_a_name_that_two_modules_use_or_that_is_built_from_text_stays(tmp_path: Path) -> None:
    found = compacted(
        tmp_path,
        one="def use(thing):\n    return thing._shared_name\n",
        other="class C:\n    _shared_name = 1\n",
        verbs="class V:\n    def _hello(self): ...\ndef run(v, n):\n    getattr(v, '_' + n)()\n",
    )
    assert "_shared_name" in found["one"]
    assert "_shared_name" in found["other"]
    assert "_hello" in found["verbs"]


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
    assert before["outer"]([1, 2, 3, 4]) == after["outer"]([1, 2, 3, 4]) == 6
    assert len(small) < len(text)
