"""Replacements and what goes on beside them: others who want the units, and what stays of them."""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import Connection, insert, select

from fleet_server.adapters.simulated import Behaviour
from fleet_server.adapters.x509_files import new_key, write_key
from fleet_server.domain.command import Answered, Sent
from fleet_server.domain.life_cycle import UnitState
from fleet_server.domain.returns import Condition
from fleet_server.services import command_store, returns, swap_registry, swaps
from fleet_server.services import tables as t
from fleet_server.services.assignments import Papers, assign, replace_unit
from fleet_server.services.fleet import Fleet
from fleet_server.services.people_tables import customer_settings
from fleet_server.services.returns import HandedIn
from fleet_server.services.swap_case import Case
from fleet_server.services.swaps import SwapPhase, SwapTakenError, Trigger
from fleet_server.tests.databases import Database
from fleet_server.tests.service_desk import CLERK, CONTRACT, NOON, STORE, VOICE_MODEM
from fleet_server.tests.swap_bench import (
    NEW,
    NEW_BOX,
    NEW_MAC,
    NEW_MODEM,
    NEW_STB,
    OLD,
    OLD_BOX,
    SwapBench,
    prepare_bench,
)
from fleet_server.tests.swap_paths import change_cable, move_card, old_serves, until


@pytest.fixture
def bench(tmp_path: Path, database: Database) -> SwapBench:
    return SwapBench(tmp_path, database.fresh(prepare_bench))


def put_into_service(bench: SwapBench, serial: str, contract: str, position: str) -> None:
    with bench.fleet.writing() as connection:
        assign(connection, CLERK, serial, contract, position, Papers(), bench.now)


def other_contract(bench: SwapBench) -> str:
    with bench.fleet.writing() as connection:
        key = connection.execute(
            insert(t.contract).values(number="C-2002", created_at=NOON, package="TOP S")
        ).inserted_primary_key
        assert key is not None
        for name in ("internet", "voice"):
            connection.execute(
                insert(t.service_position).values(
                    contract_id=key[0], name=name, product_classes="VOICEMODEM"
                )
            )
    return "C-2002"


# --- who else wants the units ---


def test_nobody_puts_a_unit_of_a_replacement_into_service_meanwhile(bench: SwapBench) -> None:
    contract = other_contract(bench)
    swap_id = bench.order()
    until(bench, swap_id, "adopt_new")
    with pytest.raises(SwapTakenError, match=f"Replacement {swap_id} has the unit"):
        put_into_service(bench, NEW, contract, "internet+voice")
    change_cable(bench)
    bench.run()
    assert bench.view(swap_id).phase is SwapPhase.DONE


def test_nobody_replaces_a_unit_by_hand_while_it_is_being_replaced(bench: SwapBench) -> None:
    swap_id = bench.order()
    until(bench, swap_id, "adopt_new")
    with pytest.raises(SwapTakenError), bench.fleet.writing() as connection:
        replace_unit(connection, CLERK, OLD, NEW, UnitState.TO_BE_RETURNED, Papers(), bench.now)
    bench.abort(swap_id)
    bench.run()
    bench.later(minutes=11)
    bench.run()
    old_serves(bench)


def test_a_unit_that_owes_its_way_back_serves_nobody_else_before(bench: SwapBench) -> None:
    contract = other_contract(bench)
    swap_id = bench.order()
    until(bench, swap_id, "adopt_new")
    bench.abort(swap_id)
    bench.run()
    bench.later(minutes=11)
    bench.run()
    assert bench.view(swap_id).owed == ("new_unit/rollback",)
    with pytest.raises(SwapTakenError, match="connect it"):
        put_into_service(bench, NEW, contract, "internet+voice")
    bench.connect(NEW_MODEM)
    bench.run()
    put_into_service(bench, NEW, contract, "internet+voice")
    bench.run()
    access = bench.desk.access.access(NEW_MAC)
    assert access is not None and access.mode == "open"


def test_an_old_unit_that_was_handed_in_meanwhile_is_not_opened_again(bench: SwapBench) -> None:
    swap_id = bench.order()
    until(bench, swap_id, "adopt_new")
    handed_in = HandedIn(OLD, STORE, Condition.COMPLETE)
    with bench.fleet.writing() as connection:
        returns.take_back(connection, bench.fleet.document_key, handed_in, CLERK, bench.now)
    bench.abort(swap_id)
    for _ in range(3):
        bench.run()
        bench.later(minutes=11)
    assert bench.serving() == set()


# --- the customer's settings ---


def settings_in_commands(bench: SwapBench) -> list[str]:
    return [
        row.command_key
        for row in bench.desk.rows(t.command)
        if "Settings" in {**json.loads(row.args), **json.loads(row.outputs)}
    ]


