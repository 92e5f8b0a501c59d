"""The language of selections: what it takes, and that it says where a fault is."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fleet_server.domain.selection import (
    Comparison,
    Every,
    InvalidSelectionError,
    Operator,
    Opposite,
    Some,
    parse_selection,
    read_selection,
)

MODEM = {"field": "product_class", "is": "MODEM"}
IS_MODEM = Comparison("product_class", Operator.IS, "MODEM")


@pytest.mark.parametrize(
    ("found", "expected"),
    [
        (MODEM, IS_MODEM),
        ({"all": [MODEM]}, Every((IS_MODEM,))),
        ({"any": [MODEM, {"not": MODEM}]}, Some((IS_MODEM, Opposite(IS_MODEM)))),
        (
            {"field": "seen_at", "before": "2026-05-03T12:00:00+02:00"},
            Comparison("seen_at", Operator.BEFORE, datetime(2026, 5, 3, 10, tzinfo=UTC)),
        ),
        (
            {"field": "signed_on", "after": "2026-05-03"},
            Comparison("signed_on", Operator.AFTER, date(2026, 5, 3)),
        ),
        ({"field": "node", "in": ["N1"]}, Comparison("node", Operator.IN, ("N1",))),
        (
            {"field": "seen_at", "within_days": 3},
            Comparison("seen_at", Operator.WITHIN_DAYS, 3),
        ),
    ],
)
def test_a_selection_is_read(found: Any, expected: Any) -> None:
    assert parse_selection(json.dumps(found)) == expected


# (selection, what the error says)
FAULTS: list[tuple[Any, str]] = [
    ([], "selection: an object"),
    ({}, "selection: one of all, any, not or field"),
    ({"all": []}, "selection.all: a list"),
    ({"all": [MODEM], "any": [MODEM]}, "selection: one of"),
    ({"any": [MODEM, {"field": "colour", "is": "x"}]}, r"selection.any\[1\]: no field 'colour'"),
    ({"field": ["node"], "is": "x"}, "no field"),
    ({"field": "node", "starts_with": "N"}, "node takes one of is, in"),
    ({"field": "model_name", "is": "A", "in": ["B"]}, "model_name takes one of"),
    ({"field": "model_name"}, "model_name takes one of"),
    ({"field": "product_class", "is": "modem"}, "'modem' is none of MODEM"),
    ({"field": "model_name", "is": 7}, "texts of characters"),
    ({"field": "model_name", "is": ""}, "texts of 1 to 64"),
    ({"field": "model_name", "is": "a\0"}, "can be printed"),
    ({"field": "model_name", "in": ["a\ud800"]}, "can be printed"),
    ({"field": "model_name", "in": []}, "a list of 1 to 1000"),
    ({"field": "model_name", "in": ["x"] * 1001}, "a list of 1 to 1000"),
    ({"field": "seen_at", "before": "2026-05-03T12:00:00"}, "with its offset"),
    ({"field": "seen_at", "before": "0001-01-01T00:00:00+14:00"}, "with its offset"),
    ({"field": "seen_at", "before": 5}, "with its offset"),
    ({"field": "signed_on", "before": "3 May"}, "a day such as"),
    ({"field": "seen_at", "within_days": True}, "whole days"),
    ({"field": "seen_at", "within_days": -1}, "whole days"),
    ({"all": [MODEM] * 200}, "at most 8 levels and 100 conditions"),
]


@pytest.mark.parametrize(("found", "words"), FAULTS)
def test_a_fault_is_named_with_its_place(found: Any, words: str) -> None:
    with pytest.raises(InvalidSelectionError, match=words):
        read_selection(found)


def test_what_is_too_deep_or_no_json_is_refused() -> None:
    deep: Any = MODEM
    for _ in range(20):
        deep = {"not": deep}
    with pytest.raises(InvalidSelectionError, match="8 levels"):
        read_selection(deep)
    for text in ("", "{", "[" * 100_000):
        with pytest.raises(InvalidSelectionError, match="not JSON"):
            parse_selection(text)


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(max_size=8),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(
                st.sampled_from(["all", "any", "not", "field", "is", "in", "before"]),
                inner,
                max_size=3,
            )
        ),
        max_leaves=12,
    )
)
def test_whatever_is_sent_is_read_or_refused(found: Any) -> None:
    try:
        read_selection(found)
    except InvalidSelectionError as error:
        assert str(error).startswith("selection")
