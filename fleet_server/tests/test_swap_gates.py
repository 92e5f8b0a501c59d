"""When a replacement may take the old unit out of service, and what waits for it meanwhile."""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta
from pathlib import Path

import pytest
from sqlalchemy import select, update

from fleet_server.domain.command import Refusal, Refused, Sent
from fleet_server.domain.errors import InvalidError, RuleError
from fleet_server.domain.policy import DEFAULTS
from fleet_server.domain.service_state import Ground as ServiceGround
from fleet_server.domain.service_state import ServiceState
from fleet_server.services import command_store, service_state, swaps
from fleet_server.services import tables as t
from fleet_server.services.operator_ports import PENDING, Line, SystemUnavailableError
from fleet_server.services.policy import read_policy
from fleet_server.services.service_state import Wanted
from fleet_server.services.swap_plan import Ground, read_swap
from fleet_server.services.swap_visits import order_visit
from fleet_server.services.swaps import FourEyesError, SwapOrder, SwapPhase, Todo, Trigger
from fleet_server.tests.databases import Database
from fleet_server.tests.service_desk import CLERK, CONTRACT, MAC, NOON, VOICE_MODEM
from fleet_server.tests.swap_bench import (
    BOSS,
    NEW,
    NEW_MAC,
    NEW_MODEM,
    OLD,
    SwapBench,
    prepare_bench,
)
from fleet_server.tests.swap_paths import change_cable, new_serves, old_serves, until

# 04:59 in the contract's zone: the hours of replacements from afar end at 05:00.
LAST_MINUTE = datetime(2026, 11, 27, 3, 59, tzinfo=UTC)


@pytest.fixture
def bench(tmp_path: Path, database: Database) -> SwapBench:
    return SwapBench(tmp_path, database.fresh(prepare_bench))


def remote(bench: SwapBench) -> int:
    """Ordered, agreed to and approved."""
    planned = bench.plan(Ground.FAULTY, bench.now)
    bench.consent(planned)
    swap_id = bench.order(trigger=Trigger.REMOTE, planned=planned)
    bench.approve(swap_id)
    return swap_id


def test_a_remote_one_with_one_outlet_asks_for_the_cable_to_be_moved(bench: SwapBench) -> None:
    swap_id = remote(bench)
    bench.desk.now = LAST_MINUTE - timedelta(hours=1)
    until(bench, swap_id, "adopt_new")
    assert bench.view(swap_id).todo is Todo.HAVE_CABLE_MOVED
    bench.connect(NEW_MODEM)
    assert bench.view(swap_id).todo is Todo.NOTHING


# --- notice or consent ---


def test_a_technician_s_order_puts_the_customers_consent_on_record(bench: SwapBench) -> None:
    planned = bench.view(bench.order()).planned_swap
    assert planned is not None
    with bench.fleet.reading() as connection:
        ground = read_swap(connection, planned)
    assert (ground.ground, ground.consent_at) == (Ground.FAULTY, bench.now)


def test_a_posted_unit_replaces_nothing_without_notice_or_consent(bench: SwapBench) -> None:
    wanted = SwapOrder(CONTRACT, "internet+voice", OLD, NEW, Trigger.POSTED, "a test")
    with pytest.raises(InvalidError, match=r"7\.1\.7"), bench.fleet.writing() as connection:
        swaps.order(connection, CLERK, wanted, bench.now)


def test_a_visit_cuts_nobody_before_the_technician_begins_it(bench: SwapBench) -> None:
    wanted = SwapOrder(CONTRACT, "internet+voice", OLD, NEW, Trigger.TECHNICIAN, "a campaign")
    with bench.fleet.writing() as connection:
        swap_id = order_visit(connection, BOSS, wanted, bench.now)
    for _ in range(3):
        bench.run()
        bench.later(days=1)
    assert bench.view(swap_id).todo is Todo.BEGIN
    assert bench.serving() == {MAC} and bench.units[VOICE_MODEM].told == []
    order = bench.desk.orders.order(f"swap-{swap_id}")
    assert order is not None and order.kind == "swap"
    bench.approve(swap_id, CLERK)
    until(bench, swap_id, "adopt_new")
    change_cable(bench)
    bench.run()
    new_serves(bench)


# --- what the customer changes meanwhile ---


@pytest.mark.parametrize("is_there", [True, False])
def test_settings_are_those_of_the_moment_of_the_cut(bench: SwapBench, is_there: bool) -> None:
    swap_id = bench.order(trigger=Trigger.POSTED)
    bench.approve(swap_id)
    bench.run()
    bench.later(days=5)
    before = bench.units[VOICE_MODEM].settings
    changed = {**before, "passphrase": "a new one, made up"}
    bench.units[VOICE_MODEM].settings = changed
    bench.connect(VOICE_MODEM, online=is_there)
    bench.connect(NEW_MODEM)
    bench.run()
    new_serves(bench)
    assert bench.units[NEW_MODEM].settings == (changed if is_there else before)


