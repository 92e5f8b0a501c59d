"""Serial numbers, card numbers, OUIs and MAC addresses as people and files write them."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.wire.topics import is_endpoint_id
from fleet_server.domain.identifiers import (
    InvalidIdentifierError,
    card_number,
    endpoint_id,
    mac_address,
    manufacturer_oui,
    serial_number,
)


@pytest.mark.parametrize(
    ("read", "written", "kept"),
    [
        (serial_number, "00000002", "00000002"),
        (serial_number, "AB-12_c.3", "AB-12_c.3"),
        (card_number, "0123 4567 8901", "012345678901"),
        (manufacturer_oui, "00256d", "00256D"),
        (manufacturer_oui, "00:25:6D", "00256D"),
        (mac_address, "00256d000001", "00:25:6D:00:00:01"),
        (mac_address, "00-25-6D-00-00-01", "00:25:6D:00:00:01"),
        (mac_address, "0025.6d00.0001", "00:25:6D:00:00:01"),
        (mac_address, "00:25:6D:00:00:01", "00:25:6D:00:00:01"),
    ],
)
def test_every_way_of_writing_gives_one_form(
    read: Callable[[str], str], written: str, kept: str
) -> None:
    assert read(written) == kept


@pytest.mark.parametrize(
    ("read", "written", "said"),
    [
        (serial_number, "", "1 to 32"),
        (serial_number, "A" * 33, "1 to 32"),
        (serial_number, "12 34", "1 to 32"),
        (serial_number, "usp/a/#", "1 to 32"),
        (serial_number, "1.23457E+11", "spreadsheet"),
        (serial_number, "1,23457E+11", "spreadsheet"),
        (card_number, "12345", "6 to 32"),
        (card_number, "A123-4567", "6 to 32"),
        (card_number, "1.2E+15", "spreadsheet"),
        (manufacturer_oui, "00256", "six"),
        (manufacturer_oui, "00256G", "six"),
        (manufacturer_oui, "02256D", "never given"),
        (mac_address, "00:25:6D:00:00", "twelve"),
        (mac_address, "00:25-6D:00:00:01", "twelve"),
        (mac_address, "000000000000", "zeros"),
        (mac_address, "01:00:5E:00:00:01", "group address"),
        (mac_address, "FF:FF:FF:FF:FF:FF", "group address"),
        (mac_address, "02:00:00:00:00:01", "locally administered"),
    ],
)
def test_what_no_unit_carries_is_refused_with_a_reason(
    read: Callable[[str], str], written: str, said: str
) -> None:
    with pytest.raises(InvalidIdentifierError, match=said):
        read(written)


@given(
    oui=st.from_regex(r"\A[0-9A-F][048C][0-9A-F]{4}\Z"),
    product_class=st.sampled_from(["MODEM", "VOICEMODEM", "STB"]),
    serial=st.from_regex(r"\A[A-Za-z0-9._-]{1,32}\Z"),
)
def test_every_accepted_number_makes_an_endpoint_id_that_fits_a_topic(
    oui: str, product_class: str, serial: str
) -> None:
    made = endpoint_id(manufacturer_oui(oui), product_class, serial_number(serial))
    assert is_endpoint_id(made)
