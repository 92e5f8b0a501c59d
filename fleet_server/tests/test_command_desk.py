"""What is sent to which device when, and what its answers make of that, on both databases."""

from __future__ import annotations

import pytest
from sqlalchemy import Engine

from agent.wire.codes import AUTHORIZATION_ARGUMENT, OVERTAKE
from fleet_server.domain.command import LOST, NO_END, State
from fleet_server.protocol import usp_pb2 as usp
from fleet_server.services import command_desk, command_news
from fleet_server.services.policy import change_setting
from fleet_server.tests.command_bench import BOX, NOON, STATE, WHO, Desk, Device

OTHER = "ops::00256D-STB-20000004"
VENDOR = "os::012345-0123456789"


@pytest.fixture
def desk(engine: Engine) -> Desk:
    return Desk(engine)


def token_of(message: usp.Msg) -> str:
    return str(message.body.request.operate.input_args[AUTHORIZATION_ARGUMENT])


def test_a_command_waits_for_its_device_and_then_runs_once(desk: Desk) -> None:
    desk.queue("a")
    assert desk.turn() == []
    assert desk.read("a").state is State.QUEUED
    desk.connect(BOX)
    (asked,) = desk.turn()
    operate = asked.body.request.operate
    assert (operate.command, operate.command_key, operate.send_resp) == (STATE, "a", True)
    assert operate.input_args["State"] == "restricted"
    found = desk.read("a")
    assert (found.state, found.sent_at, found.tries) == (State.SENT, NOON, 1)
    desk.later(seconds=1)
    assert desk.turn((BOX, Device().answer(asked))) == []
    found = desk.read("a")
    assert (found.state, found.outputs) == (State.DONE, {"Told": "yes"})
    assert found.accepted_at == found.finished_at == desk.now


def test_a_fleet_that_comes_back_gets_its_commands_at_the_rate_that_is_set(desk: Desk) -> None:
    with desk.engine.begin() as connection:
        change_setting(connection, WHO, "commands_per_second", "2", "trial of a storm", NOON)
    boxes = [f"ops::00256D-STB-{number:08}" for number in range(100, 105)]
    for box in boxes:
        desk.queue(f"for {box}", box)
        desk.connect(box)
    assert len(desk.turn()) == 2
    assert desk.turn() == []
    desk.later(seconds=1)
    assert len(desk.turn()) == 2
    desk.later(seconds=1)
    assert len(desk.turn()) == 1
    assert sorted(to for to, _ in desk.sent) == boxes


def test_an_answer_counts_only_from_the_device_that_was_asked(desk: Desk) -> None:
    desk.queue("a")
    desk.connect(BOX)
    (asked,) = desk.turn()
    answer = Device().answer(asked)
    desk.turn((OTHER, answer))
    assert desk.read("a").state is State.SENT
    answer.header.msg_id = "command.999.1"
    desk.turn((BOX, answer))
    answer.header.msg_id = "cli-1"
    desk.turn((BOX, answer))
    assert desk.read("a").state is State.SENT


def test_one_at_a_time_and_in_order(desk: Desk) -> None:
    device = Device()
    for key in ("a", "b", "c"):
        desk.queue(key)
    desk.queue("d", OTHER)
    desk.connect(BOX)
    desk.connect(OTHER)
    assert len(desk.turn()) == 2
    assert desk.turn() == []
    asked = [message for to, message in desk.sent if to == BOX]
    desk.later(seconds=1)
    for _ in range(3):
        asked = desk.turn((BOX, device.answer(asked[0])))
    assert device.ran == ["a", "b", "c"]
    assert desk.read("c").state is State.DONE
    assert desk.read("d").state is State.SENT


def test_without_an_answer_the_same_token_goes_again(desk: Desk) -> None:
    desk.queue("a")
    desk.connect(BOX)
    (first,) = desk.turn()
    desk.later(seconds=14)
    assert desk.turn() == []
    desk.later(seconds=2)
    (second,) = desk.turn()
    assert token_of(first) == token_of(second)
    device = Device()
    device.answer(first)
    answer = device.answer(second)
    (asked,) = desk.turn((BOX, answer))  # used before: it has to be overtaken to know more
    assert asked.body.request.operate.command == OVERTAKE
    desk.turn((BOX, device.answer(asked)))
    assert (desk.read("a").state, device.ran) == (State.ACCEPTED, ["a"])
    desk.later(hours=1)
    desk.turn()
    assert desk.read("a").state is State.FAILED


