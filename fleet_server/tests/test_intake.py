"""Batches of Records against a database: what is stored, what is answered."""

from __future__ import annotations

from datetime import timedelta

import pytest

from agent.wire.codes import (
    BATTERY,
    BATTERY_EVENT,
    EMERGENCY,
    EMERGENCY_EVENT,
    MAINS_LOST_EVENT,
    UNKNOWN_TIME,
)
from fleet_server.domain.event import format_time
from fleet_server.protocol import usp_pb2 as usp
from fleet_server.services import tables as t
from fleet_server.services.onboarding import SET_TIME_COMMAND
from fleet_server.services.records import Publication
from fleet_server.tests.memory_fleet import (
    CONTROLLER,
    EPOCH,
    MODEM,
    NOON,
    STB,
    VENDOR,
    MemoryFleet,
    messages,
)
from fleet_server.tests.service_desk import insert


@pytest.fixture
def fleet(memory_fleet: MemoryFleet) -> MemoryFleet:
    return memory_fleet


def test_an_event_is_stored_and_answered_with_its_own_msg_id(fleet: MemoryFleet) -> None:
    fleet.take(fleet.connect(MODEM))
    event = fleet.event(MODEM, f"j-{EPOCH}-1", "Dip!", BootCount="7", Grade="measured")
    (answer,) = [one for one in fleet.take(event) if one.answers]
    assert answer.topic == f"usp/a/{MODEM}"
    (message,) = messages([answer])
    assert message.header.msg_id == f"j-{EPOCH}-1"
    (row,) = fleet.rows(t.event)
    assert (row.epoch, row.sequence, row.name, row.boot_count) == (EPOCH, 1, "Dip!", 7)
    assert row.received_at == NOON


def test_a_replacement_that_waits_for_a_unit_is_looked_at_when_it_comes(
    fleet: MemoryFleet,
) -> None:
    (unit,) = [one for one in fleet.rows(t.unit) if one.endpoint_id == MODEM]
    contract = fleet.rows(t.contract)[0]
    with fleet.engine.begin() as connection:
        waiting = {"plan": "await_new", "at": 0, "phase": "forward", "is_undoing": False}
        insert(
            connection,
            t.swap,
            **waiting,
            contract_id=contract.id,
            position="internet",
            kind="MODEM",
            new_unit_id=unit.id,
            trigger="posted",
            outlets=1,
            ordered_by="account:1",
            ordered_at=NOON,
            approved_at=NOON,
            due_at=NOON + timedelta(minutes=5),
        )
    fleet.take(fleet.connect(STB))
    assert [row.due_at for row in fleet.rows(t.swap)] == [NOON + timedelta(minutes=5)]
    fleet.take(fleet.connect(MODEM))
    assert [row.due_at for row in fleet.rows(t.swap)] == [NOON]


def test_the_same_event_again_is_answered_again_and_stored_once(fleet: MemoryFleet) -> None:
    event = fleet.event(MODEM, f"j-{EPOCH}-1", "Dip!")
    fleet.take(event, event)
    fleet.restart()
    assert [one.answers for one in fleet.take(event)].count(True) == 1
    assert len(fleet.rows(t.event)) == 1


def test_a_better_dated_copy_dates_the_event(fleet: MemoryFleet) -> None:
    fleet.take(fleet.event(MODEM, f"j-{EPOCH}-1", "Dip!", Time="0001-01-01T00:00:00Z"))
    dated = {"Time": format_time(NOON), "TimeError": "30"}
    fleet.take(fleet.event(MODEM, f"j-{EPOCH}-1", "Dip!", **dated))
    (row,) = fleet.rows(t.event)
    assert (row.device_at, row.device_error_ms) == (NOON, 30)


def test_the_copy_for_a_second_subscription_is_answered_and_not_stored(fleet: MemoryFleet) -> None:
    outgoing = fleet.take(fleet.event(MODEM, f"j-{EPOCH}-1-2", "Dip!"))
    assert any(one.answers for one in outgoing)
    assert fleet.rows(t.event) == []