def asked_in_the_last_minute(bench: SwapBench) -> int:
    """The old unit is asked to hold just before the hours end."""
    swap_id = remote(bench)
    bench.desk.now = LAST_MINUTE
    for endpoint_id in (VOICE_MODEM, NEW_MODEM):
        bench.connect(endpoint_id)
    bench.units[VOICE_MODEM].busy = "a call"
    until(bench, swap_id, "hold_old")
    bench.turn()
    return swap_id


def refuses_as_busy(bench: SwapBench) -> None:
    with bench.fleet.writing() as connection:
        row = connection.execute(select(t.command).where(t.command.c.finished_at.is_(None))).one()
        busy = Refused(Refusal.BUSY, code=7002, text="busy: call")
        command_store.apply(connection, row, [Sent(), busy], bench.now)


def test_a_call_that_outlasts_the_hours_has_the_cut_wait_for_the_next_ones(
    bench: SwapBench,
) -> None:
    swap_id = asked_in_the_last_minute(bench)
    refuses_as_busy(bench)
    bench.later(minutes=40)
    bench.turn()
    bench.units[VOICE_MODEM].busy = ""
    bench.run()
    old_serves_still(bench)
    assert "hours" in bench.view(swap_id).waits_for
    bench.desk.now = datetime(2026, 11, 28, 0, 30, tzinfo=UTC)
    bench.run()
    assert bench.view(swap_id).phase is SwapPhase.DONE
    new_serves(bench)


def test_what_waits_for_the_next_night_takes_the_settings_of_that_night(bench: SwapBench) -> None:
    swap_id = asked_in_the_last_minute(bench)
    refuses_as_busy(bench)
    bench.later(minutes=40)
    bench.units[VOICE_MODEM].busy = ""
    bench.run()
    changed = {**bench.units[VOICE_MODEM].settings, "passphrase": "of the next day, made up"}
    bench.units[VOICE_MODEM].settings = changed
    bench.desk.now = datetime(2026, 11, 28, 0, 30, tzinfo=UTC)
    bench.run()
    assert bench.view(swap_id).phase is SwapPhase.DONE
    assert bench.units[NEW_MODEM].settings == changed


def test_a_hold_that_has_left_is_no_leave_to_cut_after_the_hours(bench: SwapBench) -> None:
    swap_id = asked_in_the_last_minute(bench)
    with bench.fleet.writing() as connection:
        row = connection.execute(select(t.command).where(t.command.c.finished_at.is_(None))).one()
        command_store.apply(connection, row, [Sent(1)], bench.now)
    bench.connect(VOICE_MODEM, online=False)
    bench.later(hours=5)
    bench.run()
    view = bench.view(swap_id)
    assert (view.step, view.waits_for_code) == ("hold_old", "hours")
    old_serves_still(bench)


def old_serves_still(bench: SwapBench) -> None:
    assert bench.serving() == {MAC}
    assert bench.line_is_at() == MAC
    assert bench.units[VOICE_MODEM].part == "active"


def test_a_unit_that_went_away_in_the_hours_is_not_cut_off_after_them(bench: SwapBench) -> None:
    swap_id = asked_in_the_last_minute(bench)
    bench.connect(VOICE_MODEM, online=False)
    bench.later(minutes=11)
    for _ in range(3):
        bench.turn()
    old_serves_still(bench)
    assert "hours" in bench.view(swap_id).waits_for


def test_a_unit_that_held_in_time_and_said_so_late_is_replaced_at_once(bench: SwapBench) -> None:
    swap_id = asked_in_the_last_minute(bench)
    bench.units[VOICE_MODEM].busy = ""
    bench.obey()
    bench.later(minutes=2)
    bench.run()
    assert bench.view(swap_id).phase is SwapPhase.DONE
    new_serves(bench)


def test_hours_that_end_where_they_begin_are_none(bench: SwapBench) -> None:
    for name in ("cut_over_from", "cut_over_until"):
        with bench.fleet.writing() as connection:
            connection.execute(
                t.policy_setting.insert().values(name=name, value="20:30", changed_at=bench.now)
            )
    assert DEFAULTS.peak_from < time(20, 30)
    swap_id = remote(bench)
    bench.desk.now = datetime(2026, 11, 27, 20, 0, tzinfo=UTC)
    bench.connect(VOICE_MODEM)
    bench.run()
    assert "hours" in bench.view(swap_id).waits_for


