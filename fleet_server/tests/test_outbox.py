"""The outbox: nothing that was decided is lost, done twice with effect, or done out of order."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from sqlalchemy import delete, select, update

from fleet_server.adapters.simulated import Behaviour
from fleet_server.domain.back_off import FIRST, LONGEST, retry_after
from fleet_server.domain.errors import OperationNotOpenError, UnknownOperationError
from fleet_server.domain.operations import (
    AccessMode,
    Barring,
    Channel,
    EntitleCard,
    GiveAllowList,
    Operation,
    PairCard,
    RemoveAccess,
    SendNotice,
    SetAccess,
    SetBlacklisted,
    SetDeviceState,
    SetLine,
    System,
)
from fleet_server.services import audit, outbox
from fleet_server.services import tables as t
from fleet_server.services.delivery import Delivery
from fleet_server.services.operator_ports import Access
from fleet_server.services.outbox import Outcome, Result, Stage
from fleet_server.tests.service_desk import CLERK, LINE, MAC, NOON, STB, ServiceDesk

OPEN = SetAccess(MAC, "TOP L", AccessMode.OPEN)
GARDEN = SetAccess(MAC, "TOP L", AccessMode.WALLED_GARDEN)
BARRED = SetLine(LINE, Barring.ALL_BUT_EMERGENCY)
RESTRICTED = SetDeviceState(STB, "restricted", "debt", "TOP L")


def queue(desk: ServiceDesk, decision: str, *stages: Stage) -> list[str]:
    with desk.fleet.writing() as connection:
        return outbox.queue(connection, decision, stages, desk.now)


def one(operation: Operation, system: System = System.ACCESS) -> Stage:
    return [(system, operation)]


def state(desk: ServiceDesk, operation_id: str) -> str:
    query = select(t.outbox.c.state).where(t.outbox.c.operation_id == operation_id)
    return str(desk.scalar(query))


def tries(desk: ServiceDesk) -> list[tuple[str, str]]:
    return [(row.outcome, row.code) for row in desk.rows(t.outbox_try)]


def test_a_look_that_finds_nothing_waits_for_no_writer(desk: ServiceDesk) -> None:
    with desk.fleet.writing():
        assert desk.delivery.work_off() == 0


def test_what_is_queued_is_carried_out_once(desk: ServiceDesk) -> None:
    (name,) = queue(desk, "d-1", one(OPEN))
    desk.work()
    desk.work()
    assert desk.access.access(MAC) == Access("TOP L", AccessMode.OPEN)
    assert [call.operation_id for call in desk.access.calls()] == [name]
    assert (state(desk, name), tries(desk)) == ("done", [("done", "")])


def test_a_decision_that_is_rolled_back_queues_nothing(desk: ServiceDesk) -> None:
    with pytest.raises(ZeroDivisionError), desk.fleet.writing() as connection:
        outbox.queue(connection, "d-1", [one(OPEN)], desk.now)
        raise ZeroDivisionError
    desk.work()
    assert desk.access.calls() == []


def test_queueing_a_decision_again_adds_nothing(desk: ServiceDesk) -> None:
    queue(desk, "d-1", one(OPEN))
    queue(desk, "d-1", one(OPEN))
    assert len(desk.rows(t.outbox)) == 1


def test_a_crash_between_call_and_record_repeats_the_call_without_harm(desk: ServiceDesk) -> None:
    notice = SendNotice("C-2001", Channel.SMS, "suspension", {})
    (name,) = queue(desk, "d-1", one(notice, System.NOTICES))
    with desk.fleet.writing() as connection:
        (taken,) = outbox.take(connection, desk.now, 8)
    desk.notices.carry_out(
        taken.operation_id, taken.operation, taken.id
    )  # and the process dies here
    desk.work()
    assert state(desk, name) == "queued"  # its lease has not ended
    desk.later(seconds=outbox.LEASE.total_seconds())
    desk.work()
    assert state(desk, name) == "done"
    assert desk.notices.sent("C-2001") == [notice]


def test_a_crash_before_the_call_loses_nothing(desk: ServiceDesk) -> None:
    queue(desk, "d-1", one(OPEN))
    with desk.fleet.writing() as connection:
        outbox.take(connection, desk.now, 8)
    desk.later(seconds=outbox.LEASE.total_seconds())
    desk.work()
    assert desk.access.access(MAC) is not None


def test_two_workers_do_not_take_the_same_operation(desk: ServiceDesk) -> None:
    queue(desk, "d-1", one(OPEN))
    with desk.fleet.writing() as connection:
        assert len(outbox.take(connection, desk.now, 8)) == 1
    with desk.fleet.writing() as connection:
        assert outbox.take(connection, desk.now, 8) == []


@pytest.mark.parametrize(
    ("behaviour", "code"),
    [
        (Behaviour(fail_before=2), "no_answer"),
        (Behaviour(fail_after=2), "answer_lost"),
    ],
)
def test_failures_are_on_record_and_tried_again_ever_later(
    desk: ServiceDesk, behaviour: Behaviour, code: str
) -> None:
    queue(desk, "d-1", one(OPEN))
    desk.access.behave(behaviour)
    desk.work()
    assert tries(desk) == [("unavailable", code)]
    desk.later(seconds=2)
    desk.work()
    desk.later(seconds=2)
    desk.work()
    assert len(tries(desk)) == 2
    desk.later(seconds=2)
    desk.work()
    assert tries(desk) == [("unavailable", code)] * 2 + [("done", "")]
    assert desk.access.access(MAC) == Access("TOP L", AccessMode.OPEN)


def test_an_answer_that_came_twice_is_not_taken_for_that_of_the_next(desk: ServiceDesk) -> None:
    desk.access.behave(Behaviour(answer_twice=1))
    queue(desk, "d-1", one(OPEN))
    desk.work()
    (name,) = queue(desk, "d-2", one(GARDEN))
    desk.work()
    assert tries(desk)[-1] == ("unavailable", "answer_of_another")
    desk.later(seconds=2)
    desk.work()
    assert state(desk, name) == "done"
    assert desk.access.access(MAC) == Access("TOP L", AccessMode.WALLED_GARDEN)


def test_operations_on_one_target_keep_their_order(desk: ServiceDesk) -> None:
    desk.access.behave(Behaviour(fail_before=1))
    queue(desk, "d-1", one(GARDEN))
    queue(desk, "d-2", one(OPEN))
    desk.work()
    assert desk.access.access(MAC) is None  # the second waits for the first
    desk.later(seconds=2)
    desk.work()
    desk.work()
    assert desk.access.access(MAC) == Access("TOP L", AccessMode.OPEN)


def test_devices_wait_for_the_operators_systems(desk: ServiceDesk) -> None:
    desk.voice.behave(Behaviour(fail_before=1))
    queue(desk, "d-1", one(BARRED, System.VOICE), one(GARDEN), one(RESTRICTED, System.DEVICE))
    desk.work()
    assert (desk.access.calls(), desk.devices.told) == ([], {})
    desk.later(seconds=2)
    desk.work()
    assert desk.devices.told == {STB: [RESTRICTED]}


def test_a_device_that_is_away_is_not_called_before_it_is_back(desk: ServiceDesk) -> None:
    desk.set_presence(STB, "offline")
    queue(desk, "d-1", one(RESTRICTED, System.DEVICE))
    desk.work()
    assert tries(desk) == []
    desk.later(days=3)
    desk.set_presence(STB, "online")
    desk.work()
    assert desk.devices.told == {STB: [RESTRICTED]}


def test_a_busy_line_is_asked_again_when_it_said(desk: ServiceDesk) -> None:
    desk.voice.carry_out("before", SetLine(LINE, Barring.NONE), 0)
    desk.voice.use_line(LINE, emergency_call_at=NOON - timedelta(minutes=50))
    (name,) = queue(desk, "d-1", one(BARRED, System.VOICE))
    desk.work()
    desk.later(minutes=9)
    desk.work()
    assert tries(desk) == [("busy", "emergency_call_back")]
    desk.later(minutes=1)
    desk.work()
    assert state(desk, name) == "done"


def test_a_refusal_waits_for_a_person(desk: ServiceDesk) -> None:
    desk.access.behave(Behaviour(refuse_calls=1))
    first, second = queue(desk, "d-1", one(GARDEN), one(RESTRICTED, System.DEVICE))
    desk.work()
    desk.later(days=1)
    desk.work()
    assert (state(desk, first), state(desk, second)) == ("refused", "queued")
    with desk.fleet.writing() as connection:
        outbox.try_again(connection, first, CLERK, "The CMTS knows it now.", desk.now)
    desk.work()
    desk.work()
    assert (state(desk, first), state(desk, second)) == ("done", "done")
    with desk.fleet.reading() as connection:
        (entry,) = audit.history(connection, f"operation:{first}")
    assert (entry.action, entry.reason) == ("operation_tried_again", "The CMTS knows it now.")


def test_what_is_dropped_lets_the_rest_go_on(desk: ServiceDesk) -> None:
    desk.access.behave(Behaviour(refuse_calls=1))
    first, second = queue(desk, "d-1", one(GARDEN), one(RESTRICTED, System.DEVICE))
    desk.work()
    with desk.fleet.writing() as connection:
        outbox.drop(connection, first, CLERK, "Done by hand.", desk.now)
    desk.work()
    assert (state(desk, first), state(desk, second)) == ("dropped", "done")
    with desk.fleet.reading() as connection:
        assert outbox.is_done(connection, "d-1")


def test_only_what_is_open_can_be_tried_again_or_dropped(desk: ServiceDesk) -> None:
    (name,) = queue(desk, "d-1", one(OPEN))
    desk.work()
    for act in (outbox.try_again, outbox.drop):
        with pytest.raises(OperationNotOpenError), desk.fleet.writing() as connection:
            act(connection, name, CLERK, "why", desk.now)
        with pytest.raises(UnknownOperationError), desk.fleet.writing() as connection:
            act(connection, "no such", CLERK, "why", desk.now)


def test_a_newer_decision_takes_the_place_of_what_was_not_done(desk: ServiceDesk) -> None:
    desk.access.behave(Behaviour(fail_before=1))
    (older,) = queue(desk, "d-1", one(GARDEN))
    desk.work()
    with desk.fleet.writing() as connection:
        outbox.queue_in_place(connection, "d-2", [one(OPEN)], desk.now)
    desk.work()
    assert state(desk, older) == "dropped"
    assert desk.access.access(MAC) is None  # a call may still be under way
    desk.later(seconds=10)
    desk.work()
    assert desk.access.access(MAC) == Access("TOP L", AccessMode.OPEN)
    desk.later(days=1)
    desk.work()
    assert desk.access.access(MAC) == Access("TOP L", AccessMode.OPEN)


def test_what_was_refused_holds_nothing_back(desk: ServiceDesk) -> None:
    desk.access.behave(Behaviour(refuse_calls=1))
    (older,) = queue(desk, "d-1", one(GARDEN))
    desk.work()
    assert state(desk, older) == "refused"
    with desk.fleet.writing() as connection:
        outbox.queue_in_place(connection, "d-2", [one(OPEN)], desk.now)
    desk.work()
    assert (state(desk, older), state(desk, "d-2/1.1")) == ("dropped", "done")


def test_the_third_decision_waits_for_the_call_of_the_first_as_the_second_did(
    desk: ServiceDesk,
) -> None:
    queue(desk, "d-1", one(OPEN))
    with desk.fleet.writing() as connection:
        assert outbox.take(connection, desk.now, 8)
        outbox.queue_in_place(connection, "d-2", [one(GARDEN)], desk.now)
        outbox.queue_in_place(connection, "d-3", [one(OPEN)], desk.now)
    desk.work()
    assert (state(desk, "d-2/1.1"), state(desk, "d-3/1.1")) == ("dropped", "queued")
    desk.later(seconds=10)
    desk.work()
    assert state(desk, "d-3/1.1") == "done"


def test_a_late_answer_does_not_undo_what_a_person_did(desk: ServiceDesk) -> None:
    (name,) = queue(desk, "d-1", one(OPEN))
    with desk.fleet.writing() as connection:
        (taken,) = outbox.take(connection, desk.now, 8)
        outbox.drop(connection, name, CLERK, "No longer wanted.", desk.now)
        outbox.settle(connection, taken, Result(Outcome.DONE), desk.now)
    assert state(desk, name) == "dropped"


def test_without_an_adapter_an_operation_waits(desk: ServiceDesk) -> None:
    queue(desk, "d-1", one(OPEN))
    assert isinstance(desk.delivery.systems, dict)
    del desk.delivery.systems[System.ACCESS]
    desk.work()
    assert tries(desk) == [("unavailable", "no_adapter")]


def queue_many(desk: ServiceDesk, count: int) -> None:
    for number in range(count):
        wanted = SetAccess(f"02:00:5E:00:21:{number:02}", "TOP L", AccessMode.OPEN)
        queue(desk, f"d-{number}", one(wanted))


def test_a_call_that_is_free_goes_on_with_what_is_due_next(desk: ServiceDesk) -> None:
    queue_many(desk, 8)
    assert desk.delivery.work_off() == 2
    assert len(desk.access.calls()) == 8


def test_calls_in_a_row_end_after_seconds_so_that_the_process_can(desk: ServiceDesk) -> None:
    def clock() -> datetime:
        desk.later(seconds=1)
        return desk.now

    queue_many(desk, 12)
    delivery = Delivery(desk.fleet, desk.delivery.systems, clock, desk.delivery.pool)
    delivery.work_off()
    assert 2 <= len(desk.access.calls()) < 12
    while delivery.work_off():
        pass
    assert len(desk.access.calls()) == 12


def test_the_wait_doubles_up_to_its_limit() -> None:
    assert [retry_after(tries) / FIRST for tries in (1, 2, 3, 4)] == [1, 2, 4, 8]
    assert {retry_after(tries) for tries in (10, 100, 10_000)} == {LONGEST}


# --- a system that does not answer ---


def fails(desk: ServiceDesk, system: System = System.ACCESS) -> str:
    with desk.fleet.reading() as connection:
        return outbox.fails_with(connection, system, desk.now)


def two_fail(desk: ServiceDesk, system: System = System.ACCESS) -> None:
    {System.ACCESS: desk.access, System.VOICE: desk.voice}[system].behave(Behaviour(fail_before=2))
    wanted: dict[System, list[Operation]] = {
        System.ACCESS: [OPEN, RemoveAccess("02:00:5E:00:20:99")],
        System.VOICE: [BARRED, SetLine("C-9/voice", Barring.NONE)],
    }
    for number, operation in enumerate(wanted[system]):
        queue(desk, f"f-{number}", one(operation, system))
    desk.work()


def test_a_busy_system_does_not_hide_one_that_does_not_answer(desk: ServiceDesk) -> None:
    two_fail(desk, System.VOICE)
    queue_many(desk, 60)
    desk.work()
    assert len(desk.access.calls()) == 60
    assert fails(desk, System.VOICE) == "no_answer"
    assert fails(desk, System.ACCESS) == ""


def test_what_took_the_place_of_the_failed_ones_does_not_make_a_system_answer(
    desk: ServiceDesk,
) -> None:
    two_fail(desk)
    with desk.fleet.writing() as connection:
        newer: list[Operation] = [GARDEN, RemoveAccess("02:00:5E:00:20:99")]
        for number, operation in enumerate(newer):
            outbox.queue_in_place(connection, f"back-{number}", [one(operation)], desk.now)
    assert {state(desk, f"f-{number}/1.1") for number in (0, 1)} == {"dropped"}
    assert fails(desk) == "no_answer"


def test_one_target_that_always_fails_is_not_a_system_that_does_not_answer(
    desk: ServiceDesk,
) -> None:
    desk.access.behave(Behaviour(fail_before=100))
    queue(desk, "d-1", one(OPEN))
    for _ in range(5):
        desk.work()
        desk.later(minutes=1)
    assert tries(desk) == [("unavailable", "no_answer")] * 5
    assert fails(desk) == ""


def test_a_call_that_is_answered_ends_it(desk: ServiceDesk) -> None:
    two_fail(desk)
    assert fails(desk) == "no_answer"
    queue(desk, "d-9", one(SetAccess("02:00:5E:00:20:98", "TOP L", AccessMode.OPEN)))
    desk.work()
    assert (state(desk, "d-9/1.1"), state(desk, "f-0/1.1")) == ("done", "queued")
    assert fails(desk) == ""


def test_failures_count_from_one_try_to_the_next_and_no_longer(desk: ServiceDesk) -> None:
    two_fail(desk)
    desk.now += LONGEST + timedelta(minutes=1)
    assert fails(desk) == "no_answer"
    desk.now += LONGEST
    assert fails(desk) == ""


CARD_42 = "0442"
# What is queued, what a later decision says, what is left to do of the first.
ASPECTS: list[tuple[System, Operation, Operation, str]] = [
    (System.ACCESS, GARDEN, RemoveAccess(MAC), "dropped"),
    (System.VOICE, BARRED, SetLine(LINE, Barring.NONE), "dropped"),
    (System.DEVICE, RESTRICTED, SetDeviceState(STB, "active", "paid"), "dropped"),
    (System.DEVICE, GiveAllowList(STB, 7, "x"), RESTRICTED, "queued"),
    (System.DEVICE, GiveAllowList(STB, 7, "x"), GiveAllowList(STB, 8, "y"), "dropped"),
    (System.CONDITIONAL_ACCESS, EntitleCard(CARD_42, ""), PairCard(CARD_42, "1"), "queued"),
    (System.CONDITIONAL_ACCESS, EntitleCard(CARD_42, ""), SetBlacklisted(CARD_42, False), "queued"),
    (
        System.NOTICES,
        SendNotice("C-2001", Channel.SMS, "suspended_notice"),
        SendNotice("C-2001", Channel.SMS, "termination_confirmed"),
        "queued",
    ),
]


@pytest.mark.parametrize(("system", "older", "newer", "left"), ASPECTS)
def test_only_what_says_the_same_again_takes_the_place_of_the_older(
    desk: ServiceDesk, system: System, older: Operation, newer: Operation, left: str
) -> None:
    (name,) = queue(desk, "d-1", one(older, system))
    with desk.fleet.writing() as connection:
        outbox.queue_in_place(connection, "d-2", [one(newer, system)], desk.now)
    assert state(desk, name) == left
    assert state(desk, "d-2/1.1") == "queued"


def forget_after(desk: ServiceDesk, last_id: int) -> None:
    """The database is as it was when the operation of this number was the last one."""
    with desk.fleet.writing() as connection:
        connection.execute(delete(t.outbox_try).where(t.outbox_try.c.outbox_id > last_id))
        connection.execute(delete(t.outbox).where(t.outbox.c.id > last_id))
        outbox.restored(connection, desk.now)


def test_after_a_restore_no_system_takes_a_new_order_for_one_that_was_forgotten(
    desk: ServiceDesk,
) -> None:
    queue(desk, "d-1", one(OPEN))
    desk.work()
    (kept,) = (row.id for row in desk.rows(t.outbox))
    for wanted in (GARDEN, RemoveAccess(MAC), OPEN):
        for number in range(3):
            queue(desk, f"lost-{number}", one(GARDEN))
        desk.work()
        desk.later(minutes=1)
        forget_after(desk, kept)
        (name,) = queue(desk, "lost-0", one(wanted))
        desk.work()
        assert state(desk, name) == "done", wanted
    assert desk.access.access(MAC) == Access("TOP L", AccessMode.OPEN)


def test_after_a_restore_what_still_stood_in_the_queue_keeps_its_id(desk: ServiceDesk) -> None:
    (name,) = queue(desk, "d-1", one(OPEN))
    desk.work()
    with desk.fleet.writing() as connection:
        connection.execute(update(t.outbox).values(state="queued", due_at=desk.now))
        outbox.restored(connection, desk.now)
    desk.work()
    assert {call.operation_id for call in desk.access.calls()} == {name}
    assert state(desk, name) == "done"
