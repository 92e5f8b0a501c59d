"""A backup was restored: nothing that is done to customers goes on before a person looked."""

from __future__ import annotations

from pathlib import Path

import pytest
from sqlalchemy import Engine

from fleet_server.domain.campaign import State
from fleet_server.services import restoration
from fleet_server.services.swaps import SwapPhase, Trigger
from fleet_server.tests.campaign_desk import CampaignDesk
from fleet_server.tests.databases import Database
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
