"""Replacements on the real engine and database: each path's outcome told by hand from the rules."""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path

import pytest

from agent.wire import replacement as parts
from fleet_server.adapters.simulated import Behaviour
from fleet_server.domain.errors import ConflictError, RuleError
from fleet_server.domain.life_cycle import UnitState
from fleet_server.domain.swap import PointOfNoReturnError, Step
from fleet_server.services import blacklist, stock_moves
from fleet_server.services import tables as t
from fleet_server.services.swap_paper import read_paper
from fleet_server.services.swaps import (
    SwapPhase,
    SwapStateError,
    SwapTakenError,
    Todo,
    Trigger,
)
from fleet_server.tests.databases import Database
from fleet_server.tests.service_desk import CLERK, MAC, NOON, STORE, VOICE_MODEM
from fleet_server.tests.swap_bench import (
    NEW,
    NEW_BOX,
    NEW_MAC,
    NEW_MODEM,
    NEW_STB,
    OLD,
    OLD_BOX,
    SETTINGS,
    SwapBench,
    prepare_bench,
)
from fleet_server.tests.swap_paths import change_cable, move_card, new_serves, old_serves, until


@pytest.fixture
def bench(tmp_path: Path, database: Database) -> SwapBench:
    return SwapBench(tmp_path, database.fresh(prepare_bench))


# --- it goes as planned ---


def test_a_technician_replaces_a_voice_modem_with_one_outlet(bench: SwapBench) -> None:
    swap_id = bench.order()
    until(bench, swap_id, "adopt_new")
    assert bench.serving() == {NEW_MAC}
    assert bench.view(swap_id).todo is Todo.MOVE_CABLE
    change_cable(bench)
    assert bench.view(swap_id).todo is Todo.NOTHING
    bench.run()
    new_serves(bench)
    view = bench.view(swap_id)
    assert (view.phase, view.owed) == (SwapPhase.DONE, ("old_unit/fence",))
    bench.connect(VOICE_MODEM)
    bench.run()
    assert bench.view(swap_id).owed == ()
    assert bench.units[VOICE_MODEM].part == parts.FENCED
    assert not bench.may_connect(VOICE_MODEM)
    assert bench.may_connect(NEW_MODEM)


def test_with_two_outlets_both_overlap_and_the_customer_keeps_the_settings(
    bench: SwapBench,
) -> None:
    bench.connect(NEW_MODEM)
    swap_id = bench.order(outlets=2)
    bench.run()
    new_serves(bench)
    assert bench.view(swap_id).phase is SwapPhase.DONE
    assert bench.units[NEW_MODEM].settings == SETTINGS
    assert bench.units[VOICE_MODEM].settings == {}
    assert bench.desk.access.access(MAC) is None
    assert not bench.may_connect(VOICE_MODEM)
    for row in bench.desk.rows(t.command):
        assert 'Settings"' not in row.args + row.outputs


def test_commit_hands_over_the_paper_and_starts_the_clocks(bench: SwapBench) -> None:
    bench.connect(NEW_MODEM)
    swap_id = bench.order(outlets=2)
    bench.run()
    view = bench.view(swap_id)
    paper = read_paper(view.paper)
    assert (paper.serial_number, paper.replaces, paper.value_cents) == (NEW, OLD, 7000)
    assert paper.handed_over_on == date(2026, 11, 26)
    rows = [row for row in bench.desk.rows(t.assignment) if row.until_at is None]
    held = [row for row in rows if row.replaces_unit_id is not None]
    assert [(row.handed_over_on, row.value_cents) for row in held] == [
        (date(2026, 11, 26), 7000)
    ] * 2
    assert bench.desk.state_of(OLD) == "to_be_returned"
    clocks = [row for row in bench.desk.rows(t.clock) if row.kind == "return"]
    assert len(clocks) == 1 and clocks[0].charge_from_at is None


def test_a_posted_unit_is_under_warranty_from_the_day_it_came_up(bench: SwapBench) -> None:
    swap_id = bench.order(OLD_BOX, NEW_BOX, "tv-1", Trigger.POSTED, posted_at=NOON, planned=None)
    bench.approve(swap_id)
    bench.run()
    assert bench.view(swap_id).todo is Todo.CONNECT_NEW
    bench.later(days=3)
    bench.connect(NEW_STB)
    bench.run()
    move_card(bench)
    view = bench.view(swap_id)
    assert (view.phase, view.posted_at) == (SwapPhase.DONE, NOON)
    assert read_paper(view.paper).handed_over_on == date(2026, 11, 29)


