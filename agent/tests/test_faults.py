"""What the agent itself ended of: kept, bounded, read after the restart, removed."""

from agent.core.parts import part
from agent.core.store import Store
from agent.tests.usp_bench import Bench, Failed

FAULTS = "Device.DeviceInfo.ProcessFaults."


def _crash(bench, error):
    try:
        raise error
    except Exception as caught:  # noqa: BLE001  any fault is one
        part("faults").keep(bench.store, bench.clock, caught)
    return bench.restart(cause=6)


def _faults(bench):
    found = bench.get(FAULTS)[FAULTS]
    return found.pop(FAULTS), found


def test_a_fault_is_there_after_the_restart_with_its_place_and_time():
    bench = Bench()
    bench.operate("Device.Time.X_IPKO-COM_SetTime()", {"Time": "2026-11-22T12:00:00Z"})
    totals, rows = _faults(_crash(bench, ValueError("made up")))
    assert totals["ProcessFaultNumberOfEntries"] == totals["PreviousBootCount"] == "1"
    row = rows[FAULTS + "ProcessFault.1."]
    assert row["Reason"] == "ValueError: made up"
    assert "_crash" in row["FaultLocation"] and "made up" in row["X_IPKO-COM_Trace"]
    assert row["TimeStamp"] == "2026-11-22T12:00:00.000Z"
    assert row["FirmwareVersion"] == "0.1.0"


def test_only_the_last_faults_are_kept_and_all_are_counted():
    bench = Bench()
    for _ in range(6):
        bench = _crash(bench, RuntimeError("x" * 3000))
    totals, rows = _faults(bench)
    assert totals["LastUpgradeCount"] == "6"
    assert sorted(rows) == [FAULTS + "ProcessFault.%d." % number for number in (3, 4, 5, 6)]
    assert len(Store(bench.storage).load("faults")) < 4096


def test_a_fault_of_an_earlier_boot_is_not_one_of_the_last():
    totals, rows = _faults(_crash(Bench(), OSError(5)).restart())
    assert totals["PreviousBootCount"] == "0" and len(rows) == 1


def test_faults_are_removed_one_by_one_or_all():
    bench = _crash(_crash(Bench(), OSError(5)), OSError(6))
    bench.operate(FAULTS + "ProcessFault.1.Remove()")
    assert sorted(bench.instances(FAULTS)) == [FAULTS + "ProcessFault.2."]
    assert isinstance(bench.operate(FAULTS + "ProcessFault.1.Remove()"), Failed)
    bench.operate(FAULTS + "RemoveAllProcessFaults()")
    assert bench.instances(FAULTS) == {}
    assert bench.value(FAULTS + "LastUpgradeCount") == "2"


def test_a_factory_reset_keeps_what_the_agent_ended_of():
    bench = _crash(Bench(), OSError(5))
    bench.model.forget()
    assert len(_faults(bench.restart())[1]) == 1


def test_faults_that_cannot_be_read_are_none_and_the_next_one_is_kept():
    bench = _crash(Bench(), ValueError("made up"))
    bench.storage.files["faults.blob"] = b"rotten"
    assert _faults(bench)[0]["ProcessFaultNumberOfEntries"] == "0"
    _, rows = _faults(_crash(bench, ValueError("the next")))
    assert rows[FAULTS + "ProcessFault.1."]["Reason"] == "ValueError: the next"
