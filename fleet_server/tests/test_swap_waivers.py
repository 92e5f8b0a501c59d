"""What a person may leave out where an operator's system refuses for good, and what not."""

from __future__ import annotations

from pathlib import Path

import pytest

from fleet_server.adapters.simulated import Behaviour
from fleet_server.domain.swap import Step
from fleet_server.domain.swap_progress import Standing
from fleet_server.services.swaps import SwapPhase, SwapStateError, Todo
from fleet_server.services.views_swaps import watch_swap
from fleet_server.tests.databases import Database
from fleet_server.tests.service_desk import CARD, MAC
from fleet_server.tests.swap_bench import (
    NEW_BOX,
    NEW_CARD,
    NEW_MODEM,
    NEW_STB,
    OLD_BOX,
    SwapBench,
    prepare_bench,
)
from fleet_server.tests.swap_paths import until

FOR_GOOD = Behaviour(refuse_calls=1000)


@pytest.fixture
def bench(tmp_path: Path, database: Database) -> SwapBench:
    return SwapBench(tmp_path, database.fresh(prepare_bench))


def standings(bench: SwapBench, swap_id: int) -> dict[Step, Standing]:
    with bench.fleet.reading() as connection:
        return {one.step: one.standing for one in watch_swap(connection, swap_id).steps}


def test_a_line_that_telephony_does_not_move_back_is_left_to_a_person(bench: SwapBench) -> None:
    bench.connect(NEW_MODEM)
    swap_id = bench.order(outlets=2)
    bench.desk.voice.behave(FOR_GOOD)
    bench.run()
    view = bench.view(swap_id)
    assert (view.phase, view.todo, view.may_waive) == (
        SwapPhase.PERSON,
        Todo.LOOK_AT_SYSTEM,
        True,
    )
    bench.waive(swap_id)
    bench.run()
    assert (bench.view(swap_id).phase, bench.serving()) == (SwapPhase.ROLLED_BACK, {MAC})
    steps = standings(bench, swap_id)
    assert (steps[Step.MOVE_VOICE], steps[Step.OPEN_NEW]) == (Standing.LEFT_OUT, Standing.UNDONE)
    bench.desk.voice.behave(Behaviour())
    bench.order(outlets=2)


def test_a_box_whose_card_does_not_go_back_is_free_again(bench: SwapBench) -> None:
    bench.connect(NEW_STB)
    swap_id = bench.order(OLD_BOX, NEW_BOX, "tv-1", outlets=2)
    until(bench, swap_id, "verify_card")
    bench.desk.cards.behave(FOR_GOOD)
    bench.abort(swap_id)
    bench.run()
    bench.waive(swap_id)
    bench.run()
    assert bench.view(swap_id).phase is SwapPhase.ROLLED_BACK
    bench.desk.cards.behave(Behaviour())
    bench.order(OLD_BOX, NEW_BOX, "tv-1", outlets=2)


def test_a_new_modem_that_the_network_does_not_close_is_never_left_open(bench: SwapBench) -> None:
    bench.connect(NEW_MODEM)
    bench.units[NEW_MODEM].well = False
    swap_id = bench.order(outlets=2)
    until(bench, swap_id, "verify_new")
    bench.desk.access.behave(FOR_GOOD)
    bench.abort(swap_id)
    bench.run()
    view = bench.view(swap_id)
    assert (view.phase, view.step, view.may_waive) == (SwapPhase.PERSON, Step.OPEN_NEW, False)
    with pytest.raises(SwapStateError, match="left out"):
        bench.waive(swap_id)


def test_a_new_card_that_is_not_shut_is_never_left_open(bench: SwapBench) -> None:
    swap_id = bench.order(CARD, NEW_CARD, "card-1")
    until(bench, swap_id, "verify_card")
    bench.desk.cards.behave(FOR_GOOD)
    bench.abort(swap_id)
    bench.run()
    bench.later(seconds=11)
    bench.run()
    view = bench.view(swap_id)
    assert (view.phase, view.may_waive) == (SwapPhase.PERSON, False)