# --- the old unit ---


def test_a_dead_old_unit_is_passed_over_and_owes_its_fence(bench: SwapBench) -> None:
    bench.connect(VOICE_MODEM, online=False)
    swap_id = bench.order()
    bench.connect(NEW_MODEM)
    for _ in range(4):
        bench.run()
        bench.later(minutes=10)
    bench.run()
    new_serves(bench)
    view = bench.view(swap_id)
    assert (view.phase, view.owed) == (SwapPhase.DONE, ("old_unit/fence",))
    assert bench.may_connect(VOICE_MODEM)


def test_an_old_unit_that_is_dead_for_days_is_not_waited_for(bench: SwapBench) -> None:
    bench.connect(VOICE_MODEM, online=False)
    bench.later(days=2)
    bench.order()
    bench.connect(NEW_MODEM)
    bench.run()
    new_serves(bench)


def test_a_customer_who_unplugs_the_old_unit_first_waits_for_nothing(bench: SwapBench) -> None:
    swap_id = bench.order(trigger=Trigger.POSTED, posted_at=NOON)
    bench.approve(swap_id)
    bench.run()
    assert bench.view(swap_id).todo is Todo.CONNECT_NEW
    change_cable(bench)
    bench.later(seconds=3)
    bench.run()
    new_serves(bench)
    assert bench.units[NEW_MODEM].settings == SETTINGS
    view = bench.view(swap_id)
    assert (view.phase, view.owed) == (SwapPhase.DONE, ("old_unit/fence",))
    bench.connect(VOICE_MODEM)
    bench.run()
    assert bench.units[VOICE_MODEM].told[-1] == parts.FENCE
    assert parts.HOLD not in bench.units[VOICE_MODEM].told


def test_an_old_unit_that_comes_back_months_later_is_fenced_then(bench: SwapBench) -> None:
    test_a_dead_old_unit_is_passed_over_and_owes_its_fence(bench)
    bench.later(days=150)
    bench.connect(VOICE_MODEM)
    bench.run()
    assert bench.units[VOICE_MODEM].part == parts.FENCED
    assert bench.units[VOICE_MODEM].settings == {}
    assert not bench.may_connect(VOICE_MODEM)
    new_serves(bench)


def test_an_old_unit_that_never_comes_back_is_shut_out_in_the_end(bench: SwapBench) -> None:
    test_a_dead_old_unit_is_passed_over_and_owes_its_fence(bench)
    bench.later(days=366)
    bench.run()
    assert not bench.may_connect(VOICE_MODEM)
    assert bench.view(1).owed == ()
    assert bench.view(1).events[-1].kind == "written_off"


def test_a_stolen_unit_is_replaced_by_another_without_it(bench: SwapBench) -> None:
    with bench.fleet.writing() as connection:
        blacklist.blacklist(
            connection, OLD, blacklist.Cause.STOLEN, None, CLERK, "made-up theft", bench.now
        )
    bench.connect(NEW_MODEM)
    swap_id = bench.order()
    bench.run()
    new_serves(bench)
    assert bench.view(swap_id).phase is SwapPhase.DONE
    assert bench.desk.state_of(OLD) == "stolen"
    assert bench.units[VOICE_MODEM].told == []


def test_a_unit_stolen_half_way_is_not_opened_again(bench: SwapBench) -> None:
    swap_id = bench.order()
    until(bench, swap_id, "adopt_new")
    with bench.fleet.writing() as connection:
        blacklist.blacklist(
            connection, OLD, blacklist.Cause.STOLEN, None, CLERK, "made-up theft", bench.now
        )
    bench.connect(VOICE_MODEM, online=False)
    bench.connect(NEW_MODEM)
    bench.run()
    assert bench.view(swap_id).phase is SwapPhase.DONE
    assert bench.view(swap_id).owed == ()
    new_serves(bench)
    assert bench.desk.state_of(OLD) == "stolen"


# --- the new unit ---


def test_a_new_unit_dead_on_arrival_leaves_the_old_one_in_service(bench: SwapBench) -> None:
    swap_id = bench.order()
    bench.run()
    for _ in range(3):
        bench.later(minutes=10)
        bench.run()
    view = bench.view(swap_id)
    assert (view.phase, view.todo) == (SwapPhase.ROLLED_BACK, Todo.TEST_NEW)
    old_serves(bench, new="quarantine")
    assert bench.units[VOICE_MODEM].part == parts.ACTIVE
    assert view.owed == ("new_unit/rollback",)


