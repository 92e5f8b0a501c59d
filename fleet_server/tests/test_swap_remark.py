"""What is said of a replacement: kept as a code with values, read back, said in English."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fleet_server.domain.swap_remark import SENTENCES, Remark, Say, read_remark, remark
from fleet_server.services.swaps import Todo

VALUES = {
    "campaign": "7",
    "unit": "00000004",
    "card": "EX000001",
    "begin": "01:00",
    "end": "05:00",
    "line": "C-1/voice",
    "contract": "C-1",
    "at": "2026-03-28T02:00:00+00:00",
    "plan": "3",
    "system": "access",
    "code": "E42",
    "minutes": "10",
    "text": "busy: Call",
}


@pytest.mark.parametrize("code", SENTENCES)
def test_every_remark_is_read_back_as_it_was_and_fits_the_tables(code: Say) -> None:
    values = {name: text for name, text in VALUES.items() if f"%({name})s" in SENTENCES[code]}
    kept = remark(code, **values)
    assert read_remark(kept) == Remark(code, values)
    assert len(kept) <= 256


def test_a_moment_is_said_with_its_zone() -> None:
    kept = remark(Say.ANNOUNCED, plan=3, at=VALUES["at"])
    assert "2026-03-28 02:00 UTC" in str(read_remark(kept))


@given(st.text())
def test_any_text_is_shown_as_it_is_or_is_one_of_ours(text: str) -> None:
    found = read_remark(text)
    assert found is None if not text else found is not None
    assert found is None or found.code in SENTENCES or str(found) == text


def test_a_code_without_its_values_is_a_text() -> None:
    assert read_remark("hours?begin=01:00") == Remark(Say.TEXT, {"text": "hours?begin=01:00"})


@given(st.text(st.characters(codec="utf-8"), min_size=1, max_size=300))
def test_a_units_own_words_are_kept_as_far_as_they_fit(text: str) -> None:
    kept = remark(Say.UNIT_FREE, unit="1", text=text)
    found = read_remark(kept)
    assert found is not None
    assert found.values["unit"] == "1"
    assert text.startswith(found.values["text"])
    assert len(kept) <= 256
    assert found.values["text"] == text or len(kept) > 240


def test_operations_read_of_everything_they_may_have_to_do() -> None:
    page = Path(__file__).parents[2] / "docs" / "operations" / "replacement.md"
    rows = [line for line in page.read_text().splitlines() if line.startswith("| `")]
    told = {code for row in rows for code in re.findall(r"`(\w+)`", row.split("|")[1])}
    assert told - {"todo"} == set(Todo)