def test_a_notification_that_wants_no_answer_gets_none(fleet: MemoryFleet) -> None:
    notify = usp.Notify(subscription_id="s")
    notify.value_change.param_path = "Device.X_IPKO-COM_Power.Source"
    notify.value_change.param_value = "Battery"
    assert not any(one.answers for one in fleet.take(fleet.notify(MODEM, "n-1-1", notify)))
    (value,) = fleet.rows(t.parameter)
    assert (value.path, value.value, value.reported_at) == (
        "Device.X_IPKO-COM_Power.Source",
        "Battery",
        NOON,
    )


def test_an_event_of_the_line_tells_its_state_at_once(fleet: MemoryFleet) -> None:
    told = {"Reachable": "false", "Reason": "NoNetwork", "LineReady": "false", "Other": "x"}
    fleet.take(fleet.event(MODEM, f"j-{EPOCH}-1", EMERGENCY_EVENT, EMERGENCY, **told))
    fleet.take(fleet.event(MODEM, f"j-{EPOCH}-2", BATTERY_EVENT, Status="Low"))
    values = {row.path: row.value for row in fleet.rows(t.parameter)}
    assert values == {
        EMERGENCY + "Reachable": "false",
        EMERGENCY + "Reason": "NoNetwork",
        EMERGENCY + "LineReady": "false",
        BATTERY + "Status": "Low",
    }
    again = fleet.event(MODEM, f"j-{EPOCH}-1", EMERGENCY_EVENT, EMERGENCY, Reachable="true")
    fleet.take(again)
    assert {row.path: row.value for row in fleet.rows(t.parameter)} == values


def test_no_service_is_interrupted_while_a_battery_carries_the_device(fleet: MemoryFleet) -> None:
    fleet.take(fleet.connect(MODEM))
    began = {"Time": format_time(NOON), "TimeError": "30", "BootCount": "3", "UpTime": "9000"}
    fleet.take(fleet.event(MODEM, f"j-{EPOCH}-1", MAINS_LOST_EVENT, **began))
    assert fleet.rows(t.interruption) == []
    assert [row.state for row in fleet.rows(t.presence)] == ["online"]
    fleet.later(3600)
    ended = {**began, "Time": format_time(fleet.now), "UpTime": "3609000", "Source": "Battery"}
    fleet.take(fleet.event(MODEM, f"j-{EPOCH}-2", "PowerLoss!", **ended))
    (row,) = fleet.rows(t.interruption)
    assert (row.cause, row.started_at) == ("no power at the device", fleet.now)
    assert [row.state for row in fleet.rows(t.presence)] == ["offline"]


def test_an_agent_that_has_no_clock_is_told_the_time_again(fleet: MemoryFleet) -> None:
    """Its connect Record, or the greeting, was lost."""

    def is_told(number: int, time: str = UNKNOWN_TIME) -> bool:
        boot = fleet.event(MODEM, f"j-{EPOCH}-{number}", "Boot!", "Device.", Time=time)
        return any(SET_TIME_COMMAND.encode() in one.payload for one in fleet.take(boot))

    fleet.take(fleet.connect(MODEM))
    assert not is_told(1), "the greeting is on its way"
    fleet.later(60)
    assert is_told(2)
    assert not is_told(3)
    fleet.later(60)
    assert not is_told(4, "2027-01-15T12:02:00Z")


def test_periodics_renew_presence_and_fill_no_table(fleet: MemoryFleet) -> None:
    fleet.take(fleet.connect(MODEM))
    fleet.later(30)
    fleet.take(fleet.event(MODEM, "n-1-2", "Periodic!", "Device.LocalAgent."))
    assert fleet.rows(t.event) == []
    (row,) = fleet.rows(t.presence)
    assert (row.state, row.seen_at) == ("online", fleet.now)


