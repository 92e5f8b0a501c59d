"""A campaign that stands still, or whose own hours are closed, holds back the cuts of its swaps."""

from __future__ import annotations

from datetime import UTC, datetime, time
from pathlib import Path

import pytest
from sqlalchemy import insert, select, update

from agent.wire import replacement as parts
from fleet_server.domain.campaign_plan import Hours, Plan, SwapAction, Way, encode_plan
from fleet_server.services import tables as t
from fleet_server.services.swap_plan import Ground
from fleet_server.services.swap_visits import order_visit
from fleet_server.services.swaps import SwapOrder, SwapPhase, SwapStateError, Trigger
from fleet_server.tests.databases import Database
from fleet_server.tests.service_desk import CLERK, CONTRACT, MAC, VOICE_MODEM
from fleet_server.tests.swap_bench import BOSS, NEW, NEW_MODEM, OLD, SwapBench, prepare_bench
from fleet_server.tests.swap_paths import new_serves


@pytest.fixture
def bench(tmp_path: Path, database: Database) -> SwapBench:
    return SwapBench(tmp_path, database.fresh(prepare_bench))


def in_campaign(
    bench: SwapBench, swap_id: int, state: str = "running", hours: Hours | None = None
) -> None:
    """The replacement is that of a campaign."""
    plan = Plan(SwapAction("New", "STORE-1", Way.REMOTE), hours=hours)
    values = {"name": "Made up", "selection": "{}", "plan": encode_plan(plan), "state": state}
    values |= {"created_by": CLERK.name}
    with bench.fleet.writing() as connection:
        old = connection.scalar(select(t.unit.c.id).where(t.unit.c.serial_number == OLD))
        connection.execute(insert(t.campaign).values(id=7, created_at=bench.now, **values))
        item = {"campaign_id": 7, "unit_id": old, "wave": 1, "state": "started"}
        connection.execute(insert(t.campaign_item).values(reference=str(swap_id), **item))


def becomes(bench: SwapBench, state: str) -> None:
    with bench.fleet.writing() as connection:
        connection.execute(update(t.campaign).values(state=state))


def test_nobody_is_cut_while_the_campaign_is_paused(bench: SwapBench) -> None:
    bench.connect(NEW_MODEM)
    swap_id = bench.order(outlets=2)
    in_campaign(bench, swap_id, "paused")
    bench.run()
    assert bench.view(swap_id).waits_for == "somebody to let campaign 7, which is paused, go on"
    assert bench.serving() == {MAC}
    becomes(bench, "running")
    bench.later(minutes=1)
    bench.run()
    new_serves(bench)


def test_a_hold_that_the_old_unit_has_not_begun_is_called_back_by_a_pause(
    bench: SwapBench,
) -> None:
    bench.connect(NEW_MODEM)
    swap_id = bench.order(outlets=2)
    in_campaign(bench, swap_id)
    bench.units[VOICE_MODEM].busy = "a call"
    bench.run()
    assert bench.view(swap_id).step == "hold_old"
    becomes(bench, "paused")
    bench.units[VOICE_MODEM].busy = ""
    for _ in range(2):
        bench.later(minutes=1)
        bench.run()
    assert "campaign 7" in bench.view(swap_id).waits_for
    assert bench.serving() == {MAC}
    assert bench.units[VOICE_MODEM].part == parts.ACTIVE


def test_a_remote_cut_waits_for_the_campaigns_own_hours(bench: SwapBench) -> None:
    planned = bench.plan(Ground.FAULTY, bench.now)
    bench.consent(planned)
    swap_id = bench.order(trigger=Trigger.REMOTE, planned=planned, outlets=2)
    bench.approve(swap_id)
    in_campaign(bench, swap_id, hours=Hours(time(3), time(4)))
    bench.desk.now = datetime(2026, 11, 27, 0, 30, tzinfo=UTC)  # 01:30 in the contract's zone
    bench.connect(NEW_MODEM)
    bench.connect(VOICE_MODEM)
    bench.run()
    assert "from 03:00 to 04:00" in bench.view(swap_id).waits_for
    assert bench.serving() == {MAC}
    bench.desk.now = datetime(2026, 11, 27, 2, 30, tzinfo=UTC)
    bench.run()
    new_serves(bench)


def test_a_technician_does_not_begin_a_visit_while_its_campaign_is_paused(
    bench: SwapBench,
) -> None:
    swap_id = visit(bench)
    in_campaign(bench, swap_id, "paused")
    with pytest.raises(SwapStateError, match="Campaign 7 is paused"):
        bench.approve(swap_id, CLERK)
    becomes(bench, "running")
    bench.approve(swap_id, CLERK)
    bench.connect(NEW_MODEM)
    bench.run()
    new_serves(bench)


def test_a_visit_that_a_pause_holds_turns_back_while_the_technician_is_there(
    bench: SwapBench,
) -> None:
    swap_id = visit(bench)
    in_campaign(bench, swap_id)
    bench.approve(swap_id, CLERK)
    becomes(bench, "paused")
    bench.run()
    assert "campaign 7" in bench.view(swap_id).waits_for
    bench.later(minutes=10)
    bench.run()
    becomes(bench, "running")
    bench.later(days=3)
    bench.run()
    view = bench.view(swap_id)
    assert view.phase is SwapPhase.ROLLED_BACK
    assert "10 minutes" in view.why
    assert bench.serving() == {MAC}
    assert bench.desk.state_of(NEW) == "in_stock", "nothing is wrong with it"


def visit(bench: SwapBench) -> int:
    """Ordered for a technician, who has not begun it."""
    wanted = SwapOrder(CONTRACT, "internet+voice", OLD, NEW, Trigger.TECHNICIAN, "a campaign")
    with bench.fleet.writing() as connection:
        return order_visit(connection, BOSS, wanted, bench.now)
