"""What holds for every template of the console."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import fleet_server.web

TEMPLATES = sorted((Path(fleet_server.web.__file__).parent / "templates").glob("*.html"))
_PARTS = re.compile(
    r"<table[^>]*>|<thead>.*?</thead>|<tr[^>]*>|<td[^>]*>|<th scope=\"row\"[^>]*>", re.DOTALL
)


@pytest.mark.parametrize("template", TEMPLATES, ids=lambda path: path.stem)
def test_every_cell_says_what_it_is_where_the_head_is_hidden(template: Path) -> None:
    """On a telephone rows become cards without a head; a cell then shows its `data-label`."""
    heads: set[str] = set()
    for part in _PARTS.findall(template.read_text()):
        if part.startswith("<thead"):
            heads = set(re.findall(r'_\("([^"]+)"\)', part))
        elif part.startswith(("<td", "<th ")) and "colspan" not in part:
            label = re.search(r"data-label=\"\{\{ (_\('([^']+)'\)|label\(.*\)) \}\}\"", part)
            assert label, f"{part} has no data-label"
            is_in_head = not heads or not label.group(2) or label.group(2) in heads
            assert is_in_head, f"{part} is not in the head"
