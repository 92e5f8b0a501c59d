"""Health as a controller reads it, from what the hardware says."""

from agent.tests.fakes import FakeBoard
from agent.tests.usp_bench import Bench

INFO = "Device.DeviceInfo."
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
