"""The queue of commands, on both databases."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import Engine, select

from fleet_server.domain.command import Sent, State
from fleet_server.domain.errors import (
    CommandEndedError,
    CommandKeyTakenError,
    InvalidCommandError,
    UnknownCommandError,
)
from fleet_server.services import audit, command_store, commands
from fleet_server.services import tables as t
from fleet_server.services.audit import Actor
from fleet_server.services.commands import Order

NOW = datetime(2026, 11, 26, 12, 0, tzinfo=UTC)
LATER = NOW + timedelta(hours=1)
MODEM = "ops::00256D-MODEM-00000001"
VENDOR = "os::012345-0123456789"
REBOOT = Order(MODEM, "Device.Reboot()", {"Reason": "test"}, LATER)
WHO = Actor.account(7)


def test_a_command_is_queued_once_and_read_as_it_was_ordered(engine: Engine) -> None:
    with engine.begin() as connection:
        commands.queue(connection, "swap-1.1", REBOOT, NOW)
        commands.queue(connection, "swap-1.1", REBOOT, NOW)
        found = commands.read(connection, "swap-1.1")
        assert (found.state, found.tries, found.counter) == (State.QUEUED, 0, 0)
        assert (found.command, found.args) == ("Device.Reboot()", {"Reason": "test"})
        assert (found.queued_at, found.sent_at, found.finished_at) == (NOW, None, None)
        assert commands.counts(connection)[State.QUEUED] == 1
        other = Order(MODEM, "Device.FactoryReset()", {}, LATER)
        with pytest.raises(CommandKeyTakenError):
            commands.queue(connection, "swap-1.1", other, NOW)
        assert set(commands.find(connection, ["swap-1.1", "swap-1.2"])) == {"swap-1.1"}


def test_only_what_a_device_of_ours_demands_a_token_for_is_signed(engine: Engine) -> None:
    orders = {
        "a": REBOOT,
        "b": Order(VENDOR, "Device.Reboot()", {}, LATER),
        "c": Order(MODEM, "Device.SelfTestDiagnostics()", {}, LATER),
        "d": Order(MODEM, "", {"Device.Time.NTPServer1": "time.example"}, LATER),
    }
    with engine.begin() as connection:
        for key, order in orders.items():
            commands.queue(connection, key, order, NOW)
        rows = connection.execute(select(t.command).order_by(t.command.c.id)).all()
        assert [row.signed for row in rows] == [True, False, False, False]
        assert [row.repeatable for row in rows] == [False, False, False, True]


@pytest.mark.parametrize(
    ("key", "command", "args"),
    [
        ("", "Device.Reboot()", {}),
        ("x" * 65, "Device.Reboot()", {}),
        ("a", "Device.Reboot", {}),
        ("a", "", {}),
        ("a", "", {"Device.Reboot()": ""}),
        ("a", "", {"Name": "x"}),
    ],
)
def test_what_no_device_could_be_sent_is_refused(
    engine: Engine, key: str, command: str, args: dict[str, str]
) -> None:
    with engine.begin() as connection, pytest.raises(InvalidCommandError):
        commands.queue(connection, key, Order(MODEM, command, args, LATER), NOW)


def test_what_did_not_leave_is_cancelled_at_once_and_on_record(engine: Engine) -> None:
    with engine.begin() as connection:
        commands.queue(connection, "a", REBOOT, NOW)
        found = commands.cancel(connection, WHO, "a", "typed wrongly", LATER)
        assert (found.state, found.finished_at) == (State.CANCELLED, LATER)
        assert (found.cancelling, found.past_recall, found.has_ended) == (False, False, True)
        with pytest.raises(CommandEndedError, match="cancelled"):
            commands.cancel(connection, WHO, "a", "again", LATER)
        with pytest.raises(UnknownCommandError):
            commands.cancel(connection, WHO, "b", "unknown", LATER)
        (entry,) = audit.history(connection, "command:a", None, 10)
        assert (entry.action, entry.reason) == ("command_cancelled", "typed wrongly")
        numbers = commands.counts(connection)
        assert (numbers[State.QUEUED], numbers[State.CANCELLED]) == (0, 1)


def test_what_left_is_being_cancelled_until_it_is_known_that_it_never_runs(engine: Engine) -> None:
    with engine.begin() as connection:
        commands.queue(connection, "a", REBOOT, NOW)
        row = connection.execute(select(t.command)).one()
        command_store.apply(connection, row, [Sent(5)], NOW, {"sent_at": NOW})
        found = commands.cancel(connection, WHO, "a", "typed wrongly", LATER)
        assert (found.state, found.cancelling, found.counter) == (State.SENT, True, 5)
        assert connection.execute(select(t.command.c.due_at)).scalar_one() == LATER


def test_lists_go_from_the_newest_to_the_oldest_by_key(engine: Engine) -> None:
    with engine.begin() as connection:
        for number in range(5):
            commands.queue(connection, f"c-{number}", REBOOT, NOW)
        first = commands.list_of_device(connection, MODEM, None, 3)
        assert [one.command_key for one in first] == ["c-4", "c-3", "c-2"]
        rest = commands.list_of_device(connection, MODEM, first[-1].id, 3)
        assert [one.command_key for one in rest] == ["c-1", "c-0"]
        commands.withdraw(connection, ["c-1", "c-3"], NOW)
        queued = commands.list_in_state(connection, State.QUEUED, None, 9)
        assert [one.command_key for one in queued] == ["c-4", "c-2", "c-0"]
        assert len(commands.list_all(connection, None, 9)) == 5
        assert commands.list_of_device(connection, VENDOR, None, 3) == []
        assert commands.read_id(connection, first[0].id).command_key == "c-4"
        with pytest.raises(UnknownCommandError):
            commands.read_id(connection, 99)