def test_a_new_unit_that_is_not_well_goes_back(bench: SwapBench) -> None:
    bench.connect(NEW_MODEM)
    bench.units[NEW_MODEM].well = False
    swap_id = bench.order(outlets=2)
    bench.run()
    bench.later(minutes=11)
    bench.run()
    assert bench.view(swap_id).phase is SwapPhase.ROLLED_BACK
    old_serves(bench, new="quarantine")
    assert bench.units[NEW_MODEM].part == parts.SPARE


def test_a_new_unit_that_dies_half_way_keeps_nobody_out_of_service(bench: SwapBench) -> None:
    bench.connect(NEW_MODEM)
    bench.units[NEW_MODEM].well = False
    swap_id = bench.order(outlets=2)
    bench.run()
    bench.connect(NEW_MODEM, online=False)
    bench.abort(swap_id)
    bench.run()
    old_serves(bench)
    view = bench.view(swap_id)
    assert (view.phase, view.owed) == (SwapPhase.ROLLED_BACK, ("new_unit/rollback",))


def test_a_new_unit_that_owes_its_way_back_is_not_ordered_again(bench: SwapBench) -> None:
    test_a_new_unit_dead_on_arrival_leaves_the_old_one_in_service(bench)
    with bench.fleet.writing() as connection:
        stock_moves.move(
            connection, CLERK, NEW, UnitState.IN_STOCK, STORE, "well on the bench", bench.now
        )
    with pytest.raises(SwapTakenError, match="connect it"):
        bench.order()
    bench.connect(NEW_MODEM)
    bench.run()
    bench.order()


# --- power cuts, ports ---


def test_power_cuts_on_either_side_only_take_time(bench: SwapBench) -> None:
    swap_id = bench.order(outlets=2)
    bench.connect(NEW_MODEM)
    until(bench, swap_id, "hold_old")
    bench.connect(VOICE_MODEM, online=False)
    bench.turn()
    bench.later(minutes=2)
    bench.connect(VOICE_MODEM)
    until(bench, swap_id, "adopt_new")
    bench.connect(NEW_MODEM, online=False)
    bench.turn()
    bench.later(minutes=2)
    bench.connect(NEW_MODEM)
    bench.run()
    assert bench.view(swap_id).phase is SwapPhase.DONE
    new_serves(bench)


@pytest.mark.parametrize(
    "fault",
    [
        Behaviour(delay_ms=9000),
        Behaviour(fail_before=3),
        Behaviour(fail_after=3),
        Behaviour(answer_twice=2),
    ],
)
def test_a_system_that_is_slow_fails_or_answers_twice_only_takes_time(
    bench: SwapBench, fault: Behaviour
) -> None:
    bench.connect(NEW_MODEM)
    swap_id = bench.order(outlets=2)
    for system in (bench.desk.access, bench.desk.voice):
        system.behave(fault)
    for _ in range(12):
        bench.run()
        assert len(bench.serving()) <= 1
        bench.later(minutes=1)
    assert bench.view(swap_id).phase is SwapPhase.DONE
    new_serves(bench)


def test_a_system_that_refuses_before_the_commit_turns_it_back(bench: SwapBench) -> None:
    bench.connect(NEW_MODEM)
    swap_id = bench.order(outlets=2)
    bench.desk.voice.behave(Behaviour(refuse_calls=1))
    bench.run()
    bench.later(seconds=11)
    bench.run()
    view = bench.view(swap_id)
    assert view.phase is SwapPhase.ROLLED_BACK
    assert "refuse" in view.why
    old_serves(bench)


def test_a_system_that_refuses_the_way_back_asks_for_a_person_and_is_resumed(
    bench: SwapBench,
) -> None:
    bench.connect(NEW_MODEM)
    swap_id = bench.order(outlets=2)
    bench.desk.voice.behave(Behaviour(refuse_calls=2))
    bench.run()
    bench.later(seconds=11)
    bench.run()
    view = bench.view(swap_id)
    assert (view.phase, view.todo) == (SwapPhase.PERSON, Todo.LOOK_AT_SYSTEM)
    bench.resume(swap_id)
    bench.run()
    bench.later(seconds=11)
    bench.run()
    assert bench.view(swap_id).phase is SwapPhase.ROLLED_BACK
    old_serves(bench)


