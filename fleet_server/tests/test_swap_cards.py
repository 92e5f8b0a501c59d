"""Replacements of set-top boxes, with the card that is in them, and of smart cards."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Row, select

from agent.wire import replacement as parts
from agent.wire.codes import CARD_NOT_ENTITLED, CARD_RUNNING, CARD_WRONG_PAIRING
from fleet_server.adapters.simulated import Behaviour
from fleet_server.domain.service_state import ServiceState
from fleet_server.services import tables as t
from fleet_server.services.swaps import SwapPhase, Todo, Trigger
from fleet_server.tests.databases import Database
from fleet_server.tests.service_desk import CARD, STB, insert
from fleet_server.tests.swap_bench import (
    NEW_BOX,
    NEW_CARD,
    NEW_STB,
    OLD_BOX,
    SwapBench,
    prepare_bench,
)
from fleet_server.tests.swap_paths import move_card


@pytest.fixture
def bench(tmp_path: Path, database: Database) -> SwapBench:
    return SwapBench(tmp_path, database.fresh(prepare_bench))


def test_the_card_goes_with_the_box(bench: SwapBench) -> None:
    bench.connect(NEW_STB)
    swap_id = bench.order(OLD_BOX, NEW_BOX, "tv-1", outlets=2)
    bench.run()
    move_card(bench)
    assert bench.view(swap_id).phase is SwapPhase.DONE
    card = bench.desk.cards.card(CARD)
    assert card is not None and (card.box, card.package, card.refreshes) == (NEW_BOX, "TOP L", 1)
    assert bench.holders("tv-1") == [NEW_BOX]


def test_a_posted_box_is_done_only_once_the_card_opens_television_in_it(bench: SwapBench) -> None:
    bench.card_in_box(CARD_RUNNING, CARD, NEW_STB)  # long ago
    bench.later(days=1)
    swap_id = bench.order(OLD_BOX, NEW_BOX, "tv-1", Trigger.POSTED)
    bench.approve(swap_id)
    bench.connect(NEW_STB)
    bench.run()
    bench.later(days=3)
    bench.run()
    view = bench.view(swap_id)
    assert (view.phase, view.todo, view.came_up_at) == (SwapPhase.FORWARD, Todo.PUT_CARD_IN, None)
    assert view.waits_for == f"box {NEW_BOX} to read card {CARD}, from the old box"
    assert bench.units[STB].part == parts.HELD
    for state, card in ((CARD_RUNNING, NEW_CARD), (CARD_WRONG_PAIRING, CARD)):
        bench.card_in_box(state, card, NEW_STB)
        bench.later(minutes=1)
        bench.run()
        assert bench.view(swap_id).todo is Todo.PUT_CARD_IN
    move_card(bench)
    view = bench.view(swap_id)
    assert (view.phase, view.came_up_at) == (SwapPhase.DONE, bench.now)
    assert bench.units[STB].part == parts.FENCED


@pytest.mark.parametrize(
    ("trigger", "wait"), [(Trigger.TECHNICIAN, {"minutes": 11}), (Trigger.POSTED, {"days": 15})]
)
def test_a_card_that_stays_in_the_old_box_leaves_that_in_service(
    bench: SwapBench, trigger: Trigger, wait: dict[str, float]
) -> None:
    bench.connect(NEW_STB)
    swap_id = bench.order(OLD_BOX, NEW_BOX, "tv-1", trigger, outlets=2)
    if trigger is Trigger.POSTED:
        bench.approve(swap_id)
    bench.run()
    bench.later(**wait)
    bench.run()
    assert bench.view(swap_id).phase is SwapPhase.ROLLED_BACK
    card = bench.desk.cards.card(CARD)
    assert card is not None and card.box == OLD_BOX
    assert bench.holders("tv-1") == [OLD_BOX]


def test_a_box_whose_card_may_open_nothing_while_suspended_is_replaced(bench: SwapBench) -> None:
    with bench.fleet.writing() as connection:
        contract = connection.scalar(select(t.contract.c.id))
        suspended = {"state": ServiceState.SUSPENDED, "since_at": bench.now}
        insert(connection, t.contract_service, contract_id=contract, **suspended)
    bench.connect(NEW_STB)
    swap_id = bench.order(OLD_BOX, NEW_BOX, "tv-1", outlets=2)
    bench.run()
    move_card(bench, CARD_NOT_ENTITLED)
    assert bench.view(swap_id).phase is SwapPhase.DONE


def test_a_box_without_a_card_waits_for_none(bench: SwapBench) -> None:
    with bench.fleet.writing() as connection:
        connection.execute(t.pairing.delete())
    bench.connect(NEW_STB)
    swap_id = bench.order(OLD_BOX, NEW_BOX, "tv-1", outlets=2)
    bench.run()
    assert bench.view(swap_id).phase is SwapPhase.DONE


def test_a_card_is_replaced_and_the_old_one_opens_nothing(bench: SwapBench) -> None:
    swap_id = bench.order(CARD, NEW_CARD, "card-1")
    bench.run()
    assert bench.view(swap_id).todo is Todo.PUT_CARD_IN
    bench.card_in_box(CARD_RUNNING, card=CARD)
    bench.later(seconds=3)
    bench.run()
    assert bench.view(swap_id).todo is Todo.PUT_CARD_IN
    bench.card_in_box(CARD_RUNNING)
    bench.later(seconds=3)
    bench.run()
    assert bench.view(swap_id).phase is SwapPhase.DONE
    old, new = bench.desk.cards.card(CARD), bench.desk.cards.card(NEW_CARD)
    assert old is not None and (old.box, old.package) == ("", "")
    assert new is not None and (new.box, new.package) == (OLD_BOX, "TOP L")
    assert bench.holders("card-1") == [NEW_CARD]


def test_one_card_is_shut_before_the_other_opens_anything(bench: SwapBench) -> None:
    bench.order(CARD, NEW_CARD, "card-1")
    bench.run()
    stages = {row.target.rpartition(":")[2]: row.stage for row in outbox_rows(bench)}
    assert stages == {CARD: 1, NEW_CARD: 2}


def test_a_card_that_cannot_be_shut_leaves_nothing_to_come(bench: SwapBench) -> None:
    swap_id = bench.order(CARD, NEW_CARD, "card-1")
    bench.desk.cards.behave(Behaviour(refuse_calls=1))
    bench.run()
    bench.later(seconds=11)
    bench.run()
    assert bench.view(swap_id).phase is SwapPhase.ROLLED_BACK
    assert {row.state for row in outbox_rows(bench)} <= {"done", "dropped"}
    old, new = bench.desk.cards.card(CARD), bench.desk.cards.card(NEW_CARD)
    assert old is not None and (old.box, old.package) == (OLD_BOX, "TOP L")
    assert new is None or new.package == ""


def outbox_rows(bench: SwapBench) -> list[Row[Any]]:
    with bench.fleet.reading() as connection:
        return list(connection.execute(select(t.outbox).where(t.outbox.c.decision.like("swap-%"))))


def test_a_posted_card_takes_over_only_once_it_is_in_the_box(bench: SwapBench) -> None:
    swap_id = bench.order(CARD, NEW_CARD, "card-1", Trigger.POSTED)
    bench.approve(swap_id)
    bench.run()
    card = bench.desk.cards.card(CARD)
    assert card is not None and card.package == "TOP L"
    bench.card_in_box(CARD_RUNNING, card=CARD)
    bench.later(days=2)
    bench.run()
    assert bench.desk.cards.card(NEW_CARD) is None
    bench.card_in_box(CARD_WRONG_PAIRING)
    bench.later(minutes=1)
    bench.run()
    bench.card_in_box(CARD_RUNNING)
    bench.later(seconds=3)
    bench.run()
    assert bench.view(swap_id).phase is SwapPhase.DONE