def test_a_vendor_may_use_a_msg_id_again_after_a_reboot(fleet: MemoryFleet) -> None:
    boot = {"path": "Device.", "Cause": "LocalReboot"}
    fleet.take(fleet.connect(VENDOR), fleet.event(VENDOR, "1", "Boot!", **boot))
    fleet.take(fleet.event(VENDOR, "1", "Boot!", **boot))
    assert len(fleet.rows(t.event)) == 1
    fleet.take(fleet.connect(VENDOR), fleet.event(VENDOR, "1", "Boot!", **boot))
    assert len(fleet.rows(t.event)) == 2


def test_a_connect_that_is_only_delivered_again_counts_once(fleet: MemoryFleet) -> None:
    fleet.take(fleet.connect(VENDOR))
    fleet.restart()
    again = fleet.take(fleet.connect(VENDOR, duplicate=True))
    assert again, "the agent may not have got the first answer"
    (agent,) = fleet.rows(t.agent)
    assert agent.connection == 1


def test_an_endpoint_that_is_no_unit_of_ours_is_visible_as_unregistered(
    fleet: MemoryFleet,
) -> None:
    fleet.take(fleet.connect(VENDOR), fleet.connect(MODEM))
    found = {row.endpoint_id: row.registered for row in fleet.rows(t.agent)}
    assert found == {VENDOR: False, MODEM: True}


def test_a_response_topic_of_another_agent_is_not_used(fleet: MemoryFleet) -> None:
    event = fleet.event(MODEM, f"j-{EPOCH}-1", "Dip!")
    forged = Publication(event.topic, event.payload, f"usp/a/{STB}", 1)
    assert {one.topic for one in fleet.take(forged)} == {f"usp/a/{MODEM}"}
    below = Publication(event.topic, event.payload, f"usp/a/{MODEM}/x", 2)
    assert {one.topic for one in fleet.take(below)} == {f"usp/a/{MODEM}/x"}


def test_bad_records_are_counted_across_restarts(fleet: MemoryFleet) -> None:
    bad = Publication(f"usp/c/{CONTROLLER}/{MODEM}", b"\xff", "", 1)
    fleet.take(bad, bad, unreadable=1)
    fleet.restart()
    fleet.take(bad)
    counted = {row.name: row.value for row in fleet.rows(t.ingest_counter)}
    assert counted == {"undecodable_record": 3, "unreadable_packet": 1}


def test_a_name_longer_than_any_is_refused(fleet: MemoryFleet) -> None:
    outgoing = fleet.take(fleet.event(MODEM, f"j-{EPOCH}-1", "x" * 65))
    assert outgoing == []
    assert [row.name for row in fleet.rows(t.ingest_counter)] == ["too_long"]


def test_what_no_database_takes_in_a_text_does_not_stop_the_intake(fleet: MemoryFleet) -> None:
    fleet.take(
        fleet.event(MODEM, f"j-{EPOCH}-1", "Dip!", Grade="mea\0sured", Place="\0"),
        fleet.event(MODEM, f"j-{EPOCH}-2", "Dip\0!"),
        fleet.event(MODEM, "x\0", "Dip!"),
    )
    assert [row.grade for row in fleet.rows(t.event)] == ["measured"]
    counted = {row.name: row.value for row in fleet.rows(t.ingest_counter)}
    assert counted == {"too_long": 1, "msg_id": 1}


def test_a_gasp_makes_offline_and_opens_an_interruption_in_one_batch(fleet: MemoryFleet) -> None:
    fleet.take(fleet.connect(MODEM))
    fleet.later(600)
    fleet.take(gasp(fleet, 5))
    (presence,) = fleet.rows(t.presence)
    assert (presence.state, presence.evidence) == ("offline", "power_loss")
    (interruption,) = fleet.rows(t.interruption)
    assert interruption.cause == "no power at the device"
    assert interruption.ended_at is None


def test_a_gasp_that_comes_from_the_journal_later_leaves_the_agent_online(
    fleet: MemoryFleet,
) -> None:
    fleet.take(fleet.connect(MODEM))
    fleet.later(600)
    late = gasp(fleet, 5)
    fleet.later(30)
    fleet.take(fleet.will(MODEM), fleet.connect(MODEM))
    fleet.take(late)
    (presence,) = fleet.rows(t.presence)
    assert presence.state == "online"