def test_what_needs_a_person_is_asked_again_every_ten_minutes(bench: SwapBench) -> None:
    bench.connect(NEW_MODEM)
    swap_id = bench.order(outlets=2)
    bench.desk.voice.behave(Behaviour(refuse_calls=4))
    bench.run()
    assert refusals(bench) == 2  # the way there, and the way back
    bench.later(minutes=9)
    bench.run()
    assert refusals(bench) == 2
    for _ in range(3):
        bench.later(minutes=10)
        bench.run()
    assert (refusals(bench), bench.view(swap_id).phase) == (4, SwapPhase.ROLLED_BACK)


def refusals(bench: SwapBench) -> int:
    return sum(call.outcome == "refused" for call in bench.desk.voice.calls())


def test_an_old_unit_that_was_away_is_put_back_as_soon_as_it_is_there(bench: SwapBench) -> None:
    swap_id = bench.order()
    until(bench, swap_id, "adopt_new")
    bench.connect(VOICE_MODEM, online=False)
    bench.connect(NEW_MODEM)
    bench.abort(swap_id)
    bench.run()
    bench.later(minutes=11)
    bench.run()
    assert bench.view(swap_id).phase is SwapPhase.PERSON
    bench.connect(VOICE_MODEM)
    bench.later(seconds=3)
    bench.run()
    assert bench.view(swap_id).phase is SwapPhase.ROLLED_BACK
    old_serves(bench)


# --- people ---


def test_it_is_called_off_before_the_point_of_no_return_and_not_after(bench: SwapBench) -> None:
    swap_id = bench.order()
    until(bench, swap_id, "adopt_new")
    bench.abort(swap_id)
    bench.run()
    bench.later(minutes=11)
    bench.run()
    assert bench.view(swap_id).phase is SwapPhase.ROLLED_BACK
    old_serves(bench)
    with pytest.raises(SwapStateError):
        bench.abort(swap_id)
    bench.connect(NEW_MODEM)
    bench.run()
    again = bench.order(outlets=2)
    until(bench, again, "fence_old")
    with pytest.raises(PointOfNoReturnError):
        bench.abort(again)


def test_a_dead_old_unit_on_the_way_back_waits_for_a_person_who_may_waive(
    bench: SwapBench,
) -> None:
    swap_id = bench.order()
    until(bench, swap_id, "adopt_new")
    bench.connect(VOICE_MODEM, online=False)
    bench.abort(swap_id)
    for _ in range(4):
        bench.run()
        bench.later(minutes=11)
    view = bench.view(swap_id)
    assert (view.phase, view.todo, view.may_waive) == (
        SwapPhase.PERSON,
        Todo.CONNECT_OLD_OR_WAIVE,
        True,
    )
    bench.waive(swap_id)
    bench.run()
    view = bench.view(swap_id)
    assert (view.phase, "old_unit/rollback" in view.owed) == (SwapPhase.ROLLED_BACK, True)
    bench.connect(VOICE_MODEM)
    bench.run()
    assert bench.units[VOICE_MODEM].part == parts.ACTIVE


def test_two_replacements_of_one_unit_or_position_are_refused(bench: SwapBench) -> None:
    bench.order()
    with pytest.raises(SwapTakenError):
        bench.order()
    with pytest.raises(SwapTakenError):
        bench.order(OLD, NEW, "internet+voice", Trigger.POSTED)


def test_the_wrong_units_are_refused(bench: SwapBench) -> None:
    for old, new, position in (
        (None, NEW, "internet+voice"),
        (OLD, NEW_BOX, "internet+voice"),
        (OLD, OLD_BOX, "tv-1"),
        (OLD, NEW, "internet"),
    ):
        with pytest.raises(RuleError):
            bench.order(old, new, position)


def test_an_order_that_nobody_approved_is_called_off(bench: SwapBench) -> None:
    swap_id = bench.order(OLD_BOX, NEW_BOX, "tv-1", Trigger.POSTED)
    bench.abort(swap_id)
    assert bench.view(swap_id).phase is SwapPhase.ROLLED_BACK
    with pytest.raises(ConflictError):
        bench.approve(swap_id)
    bench.order(OLD_BOX, NEW_BOX, "tv-1", Trigger.POSTED)


def test_what_each_step_took_and_the_gap_are_measured(bench: SwapBench) -> None:
    swap_id = bench.order()
    until(bench, swap_id, "adopt_new")
    change_cable(bench)
    bench.later(seconds=90)
    bench.run()
    view = bench.view(swap_id)
    assert view.service_gap_ms == 90_000
    took = {one.step: one.took_ms for one in view.steps if not one.undo}
    assert took[Step.ADOPT_NEW] == 90_000
    assert timedelta(milliseconds=view.approval_to_service_ms or 0) == timedelta(seconds=90)
