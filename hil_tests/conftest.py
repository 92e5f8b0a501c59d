"""Boards for tests: each in a state folder of its own, ended when the test ends."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

import pytest

from hil_tests.simulated_board.board import SimulatedBoard
from hil_tests.simulated_board.spec import BoardSpec

ECHO_MAIN = Path(__file__).parent / "simulated_board" / "vm" / "echo_main.py"
ECHO_BOARD = BoardSpec("board", "STB", "00000003", card_inserted=True, agent_main=str(ECHO_MAIN))

MakeBoard = Callable[..., SimulatedBoard]


@pytest.fixture
def echo_board(tmp_path: Path) -> Iterator[MakeBoard]:
    """Start a board whose agent only tells on the serial line what happens to it.

    Keyword arguments change its specification.
    """
    with ExitStack() as boards:

        def make(**changes: object) -> SimulatedBoard:
            spec = replace(ECHO_BOARD, **changes)  # type: ignore[arg-type]
            return boards.enter_context(SimulatedBoard(tmp_path, spec))

        yield make