def test_what_a_device_began_in_time_may_end_after_it(desk: Desk) -> None:
    desk.queue("a", command="Device.Reboot()")
    desk.connect(BOX)
    (asked,) = desk.turn()
    desk.later(minutes=59, seconds=59)  # a second before it expires
    desk.turn((BOX, Device().answer(asked)))
    assert desk.read("a").state is State.ACCEPTED
    desk.later(minutes=9)
    desk.turn()
    assert desk.read("a").state is State.ACCEPTED
    desk.later(minutes=2)
    desk.turn()
    assert desk.read("a").state is State.FAILED


def test_what_a_device_began_and_its_end_is_lost_rests_until_its_time_is_over(desk: Desk) -> None:
    desk.queue("a", command="Device.Reboot()")
    desk.connect(BOX)
    (asked,) = desk.turn()
    desk.later(minutes=59)
    desk.turn((BOX, Device().answer(asked)))
    desk.connect(BOX, "offline")
    desk.later(minutes=5)
    desk.turn()
    assert desk.read("a").state is State.ACCEPTED
    with desk.engine.begin() as connection:
        assert not command_desk.is_due(connection, desk.now)
    desk.later(minutes=10)
    desk.turn()
    assert desk.read("a").state is State.FAILED


def test_that_a_device_began_in_time_may_be_known_long_after_it(desk: Desk) -> None:
    device = Device()
    desk.queue("a")
    desk.queue("b")
    desk.connect(BOX)
    (lost,) = desk.turn()
    device.answer(lost)
    desk.connect(BOX, "offline")
    desk.later(hours=2)
    desk.turn()
    desk.turn()
    desk.connect(BOX)
    desk.run(device)
    assert (desk.read("a").state, device.ran) == (State.ACCEPTED, ["a"])
    desk.later(minutes=11)
    desk.run(device)
    found = desk.read("a")
    assert (found.state, found.error_text) == (State.FAILED, NO_END)
    assert desk.read("b").has_ended


def test_what_may_run_twice_runs_again_when_its_answer_is_lost(desk: Desk) -> None:
    device = Device()
    desk.queue("a", repeatable=True)
    desk.connect(BOX)
    (lost,) = desk.turn()
    device.answer(lost)
    desk.later(seconds=16)
    desk.run(device)
    assert (desk.read("a").state, device.ran) == (State.DONE, ["a", "a"])


def test_after_the_time_of_a_token_it_is_overtaken_before_the_next_one(desk: Desk) -> None:
    device = Device()
    desk.queue("a")
    desk.connect(BOX)
    (lost,) = desk.turn()
    desk.later(minutes=6)
    desk.run(device)
    assert (desk.read("a").state, device.ran) == (State.DONE, ["a"])
    kinds = [m.header.msg_id.split(".")[0] for _to, m in desk.sent]
    assert kinds == ["command", "overtake", "command"]
    device.answer(lost)
    assert device.ran == ["a"]


def test_a_device_that_came_back_is_asked_what_it_accepted(desk: Desk) -> None:
    device = Device()
    desk.queue("a", command="Device.Reboot()", args={})
    desk.connect(BOX)
    (lost,) = desk.turn()
    device.answer(lost)
    desk.connect(BOX, "offline")
    desk.later(minutes=1)
    assert desk.turn() == []
    desk.connect(BOX)
    (look,) = desk.turn()
    assert look.header.msg_id.startswith("look.")
    assert desk.turn((BOX, device.answer(look))) == []
    assert (desk.read("a").state, device.ran) == (State.ACCEPTED, ["a"])
    notify = usp.Notify()
    notify.event.event_name = "Boot!"
    notify.event.params["CommandKey"] = "a"
    with desk.engine.begin() as connection:
        command_news.add_notifications(connection, [(OTHER, notify), (BOX, notify)], desk.now)
    desk.turn()
    assert desk.read("a").state is State.DONE


