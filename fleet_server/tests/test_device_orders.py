"""What the outbox has for devices, as commands; and calls beside each other."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from sqlalchemy import select

from agent.wire.codes import INVALID_VALUE
from fleet_server.domain.command import (
    Event,
    Overtaken,
    OvertakingSent,
    Refusal,
    Refused,
    Sent,
    State,
    TimeOver,
)
from fleet_server.domain.operations import (
    AccessMode,
    Barring,
    DeviceOperation,
    GiveAllowList,
    Operation,
    SetAccess,
    SetDeviceState,
    SetLine,
    System,
    TellWarranty,
)
from fleet_server.services import command_store, commands, outbox
from fleet_server.services import tables as t
from fleet_server.services.delivery import THREADS, Delivery
from fleet_server.services.device_orders import order_of
from fleet_server.services.operator_ports import Answer, OperatorSystem
from fleet_server.tests.service_desk import CLERK, LINE, MAC, NOON, STB, ServiceDesk

RESTRICTED = SetDeviceState(STB, "restricted", "decision 1", "TOP L")
ORDERS: list[tuple[DeviceOperation, str, dict[str, str]]] = [
    (
        RESTRICTED,
        "Device.X_IPKO-COM_Service.SetState()",
        {"State": "restricted", "Reason": "decision 1", "Profile": "TOP L"},
    ),
    (
        GiveAllowList(STB, 7, "document"),
        "Device.X_IPKO-COM_Service.SetAllowList()",
        {"Document": "document"},
    ),
    (
        TellWarranty(STB, "2026-11-26", "2027-11-26", "2026-11-26", "2030-11-26"),
        "",
        {
            "Device.X_IPKO-COM_Warranty.UnitReceived": "2026-11-26",
            "Device.X_IPKO-COM_Warranty.UnitLastCoveredDay": "2027-11-26",
            "Device.X_IPKO-COM_Warranty.CardReceived": "2026-11-26",
            "Device.X_IPKO-COM_Warranty.CardLastCoveredDay": "2030-11-26",
        },
    ),
]


@pytest.mark.parametrize(("operation", "command", "args"), ORDERS)
def test_an_operation_is_one_command(
    operation: DeviceOperation, command: str, args: dict[str, str]
) -> None:
    order = order_of(operation, NOON)
    assert (order.endpoint_id, order.command, order.args) == (STB, command, args)


def decide(desk: ServiceDesk, operation: Operation = RESTRICTED, decision: str = "d-1") -> None:
    with desk.fleet.writing() as connection:
        outbox.queue_in_place(connection, decision, [[(System.DEVICE, operation)]], desk.now)
    desk.delivery.work_off()


def end(desk: ServiceDesk, *events: Event) -> None:
    """Have the command that is open end so, and the courier see it."""
    with desk.fleet.writing() as connection:
        row = connection.execute(select(t.command).where(t.command.c.finished_at.is_(None))).one()
        command_store.apply(connection, row, [*events], desk.now)
    desk.delivery.work_off()


def operation(desk: ServiceDesk, name: str = "d-1/1.1") -> tuple[str, str]:
    row = next(row for row in desk.rows(t.outbox) if row.operation_id == name)
    return row.state, row.reference


def keys(desk: ServiceDesk) -> list[tuple[str, str]]:
    return [(row.command_key, row.state) for row in desk.rows(t.command)]


def test_the_operation_ends_with_its_command(desk: ServiceDesk) -> None:
    decide(desk)
    assert keys(desk) == [("d-1/1.1", "queued")]
    assert operation(desk) == ("queued", "d-1/1.1")
    desk.later(hours=1)
    desk.delivery.work_off()
    assert operation(desk) == ("queued", "d-1/1.1")
    desk.work()
    assert operation(desk) == ("done", "d-1/1.1")
    assert [row.outcome for row in desk.rows(t.outbox_try)] == ["done"]


def test_a_device_that_went_away_ends_no_operation_twice(desk: ServiceDesk) -> None:
    decide(desk)
    desk.set_presence(STB, "offline")
    desk.later(days=1)
    end(desk, TimeOver())
    assert operation(desk) == ("queued", "")
    desk.later(hours=1)
    desk.delivery.work_off()
    assert keys(desk) == [("d-1/1.1", "expired")]
    desk.set_presence(STB, "online")
    desk.work()
    assert keys(desk) == [("d-1/1.1", "expired"), ("d-1/1.1~3", "done")]
    assert operation(desk) == ("done", "d-1/1.1~3")


def test_an_order_that_got_no_answer_in_its_time_leaves_the_courier_nothing_to_do(
    desk: ServiceDesk,
) -> None:
    decide(desk)
    desk.set_presence(STB, "offline")
    desk.later(days=1)
    end(desk, Sent(5), OvertakingSent(6), TimeOver())
    assert keys(desk) == [("d-1/1.1", "sent")]
    assert desk.delivery.work_off() == 0
    desk.later(minutes=59)
    assert desk.delivery.work_off() == 0
    desk.later(days=20)
    end(desk, Overtaken(6, 4))
    assert keys(desk) == [("d-1/1.1", "expired")]
    assert operation(desk) == ("queued", "")
    desk.set_presence(STB, "online")
    desk.later(hours=1)
    desk.work()
    assert operation(desk)[0] == "done"


FAILURES: list[tuple[int, str, str]] = [
    (7022, "kept, but the filter failed: x", "queued"),
    (7022, "allow-list is older: version 6, in force is 7", "refused"),
    (INVALID_VALUE, "State", "refused"),
]


@pytest.mark.parametrize(("code", "text", "state"), FAILURES)
def test_what_passes_is_tried_again_and_what_does_not_waits_for_a_person(
    desk: ServiceDesk, code: int, text: str, state: str
) -> None:
    decide(desk)
    end(desk, Sent(1), Refused(Refusal.FINAL, 1, code, text))
    assert operation(desk) == (state, "")
    assert [row.code for row in desk.rows(t.outbox_try)] == [f"{code} {text}"]
    with desk.fleet.writing() as connection:
        outbox.try_again(connection, "d-1/1.1", CLERK, "mended", desk.now)
    desk.work()
    assert operation(desk)[0] == "done"
    assert [state for _key, state in keys(desk)] == ["failed", "done"]


def test_a_command_that_a_person_cancelled_leaves_its_operation_to_a_person(
    desk: ServiceDesk,
) -> None:
    decide(desk)
    with desk.fleet.writing() as connection:
        commands.cancel(connection, CLERK, "d-1/1.1", "wrong box", desk.now)
    desk.delivery.work_off()
    assert operation(desk) == ("refused", "")


def test_what_a_later_decision_or_a_person_makes_needless_is_called_back(
    desk: ServiceDesk,
) -> None:
    decide(desk)
    decide(desk, SetDeviceState(STB, "active", "paid"), "d-2")
    assert keys(desk) == [("d-1/1.1", "cancelled"), ("d-2/1.1", "queued")]
    with desk.fleet.writing() as connection:
        outbox.drop(connection, "d-2/1.1", CLERK, "no longer wanted", desk.now)
    assert keys(desk)[1] == ("d-2/1.1", "cancelled")


def test_a_long_name_gets_a_short_key(desk: ServiceDesk) -> None:
    decide(desk, decision="x" * 62)
    ((key, _state),) = keys(desk)
    assert key == f"outbox-{desk.rows(t.outbox)[0].id}"


class Slow:
    """A system that does not answer before it may."""

    def __init__(self) -> None:
        self.may_answer = threading.Event()
        self.calls = 0

    def carry_out(self, operation_id: str, operation: Operation, sequence: int) -> Answer:
        self.calls += 1
        assert self.may_answer.wait(30)
        return Answer(operation_id, "slow")


def test_a_slow_system_holds_up_no_other_one(desk: ServiceDesk) -> None:
    slow = Slow()
    systems: dict[System, OperatorSystem] = {**desk.delivery.systems, System.ACCESS: slow}
    access = [
        (System.ACCESS, SetAccess(f"02:00:5E:00:20:{n:02}", "TOP L", AccessMode.OPEN))
        for n in range(9)
    ]
    with desk.fleet.writing() as connection:
        outbox.queue(connection, "a", [access], NOON)
    with ThreadPoolExecutor(THREADS) as pool:
        delivery = Delivery(desk.fleet, systems, desk.clock, pool)
        assert delivery.work_off() == 2
        assert delivery.work_off() == 0
        with desk.fleet.writing() as connection:
            voice = [(System.VOICE, SetLine(LINE, Barring.NONE))]
            outbox.queue(connection, "v", [voice], NOON)
        assert delivery.work_off() == 1
        while operation(desk, "v/1.1")[0] != "done":
            delivery.work_off()
        assert (slow.calls, delivery.is_busy) == (2, True)
        slow.may_answer.set()
        while any(row.state == "queued" for row in desk.rows(t.outbox)):
            delivery.work_off()
    assert slow.calls == 9


def test_what_ended_a_calls_thread_is_raised(desk: ServiceDesk) -> None:
    class Broken:
        def carry_out(self, operation_id: str, operation: Operation, sequence: int) -> Answer:
            raise ValueError("a mistake in an adapter")

    with desk.fleet.writing() as connection:
        stage = [(System.ACCESS, SetAccess(MAC, "TOP L", AccessMode.OPEN))]
        outbox.queue(connection, "a", [stage], NOON)
    with ThreadPoolExecutor(THREADS) as pool:
        delivery = Delivery(desk.fleet, {System.ACCESS: Broken()}, desk.clock, pool)
        delivery.work_off()
    with pytest.raises(ValueError, match="mistake"):
        delivery.work_off()


def test_the_time_to_tell_is_a_day(desk: ServiceDesk) -> None:
    decide(desk)
    (row,) = desk.rows(t.command)
    assert row.expires_at == NOON + timedelta(days=1)
    assert State(row.state) is State.QUEUED
