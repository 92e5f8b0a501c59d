"""The objects of a set-top box: what its tuner, HDMI output and stream show by USP."""

from agent.tests.fakes import FakeBoard
from agent.tests.usp_bench import Bench

SERVICE = "Device.Services.STBService.1."
TUNER = {
    "frequency_khz": 522000,
    "symbol_rate": 6900000,
    "modulation": "QAM256",
    "power": -35,
    "snr": 362,
    "pre_ber": 120,
    "post_ber": 0,
    "locked": True,
}
STREAM = {
    "active": True,
    "packets": 9,
    "sync_byte_errors": 4,
    "sync_losses": 3,
    "discontinuities": 2,
    "discontinuities_before_ca": 1,
}


def _box(**facts):
    board = FakeBoard(cause=1)
    board.product_class = "STB"
    board.known = facts
    return Bench(board=board), board


def _only(bench, path):
    return bench.get(path)[path][path]


def test_the_tuner_shows_its_cable_channel():
    bench, board = _box(tuner=dict(TUNER))
    path = SERVICE + "Components.FrontEnd.1.X_IPKO-COM_DVBC."
    assert _only(bench, path) == {
        "Locked": "true",
        "Frequency": "522000",
        "SymbolRate": "6900000",
        "Modulation": "QAM256",
        "Power": "-35",
        "SNR": "362",
        "PreBER": "120",
        "PostBER": "0",
    }
    board.known["tuner"] = dict(TUNER, locked=False)
    bench.subscribe("ValueChange", path)
    bench.poll_for(1500)
    board.known["tuner"] = dict(TUNER)
    changes = [notify.one(4) for _, _, notify in bench.poll_for(2500)]
    assert [(c.text(1), c.text(2)) for c in changes] == [(path + "Locked", "true")]


def test_a_television_that_is_plugged_in_is_present():
    bench, board = _box(hdmi={"resolution": "1920x1080p/50", "display": "TV-EXAMPLE"})
    path = SERVICE + "Components.HDMI.1."
    assert bench.value(path + "ResolutionValue") == "1920x1080p/50"
    assert _only(bench, path + "DisplayDevice.") == {"Status": "Present", "Name": "TV-EXAMPLE"}
    board.known["hdmi"] = {"resolution": "", "display": ""}
    assert bench.value(path + "DisplayDevice.Status") == "None"


def test_the_stream_counts_what_is_missing_before_and_behind_conditional_access():
    bench, _ = _box(stream=STREAM)
    path = SERVICE + "ServiceMonitoring.MainStream.1."
    assert bench.value(path + "Status") == "Enabled"
    assert _only(bench, path + "Total.MPEG2TSStats.") == {
        "TSPacketsReceived": "9",
        "TSSyncByteErrorCount": "4",
        "TSSyncLossCount": "3",
        "PacketDiscontinuityCounter": "2",
        "PacketDiscontinuityCounterBeforeCA": "1",
        "X_IPKO-COM_Fault": "both",
    }


def test_conditional_access_names_its_card_reader():
    bench, board = _box()
    path = SERVICE + "Components.CA.1."
    assert bench.value(path + "SmartCardReader") == "Device.SmartCardReaders.SmartCardReader.1"
    board.card = None
    assert bench.instances(SERVICE + "Components.CA.") == {}


def test_what_the_hardware_does_not_know_has_no_row():
    bench, _ = _box()
    for name, count in (("Components.FrontEnd", "0"), ("Components.HDMI", "0")):
        assert bench.value(SERVICE + name + "NumberOfEntries") == count
        assert bench.instances(SERVICE + name + ".") == {}
    assert bench.instances(SERVICE + "ServiceMonitoring.MainStream.") == {}
