"""Where the new unit is when a replacement went back: not free, if it left the stock or failed."""

from __future__ import annotations

from pathlib import Path

import pytest

from fleet_server.adapters.simulated import Behaviour
from fleet_server.domain.errors import RuleError
from fleet_server.domain.life_cycle import UnitState
from fleet_server.services import stock_moves
from fleet_server.services import tables as t
from fleet_server.services.swaps import SwapPhase, Todo, Trigger
from fleet_server.tests.databases import Database
from fleet_server.tests.service_desk import CARD, CLERK, NOON, STORE
from fleet_server.tests.swap_bench import (
    NEW,
    NEW_CARD,
    NEW_MODEM,
    OLD,
    SwapBench,
    prepare_bench,
)
from fleet_server.tests.swap_paths import until


@pytest.fixture
def bench(tmp_path: Path, database: Database) -> SwapBench:
    return SwapBench(tmp_path, database.fresh(prepare_bench))


def where(bench: SwapBench, serial: str = NEW) -> tuple[str, str]:
    """State and place, "" for none of the operator's."""
    unit = next(row for row in bench.desk.rows(t.unit) if row.serial_number == serial)
    places = {row.id: row.code for row in bench.desk.rows(t.place)}
    return unit.state, places.get(unit.place_id, "")


def move(bench: SwapBench, after: UnitState, serial: str = NEW) -> None:
    with bench.fleet.writing() as connection:
        stock_moves.move(connection, CLERK, serial, after, STORE, "a test", bench.now)


def go_back(bench: SwapBench, swap_id: int) -> None:
    for _ in range(4):
        bench.run()
        bench.later(minutes=11)
    bench.run()
    assert bench.view(swap_id).phase is SwapPhase.ROLLED_BACK


def posted(bench: SwapBench) -> int:
    swap_id = bench.order(trigger=Trigger.POSTED, posted_at=NOON)
    bench.approve(swap_id)
    bench.run()
    return swap_id


def test_a_posted_unit_that_nobody_plugged_in_is_nobody_elses(bench: SwapBench) -> None:
    swap_id = posted(bench)
    bench.later(days=15)
    go_back(bench, swap_id)
    assert where(bench) == ("quarantine", "")
    assert bench.view(swap_id).todo is Todo.FETCH_NEW
    with pytest.raises(RuleError, match="in stock"):
        bench.order()
    move(bench, UnitState.IN_STOCK)
    assert bench.view(swap_id).todo is Todo.NOTHING
    bench.order()


def test_a_posted_unit_is_away_though_the_replacement_is_called_off(bench: SwapBench) -> None:
    swap_id = posted(bench)
    bench.abort(swap_id)
    go_back(bench, swap_id)
    assert where(bench) == ("quarantine", "")


def test_a_unit_that_is_not_well_is_tested_before_another_customer_gets_it(
    bench: SwapBench,
) -> None:
    bench.connect(NEW_MODEM)
    bench.units[NEW_MODEM].well = False
    swap_id = bench.order(outlets=2)
    go_back(bench, swap_id)
    view = bench.view(swap_id)
    assert (view.owed, view.todo) == ((), Todo.TEST_NEW)
    assert where(bench) == ("quarantine", STORE)
    with pytest.raises(RuleError, match="in stock"):
        bench.order()
    move(bench, UnitState.DEAD_ON_ARRIVAL)
    assert bench.view(swap_id).todo is Todo.NOTHING


def test_a_unit_that_refuses_to_take_over_is_to_be_tested(bench: SwapBench) -> None:
    bench.connect(NEW_MODEM)
    bench.units[NEW_MODEM].refuses = "made up"
    swap_id = bench.order(outlets=2)
    go_back(bench, swap_id)
    assert (where(bench), bench.view(swap_id).todo) == (("quarantine", STORE), Todo.TEST_NEW)


def test_a_unit_that_never_comes_up_beside_the_technician_is_to_be_tested(
    bench: SwapBench,
) -> None:
    swap_id = bench.order(outlets=2)
    go_back(bench, swap_id)
    assert (where(bench), bench.view(swap_id).todo) == (("quarantine", STORE), Todo.TEST_NEW)


def test_a_unit_on_its_way_that_fails_is_to_be_tested_too(bench: SwapBench) -> None:
    move(bench, UnitState.IN_TRANSIT)
    bench.connect(NEW_MODEM)
    bench.units[NEW_MODEM].well = False
    swap_id = bench.order(outlets=2)
    go_back(bench, swap_id)
    assert where(bench) == ("quarantine", STORE)


def test_a_card_that_no_box_reads_is_to_be_tested(bench: SwapBench) -> None:
    swap_id = bench.order(CARD, NEW_CARD, "card-1")
    go_back(bench, swap_id)
    assert where(bench, NEW_CARD) == ("quarantine", STORE)
    assert bench.view(swap_id).todo is Todo.TEST_NEW


def test_what_is_no_fault_of_the_new_unit_leaves_it_free(bench: SwapBench) -> None:
    bench.connect(NEW_MODEM)
    bench.desk.voice.behave(Behaviour(refuse_calls=1))
    refused = bench.order(outlets=2)
    go_back(bench, refused)
    assert (where(bench), bench.view(refused).todo) == (("in_stock", STORE), Todo.NOTHING)
    called_off = bench.order()
    until(bench, called_off, "adopt_new")
    bench.abort(called_off)
    go_back(bench, called_off)
    assert (where(bench), bench.view(called_off).todo) == (("in_stock", STORE), Todo.NOTHING)
    assert bench.holders("internet") == [OLD]