def test_a_contract_that_ends_before_the_cut_ends_the_replacement(bench: SwapBench) -> None:
    swap_id = bench.order(trigger=Trigger.POSTED)
    bench.approve(swap_id)
    bench.run()
    wanted = Wanted(ServiceState.TERMINATED, ServiceGround.CUSTOMER_REQUEST)
    with bench.fleet.writing() as connection:
        policy = read_policy(connection)
        service_state.decide(connection, CONTRACT, wanted, CLERK, "made-up", policy, bench.now)
    bench.connect(NEW_MODEM)
    bench.later(seconds=3)
    bench.run()
    view = bench.view(swap_id)
    assert (view.phase, view.why) == (SwapPhase.ROLLED_BACK, f"contract {CONTRACT} has ended [2]")
    asked = {one.operation for one in view.events if one.kind == "asked"}
    assert asked == {"reserve", "prepare", "see", "release"}
    assert bench.desk.state_of(NEW) == "quarantine", "it is at the customer's"


@pytest.mark.parametrize("trigger", [Trigger.TECHNICIAN, Trigger.POSTED])
def test_what_nobody_began_is_called_off_where_the_contract_ends(
    bench: SwapBench, trigger: Trigger
) -> None:
    planned = bench.agreed()
    wanted = SwapOrder(CONTRACT, "internet+voice", OLD, NEW, trigger, "a test", 2, planned)
    with bench.fleet.writing() as connection:
        is_visit = trigger is Trigger.TECHNICIAN
        put = order_visit if is_visit else swaps.order
        swap_id = put(connection, BOSS, wanted, bench.now)
    ended = Wanted(ServiceState.TERMINATED, ServiceGround.CUSTOMER_REQUEST)
    with bench.fleet.writing() as connection:
        policy = read_policy(connection)
        service_state.decide(connection, CONTRACT, ended, CLERK, "made-up", policy, bench.now)
    view = bench.view(swap_id)
    assert (view.phase, view.why) == (SwapPhase.ROLLED_BACK, f"contract {CONTRACT} has ended [2]")
    assert view.todo is Todo.NOTHING and bench.desk.rows(t.swap_claim) == []
    assert bench.desk.state_of(NEW) == "in_stock"
    bench.run()
    order = bench.desk.orders.order(f"swap-{swap_id}")
    assert is_visit == (order is not None and not order.open)


def test_a_posted_unit_is_waited_for_from_the_moment_that_was_announced(bench: SwapBench) -> None:
    planned = bench.plan(Ground.OPERATOR, bench.now + timedelta(days=20))
    bench.announce(planned)
    swap_id = bench.order(trigger=Trigger.POSTED, posted_at=NOON, planned=planned)
    bench.approve(swap_id)
    bench.run()
    bench.later(days=33)
    bench.run()
    assert bench.view(swap_id).todo is Todo.CONNECT_NEW
    bench.later(days=2)
    bench.run()
    assert bench.view(swap_id).phase is SwapPhase.ROLLED_BACK


def test_units_that_come_by_post_are_waited_for_seldom_and_heard_at_once(
    bench: SwapBench,
) -> None:
    swap_id = bench.order(trigger=Trigger.POSTED)
    bench.approve(swap_id)
    bench.run()
    waits = []
    for days in (0, 3):
        bench.later(days=days, seconds=2)
        bench.turn()
        waits.append(due_in_s(bench))
    assert waits == [2, 300]
    bench.connect(NEW_MODEM)
    assert due_in_s(bench) == 0
    bench.run()
    assert bench.view(swap_id).phase is SwapPhase.DONE


def due_in_s(bench: SwapBench) -> float:
    due_at: datetime = bench.desk.scalar(select(t.swap.c.due_at))
    return (due_at - bench.now).total_seconds()


def test_a_long_call_is_told_once(bench: SwapBench) -> None:
    bench.desk.voice.keep("use/C-2001/voice", {"registered": True, "off_hook": True})
    swap_id = bench.order()
    answers = iter(range(1000))

    def line(name: str) -> Line | None:
        """Every other look is not answered yet."""
        if next(answers) % 2 == 0:
            raise SystemUnavailableError(PENDING)
        return bench.desk.voice.line(name)

    for _ in range(40):
        swaps.advance(bench.fleet, bench.now, line)
        bench.desk.delivery.work_off()
        bench.obey()
        bench.later(seconds=3)
    waits = [one.text for one in bench.view(swap_id).events if one.kind == "waits"]
    assert len(waits) == 1 and "call" in waits[0]