@pytest.mark.parametrize("called_off", [False, True])
def test_settings_that_come_too_late_stay_in_no_command(bench: SwapBench, called_off: bool) -> None:
    bench.connect(NEW_MODEM)
    bench.units[VOICE_MODEM].online = False
    swap_id = bench.order(outlets=2)
    until(bench, swap_id, "prepare_old")
    bench.turn()
    prepare = select(t.command).where(t.command.c.command_key == "swap-1.1")
    with bench.fleet.writing() as connection:
        command_store.apply(connection, connection.execute(prepare).one(), [Sent(5)], bench.now)
    if called_off:
        bench.abort(swap_id)
    bench.later(minutes=11)
    bench.run()
    with bench.fleet.writing() as connection:
        row = connection.execute(prepare).one()
        sealed = (("Settings", "c2VhbGVk"), ("SettingsVersion", "1"))
        command_store.apply(connection, row, [Answered(5, sealed)], bench.now)
        assert connection.execute(prepare).one().state == "done"
    assert settings_in_commands(bench) == []


def test_settings_that_came_just_before_the_abort_stay_in_no_command(bench: SwapBench) -> None:
    bench.connect(NEW_MODEM)
    swap_id = bench.order(outlets=2)
    until(bench, swap_id, "prepare_old")
    while not settings_in_commands(bench):
        bench.turn()
    assert bench.view(swap_id).step == "prepare_old"
    bench.abort(swap_id)
    assert settings_in_commands(bench) == []


def test_settings_of_an_adoption_that_was_called_off_stay_in_no_command(bench: SwapBench) -> None:
    swap_id = bench.order()
    until(bench, swap_id, "adopt_new")
    bench.turn()
    assert settings_in_commands(bench)
    bench.abort(swap_id)
    assert settings_in_commands(bench) == []


def test_settings_are_erased_a_month_after_the_end_however_many_there_are(
    bench: SwapBench,
) -> None:
    bench.connect(NEW_MODEM)
    bench.order(outlets=2)
    bench.run()
    forgotten = [
        {"swap_id": number, "contract_number": CONTRACT, "sealed": b"1", "kept_at": bench.now}
        for number in range(1000, 2500)
    ]
    with bench.fleet.writing_people() as people:
        people.execute(insert(customer_settings), forgotten)
    assert swaps.tidy(bench.fleet, bench.now + timedelta(days=29)) == 0
    assert swaps.tidy(bench.fleet, bench.now + timedelta(days=31)) == 1501
    with bench.fleet.reading_people() as people:
        assert people.execute(select(customer_settings)).all() == []


def test_settings_that_no_key_opens_any_more_are_not_carried_over(bench: SwapBench) -> None:
    swap_id = bench.order()
    until(bench, swap_id, "hold_old")
    write_key(bench.desk.folder / "settings.key", new_key())
    until(bench, swap_id, "adopt_new")
    change_cable(bench)
    bench.run()
    assert bench.view(swap_id).phase is SwapPhase.DONE
    assert bench.units[NEW_MODEM].settings == {}


# --- another try ---


def test_a_replacement_that_breaks_holds_no_other_up(
    bench: SwapBench, monkeypatch: pytest.MonkeyPatch
) -> None:
    carry_out = swap_registry.carry_out

    def broken(fleet: Fleet, connection: Connection, case: Case, now: datetime) -> None:
        if case.id == 1:
            raise RuntimeError("made up")
        carry_out(fleet, connection, case, now)

    bench.connect(NEW_MODEM)
    bench.connect(NEW_STB)
    first, second = bench.order(outlets=2), bench.order(OLD_BOX, NEW_BOX, "tv-1", outlets=2)
    with monkeypatch.context() as patched:
        patched.setattr(swap_registry, "carry_out", broken)
        bench.run()
        move_card(bench)
    assert bench.view(second).phase is SwapPhase.DONE
    assert "log of the server" in bench.view(first).waits_for
    bench.later(minutes=11)
    bench.run()
    assert bench.view(first).phase is SwapPhase.DONE


def test_words_that_call_an_order_off_are_kept_as_far_as_there_is_room(bench: SwapBench) -> None:
    swap_id = bench.order(trigger=Trigger.POSTED)
    with bench.fleet.writing() as connection:
        swaps.abort(connection, CLERK, swap_id, "\0" + "long " * 100, bench.now)
    view = bench.view(swap_id)
    assert (view.phase, view.why) == (SwapPhase.ROLLED_BACK, ("long " * 100)[:256])


def test_of_a_very_long_record_the_end_is_shown_too(bench: SwapBench) -> None:
    swap_id = bench.order()
    rows = [
        {"swap_id": swap_id, "at": bench.now, "kind": "note", "text": f"{number}"}
        for number in range(1500)
    ]
    with bench.fleet.writing() as connection:
        connection.execute(insert(t.swap_event), rows)
    events = bench.view(swap_id).events
    assert (events[0].kind, events[-1].text) == ("ordered", "1499")
    assert [one.id for one in events] == sorted(one.id for one in events)


def test_another_try_does_not_wait_for_its_time(bench: SwapBench) -> None:
    swap_id = bench.order()
    bench.desk.voice.behave(Behaviour(fail_before=100))
    for _ in range(9):
        bench.run()
        bench.later(minutes=20)
    bench.desk.voice.behave(Behaviour())
    bench.desk.now -= timedelta(minutes=19)
    bench.run()
    assert bench.view(swap_id).step == "move_voice", "it waits for its time"
    bench.resume(swap_id)
    bench.run()
    assert bench.view(swap_id).step == "adopt_new"
