from agent.tests.fakes import FakeBoard
from agent.tests.usp_bench import Bench, Failed
from agent.wire.codes import POWER

REBOOTS = "Device.DeviceInfo.Reboots."


def test_the_identity_is_the_boards():
    bench = Bench()
    found = bench.get("Device.DeviceInfo.")["Device.DeviceInfo."]["Device.DeviceInfo."]
    assert (found["ManufacturerOUI"], found["ProductClass"]) == ("00256D", "VOICEMODEM")
    assert found["X_IPKO-COM_Lab"] == "false" and found["UpTime"] == "1"
    assert bench.endpoint_id == "ops::00256D-VOICEMODEM-00000002"


def test_a_lab_board_says_so_and_has_the_lab_role():
    board = FakeBoard(cause=1)
    board.lab = True
    bench = Bench(board=board)
    assert bench.value("Device.DeviceInfo.X_IPKO-COM_Lab") == "true"
    role = bench.value("Device.LocalAgent.Controller.1.AssignedRole")
    assert bench.value(role + ".Name") == "Lab"


def test_every_boot_is_counted_and_kept_in_the_history():
    bench = Bench()
    for cause in (1, 3, 5):
        bench = bench.restart(cause)
    found = bench.get(REBOOTS)[REBOOTS]
    totals = found[REBOOTS]
    assert totals["BootCount"] == "4" and totals["RebootNumberOfEntries"] == "4"
    assert (totals["ColdBootCount"], totals["WarmBootCount"]) == ("2", "2")
    assert totals["WatchdogBootCount"] == "1"
    assert found[REBOOTS + "Reboot.3."]["Reason"] == "watchdog"


def test_the_history_is_bounded():
    bench = Bench()
    bench.set(REBOOTS, {"MaxRebootEntries": "3"})
    for _ in range(5):
        bench = bench.restart()
    rows = sorted(bench.instances(REBOOTS))
    assert rows == [REBOOTS + "Reboot.%d." % number for number in (4, 5, 6)]


def test_the_history_can_be_removed():
    bench = Bench().restart().restart()
    bench.operate(REBOOTS + "Reboot.1.Remove()")
    assert len(bench.instances(REBOOTS)) == 2
    bench.operate(REBOOTS + "RemoveAllReboots()")
    assert bench.instances(REBOOTS) == {}
    assert isinstance(bench.operate(REBOOTS + "Reboot.1.Remove()"), Failed)


def test_a_boot_is_dated_once_the_time_is_known():
    bench = Bench()
    path = REBOOTS + "Reboot.1.TimeStamp"
    assert bench.value(path) == "0001-01-01T00:00:00Z"
    assert bench.value("Device.Time.Status") == "Unsynchronized"
    bench.operate("Device.Time.X_IPKO-COM_SetTime()", {"Time": "2026-11-22T12:00:00Z"})
    assert bench.value("Device.Time.Status") == "Synchronized"
    assert bench.value(path) == "2026-11-22T11:59:59.000Z"
    bench.poll_for(2000)
    assert bench.restart().value(path) == "2026-11-22T11:59:59.000Z"


def test_an_old_answer_makes_a_wide_error_not_a_wrong_time():
    bench = Bench()
    bench.now_ms += 10000
    bench.operate("Device.Time.X_IPKO-COM_SetTime()", {"Time": "2026-11-22T12:00:00Z"})
    assert bench.clock.error_ms() == 5000
    assert bench.value("Device.Time.CurrentLocalTime") == "2026-11-22T12:00:05.000Z"


def test_a_worse_time_is_not_taken():
    bench = Bench()
    bench.operate("Device.Time.X_IPKO-COM_SetTime()", {"Time": "2026-11-22T12:00:00Z"})
    bench.now_ms += 60000
    bench.operate("Device.Time.X_IPKO-COM_SetTime()", {"Time": "2026-11-23T12:00:00Z"})
    assert bench.value("Device.Time.CurrentLocalTime") == "2026-11-22T12:01:00.000Z"


def test_power_events_are_counted_and_the_counts_kept():
    bench = Bench()
    for name in ("Dip!", "Dip!", "Swell!", "Transient!"):
        bench.endpoint.event(POWER, name, {"Magnitude": "1", "Duration": "2"}, bench.now_ms, True)
    bench.poll_for(1500)
    found = bench.restart().get(POWER)[POWER][POWER]
    assert [found[n + "Count"] for n in ("Dip", "Swell", "Transient", "PowerLoss")] == list("2110")


def test_a_power_loss_is_counted_when_it_is_over_and_dated_when_the_time_is_known():
    bench = Bench()
    args = {"Duration": "61000", "DurationError": "500"}
    bench.endpoint.event(POWER, "PowerRestored!", args, bench.now_ms, True)
    assert bench.value(POWER + "PowerLossCount") == "1"
    assert bench.value(POWER + "LastPowerLossDuration") == "61"
    bench.operate("Device.Time.X_IPKO-COM_SetTime()", {"Time": "2026-11-22T12:01:01Z"})
    assert bench.value(POWER + "LastPowerLoss") == "2026-11-22T12:00:00.000Z"


def test_the_supply_is_what_the_board_measures():
    bench = Bench()
    bench.board.supply = 11650
    assert bench.value(POWER + "SupplyVoltage") == "11650"
    assert bench.value(POWER + "Sensors") == "supply,power_fail,card"


def test_a_factory_reset_forgets_what_controllers_wrote_but_not_the_boots():
    bench = Bench()
    bench.set("Device.DeviceInfo.", {"FriendlyName": "box"})
    bench.subscribe("Event", "Device.Boot!", Persistent="true")
    bench.operate("Device.FactoryReset()", {"Reason": "sale"})
    bench.poll_for(1500)
    assert bench.actions.done == [("factory_reset", "RemoteFactoryReset", "sale")]
    bench.model.forget()
    bench.model.leave_word("RemoteFactoryReset", "sale", "")
    again = bench.restart(cause=5)
    assert again.value("Device.DeviceInfo.FriendlyName") == ""
    assert again.instances("Device.LocalAgent.Subscription.") == {}
    assert again.value(REBOOTS + "RebootNumberOfEntries") == "2"
    assert again.model.boot_arguments()["Cause"] == "RemoteFactoryReset"


def test_a_new_software_version_is_told_and_its_boots_counted_anew():
    from agent.core.store import Store

    bench = Bench().restart()
    data = Store(bench.storage).load("device")
    Store(bench.storage).save("device", data.replace(b'"0.1.0"', b'"0.0.9"'))
    again = bench.restart()
    assert again.model.boot_arguments()["FirmwareUpdated"] == "true"
    assert again.value(REBOOTS + "CurrentVersionBootCount") == "1"


def test_a_row_whose_parent_was_not_saved_is_dropped():
    bench = Bench()
    bench.added("Device.LocalAgent.Controller.", {"EndpointID": "fqdn::two"})
    bench.added("Device.LocalAgent.Controller.2.BootParameter.", {"ParameterName": "Device.A"})
    bench.storage.files.pop("controller.blob")
    again = bench.restart()
    assert again.instances("Device.LocalAgent.Controller.*.BootParameter.") == {}