def test_called_back_in_time_it_never_runs(desk: Desk) -> None:
    device = Device()
    desk.queue("a")
    desk.connect(BOX)
    (late,) = desk.turn()
    assert desk.cancel("a").state is State.SENT
    desk.run(device)
    found = desk.read("a")
    assert (found.state, found.past_recall) == (State.CANCELLED, False)
    assert device.answer(late).body.response.operate_resp.operation_results[0].cmd_failure.err_code
    assert device.ran == []


def test_called_back_too_late_it_says_so(desk: Desk) -> None:
    device = Device()
    desk.queue("a")
    desk.connect(BOX)
    (asked,) = desk.turn()
    device.answer(asked)
    desk.cancel("a")
    desk.run(device)
    found = desk.read("a")
    assert (found.state, found.past_recall) == (State.ACCEPTED, True)


def test_a_device_that_is_busy_is_asked_again_later_under_the_same_token(desk: Desk) -> None:
    device = Device()
    device.fails = (7002, "busy: call")
    desk.queue("a")
    desk.connect(BOX)
    (first,) = desk.turn()
    assert desk.turn((BOX, device.answer(first))) == []
    found = desk.read("a")
    assert (found.state, found.error_text) == (State.QUEUED, "busy: call")
    device.fails = None
    desk.later(seconds=3)
    (second,) = desk.turn()
    assert token_of(first) == token_of(second)
    desk.turn((BOX, device.answer(second)))
    assert desk.read("a").state is State.DONE


@pytest.mark.parametrize(
    ("failure", "state"),
    [
        ((7022, "kept, but the filter failed"), State.FAILED),
        ((7006, "authorisation for another endpoint"), State.FAILED),
        ((7006, "authorisation counter cannot be kept"), State.QUEUED),
        ((7005, "another is under way"), State.QUEUED),
    ],
)
def test_a_failure_ends_it_unless_it_passes(
    desk: Desk, failure: tuple[int, str], state: State
) -> None:
    device = Device()
    device.fails = failure
    desk.queue("a")
    desk.connect(BOX)
    desk.turn(*[(BOX, device.answer(one)) for one in desk.turn()])
    found = desk.read("a")
    assert (found.state, found.error_code, found.error_text) == (state, *failure)


def test_expired_before_it_left_it_never_leaves(desk: Desk) -> None:
    desk.queue("a")
    desk.queue("b")
    desk.later(hours=1)
    desk.connect(BOX)
    assert desk.turn() == []
    assert (desk.read("a").state, desk.read("b").state) == (State.EXPIRED, State.EXPIRED)


def test_expired_after_it_left_it_is_overtaken_when_the_device_is_back(desk: Desk) -> None:
    device = Device()
    desk.queue("a")
    desk.connect(BOX)
    desk.turn()
    desk.connect(BOX, "offline")
    desk.later(hours=2)
    desk.turn()
    desk.turn()
    found = desk.read("a")
    assert (found.state, found.is_overdue) == (State.SENT, True)
    desk.connect(BOX)
    desk.run(device)
    found = desk.read("a")
    assert (found.state, found.is_overdue, device.ran) == (State.EXPIRED, False, [])


def test_a_device_that_knows_higher_counters_is_told_higher_ones(desk: Desk) -> None:
    device = Device()
    device.accepted = device.effective = 40  # the server's database is an old backup
    desk.queue("a")
    desk.connect(BOX)
    desk.run(device)
    found = desk.read("a")
    assert (found.state, found.error_text) == (State.FAILED, LOST)
    desk.queue("b", repeatable=True)
    desk.run(device)
    assert (desk.read("b").state, device.ran) == (State.DONE, ["b"])


def test_a_command_under_way_on_the_device_is_stopped_there(desk: Desk) -> None:
    device = Device()
    device.request_path = "Device.LocalAgent.Request.3."
    desk.queue("a", command="Device.SelfTestDiagnostics()", args={})
    desk.connect(BOX)
    desk.run(device)
    assert desk.read("a").state is State.ACCEPTED
    desk.cancel("a")
    (stop,) = desk.turn()
    assert stop.body.request.operate.command == "Device.LocalAgent.Request.3.Cancel()"
    notify = usp.Notify()
    notify.oper_complete.command_key = "a"
    notify.oper_complete.cmd_failure.err_code = 7023
    with desk.engine.begin() as connection:
        command_news.add_notifications(connection, [(BOX, notify)], desk.now)
    desk.turn()
    assert desk.read("a").state is State.CANCELLED


