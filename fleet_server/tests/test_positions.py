"""Which unit may hold which service positions, written by hand from articles 2 and 7.1.8."""

from __future__ import annotations

import pytest

from fleet_server.domain.approval import UnapprovedModelError, check_approved
from fleet_server.domain.errors import WrongProductClassError
from fleet_server.domain.positions import (
    InvalidPositionError,
    check_product_class,
    join_positions,
    split_positions,
)

CLASSES = ("MODEM", "VOICEMODEM", "STB", "CARD")
# position -> the kinds of unit that may hold it
MAY_HOLD = {
    "internet": "MODEM VOICEMODEM",
    "voice": "VOICEMODEM",
    "internet+voice": "VOICEMODEM",
    "tv-1": "STB",
    "tv-9": "STB",
    "card-1": "CARD",
}


@pytest.mark.parametrize("product_class", CLASSES)
@pytest.mark.parametrize("position", MAY_HOLD)
def test_a_position_takes_only_its_kinds(position: str, product_class: str) -> None:
    names = split_positions(position)
    if product_class in MAY_HOLD[position].split():
        check_product_class(product_class, names)
    else:
        with pytest.raises(WrongProductClassError, match=product_class):
            check_product_class(product_class, names)


@pytest.mark.parametrize(
    "position",
    ["", "fax", "tv", "tv-0", "tv-10", "tv-1+tv-2", "internet+tv-1", "voice+voice", "voice-1", "+"],
)
def test_other_positions_are_refused(position: str) -> None:
    with pytest.raises(InvalidPositionError):
        split_positions(position)


def test_positions_are_written_in_the_usual_order() -> None:
    assert split_positions("voice + internet") == ("internet", "voice")
    assert join_positions(["voice", "internet"]) == "internet+voice"


@pytest.mark.parametrize(
    ("approval", "said"), [(None, "no model on record"), ("", "no approval"), ("  ", "no approval")]
)
def test_a_model_without_approval_does_not_go_to_a_customer(
    approval: str | None, said: str
) -> None:
    with pytest.raises(UnapprovedModelError, match=rf"{said}.*7\.1\.8"):
        check_approved("00000002", "Example Modem", approval)


def test_an_approved_model_may() -> None:
    check_approved("00000002", "Example Modem", "EXAMPLE-0001")
