"""A voice modem on its battery: what it tells, what it remembers, and what its gasp says."""

from agent.core.battery import Monitor
from agent.core.power import PowerMonitor
from agent.tests.fakes import FakeBoard
from agent.tests.test_power import FakeSession, names, waiting
from agent.tests.usp_bench import Bench

NOON = 1_795_348_800_000  # 2026-11-22T12:00:00Z
POWER = "Device.X_IPKO-COM_Power."
BATTERY = POWER + "Battery.1."
GOOD = {
    "present": True,
    "on_battery": False,
    "charging": False,
    "charge_percent": 100,
    "voltage_mv": 8300,
    "temperature_c": 31,
    "runtime_s": 14400,
    "cycles": 12,
    "replace": False,
}


def _bench(bench=None, **facts):
    bench = bench or Bench()
    bench.board.known["battery"] = dict(GOOD, **facts)
    bench.endpoint.monitors = [Monitor(bench.model, bench.endpoint)]
    bench.poll_for(500)
    return bench


def _now(bench, for_ms=3000, **facts):
    bench.board.known["battery"] = dict(bench.board.known["battery"], **facts)
    bench.poll_for(for_ms)


def test_the_model_shows_the_battery():
    bench = _bench()
    assert bench.get(BATTERY)[BATTERY][BATTERY] == {
        "Status": "Good",
        "ChargePercent": "100",
        "Voltage": "8300",
        "Temperature": "31",
        "RuntimeLeft": "14400",
        "CycleCount": "12",
    }
    assert bench.value(POWER + "BatteryNumberOfEntries") == "1"
    _now(bench, charging=True)
    assert bench.value(BATTERY + "Status") == "Charging"


def test_without_a_place_for_a_battery_nothing_is_told():
    bench = Bench()
    bench.endpoint.monitors = [Monitor(bench.model, bench.endpoint)]
    bench.poll_for(5000)
    assert bench.instances(POWER + "Battery.") == {}
    assert names(bench) == []
    assert bench.value(POWER + "Source") == "Mains"


def test_going_on_battery_and_back_is_told_with_its_length():
    bench = _bench()
    bench.clock.set_time(NOON, 5)
    began = bench.now_ms + 250
    _now(bench, on_battery=True, charge_percent=99)
    assert bench.value(POWER + "Source") == "Battery"
    assert names(bench) == ["MainsLost!"]
    args = waiting(bench)[0][2]
    assert args["UpTime"] == str(began), "when it began, not when it was sure"
    assert (args["ChargePercent"], args["RuntimeLeft"]) == ("99", "14400")
    alarm = "Device.FaultMgmt.CurrentAlarm."
    assert [row["SpecificProblem"] for row in bench.get(alarm)[alarm].values()] == ["On battery"]
    _now(bench, 60_000)
    _now(bench, on_battery=False)
    assert names(bench) == ["MainsLost!", "MainsRestored!"]
    assert waiting(bench)[1][2]["Duration"] == "63000"
    assert bench.get(alarm)[alarm] == {}
    assert bench.value(POWER + "PowerLossCount") == "0"


def test_a_short_change_over_is_not_told():
    bench = _bench()
    _now(bench, 1000, on_battery=True)
    _now(bench, on_battery=False)
    assert names(bench) == []


def test_the_mains_that_came_back_while_the_device_was_off_ends_the_same_loss():
    bench = _bench()
    bench.clock.set_time(NOON, 5)
    _now(bench, on_battery=True)
    after = _bench(bench.restart())
    after.clock.set_time(NOON + 600_000, 5)
    after.poll_for(3000)
    assert names(after) == ["MainsLost!", "MainsRestored!"]
    assert 590_000 < int(waiting(after)[1][2]["Duration"]) < 610_000


def test_low_has_a_width_and_each_trouble_is_an_event_and_an_alarm():
    bench = _bench()
    for facts, status in (
        ({"charge_percent": 19}, "Low"),
        ({"charge_percent": 29}, None),
        ({"charge_percent": 31}, "Good"),
        ({"runtime_s": 599}, "Low"),
        ({"runtime_s": 901}, "Good"),
        ({"replace": True}, "Replace"),
        ({"present": False}, "Absent"),
        ({"present": True, "replace": False}, "Good"),
    ):
        told = len(names(bench))
        _now(bench, **facts)
        assert names(bench)[told:] == (["Battery!"] if status else []), facts
        if status:
            assert waiting(bench)[-1][2]["Status"] == status
            assert bench.value(BATTERY + "Status") == status
        raised = bench.value("Device.FaultMgmt.CurrentAlarmNumberOfEntries")
        assert raised == ("0" if status == "Good" else "1"), facts


def test_a_restart_tells_nothing_anew():
    bench = _bench()
    _now(bench, replace=True, on_battery=True)
    assert names(bench) == ["MainsLost!", "Battery!"]
    after = _bench(bench.restart(), replace=True, on_battery=True)
    after.poll_for(5000)
    assert names(after) == ["MainsLost!", "Battery!"]


def _powered(bench):
    session = FakeSession()
    power = PowerMonitor(bench.board, bench.clock, bench.journal, bench.endpoint, session)
    power.report_boot(bench.model.boot_arguments())
    bench.endpoint.monitors.append(power)
    return power


def test_when_the_battery_ends_the_loss_says_so():
    bench = _bench()
    power = _powered(bench)
    bench.poll_for(500)
    _now(bench, on_battery=True, charge_percent=3)
    power.power_failing()
    name, args = waiting(bench)[-1][1:]
    assert (name, args["Source"]) == ("PowerLoss!", "Battery")


def test_a_supply_that_goes_is_no_loss_while_the_battery_carries():
    for facts, lost in (
        ({"on_battery": True, "charge_percent": 0}, False),
        ({"charge_percent": 50}, False),
        ({"charge_percent": 0}, True),
        ({"present": False, "charge_percent": 50}, True),
    ):
        bench = _bench(**facts)
        power = _powered(bench)
        power._report("interruption", 0, 0, 0)
        assert power._interrupted.is_set() == lost, facts


def test_only_a_board_that_is_a_voice_modem_has_the_object():
    board = FakeBoard(cause=1)
    board.product_class = "MODEM"
    assert Bench(board=board).get(POWER + "Battery.")[POWER + "Battery."] == 7026
