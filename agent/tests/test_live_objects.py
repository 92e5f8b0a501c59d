"""Objects whose rows are made when somebody asks, from what the board's hardware knows."""

from agent.tests.fakes import FakeBoard
from agent.tests.usp_bench import Bench, Failed

INTERFACE = "Device.IP.Interface."


def _bench(**traffic):
    board = FakeBoard(cause=1)
    if traffic:
        board.known["traffic"] = traffic
    return Bench(board=board), board


def test_a_live_object_has_the_rows_the_hardware_has():
    bench, _ = _bench(rx_bytes=7, tx_bytes=5)
    found = bench.get("Device.IP.")["Device.IP."]
    assert found["Device.IP."]["InterfaceNumberOfEntries"] == "1"
    assert found[INTERFACE + "1."]["Name"] == "wan"
    assert found[INTERFACE + "1.Stats."] == {"BytesSent": "5", "BytesReceived": "7"}
    assert bench.instances(INTERFACE) == {INTERFACE + "1.": {"Alias": "cpe-1"}}


def test_without_the_hardware_there_are_no_rows():
    bench, _ = _bench()
    assert bench.value("Device.IP.InterfaceNumberOfEntries") == "0"
    assert bench.instances(INTERFACE) == {}


def test_a_live_row_is_found_by_number_and_by_key():
    bench, board = _bench(rx_bytes=1, tx_bytes=2)
    assert bench.value(INTERFACE + "1.Stats.BytesReceived") == "1"
    assert bench.value(INTERFACE + '[Alias=="cpe-1"].Stats.BytesSent') == "2"
    board.known["traffic"] = {"rx_bytes": 3, "tx_bytes": 4}
    assert bench.value(INTERFACE + "1.Stats.BytesReceived") == "3"


def test_rows_that_come_and_go_are_notified_where_their_number_is_watched():
    bench, board = _bench(rx_bytes=1, tx_bytes=2)
    bench.subscribe("ValueChange", "Device.IP.InterfaceNumberOfEntries")
    assert bench.poll_for(2000) == []
    board.known.clear()
    changes = [notify.one(4) for _, _, notify in bench.poll_for(2000)]
    assert [(c.text(1), c.text(2)) for c in changes] == [
        ("Device.IP.InterfaceNumberOfEntries", "0")
    ]


def test_nobody_writes_a_live_object():
    bench, _ = _bench(rx_bytes=1, tx_bytes=2)
    assert isinstance(bench.set(INTERFACE + "1.", {"Name": "lan"}), Failed)


class Counting:
    """A monitor that counts how often it was asked to look."""

    def __init__(self):
        self.looks = []

    def look(self, now_ms):
        self.looks.append(now_ms)


def test_a_monitor_looks_with_every_poll_online_or_not():
    bench, _ = _bench()
    monitor = Counting()
    bench.endpoint.monitors = [monitor]
    list(bench.endpoint.poll(2000))
    bench.endpoint.disconnected()
    list(bench.endpoint.poll(2250))
    assert monitor.looks == [2000, 2250]


def test_facts_stay_the_same_until_the_next_sample():
    bench, board = _bench(rx_bytes=1, tx_bytes=2)
    before = bench.model.facts("traffic")
    board.known["traffic"] = {"rx_bytes": 9, "tx_bytes": 9}
    assert bench.model.facts("traffic") is before
    bench.model.sample(5000)
    assert bench.model.facts("traffic")["rx_bytes"] == 9
