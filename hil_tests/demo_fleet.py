"""The made-up fleet of `make run`: its boards, and where three of them are in service."""

from dataclasses import dataclass

from firmware_tools.provision import Placement
from hil_tests.simulated_board.spec import BoardSpec


@dataclass(frozen=True, slots=True)
class DemoBoard:
    """A board and its place; one with `in_service` False is left blank for the user to try."""

    spec: BoardSpec
    placement: Placement
    in_service: bool = True

    @property
    def name(self) -> str:
        return self.spec.name


MODEM = DemoBoard(
    BoardSpec("modem", "MODEM", "00000001", sampler="mains"), Placement("C-1002", "internet")
)
VOICEMODEM = DemoBoard(
    BoardSpec("voicemodem", "VOICEMODEM", "00000002"), Placement("C-1001", "voice")
)
STB = DemoBoard(
    BoardSpec("stb", "STB", "00000003", card_inserted=True), Placement("C-1003", "tv-1")
)
BLANK = DemoBoard(
    BoardSpec("blank", "VOICEMODEM", "00000004"), Placement("C-1004", "voice"), in_service=False
)

DEMO_FLEET = (MODEM, VOICEMODEM, STB, BLANK)
