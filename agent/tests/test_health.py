"""Health as a controller reads it, from what the hardware says."""

from agent.core.temperature import Monitor
from agent.tests.fakes import FakeBoard
from agent.tests.usp_bench import Bench

INFO = "Device.DeviceInfo."
ALARMS = "Device.FaultMgmt.CurrentAlarm."
NOON = 1_795_348_800_000  # 2026-11-22T12:00:00Z
DOCSIS = "Device.DOCSIS."


def _bench(product_class="VOICEMODEM", **known):
    board = FakeBoard(cause=1)
    board.product_class = product_class
    board.known = known
    return Bench(board=board)


def docsis(channels=24, status="Operational"):
    down = [
        [n + 1, 570000000 + 8000000 * n, 8000000, "QAM256", 25 - n, 385 - n, 10**10 + n, n, 0]
        for n in range(channels)
    ]
    up = [
        [n + 1, 30800000 + 6400000 * n, 6400000, "ATDMA", 440 + n, n, 0, "Success"]
        for n in range(4)
    ]
    return {
        "status": status,
        "version": "30",
        "downstream": down,
        "upstream": up,
        "resets": 3,
        "lost_syncs": 2,
        "t1_timeouts": 1,
        "t2_timeouts": 0,
    }


def test_sensors_are_rows_and_what_nothing_measures_has_none():
    bench = _bench(
        cpu={"usage_percent": 37},
        temperatures={"sensors": [["soc", 61], ["tuner", -4]]},
        rails={"rails": [["core", 1195, 300], ["io", 3300, -1]]},
    )
    found = bench.get(INFO)[INFO]
    assert found[INFO + "ProcessStatus."] == {"CPUUsage": "37"}
    sensors = INFO + "TemperatureStatus."
    assert found[sensors] == {"TemperatureSensorNumberOfEntries": "2"}
    second = found[sensors + "TemperatureSensor.2."]
    assert (second["Name"], second["Value"], second["Status"]) == ("tuner", "-4", "Enabled")
    rails = INFO + "PowerStatus.PowerSensor."
    first = found[rails + "1."]
    assert [first[name] for name in ("Voltage", "Current", "Power")] == ["1195", "300", "358"]
    assert found[rails + "2."]["Current"] == found[rails + "2."]["Power"] == "-1"
    bench.board.known = {}
    found = bench.get(INFO)[INFO]
    assert found[sensors] == {"TemperatureSensorNumberOfEntries": "0"}
    assert INFO + "ProcessStatus." not in found and rails + "1." not in found


def test_memory_is_told_in_kibibytes_and_the_free_part_is_the_smaller():
    found = _bench().get(INFO + "MemoryStatus.")[INFO + "MemoryStatus."][INFO + "MemoryStatus."]
    assert 0 < int(found["Free"]) <= int(found["Total"])
    assert 0 < int(found["FreePersistent"]) <= int(found["TotalPersistent"])


def test_a_modem_shows_every_channel_with_its_levels():
    bench = _bench("MODEM", docsis=docsis(channels=32))
    found = bench.get(DOCSIS)[DOCSIS]
    assert found[DOCSIS]["DownstreamChannelNumberOfEntries"] == "32"
    interface = found[DOCSIS + "Interface.1."]
    assert (interface["Status"], interface["DOCSISVersion"]) == ("Up", "DOCSIS30")
    status = found[DOCSIS + "Interface.1.ConnectivityStatus."]
    assert (status["Value"], status["Resets"], status["LostSyncs"]) == ("Operational", "3", "2")
    last = found[DOCSIS + "DownstreamChannel.32."]
    assert (last["ID"], last["Power"], last["Modulation"]) == ("32", "-6", "QAM256")
    quality = found[DOCSIS + "DownstreamChannel.32.SignalQuality."]
    assert quality["SignalNoise"] == "354" and quality["ExtUnerroreds"] == "10000000031"
    up = found[DOCSIS + "UpstreamChannel.4.Status."]
    assert (up["TxPower"], up["T3Timeouts"], up["RangingStatus"]) == ("443", "3", "Success")


def test_a_channel_is_found_by_a_search_on_its_level():
    bench = _bench("MODEM", docsis=docsis())
    path = DOCSIS + "DownstreamChannel.[Power<4&&Power>1].Power"
    powers = [list(found.values()) for found in bench.get(path)[path].values()]
    assert powers == [["3"], ["2"]]


def test_a_set_top_box_has_no_cable_modem():
    assert _bench("STB", docsis=docsis()).get(DOCSIS)[DOCSIS] == 7026


def test_the_end_of_the_connection_to_the_network_is_told():
    bench = _bench("MODEM", docsis=docsis())
    bench.subscribe("ValueChange", DOCSIS + "Interface.*.ConnectivityStatus.Value")
    bench.poll_for(2000)
    bench.board.known["docsis"] = docsis(status="NotSynchronized")
    changes = [notify.one(4) for _, _, notify in bench.poll_for(2000)]
    assert [change.text(2) for change in changes] == ["NotSynchronized"]


# --- temperatures over time