def test_one_power_cut_is_one_interruption_with_its_true_length(fleet: MemoryFleet) -> None:
    fleet.take(fleet.connect(MODEM))
    fleet.later(600)
    fleet.take(gasp(fleet, 5))
    fleet.later(31)
    fleet.take(fleet.will(MODEM), fleet.connect(MODEM))
    (back,) = fleet.rows(t.interruption)
    assert (back.cause, back.ended_at is not None) == ("no power at the device", True)
    booted = format_time(fleet.now - timedelta(milliseconds=500))
    stamp = {"BootCount": "8", "UpTime": "500", "Time": booted, "TimeError": "20"}
    fleet.take(
        gasp(fleet, 5, at=NOON + timedelta(seconds=600)),
        fleet.event(MODEM, f"j-{EPOCH}-6", "PowerRestored!", **stamp),
        fleet.event(MODEM, f"j-{EPOCH}-7", "Boot!", "Device.", Reason="power on reset", **stamp),
    )
    (interruption,) = fleet.rows(t.interruption)
    assert interruption.cause == "no power at the device"
    assert (interruption.length_ms, interruption.length_error_ms) == (30_000, 40)
    verdicts = fleet.rows(t.interruption_verdict)
    assert [one.revision for one in verdicts] == list(range(1, interruption.revision + 1))
    assert len(fleet.rows(t.event)) == 3


def counted(fleet: MemoryFleet) -> dict[str, tuple[int, int]]:
    return {row.endpoint_id: (row.losses, row.gasps) for row in fleet.rows(t.gasp_count)}


def test_losses_are_counted_once_and_gasps_only_where_they_came_at_once(
    fleet: MemoryFleet,
) -> None:
    fleet.take(fleet.connect(MODEM))
    fleet.later(600)
    fleet.take(gasp(fleet, 5))
    assert counted(fleet) == {MODEM: (1, 1), "": (1, 1)}
    late = gasp(fleet, 5)
    fleet.later(60)
    fleet.take(fleet.connect(MODEM))
    fleet.take(late)
    assert counted(fleet)[MODEM] == (1, 1), "the journal tells the same again"
    from_journal = gasp(fleet, 9, at=NOON)
    fleet.take(from_journal)
    assert counted(fleet) == {MODEM: (2, 1), "": (2, 1)}


@pytest.mark.parametrize(("boot_count", "losses"), [("8", 1), ("9", 2)])
def test_a_start_without_a_record_is_a_loss_unless_its_gasp_is_here(
    fleet: MemoryFleet, boot_count: str, losses: int
) -> None:
    """The gasp is of boot 7: a start that is the next one belongs to it."""
    fleet.take(fleet.connect(MODEM))
    fleet.later(600)
    fleet.take(gasp(fleet, 5))
    stamp = {"BootCount": boot_count, "UpTime": "500", "Grade": "inferred"}
    fleet.take(fleet.event(MODEM, f"j-{EPOCH}-7", "PowerRestored!", **stamp))
    assert counted(fleet)[MODEM] == (losses, 1)


def test_power_that_is_back_after_a_known_loss_is_no_second_one(fleet: MemoryFleet) -> None:
    fleet.take(fleet.connect(MODEM))
    stamp = {"BootCount": "8", "UpTime": "500", "Grade": "measured", "Duration": "700"}
    fleet.take(fleet.event(MODEM, f"j-{EPOCH}-6", "PowerRestored!", **stamp))
    fleet.take(fleet.event(MODEM, f"j-{EPOCH}-7", "PowerLoss!", "Device.Other.", BootCount="8"))
    assert counted(fleet) == {}


