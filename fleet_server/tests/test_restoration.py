"""A backup was restored: nothing that is done to customers goes on before a person looked."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import Engine, select

from agent.wire import replacement as parts
from fleet_server.domain.campaign import State
from fleet_server.domain.command import Sent
from fleet_server.domain.command import State as CommandState
from fleet_server.services import command_store, commands, restoration
from fleet_server.services import tables as t
from fleet_server.services.commands import Order
from fleet_server.services.swaps import SwapPhase, Todo, Trigger
from fleet_server.tests.campaign_desk import CampaignDesk
from fleet_server.tests.databases import Database
from fleet_server.tests.service_desk import VOICE_MODEM
from fleet_server.tests.swap_bench import NEW_MODEM, SwapBench, prepare_bench
from fleet_server.tests.swap_paths import change_cable, new_serves, old_serves, until


@pytest.fixture
def bench(tmp_path: Path, database: Database) -> SwapBench:
    return SwapBench(tmp_path, database.fresh(prepare_bench))


def restored(bench: SwapBench) -> None:
    with bench.fleet.writing() as connection:
        restoration.make_safe(connection, bench.now)


def test_a_replacement_stands_still_until_somebody_resumes_it(bench: SwapBench) -> None:
    swap_id = bench.order(trigger=Trigger.POSTED)
    bench.approve(swap_id)
    bench.run()
    restored(bench)
    bench.connect(NEW_MODEM)  # at another customer's, for all that is known
    bench.later(days=2)
    bench.run()
    assert "backup" in bench.view(swap_id).waits_for
    assert bench.serving() != set() and bench.units[NEW_MODEM].told == []
    bench.resume(swap_id)
    bench.run()
    assert bench.view(swap_id).phase is SwapPhase.DONE
    new_serves(bench)


def test_one_whose_cut_was_made_is_called_off_or_resumed_too(bench: SwapBench) -> None:
    swap_id = bench.order()
    until(bench, swap_id, "adopt_new")
    bench.turn()
    restored(bench)
    change_cable(bench)
    bench.run()
    assert "backup" in bench.view(swap_id).waits_for
    bench.abort(swap_id)
    change_back = (NEW_MODEM, False)
    bench.connect(*change_back)
    bench.connect("ops::00256D-VOICEMODEM-20000002")
    bench.run()
    bench.later(minutes=11)
    bench.run()
    assert bench.view(swap_id).phase is SwapPhase.ROLLED_BACK
    old_serves(bench)


@pytest.mark.parametrize("step", ["adopt_new", "verify_new"])
def test_a_unit_has_its_time_anew_however_old_the_backup_is(bench: SwapBench, step: str) -> None:
    bench.connect(NEW_MODEM)
    bench.units[NEW_MODEM].well = False
    swap_id = bench.order(outlets=2)
    until(bench, swap_id, step)
    bench.turn()
    restored(bench)
    bench.later(hours=5)
    bench.units[NEW_MODEM].well = True
    bench.resume(swap_id)
    bench.run()
    bench.report(NEW_MODEM)
    bench.later(seconds=1)
    bench.run()
    assert bench.view(swap_id).phase is SwapPhase.DONE
    new_serves(bench)


def test_what_a_unit_is_owed_waits_for_somebody_too(bench: SwapBench) -> None:
    swap_id = bench.order()
    until(bench, swap_id, "adopt_new")
    change_cable(bench)
    bench.run()
    owing = bench.view(swap_id)
    assert (owing.phase, owing.owed) == (SwapPhase.DONE, ("old_unit/fence",))
    restored(bench)
    told = list(bench.units[VOICE_MODEM].told)
    bench.connect(VOICE_MODEM)  # at another customer's, for all that is known
    bench.later(days=40)
    bench.run()
    view = bench.view(swap_id)
    assert (view.todo, view.may_resume, view.owed) == (Todo.COMPARE, True, ("old_unit/fence",))
    assert bench.units[VOICE_MODEM].told == told and bench.may_connect(VOICE_MODEM)
    bench.resume(swap_id)
    bench.connect(VOICE_MODEM)
    bench.run()
    assert bench.view(swap_id).owed == () and not bench.may_connect(VOICE_MODEM)
    assert bench.units[VOICE_MODEM].part == parts.FENCED


@pytest.mark.parametrize("sent", [False, True])
def test_a_command_is_called_back_and_a_replacement_asks_anew(bench: SwapBench, sent: bool) -> None:
    swap_id = bench.order()
    until(bench, swap_id, "adopt_new")
    bench.turn()
    reboot = Order(NEW_MODEM, "Device.Reboot()", {}, bench.now + timedelta(days=1))
    with bench.fleet.writing() as connection:
        commands.queue(connection, "reboot", reboot, bench.now)
        if sent:
            rows = connection.execute(select(t.command).where(t.command.c.finished_at.is_(None)))
            for row in rows.all():
                command_store.apply(connection, row, [Sent(1)], bench.now)
    restored(bench)
    with bench.fleet.reading() as connection:
        open_ones = commands.list_of_device(connection, NEW_MODEM, None, 10)
    assert [(one.state, one.cancelling) for one in open_ones] == (
        [(CommandState.SENT, True)] * 2 if sent else [(CommandState.CANCELLED, False)] * 2
    )
    change_cable(bench)
    bench.resume(swap_id)
    bench.run()
    new_serves(bench)


def test_a_campaign_is_paused(engine: Engine) -> None:
    desk = CampaignDesk(engine)
    desk.add_units(2)
    campaign = desk.run()
    with engine.begin() as connection:
        restoration.make_safe(connection, desk.now)
    desk.step()
    view = desk.look(campaign)
    assert (view.state, view.why, len(desk.played.begun)) == (State.PAUSED, "restored", 0)
    desk.resume(campaign)
    desk.step()
    assert len(desk.played.begun) == 2
