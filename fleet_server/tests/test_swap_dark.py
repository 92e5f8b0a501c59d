"""Systems and units that say nothing: nobody waits in the dark for them."""

from __future__ import annotations

from pathlib import Path

import pytest

from agent.wire import replacement as parts
from fleet_server.adapters.simulated import Behaviour
from fleet_server.domain.operations import MoveLine, System
from fleet_server.services import outbox
from fleet_server.services.swaps import SwapPhase, Todo
from fleet_server.tests.databases import Database
from fleet_server.tests.service_desk import MAC, VOICE_MODEM
from fleet_server.tests.swap_bench import NEW_MODEM, SwapBench, prepare_bench
from fleet_server.tests.swap_paths import new_serves, old_serves, until


@pytest.fixture
def bench(tmp_path: Path, database: Database) -> SwapBench:
    return SwapBench(tmp_path, database.fresh(prepare_bench))


def test_nobody_is_cut_while_a_system_that_is_needed_does_not_answer(bench: SwapBench) -> None:
    bench.desk.voice.behave(Behaviour(fail_before=6))
    with bench.fleet.writing() as connection:
        for number in (8, 9):
            other = MoveLine(f"C-{number}/voice", f"00256D0000F{number}")
            outbox.queue(connection, f"other-{number}", [[(System.VOICE, other)]], bench.now)
    bench.run()
    bench.connect(NEW_MODEM)
    swap_id = bench.order(outlets=2)
    bench.run()
    view = bench.view(swap_id)
    assert (view.step, view.todo) == ("renew_settings", Todo.LOOK_AT_SYSTEM)
    assert "voice, which said last: no_answer" in view.waits_for
    assert bench.serving() == {MAC} and bench.units[VOICE_MODEM].part == parts.ACTIVE
    for _ in range(4):
        bench.later(minutes=1)
        bench.run()
    new_serves(bench)


def test_a_network_that_is_down_once_the_old_unit_is_dark_lets_it_serve_again(
    bench: SwapBench,
) -> None:
    swap_id = bench.order()
    bench.desk.access.behave(Behaviour(fail_before=1000))
    for _ in range(2):
        bench.run()
        bench.later(minutes=1)
    view = bench.view(swap_id)
    assert (view.step, view.todo) == ("close_old", Todo.LOOK_AT_SYSTEM)
    assert bench.units[VOICE_MODEM].part == parts.HELD
    bench.later(minutes=9)
    bench.run()
    assert bench.units[VOICE_MODEM].part == parts.ACTIVE
    for _ in range(2):
        bench.later(minutes=1)
        bench.run()
    view = bench.view(swap_id)
    assert (view.phase, view.todo) == (SwapPhase.BACK, Todo.LOOK_AT_SYSTEM)
    assert bench.serving() == {MAC}
    bench.desk.access.behave(Behaviour())
    bench.resume(swap_id)
    bench.run()
    assert bench.view(swap_id).phase is SwapPhase.ROLLED_BACK
    old_serves(bench)


def test_on_the_way_back_nobody_waits_long_for_a_new_unit_that_says_nothing(
    bench: SwapBench,
) -> None:
    bench.connect(NEW_MODEM)
    bench.units[NEW_MODEM].well = False
    swap_id = bench.order(outlets=2)
    until(bench, swap_id, "verify_new")
    bench.units[NEW_MODEM].busy = "unplugged, and nobody knows yet"
    bench.abort(swap_id)
    bench.run()
    bench.later(seconds=16)
    bench.run()
    view = bench.view(swap_id)
    assert (view.phase, view.owed) == (SwapPhase.ROLLED_BACK, ("new_unit/rollback",))
    assert bench.serving() == {MAC} and bench.line_is_at() == MAC
