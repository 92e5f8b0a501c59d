"""Replacements of set-top boxes, with the card that is in them, and of smart cards."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Row, select

from agent.wire.codes import CARD_RUNNING, CARD_WRONG_PAIRING
from fleet_server.adapters.simulated import Behaviour
from fleet_server.services import tables as t
from fleet_server.services.swaps import SwapPhase, Todo, Trigger
from fleet_server.tests.databases import Database
from fleet_server.tests.service_desk import CARD
from fleet_server.tests.swap_bench import (
    NEW_BOX,
    NEW_CARD,
    NEW_STB,
    OLD_BOX,
    SwapBench,
    prepare_bench,
)


@pytest.fixture
def bench(tmp_path: Path, database: Database) -> SwapBench:
    return SwapBench(tmp_path, database.fresh(prepare_bench))


def test_the_card_goes_with_the_box(bench: SwapBench) -> None:
    bench.connect(NEW_STB)
    swap_id = bench.order(OLD_BOX, NEW_BOX, "tv-1", outlets=2)
    bench.run()
    assert bench.view(swap_id).phase is SwapPhase.DONE
    card = bench.desk.cards.card(CARD)
    assert card is not None and (card.box, card.package, card.refreshes) == (NEW_BOX, "TOP L", 1)
    assert bench.holders("tv-1") == [NEW_BOX]


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
