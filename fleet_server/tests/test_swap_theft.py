"""Replacements of set-top boxes and smart cards that were stolen or lost, and barred for it.

Nothing is asked of the operator's systems for a barred unit: they refuse it, and it opens nothing.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from agent.wire.codes import CARD_RUNNING
from fleet_server.domain.errors import ConflictError
from fleet_server.services import blacklist, swap_consent
from fleet_server.services import tables as t
from fleet_server.services.swap_paper import read_paper
from fleet_server.services.swaps import SwapPhase, SwapTakenError, Todo, Trigger
from fleet_server.tests.databases import Database
from fleet_server.tests.service_desk import CARD, CLERK, CONTRACT, STB
from fleet_server.tests.swap_bench import (
    NEW_BOX,
    NEW_CARD,
    NEW_STB,
    OLD,
    OLD_BOX,
    SwapBench,
    prepare_bench,
)
from fleet_server.tests.swap_paths import move_card, until


@pytest.fixture
def bench(tmp_path: Path, database: Database) -> SwapBench:
    return SwapBench(tmp_path, database.fresh(prepare_bench))


def bar(bench: SwapBench, *serial_numbers: str) -> None:
    for serial in serial_numbers:
        with bench.fleet.writing() as connection:
            cause = blacklist.Cause.STOLEN
            blacklist.blacklist(connection, serial, cause, None, CLERK, "made-up theft", bench.now)
    bench.run()


def holder(bench: SwapBench, position: str) -> str | None:
    """Whom page and command line take out."""
    with bench.fleet.reading() as connection:
        return swap_consent.holder_of(connection, CONTRACT, position)


def box_of(bench: SwapBench, card: str = CARD) -> str:
    found = bench.desk.cards.card(card)
    return found.box if found else ""


def go_on(bench: SwapBench) -> None:
    for _ in range(4):
        bench.run()
        bench.later(minutes=11)
    bench.run()


def test_a_box_stolen_with_its_card_is_replaced_without_either(bench: SwapBench) -> None:
    bar(bench, OLD_BOX, CARD)
    bench.connect(NEW_STB)
    swap_id = bench.order(OLD_BOX, NEW_BOX, "tv-1", outlets=2)
    bench.run()
    assert bench.view(swap_id).phase is SwapPhase.DONE
    assert bench.holders("tv-1") == [NEW_BOX]
    assert read_paper(bench.view(swap_id).paper).replaces == OLD_BOX


def test_box_and_card_stolen_half_way_hold_nothing_up(bench: SwapBench) -> None:
    bench.connect(NEW_STB)
    swap_id = bench.order(OLD_BOX, NEW_BOX, "tv-1", outlets=2)
    until(bench, swap_id, "verify_card")
    bar(bench, OLD_BOX, CARD)
    bench.connect(STB, online=False)
    bench.later(minutes=1)
    bench.run()
    assert bench.view(swap_id).phase is SwapPhase.DONE
    assert bench.holders("tv-1") == [NEW_BOX]


@pytest.mark.parametrize("stolen", [(OLD_BOX,), (CARD,), (OLD_BOX, CARD)])
@pytest.mark.parametrize("step", ["hold_old", "pair_card", "adopt_new", "verify_card"])
def test_what_is_called_off_after_a_theft_goes_back_by_itself(
    bench: SwapBench, stolen: tuple[str, ...], step: str
) -> None:
    bench.connect(NEW_STB)
    swap_id = bench.order(OLD_BOX, NEW_BOX, "tv-1", outlets=2)
    until(bench, swap_id, step)
    bar(bench, *stolen)
    if OLD_BOX in stolen:
        bench.connect(STB, online=False)
    if bench.view(swap_id).may_abort:
        bench.abort(swap_id)
    go_on(bench)
    view = bench.view(swap_id)
    if view.phase is SwapPhase.ROLLED_BACK:
        assert box_of(bench) != NEW_BOX or CARD in stolen
        bench.order(OLD_BOX, NEW_BOX, "tv-1", outlets=2)
    else:
        assert (view.phase, bench.holders("tv-1")) == (SwapPhase.DONE, [NEW_BOX])


def test_the_card_of_a_stolen_box_goes_into_the_new_one(bench: SwapBench) -> None:
    bar(bench, OLD_BOX)
    bench.connect(NEW_STB)
    swap_id = bench.order(holder(bench, "tv-1"), NEW_BOX, "tv-1", outlets=2)
    bench.run()
    assert bench.view(swap_id).todo is Todo.PUT_CARD_IN
    move_card(bench)
    view = bench.view(swap_id)
    assert (view.phase, box_of(bench)) == (SwapPhase.DONE, NEW_BOX)
    assert read_paper(view.paper).replaces == OLD_BOX
    assert view.service_gap_ms is None


def test_a_dead_new_box_leaves_the_card_of_a_stolen_one_free(bench: SwapBench) -> None:
    bar(bench, OLD_BOX)
    swap_id = bench.order(OLD_BOX, NEW_BOX, "tv-1")
    go_on(bench)
    assert (bench.view(swap_id).phase, box_of(bench)) == (SwapPhase.ROLLED_BACK, "")


def test_a_lost_card_is_replaced_in_the_box_it_was_in(bench: SwapBench) -> None:
    bar(bench, CARD)
    swap_id = bench.order(holder(bench, "card-1"), NEW_CARD, "card-1")
    bench.run()
    assert bench.view(swap_id).todo is Todo.PUT_CARD_IN
    bench.card_in_box(CARD_RUNNING)
    bench.later(minutes=1)
    bench.run()
    view = bench.view(swap_id)
    assert (view.phase, box_of(bench, NEW_CARD)) == (SwapPhase.DONE, OLD_BOX)
    assert bench.holders("card-1") == [NEW_CARD]
    assert read_paper(view.paper).replaces == CARD


def test_a_card_lost_half_way_does_not_come_back(bench: SwapBench) -> None:
    swap_id = bench.order(CARD, NEW_CARD, "card-1")
    until(bench, swap_id, "verify_card")
    bar(bench, CARD)
    bench.abort(swap_id)
    go_on(bench)
    assert bench.view(swap_id).phase is SwapPhase.ROLLED_BACK
    new = bench.desk.cards.card(NEW_CARD)
    assert new is not None and (new.box, new.package) == ("", "")


def test_a_card_whose_box_is_stolen_half_way_goes_back_into_none(bench: SwapBench) -> None:
    swap_id = bench.order(CARD, NEW_CARD, "card-1")
    until(bench, swap_id, "verify_card")
    bar(bench, OLD_BOX)
    go_on(bench)
    assert bench.view(swap_id).phase is SwapPhase.ROLLED_BACK
    card = bench.desk.cards.card(CARD)
    assert card is not None and (card.box, card.package) == ("", "TOP L")


def test_a_card_that_is_in_other_hands_by_now_is_left_there(bench: SwapBench) -> None:
    bar(bench, OLD_BOX)
    with bench.fleet.writing() as connection:
        connection.execute(t.assignment.update().values(until_at=bench.now))
    bench.connect(NEW_STB)
    swap_id = bench.order(OLD_BOX, NEW_BOX, "tv-1", outlets=2)
    bench.run()
    assert (bench.view(swap_id).phase, box_of(bench)) == (SwapPhase.DONE, OLD_BOX)


def test_box_and_card_are_not_replaced_at_the_same_time(bench: SwapBench) -> None:
    bench.order(OLD_BOX, NEW_BOX, "tv-1")
    with pytest.raises(SwapTakenError):
        bench.order(CARD, NEW_CARD, "card-1")


def test_a_stolen_modem_is_offered_with_all_that_it_held(bench: SwapBench) -> None:
    assert holder(bench, "internet+voice") == OLD
    bar(bench, OLD)
    assert holder(bench, "internet+voice") == OLD
    assert holder(bench, "tv-1") == OLD_BOX


def test_a_unit_that_came_back_into_stock_is_not_offered(bench: SwapBench) -> None:
    with bench.fleet.writing() as connection:
        is_box = t.unit.c.serial_number == OLD_BOX
        connection.execute(t.assignment.update().values(until_at=bench.now))
        connection.execute(t.unit.update().where(is_box).values(state="in_stock"))
    assert holder(bench, "tv-1") is None


def test_a_card_in_no_box_is_refused_still(bench: SwapBench) -> None:
    with bench.fleet.writing() as connection:
        connection.execute(t.pairing.delete())
    with pytest.raises(ConflictError, match="no box"):
        bench.order(CARD, NEW_CARD, "card-1", Trigger.TECHNICIAN)
