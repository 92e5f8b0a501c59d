"""Alarms: raised, cleared, kept with their beginning, and shown in Device.FaultMgmt."""

from agent.tests.fakes import FakeBoard
from agent.tests.usp_bench import Bench

NOON = 1_795_348_800_000  # 2026-11-22T12:00:00Z
CURRENT = "Device.FaultMgmt.CurrentAlarm."


def _current(bench):
    return bench.get(CURRENT)[CURRENT]


def test_an_alarm_is_a_row_while_it_is_raised():
    bench = Bench()
    alarms = bench.model.alarms
    assert _current(bench) == {}
    bench.clock.set_time(NOON, 5)
    assert alarms.put("battery-low", True, "18 %")
    assert not alarms.put("battery-low", True, "18 %")
    assert _current(bench) == {
        CURRENT + "1.": {
            "AlarmIdentifier": "battery-low",
            "AlarmRaisedTime": "2026-11-22T12:00:00.000Z",
            "AlarmChangedTime": "2026-11-22T12:00:00.000Z",
            "ManagedObjectInstance": "Device.X_IPKO-COM_Power.Battery.1",
            "EventType": "Equipment Alarm",
            "ProbableCause": "Power problem",
            "SpecificProblem": "Battery low",
            "PerceivedSeverity": "Major",
            "AdditionalText": "18 %",
        }
    }
    assert alarms.put("mains-lost", True)
    assert alarms.put("battery-low", False)
    assert not alarms.put("battery-low", False)
    assert list(_current(bench)) == [CURRENT + "2."], "a number stays while it is raised"
    assert bench.value("Device.FaultMgmt.CurrentAlarmNumberOfEntries") == "1"


def test_a_new_text_changes_an_alarm_and_leaves_its_beginning():
    bench = Bench()
    bench.clock.set_time(NOON, 5)
    bench.model.alarms.put("battery-low", True, "discharged")
    bench.poll(60_000)
    assert bench.model.alarms.put("battery-low", True, "worn out")
    row = _current(bench)[CURRENT + "1."]
    assert row["AlarmRaisedTime"] == "2026-11-22T12:00:00.000Z"
    assert row["AlarmChangedTime"] == "2026-11-22T12:01:00.000Z"
    assert row["AdditionalText"] == "worn out"


def test_a_restart_forgets_neither_the_alarm_nor_its_beginning():
    bench = Bench()
    bench.model.alarms.put("mains-lost", True)
    bench.clock.set_time(NOON, 5)
    for _ in range(10):  # more boots than the journal remembers clocks of
        bench = bench.restart()
        bench.clock.set_time(NOON + 3_600_000, 5)
    began = _current(bench)[CURRENT + "1."]["AlarmRaisedTime"]
    assert began == "2026-11-22T12:00:00.000Z"
    bench.model.alarms.put("mains-lost", False)
    assert _current(bench.restart()) == {}


def test_a_beginning_that_no_clock_saw_is_unknown():
    bench = Bench()
    bench.model.alarms.put("mains-lost", True)
    bench = bench.restart()
    bench.clock.set_time(NOON, 5)
    assert _current(bench)[CURRENT + "1."]["AlarmRaisedTime"] == "0001-01-01T00:00:00Z"


def test_what_is_spoilt_on_flash_is_said_again():
    bench = Bench()
    bench.model.alarms.put("mains-lost", True)
    name = "alarms.blob"
    bench.storage.files[name] = bench.storage.files[name][:-1] + b"?"
    bench = bench.restart()
    assert bench.model.alarms.raised == []
    assert bench.model.alarms.put("mains-lost", True)


def test_each_kind_of_device_supports_its_own_alarms():
    supported = "Device.FaultMgmt.SupportedAlarm."
    for product_class, problem in (("VOICEMODEM", "Battery low"), ("MODEM", "")):
        board = FakeBoard(cause=1)
        board.product_class = product_class
        found = Bench(board=board).get(supported)[supported]
        problems = [row["SpecificProblem"] for row in found.values()]
        assert ("Battery low" in problems) == bool(problem)


def test_an_alarm_without_a_meaning_is_not_shown():
    bench = Bench()
    bench.model.alarms.put("no-such-kind", True)
    assert _current(bench) == {}
