"""The smart card of a set-top box, from the slot to the server: every kind, on real parts.

The card is played, its bytes, the agent on the MicroPython machine, broker and server are real.
"""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from hil_tests.demo_fleet import STB
from hil_tests.instance import Instance
from hil_tests.simulated_board.board import SimulatedBoard
from hil_tests.waiting import wait_until

_EVENTS = "SELECT id, name, params FROM event WHERE name LIKE 'X_IPKO-COM_Card%' ORDER BY id"
_WAIT_S = 20.0


@pytest.fixture(scope="module")
def box(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Instance, SimulatedBoard]]:
    state = tmp_path_factory.mktemp("card") / "state"
    with Instance(state, [STB]) as instance:
        yield instance, instance.boards[STB.name]


def events(instance: Instance) -> list[tuple[int, str, dict[str, Any]]]:
    return [
        (key, name.removeprefix("X_IPKO-COM_Card"), json.loads(args))
        for key, name, args in instance.query(_EVENTS)
    ]


def state_of(instance: Instance) -> str:
    """The state last told, "" when putting in or taking out was told since."""
    _, name, args = events(instance)[-1]
    return str(args["State"]) if name == "State!" else ""


@pytest.mark.timeout(180)
def test_every_kind_of_card_is_told_for_what_it_is(box: tuple[Instance, SimulatedBoard]) -> None:
    instance, board = box
    wait_until(lambda: events(instance), _WAIT_S, "the card it came with")
    assert state_of(instance) == "Running"
    for kind, state in (
        ("mute", "Mute"),
        ("unknown", "Unknown"),
        ("wrong-pairing", "WrongPairing"),
        ("not-entitled", "NotEntitled"),
    ):
        board.card(False)
        wait_until(lambda: events(instance)[-1][1] == "Removed!", _WAIT_S, f"{kind}: taken out")
        board.card(True, kind)
        wait_until(lambda: state_of(instance), _WAIT_S, kind)
        assert state_of(instance) == state
        assert events(instance)[-2][1] == "Inserted!"
    assert events(instance)[-1][2]["Other"] == "true", "its serial number is not the first one's"
    board.refresh_card()
    wait_until(lambda: state_of(instance) == "Running", _WAIT_S, "refreshed by broadcast")