def test_the_journalled_result_of_a_diagnostic_ends_it_too(desk: Desk) -> None:
    device = Device()
    device.request_path = "Device.LocalAgent.Request.3."
    desk.queue("a", command="Device.IP.Diagnostics.IPPing()", args={"Host": "host.example"})
    desk.connect(BOX)
    desk.run(device)
    notify = usp.Notify()
    notify.event.event_name = "Result!"
    notify.event.params["CommandKey"] = "a"
    notify.event.params["Status"] = "Complete"
    with desk.engine.begin() as connection:
        command_news.add_notifications(connection, [(BOX, notify)], desk.now)
    desk.turn()
    found = desk.read("a")
    assert (found.state, found.outputs["Status"]) == (State.DONE, "Complete")


def test_a_vendors_device_gets_no_token_and_no_second_sending(desk: Desk) -> None:
    desk.queue("a", VENDOR, "Device.Reboot()")
    desk.connect(VENDOR)
    (asked,) = desk.turn()
    assert AUTHORIZATION_ARGUMENT not in asked.body.request.operate.input_args
    desk.later(minutes=30)
    desk.connect(VENDOR)
    assert desk.turn() == []
    assert desk.cancel("a").past_recall
    notify = usp.Notify()
    notify.oper_complete.command_key = "a"
    notify.oper_complete.req_output_args.output_args["Status"] = "Complete"
    with desk.engine.begin() as connection:
        command_news.add_notifications(connection, [(VENDOR, notify)], desk.now)
    desk.turn()
    found = desk.read("a")
    assert (found.state, found.outputs) == (State.DONE, {"Status": "Complete"})


def test_a_set_is_repeated_until_it_is_answered(desk: Desk) -> None:
    device = Device()
    values = {"Device.Time.NTPServer1": "a", "Device.Time.Enable": "1", "Device.Reboots.X": "2"}
    desk.queue("a", VENDOR, "", args=values)
    desk.connect(VENDOR)
    (asked,) = desk.turn()
    updates = asked.body.request.set.update_objs
    assert [one.obj_path for one in updates] == ["Device.Reboots.", "Device.Time."]
    assert all(s.required for one in updates for s in one.param_settings)
    desk.later(seconds=16)
    (again,) = desk.turn()
    desk.turn((VENDOR, device.answer(again)))
    assert (desk.read("a").state, device.ran) == (State.DONE, ["set"])


def test_nothing_is_sent_while_the_broker_is_away(desk: Desk) -> None:
    desk.queue("a")
    desk.connect(BOX)
    with desk.engine.begin() as connection:
        assert command_desk.has_news(connection)
        assert desk.desk.turn(connection, [], NOON, may_send=False) == []
        assert not command_desk.has_news(connection)
        assert command_desk.is_due(connection, NOON)
        assert not command_desk.is_under_way(connection, desk.now)
    assert len(desk.turn()) == 1
    with desk.engine.begin() as connection:
        assert command_desk.is_under_way(connection, desk.now)
        assert not command_desk.is_due(connection, NOON)


def test_for_what_a_device_that_is_away_owes_nobody_has_to_look_often(desk: Desk) -> None:
    desk.queue("a")
    desk.connect(BOX)
    desk.turn()
    desk.connect(BOX, "offline")
    desk.later(days=2)
    desk.turn()
    assert desk.read("a").state is State.SENT
    with desk.engine.begin() as connection:
        assert not command_desk.is_under_way(connection, desk.now)


def test_what_was_under_way_is_asked_for_soon_when_the_connection_is_new(desk: Desk) -> None:
    desk.queue("a")
    desk.connect(BOX)
    desk.turn()
    with desk.engine.begin() as connection:
        command_desk.hurry(connection, desk.now)
    desk.later(seconds=2)
    assert len(desk.turn()) == 1