def _watched(sensors):
    bench = _bench(temperatures={"sensors": sensors})
    bench.endpoint.monitors = [Monitor(bench.model, bench.endpoint)]
    bench.clock.set_time(NOON, 0)
    bench.poll()
    return bench


def _sensor(bench, number=1):
    path = INFO + "TemperatureStatus.TemperatureSensor.%d." % number
    return bench.get(path)[path][path]


def _warm(bench, celsius, after_ms=30_000):
    bench.board.known = {"temperatures": {"sensors": [["soc", celsius]]}}
    bench.poll(after_ms)


def test_the_hottest_and_coldest_since_the_start_have_their_times():
    bench = _watched([["soc", 50]])
    _warm(bench, 71)
    _warm(bench, 42)
    _warm(bench, 60)
    found = _sensor(bench)
    assert (found["Value"], found["MinValue"], found["MaxValue"]) == ("60", "42", "71")
    assert found["MaxTime"] == "2026-11-22T12:00:30.000Z"
    assert found["MinTime"] == "2026-11-22T12:01:00.000Z"
    assert found["ResetTime"] == "2026-11-22T11:59:59.000Z"
    assert (found["LowAlarmValue"], found["HighAlarmValue"]) == ("-10", "95")
    assert found["HighAlarmTime"] == found["LowAlarmTime"] == "0001-01-01T00:00:00Z"


def test_between_two_looks_of_30_s_the_sensors_are_left_alone():
    bench = _watched([["soc", 50]])
    _warm(bench, 90, 29_000)
    assert _sensor(bench)["MaxValue"] == "50"
    bench.poll(1000)
    assert _sensor(bench)["MaxValue"] == "90"


def test_too_hot_and_too_cold_are_alarms_that_end_some_degrees_away():
    for celsius, still, over, problem, name in (
        (95, 93, 92, "Too hot", "HighAlarmTime"),
        (-10, -8, -7, "Too cold", "LowAlarmTime"),
    ):
        bench = _watched([["soc", 50]])
        _warm(bench, celsius)
        alarm = bench.get(ALARMS)[ALARMS][ALARMS + "1."]
        assert alarm["SpecificProblem"] == problem
        assert alarm["ManagedObjectInstance"].endswith("TemperatureSensor.1")
        assert _sensor(bench)[name] == "2026-11-22T12:00:30.000Z"
        _warm(bench, still)
        assert len(bench.model.alarms.raised) == 1
        _warm(bench, over)
        assert bench.model.alarms.raised == []
        assert _sensor(bench)[name] == "2026-11-22T12:00:30.000Z", "when it last began"


def test_an_alarm_of_before_a_restart_is_taken_back_when_it_is_over():
    bench = _watched([["soc", 99]])
    after = bench.restart()
    assert len(after.model.alarms.raised) == 1
    after.endpoint.monitors = [Monitor(after.model, after.endpoint)]
    _warm(after, 40)
    assert after.model.alarms.raised == []


# --- the cable interface


def test_the_cable_interface_tells_who_it_is_and_what_it_carried():
    fact = docsis(1)
    fact.update(
        mac="02:00:5E:00:53:01",
        cmts_mac="02:00:5E:00:53:FF",
        firmware="CM-31-1.2",
        ip_provisioning="DualStack",
        invalid_maps=4,
        stats={
            "bytes_sent": 10**12,
            "bytes_received": 2,
            "packets_sent": 3,
            "packets_received": 4,
            "errors_sent": 5,
            "errors_received": 6,
            "discards_sent": 7,
            "discards_received": 8,
        },
    )
    bench = _bench("MODEM", docsis=fact)
    found = bench.get(DOCSIS)[DOCSIS]
    interface = found[DOCSIS + "Interface.1."]
    assert interface["MACAddress"] == "02:00:5E:00:53:01"
    assert interface["CMTSAddress"] == "02:00:5E:00:53:FF"
    assert interface["FirmwareVersion"] == "CM-31-1.2"
    assert interface["MdCfgIpProvMode"] == "DualStack"
    stats = found[DOCSIS + "Interface.1.Stats."]
    assert stats["BytesSent"] == "1000000000000"
    assert [stats[name] for name in ("BytesReceived", "PacketsReceived", "ErrorsReceived")] == [
        "2",
        "4",
        "6",
    ]
    assert stats["DiscardPacketsReceived"] == "8"
    status = found[DOCSIS + "Interface.1.ConnectivityStatus."]
    assert (status["StatusCode"], status["InvalidMaps"], status["T1Timeouts"]) == ("12", "4", "1")


def test_what_the_chip_does_not_tell_of_the_interface_is_empty():
    bench = _bench("MODEM", docsis=docsis(1, "RFMuteAll"))
    found = bench.get(DOCSIS)[DOCSIS]
    assert found[DOCSIS + "Interface.1."]["CMTSAddress"] == ""
    assert DOCSIS + "Interface.1.Stats." not in found
    status = found[DOCSIS + "Interface.1.ConnectivityStatus."]
    assert (status["StatusCode"], status["InvalidUcds"]) == ("23", "0")
