"""Who is replaced in trials of replacements: for each kind the customer, the units, and the faults
that its replacement can meet. Units and cards are made up.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from firmware_tools.provision import SPARE
from hil_tests.demo_fleet import MODEM, STB, VOICEMODEM, DemoBoard
from hil_tests.simulated_board.spec import DOCUMENTATION_OUI, BoardSpec

CARD = "CARD"
FIRST_CARD = "EX000001"
"""What is in the set-top box of the demo fleet."""
_FIRST_SPARE = 51
_BEGIN = (
    "reserve",
    "prepare_old",
    "await_new",
    "renew_settings",
    "hold_old",
    "close_old",
    "open_new",
)
_END = ("adopt_new", "verify_new", "commit", "fence_old", "retire_old")


@dataclass(frozen=True, slots=True)
class Piece:
    """What is replaced or replaces. `board`: the simulated board that it is, or that it goes into.
    `addresses`: what the operator's systems know it by."""

    serial_number: str
    board: DemoBoard
    addresses: frozenset[str]


@dataclass(frozen=True, slots=True)
class Subject:
    """A kind of replacement at one customer of the demo fleet.

    `calls`: how many calls of each of the operator's systems a replacement makes at least. `line`:
    the telephone line on it, "" for none.
    """

    name: str
    product_class: str
    model_name: str
    contract: str
    position: str
    in_service: DemoBoard
    steps: tuple[str, ...]
    calls: Mapping[str, int]
    line: str = ""

    @property
    def has_card(self) -> bool:
        """Whether a smart card has to change its place."""
        return "conditional_access" in self.calls

    def first(self) -> Piece:
        """What is in service at first."""
        if self.product_class == CARD:
            return Piece(FIRST_CARD, self.in_service, frozenset({FIRST_CARD}))
        return self._piece(self.in_service)

    def spare(self, number: int) -> Piece:
        """What is in stock, counted from 0."""
        if self.product_class == CARD:
            serial = f"EX{_FIRST_SPARE + number:06}"
            return Piece(serial, self.in_service, frozenset({serial}))
        serial = f"{_FIRST_SPARE + number:08}"
        reader = False if self.product_class == "STB" else None
        spec = BoardSpec(f"spare-{number}", self.product_class, serial, card_inserted=reader)
        return self._piece(DemoBoard(spec, SPARE))

    def registry_row(self, piece: Piece) -> dict[str, str]:
        """A unit of it in stock, as the registry's files have them."""
        row = {
            "serial_number": piece.serial_number,
            "product_class": self.product_class,
            "manufacturer_oui": DOCUMENTATION_OUI,
            "model_name": self.model_name,
            "hardware_version": "A0",
            "supplier": "SUP-EX",
            "place": "WH-1",
        }
        columns = {"VOICEMODEM": ("mac_cable", "mac_emta"), "MODEM": ("mac_cable",)}
        for column in columns.get(self.product_class, ()):
            row[column] = _address(column, piece.serial_number)
        return row

    def _piece(self, board: DemoBoard) -> Piece:
        serial = board.spec.serial_number
        known_by = {serial, _address("mac_cable", serial), _address("mac_emta", serial)}
        return Piece(serial, board, frozenset(known_by))


VOICE_MODEM = Subject(
    "voice modem",
    "VOICEMODEM",
    "EMTA-31",
    "C-1001",
    "voice",
    VOICEMODEM,
    (*_BEGIN, "move_voice", *_END),
    {"access": 4, "voice": 1},
    "C-1001/voice",
)
PLAIN_MODEM = Subject(
    "modem", "MODEM", "CM-31", "C-1002", "internet", MODEM, (*_BEGIN, *_END), {"access": 2}
)
SET_TOP_BOX = Subject(
    "set-top box",
    "STB",
    "STB-40",
    "C-1003",
    "tv-1",
    STB,
    (*_BEGIN, "pair_card", *_END[:2], "verify_card", *_END[2:]),
    {"conditional_access": 2},
)
SMART_CARD = Subject(
    "smart card",
    CARD,
    "CARD-EX",
    "C-1003",
    "card-1",
    STB,
    ("reserve", "pair_card", "verify_card", "commit", "bar_card", "retire_old"),
    {"conditional_access": 6},
)


def _address(column: str, serial_number: str) -> str:
    """As the demo registry gives them."""
    kind = {"mac_cable": "10", "mac_emta": "20"}[column]
    digits = f"{DOCUMENTATION_OUI}{kind}{serial_number[-4:]}"
    return ":".join(digits[at : at + 2] for at in range(0, len(digits), 2))
