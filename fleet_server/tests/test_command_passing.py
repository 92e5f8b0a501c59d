"""Which command of a device waits for which, and when one without an answer lets the next pass."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import Engine

from agent.wire.codes import OVERTAKE
from fleet_server.domain.command import NO_ANSWER, NO_END, State
from fleet_server.protocol import usp_pb2 as usp
from fleet_server.services import command_news
from fleet_server.tests.command_bench import BOX, Desk, Device

VENDOR = "os::012345-0123456789"
SET = "Device.Time.NTPServer1"


@pytest.fixture
def desk(engine: Engine) -> Desk:
    return Desk(engine)


def ping(desk: Desk, key: str, **more: Any) -> None:
    desk.queue(key, command="Device.IP.Diagnostics.IPPing()", args={"Host": "a.example"}, **more)


def keys(messages: list[usp.Msg]) -> list[str]:
    return [one.body.request.operate.command_key for one in messages]


def tell(desk: Desk, endpoint_id: str, event_name: str, **params: str) -> None:
    notify = usp.Notify()
    notify.event.event_name = event_name
    notify.event.params.update(params)
    with desk.engine.begin() as connection:
        command_news.add_notifications(connection, [(endpoint_id, notify)], desk.now)


def turns(desk: Desk, number: int = 3) -> list[usp.Msg]:
    return [message for _ in range(number) for message in desk.turn()]


def test_a_lost_answer_without_a_token_holds_the_next_one_back_for_minutes_only(
    desk: Desk,
) -> None:
    ping(desk, "a")
    desk.queue("b")
    desk.later(minutes=30)  # so that the second one is looked at seldom
    desk.connect(BOX)
    assert keys(turns(desk)) == ["a"]
    desk.later(minutes=1)
    assert turns(desk) == []
    desk.later(minutes=1)
    sent = turns(desk)
    assert keys(sent) == ["b"]
    assert (desk.read("a").state, desk.read("b").state) == (State.SENT, State.SENT)
    desk.turn((BOX, Device().answer(sent[0])))
    assert desk.read("b").state is State.DONE
    desk.queue("c")
    assert keys(turns(desk)) == ["c"]
    tell(desk, BOX, "Result!", CommandKey="a", Status="Complete")
    desk.turn()
    assert desk.read("a").state is State.DONE


def test_what_never_got_an_answer_fails_at_the_end_of_its_time(desk: Desk) -> None:
    ping(desk, "a")
    desk.connect(BOX)
    desk.turn()
    desk.later(minutes=30)
    turns(desk)
    desk.later(minutes=29)
    desk.turn()
    assert desk.read("a").state is State.SENT
    desk.later(minutes=1)
    desk.turn()
    found = desk.read("a")
    assert (found.state, found.error_text) == (State.FAILED, NO_ANSWER)


def test_a_device_that_lost_the_command_obeys_the_next_as_soon_as_it_is_back(desk: Desk) -> None:
    ping(desk, "a")
    desk.queue("b")
    desk.connect(BOX)
    desk.turn()
    desk.connect(BOX, "offline")
    desk.later(minutes=10)
    assert turns(desk) == []
    desk.connect(BOX)
    assert keys(turns(desk)) == ["b"]


def test_an_end_that_is_never_told_holds_the_next_one_back_for_minutes_only(desk: Desk) -> None:
    desk.queue("a", VENDOR, "Device.Reboot()")
    desk.queue("b", VENDOR, "Device.Reboot()")
    desk.connect(VENDOR)
    (asked,) = turns(desk)
    desk.turn((VENDOR, Device().answer(asked)))
    desk.later(minutes=2)
    desk.connect(VENDOR)
    tell(desk, VENDOR, "Boot!", Cause="RemoteReboot")
    assert turns(desk) == []
    desk.later(minutes=8)
    assert keys(turns(desk)) == ["b"]
    assert desk.read("a").state is State.ACCEPTED
    desk.later(hours=1)
    turns(desk)
    assert (desk.read("a").state, desk.read("a").error_text) == (State.FAILED, NO_END)


def test_one_with_a_token_holds_the_next_back_until_the_device_settles_it(desk: Desk) -> None:
    desk.queue("a")
    desk.queue("b")
    desk.connect(BOX)
    desk.turn()
    device = Device()
    desk.later(minutes=6)
    (asked,) = turns(desk)
    assert asked.body.request.operate.command == OVERTAKE
    asked = desk.turn((BOX, device.answer(asked)))[0]
    assert keys([asked]) == ["a"]
    assert keys(desk.turn((BOX, device.answer(asked)))) == ["b"]


def values(messages: list[usp.Msg]) -> list[str]:
    updates = [one for message in messages for one in message.body.request.set.update_objs]
    return [setting.value for one in updates for setting in one.param_settings]


def test_what_a_later_one_has_passed_is_not_sent_again(desk: Desk) -> None:
    desk.queue("a", VENDOR, "", args={SET: "old"})
    desk.connect(VENDOR)
    desk.turn()
    desk.queue("b", VENDOR, "", args={SET: "new"})
    desk.connect(VENDOR, "offline")
    desk.later(minutes=5)
    desk.connect(VENDOR)
    assert values(turns(desk)) == ["old", "new"]
    desk.later(minutes=1)
    assert values(turns(desk)) == ["new"]
    desk.connect(VENDOR)
    desk.later(minutes=20)
    assert values(turns(desk)) == ["new"]
    assert desk.read("a").state is State.SENT


def test_not_now_is_never_for_what_a_later_one_has_passed(desk: Desk) -> None:
    device = Device()
    device.fails = (7002, "busy: call")
    ping(desk, "a")
    desk.queue("b")
    desk.connect(BOX)
    (late,) = desk.turn()
    desk.later(minutes=3)
    assert keys(turns(desk)) == ["b"]
    desk.turn((BOX, device.answer(late)))
    found = desk.read("a")
    assert (found.state, found.error_code, found.error_text) == (State.FAILED, 7002, "busy: call")


def test_a_device_that_is_busy_is_not_passed_each_time_it_says_so(desk: Desk) -> None:
    device = Device()
    device.fails = (7002, "busy: call")
    ping(desk, "a")
    desk.queue("b")
    desk.connect(BOX)
    for _ in range(8):
        for message in turns(desk):
            assert keys([message]) == ["a"]
            desk.turn((BOX, device.answer(message)))
        desk.later(minutes=3)
    assert desk.read("a").state is State.QUEUED
    device.fails = None
    desk.later(minutes=10)
    desk.run(device)
    assert device.ran == ["a", "b"]


def test_what_was_called_back_is_not_sent_again(desk: Desk) -> None:
    desk.queue("a", VENDOR, "", args={SET: "old"})
    desk.connect(VENDOR)
    (late,) = desk.turn()
    assert desk.cancel("a").past_recall
    desk.later(minutes=1)
    desk.connect(VENDOR)
    assert turns(desk) == []
    desk.turn((VENDOR, Device().answer(late)))
    found = desk.read("a")
    assert (found.state, found.past_recall) == (State.DONE, True)


def test_what_a_later_one_has_passed_is_asked_to_stop_when_it_is_called_back(desk: Desk) -> None:
    device = Device()
    device.request_path = "Device.LocalAgent.Request.3."
    desk.queue("a", VENDOR, "Device.DeviceInfo.FirmwareImage.1.Download()")
    desk.queue("b", VENDOR, "Device.Reboot()")
    desk.connect(VENDOR)
    (asked,) = turns(desk)
    desk.turn((VENDOR, device.answer(asked)))
    desk.later(minutes=11)
    assert keys(turns(desk)) == ["b"]
    desk.cancel("a")
    (stop,) = turns(desk)
    assert stop.body.request.operate.command == "Device.LocalAgent.Request.3.Cancel()"
    notify = usp.Notify()
    notify.oper_complete.command_key = "a"
    notify.oper_complete.cmd_failure.err_code = 7023
    with desk.engine.begin() as connection:
        command_news.add_notifications(connection, [(VENDOR, notify)], desk.now)
    turns(desk)
    assert desk.read("a").state is State.CANCELLED


def test_what_is_asked_to_stop_and_stays_silent_lets_the_next_one_pass(desk: Desk) -> None:
    device = Device()
    device.request_path = "Device.LocalAgent.Request.3."
    desk.queue("a", VENDOR, "Device.DeviceInfo.FirmwareImage.1.Download()")
    desk.queue("b", VENDOR, "Device.Reboot()")
    desk.later(minutes=30)  # so that the second one is looked at seldom
    desk.connect(VENDOR)
    (asked,) = turns(desk)
    desk.turn((VENDOR, device.answer(asked)))
    desk.later(minutes=9)
    desk.cancel("a")
    assert len(turns(desk)) == 1
    desk.later(minutes=2)
    assert "b" in keys(turns(desk))