def test_a_remote_one_needs_consent_a_second_person_and_the_hours(bench: SwapBench) -> None:
    with pytest.raises(RuleError, match="planned swap"):
        bench.order(trigger=Trigger.REMOTE)
    planned = bench.plan(Ground.FAULTY, bench.now)
    swap_id = bench.order(trigger=Trigger.REMOTE, planned=planned)
    bench.run()
    assert bench.view(swap_id).phase is SwapPhase.ORDERED
    with pytest.raises(FourEyesError):
        bench.approve(swap_id, CLERK)
    bench.approve(swap_id, BOSS)
    bench.run()
    assert "consent" in bench.view(swap_id).waits_for
    bench.consent(planned)
    bench.later(minutes=1)
    bench.run()
    assert "hours" in bench.view(swap_id).waits_for
    assert bench.serving() == {MAC}
    bench.desk.now = datetime(2026, 11, 27, 0, 30, tzinfo=UTC)  # 01:30 in the contract's zone
    bench.connect(VOICE_MODEM)
    until(bench, swap_id, "adopt_new")


def test_notice_or_consent_is_good_for_one_replacement_that_was_carried_out(
    bench: SwapBench,
) -> None:
    planned = bench.plan(Ground.FAULTY, bench.now)
    bench.consent(planned)
    bench.connect(NEW_MODEM)
    called_off = bench.order(outlets=2, planned=planned)
    bench.abort(called_off)
    bench.run()
    old_serves(bench)
    bench.order(outlets=2, planned=planned)
    bench.run()
    new_serves(bench)
    spare = {"state": "in_stock", "model_id": bench.desk.rows(t.model)[0].id}
    with bench.fleet.writing() as connection:  # as if it was taken back and provisioned anew
        connection.execute(update(t.unit).where(t.unit.c.serial_number == OLD).values(spare))
        connection.execute(update(t.certificate).values(revoked_at=None))
    with pytest.raises(RuleError, match=r"was carried out already.*\[7\.1\.7\]"):
        bench.order(NEW, OLD, outlets=2, planned=planned)


def test_no_cut_over_during_a_call_or_after_an_emergency_call(bench: SwapBench) -> None:
    bench.desk.voice.keep("use/C-2001/voice", {"registered": True, "off_hook": True})
    swap_id = bench.order(trigger=Trigger.POSTED)
    bench.approve(swap_id)
    bench.connect(NEW_MODEM)
    bench.run()
    assert "call" in bench.view(swap_id).waits_for
    called = {"off_hook": False, "emergency_call_at": bench.now.isoformat()}
    bench.desk.voice.keep("use/C-2001/voice", {"registered": True, **called})
    bench.later(minutes=59)
    bench.run()
    assert "emergency" in bench.view(swap_id).waits_for
    bench.voice_answers = False
    bench.later(minutes=2)
    bench.run()
    assert "softswitch" in bench.view(swap_id).waits_for
    assert bench.serving() == {MAC}
    bench.voice_answers = True
    bench.later(minutes=1)
    until(bench, swap_id, "adopt_new")


@pytest.mark.parametrize("sees", ["softswitch", "unit"])
def test_a_call_that_outlasts_the_technicians_visit_has_it_turn_back(
    bench: SwapBench, sees: str
) -> None:
    is_on = {"registered": True, "off_hook": sees == "softswitch"}
    bench.desk.voice.keep("use/C-2001/voice", is_on)
    bench.units[VOICE_MODEM].busy = "a call" if sees == "unit" else ""
    swap_id = bench.order()
    step = "renew_settings" if sees == "softswitch" else "hold_old"
    until(bench, swap_id, step)
    bench.turn()
    if sees == "unit":
        refuses_as_busy(bench)
    bench.later(minutes=9)
    bench.run()
    assert bench.view(swap_id).step == step
    bench.later(minutes=1)
    bench.run()
    bench.desk.voice.keep("use/C-2001/voice", {"registered": True, "off_hook": False})
    bench.units[VOICE_MODEM].busy = ""
    bench.run()
    bench.later(hours=1)
    bench.run()
    view = bench.view(swap_id)
    assert view.phase is SwapPhase.ROLLED_BACK and "10 minutes" in view.why
    assert bench.desk.state_of(NEW) == "in_stock"
    old_serves_still(bench)


def test_a_decision_on_the_services_waits_for_the_end_of_the_cut(bench: SwapBench) -> None:
    swap_id = bench.order()
    until(bench, swap_id, "adopt_new")
    wanted = Wanted(ServiceState.SUSPENDED, ServiceGround.OTHER_BREACH)
    with bench.fleet.writing() as connection:
        policy = read_policy(connection)
        service_state.decide(connection, CONTRACT, wanted, CLERK, "made-up", policy, bench.now)
    bench.later(seconds=1)
    bench.run()
    assert bench.serving() == {NEW_MAC}
    change_cable(bench)
    bench.run()
    bench.later(minutes=11)
    bench.run()
    assert bench.view(swap_id).phase is SwapPhase.DONE
    with bench.fleet.writing() as connection:
        service_state.step(connection, read_policy(connection), bench.now)
    bench.run()
    access = bench.desk.access.access(NEW_MAC)
    assert access is not None and access.mode == "walled_garden"