def test_without_a_gasp_the_open_interruption_is_revised_after_the_boot(
    fleet: MemoryFleet,
) -> None:
    fleet.take(fleet.connect(MODEM))
    fleet.later(600)
    fleet.take(fleet.event(MODEM, "n-1-2", "Periodic!", "Device.LocalAgent."))
    fleet.later(15)
    fleet.take(fleet.will(MODEM))
    (open_,) = fleet.rows(t.interruption)
    assert (open_.cause, open_.ended_at) == ("unknown", None)
    fleet.later(30)
    fleet.take(fleet.connect(MODEM))
    booted = format_time(fleet.now - timedelta(milliseconds=500))
    stamp = {"BootCount": "8", "UpTime": "500", "Time": booted, "TimeError": "20"}
    fleet.take(
        fleet.event(MODEM, f"j-{EPOCH}-6", "Boot!", "Device.", Reason="power on reset", **stamp)
    )
    (closed,) = fleet.rows(t.interruption)
    assert closed.id == open_.id
    assert closed.cause == "no power at the device"
    first, *_ = fleet.rows(t.interruption_verdict)
    assert first.cause == "unknown"


@pytest.mark.parametrize("name", ["PowerLoss!", "PowerRestored!", "Boot!"])
@pytest.mark.parametrize("hostile", ["UpTime", "TimeError", "Duration", "DurationError", "Time"])
@pytest.mark.parametrize("dated", [True, False])
def test_numbers_past_belief_do_not_stop_the_intake(
    fleet: MemoryFleet, name: str, hostile: str, dated: bool
) -> None:
    stamp = {"BootCount": "8", "UpTime": "500", "Duration": "700", "Reason": "power on reset"}
    if dated:
        stamp |= {"Time": format_time(NOON), "TimeError": "20"}
    stamp[hostile] = "9999-12-31T23:59:59.999Z" if hostile == "Time" else "9" * 18
    fleet.take(fleet.connect(MODEM))
    fleet.later(600)
    fleet.take(gasp(fleet, 5), fleet.event(MODEM, f"j-{EPOCH}-6", name, **stamp))
    fleet.later(60)
    assert any(one.answers for one in fleet.take(fleet.event(MODEM, f"j-{EPOCH}-7", "Dip!")))
    assert len(fleet.rows(t.event)) == 3


def test_silence_makes_suspect_but_not_silence_before_the_controller_listened(
    fleet: MemoryFleet,
) -> None:
    fleet.take(fleet.connect(MODEM))
    fleet.later(1_000)
    fleet.restart()
    fleet.poll()
    assert [row.state for row in fleet.rows(t.presence)] == ["online"]
    fleet.later(200)
    fleet.poll()
    assert [row.state for row in fleet.rows(t.presence)] == ["suspect"]


def test_a_look_at_the_state_that_got_no_answer_is_tried_with_the_next_periodic(
    fleet: MemoryFleet,
) -> None:
    def requests_after_periodic(number: int) -> int:
        periodic = fleet.event(MODEM, f"n-1-{number}", "Periodic!", "Device.LocalAgent.")
        return sum(not outgoing.answers for outgoing in fleet.take(periodic))

    fleet.take(fleet.connect(MODEM))
    assert requests_after_periodic(1) == 0
    for _ in range(4):
        fleet.later(16)
        fleet.poll()
    assert requests_after_periodic(2) > 0


def test_an_agent_is_asked_for_its_state_with_every_fifth_periodic(fleet: MemoryFleet) -> None:
    fleet.take(fleet.connect(MODEM))
    agent = fleet.intake.agents[MODEM]
    agent.onboarding, agent.onboarded_at = None, fleet.now
    asked = []
    for number in range(1, 16):
        fleet.later(60 + number % 2)  # it comes when it comes
        periodic = fleet.event(MODEM, f"n-1-{number}", "Periodic!", "Device.LocalAgent.")
        if any(not outgoing.answers for outgoing in fleet.take(periodic)):
            asked.append(number)
            agent.onboarding = None  # it answered
    assert asked == [5, 10, 15]


def gasp(fleet: MemoryFleet, sequence: int, at: object = None) -> Publication:
    moment = format_time(fleet.now if at is None else NOON + timedelta(seconds=600))
    stamp = {"BootCount": "7", "UpTime": "600000", "Time": moment, "TimeError": "20"}
    return fleet.event(MODEM, f"j-{EPOCH}-{sequence}", "PowerLoss!", Source="Mains", **stamp)
