"""One row of an import: what is kept, what is refused, and how each fault is said."""

from __future__ import annotations

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fleet_server.domain.errors import InvalidError
from fleet_server.domain.import_subjects import SUBJECTS, subject_called
from fleet_server.domain.rows import as_field

UNIT = {
    "serial_number": "00000002",
    "product_class": "VOICEMODEM",
    "manufacturer_oui": "00256D",
    "model_name": "Example Voice",
    "mac_cable": "00256D000001",
    "mac_emta": "00256D000002",
    "place": "WH-1",
}
CARD = {
    "serial_number": "012345678901",
    "product_class": "CARD",
    "manufacturer_oui": "00256D",
    "model_name": "Example Card",
    "place": "WH-1",
}
CONTRACT = {
    "number": "C-1001",
    "package": "TOP S",
    "signed_on": "2026-01-15",
    "positions": "internet;voice;tv-1;card-1",
}
ASSIGNMENT = {
    "contract": "C-1001",
    "position": "internet+voice",
    "serial_number": "00000002",
    "since_on": "2026-01-16",
}
NETWORK = {"code": "N1-A1", "kind": "amplifier", "parent": "N1"}
MODEL = {
    "manufacturer_oui": "00256D",
    "product_class": "STB",
    "model_name": "Example Box",
    "manufacturer": "Example Devices",
}

# (subject, good row, what is changed, column at fault, part of what is said)
REFUSED = [
    ("units", UNIT, {"serial_number": ""}, "serial_number", "missing"),
    ("units", UNIT, {"serial_number": "1.2E+9"}, "serial_number", "spreadsheet"),
    ("units", UNIT, {"product_class": "PHONE"}, "product_class", "MODEM, VOICEMODEM, STB, CARD"),
    ("units", UNIT, {"mac_cable": ""}, "mac_cable", "knows a modem by it"),
    ("units", UNIT, {"mac_cable": "zz"}, "mac_cable", "twelve"),
    ("units", UNIT, {"mac_emta": "00256D000001"}, "", "same MAC"),
    ("units", UNIT, {"product_class": "MODEM"}, "mac_emta", "only a voice modem"),
    ("units", UNIT, {"supplier_warranty_until_on": "2027-02-29"}, "supplier_warranty_until_on", ""),
    ("units", UNIT, {"supplier_warranty_until_on": "3.5.26"}, "supplier_warranty_until_on", ""),
    ("units", UNIT, {"place": "a b"}, "place", "code"),
    ("units", UNIT, {"model_name": "x" * 65}, "model_name", "longer than 64"),
    ("units", UNIT, {"model_name": "a\tb"}, "model_name", "printed"),
    ("units", CARD, {"serial_number": "AB-123456"}, "serial_number", "6 to 32 digits"),
    ("units", CARD, {"mac_ethernet": "00256D000001"}, "mac_ethernet", "a smart card has none"),
    ("contracts", CONTRACT, {"package": "TOP X"}, "package", "TOP S, TOP M, TOP L"),
    ("contracts", CONTRACT, {"positions": "internet;fax"}, "positions", "fax"),
    ("contracts", CONTRACT, {"positions": "tv-1;tv-1"}, "positions", "twice"),
    ("contracts", CONTRACT, {"positions": "internet;card-1"}, "positions", "same number"),
    ("assignments", ASSIGNMENT, {"position": "internet+tv-1"}, "position", "together"),
    ("assignments", ASSIGNMENT, {"handed_over_on": "2026-02-29"}, "handed_over_on", "calendar"),
    ("assignments", ASSIGNMENT, {"value_cents": "49.90"}, "value_cents", "whole number"),
    ("assignments", ASSIGNMENT, {"value_cents": "-1"}, "value_cents", "whole number"),
    ("assignments", ASSIGNMENT, {"value_cents": "10000001"}, "value_cents", "whole number"),
    ("network", NETWORK, {"parent": ""}, "parent", "only a fibre node"),
    ("network", NETWORK, {"kind": "node"}, "parent", "a fibre node has none"),
    ("network", NETWORK, {"parent": "N1-A1"}, "parent", "itself"),
    ("models", MODEL, {"sensors": "mains;thermometer"}, "sensors", "supply"),
    ("models", MODEL, {"manufacturer_oui": "xyz"}, "manufacturer_oui", "six"),
    ("models", MODEL, {"supplier_warranty_months": "241"}, "supplier_warranty_months", "0 to 240"),
]  # fmt: skip


@pytest.mark.parametrize(("subject", "row", "change", "column", "said"), REFUSED)
def test_a_wrong_field_is_named_with_what_is_wrong(
    subject: str, row: dict[str, str], change: dict[str, str], column: str, said: str
) -> None:
    assert subject_called(subject).read(row)[1] == []
    _, faults = subject_called(subject).read({**row, **change})
    assert [fault.column for fault in faults] == [column]
    assert said in faults[0].text


def test_every_fault_of_a_row_is_told_at_once() -> None:
    _, faults = subject_called("units").read({"serial_number": "a b", "product_class": "STB"})
    assert [fault.column for fault in faults] == [
        "serial_number",
        "manufacturer_oui",
        "model_name",
    ]


def test_a_row_becomes_values() -> None:
    values, faults = subject_called("assignments").read(
        {**ASSIGNMENT, "handed_over_on": "2028-02-29", "value_cents": "4990"}
    )
    assert faults == []
    assert values == {
        "contract": "C-1001",
        "position": ("internet", "voice"),
        "serial_number": "00000002",
        "since_on": date(2026, 1, 16),
        "handed_over_on": date(2028, 2, 29),
        "value_cents": 4990,
    }


def test_a_receipt_day_that_is_not_known_stays_unknown() -> None:
    values, _ = subject_called("assignments").read(ASSIGNMENT)
    assert values["handed_over_on"] is None


def test_rows_that_share_a_mac_address_cannot_both_be_taken() -> None:
    units = subject_called("units")
    first, _ = units.read(UNIT)
    second, _ = units.read({**UNIT, "serial_number": "00000009", "mac_emta": "00256D000003"})
    assert set(units.unique_texts(first)) & set(units.unique_texts(second)) == {"00:25:6D:00:00:01"}


def test_an_unknown_subject_is_answered_with_those_there_are() -> None:
    with pytest.raises(InvalidError, match="suppliers, places, network, models, units"):
        subject_called("people")


@given(fields=st.dictionaries(st.sampled_from(sorted(UNIT)), st.text(max_size=40)))
@pytest.mark.parametrize("subject", SUBJECTS)
def test_no_text_whatever_breaks_the_reader(subject: str, fields: dict[str, str]) -> None:
    _, faults = subject_called(subject).read(fields)
    assert faults
    assert all(fault.text for fault in faults)


@pytest.mark.parametrize(
    ("value", "field"),
    [(None, ""), (date(2026, 5, 3), "2026-05-03"), (("a", "b"), "a;b"), (0, "0"), ("x", "x")],
)
def test_values_are_written_as_they_are_read(value: object, field: str) -> None:
    assert as_field(value) == field
