"""Modules that become one still do what they did apart."""

import ast
from typing import Any

import pytest

from firmware_tools import merge
from firmware_tools.errors import BuildError


def merged(monkeypatch: pytest.MonkeyPatch, **modules: str) -> dict[str, str]:
    """Join the made-up modules agent.low and agent.high; return all by name."""
    monkeypatch.setattr(merge, "GROUPS", (("agent.low", "agent.high"),))
    trees = {f"agent.{name}": ast.parse(text) for name, text in modules.items()}
    return {name: ast.unparse(tree) for name, tree in merge.merged(trees).items()}


def run(text: str) -> dict[str, Any]:
    space: dict[str, Any] = {}
    exec(text, space)  # noqa: S102 - our own made-up module
    return space


def test_two_things_of_one_private_name_stay_two(monkeypatch: pytest.MonkeyPatch) -> None:
    found = merged(
        monkeypatch,
        low="_LIMIT = 1\ndef _text(): return 'low'\ndef low(): return _text(), _LIMIT\n",
        high=(
            "from agent.low import low\n_LIMIT = 2\n"
            "def _text(): return 'high'\n"
            "class High:\n"
            "    def _text(self): return 'method'\n"
            "    def all(self): return low(), _text(), self._text(), _LIMIT\n"
        ),
    )
    assert list(found) == ["agent.high"]
    assert run(found["agent.high"])["High"]().all() == (("low", 1), "high", "method", 2)


def test_imports_follow_what_was_moved(monkeypatch: pytest.MonkeyPatch) -> None:
    found = merged(
        monkeypatch,
        low="from os import getcwd\ndef low(): ...\n",
        high="from os import getcwd\nfrom agent.low import low\n",
        other="from agent.low import low\nfrom agent import low as words, alone\n",
        alone="",
    )
    assert found["agent.high"].count("import") == 1
    assert found["agent.other"].splitlines() == [
        "from agent.high import low",
        "from agent import alone",
        "from agent import high as words",
    ]


def test_a_public_name_made_twice_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(BuildError, match="made twice in one group of modules: go"):
        merged(monkeypatch, low="def go(): ...\n", high="def go(): ...\n")


def test_one_name_imported_from_two_places_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(BuildError, match=r"join is both os join and agent\.alone join"):
        merged(monkeypatch, low="from os import join\n", high="from agent.alone import join\n")


def test_a_group_is_left_apart_where_a_module_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    assert list(merged(monkeypatch, high="x = 1\n")) == ["agent.high"]


def test_a_module_of_a_group_is_no_part_to_be_loaded(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(BuildError, match=r"agent\.alone: agent\.core\.low is no part"):
        monkeypatch.setattr(merge, "GROUPS", (("agent.core.low", "agent.high"),))
        alone = "from agent.core.parts import part\npart('low').go()\npart('else')\n"
        texts = {"agent.core.low": "", "agent.high": "", "agent.alone": alone}
        merge.merged({name: ast.parse(text) for name, text in texts.items()})
