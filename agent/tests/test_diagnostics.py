"""Ping and speed tests: when they may run, what comes out, how it is judged, that it is kept."""

import json

from agent.core.parts import part
from agent.tests.fakes import FakeBoard
from agent.tests.usp_bench import Bench

DIAGNOSTICS = "Device.IP.Diagnostics."
TESTS = DIAGNOSTICS + "X_IPKO-COM_Tests."
DOWNLOAD = DIAGNOSTICS + "DownloadDiagnostics()"
UPLOAD = DIAGNOSTICS + "UploadDiagnostics()"
URL = {"DownloadURL": "http://speed.example:8080/100MB"}
NOON = "2026-11-22T11:00:00Z"
EVENING = "2026-11-22T19:30:00Z"  # 20:30 where the customer lives


class FakeTransfer:
    """A transfer whose end the test decides."""

    def __init__(self, how):
        self.how = how
        self.status = ""
        self.open_ms, self.opened_ms, self.request_ms = 1000, 1020, 1021
        self.begin_ms, self.end_ms = 1050, 11050
        self.count = 0
        self.closed = 0

    def close(self):
        self.closed += 1


class MeasuringBoard(FakeBoard):
    """Hands out transfers and pings that the test ends."""

    def __init__(self):
        FakeBoard.__init__(self, cause=1)
        self.transfers = []
        self.answers_us = None
        self.known["traffic"] = {"rx_bytes": 1000, "tx_bytes": 500}

    def transfer(self, *how):
        self.transfers.append(FakeTransfer(how))
        return self.transfers[-1]

    def ping(self, host, count, wait_ms, size):
        return self._pings(host) if self.answers_us is not None else None

    def _pings(self, host):
        yield None
        yield "Complete", "192.0.2.1", self.answers_us


def _bench(now=NOON):
    bench = Bench(board=MeasuringBoard())
    if now:
        bench.operate("Device.Time.X_IPKO-COM_SetTime()", {"Time": now})
    bench.subscribe("OperationComplete", DIAGNOSTICS, ID="done", NotifRetry="true")
    return bench


def _refusal(results):
    return results[0].one(4).text(2) if results[0].has(4) else ""


def _run(bench, command, args, count, key="k-1", status="Complete"):
    """Start a test and end it; return the outputs of its OperationComplete."""
    assert _refusal(bench.operate(command, args, key)) == ""
    bench.poll()
    transfer = bench.board.transfers[-1]
    transfer.count, transfer.status = count, status
    (done,) = [notify.one(7) for _, notify in bench.poll(250)]
    assert (done.text(2), done.text(3)) == (command[len(DIAGNOSTICS) :], key)
    return done.one(4).map(1)


def _kept(bench):
    return [json.loads(record)[:3] for _, record in bench.journal.pending()]


def test_a_download_is_measured_judged_and_kept_with_the_customers_own_traffic():
    bench = _bench()
    bench.set(TESTS, {"MinimumDownload": "20000"})
    assert _refusal(bench.operate(DOWNLOAD, URL, "k-1")) == ""
    bench.poll()
    transfer = bench.board.transfers[0]
    assert transfer.how == ("speed.example", 8080, "/100MB", 0, 10000, 250000000)
    bench.board.known["traffic"] = {"rx_bytes": 7001000, "tx_bytes": 600}
    transfer.count, transfer.status = 25000000, "Complete"
    (done,) = [notify.one(7) for _, notify in bench.poll(250)]
    outputs = done.one(4).map(1)
    assert (outputs["Status"], outputs["TestBytesReceived"]) == ("Complete", "25000000")
    assert outputs["BOMTime"] == "2026-11-22T11:00:00.050Z"
    assert outputs["EOMTime"] == "2026-11-22T11:00:10.050Z"
    assert (outputs["X_IPKO-COM_Rate"], outputs["X_IPKO-COM_Verdict"]) == ("20000", "pass")
    assert outputs["X_IPKO-COM_CustomerBytesReceived"] == "7000000"
    (path, name, args) = _kept(bench)[0]
    assert (path, name) == (TESTS, "Result!")
    assert (args["Command"], args["CommandKey"]) == ("DownloadDiagnostics()", "k-1")
    assert (args["Rate"], args["Minimum"], args["Verdict"]) == ("20000", "20000", "pass")
    assert transfer.closed == 1


def test_a_result_outlives_the_link_and_a_restart():
    bench = _bench()
    bench.operate(DOWNLOAD, URL, "k-1")
    bench.poll()
    bench.endpoint.disconnected()
    bench.board.transfers[0].status = "Error_TransferFailed"
    assert bench.poll(250) == []
    again = bench.restart()
    assert _kept(again)[0][2]["Status"] == "Error_TransferFailed"
    bench.endpoint.connected(bench.now_ms)
    assert [notify.one(7).text(3) for _, notify in bench.poll(250) if notify.has(7)] == ["k-1"]


def test_an_upload_sends_so_much_and_has_its_own_minimum():
    bench = _bench()
    bench.set(TESTS, {"MinimumUpload": "4000", "MinimumDownload": "20000"})
    args = {"UploadURL": "http://speed.example/in", "TestFileLength": "5000000"}
    outputs = _run(bench, UPLOAD, args, 4999999)
    assert bench.board.transfers[0].how[:4] == ("speed.example", 80, "/in", 5000000)
    assert (outputs["TestBytesSent"], outputs["X_IPKO-COM_Rate"]) == ("4999999", "3999")
    assert outputs["X_IPKO-COM_Verdict"] == "fail"


def test_verdicts():
    verdict = part("diagnostics").verdict
    assert verdict(20000, 0, 20000) == "pass"
    assert verdict(15000, 5000, 20000) == "shared"
    assert verdict(15000, 4999, 20000) == "fail"
    assert verdict(15000, 0, 0) == "unjudged"


def test_what_did_not_work_is_told_and_not_judged():
    outputs = _run(_bench(), DOWNLOAD, URL, 0, status="Error_NoResponse")
    assert outputs["Status"] == "Error_NoResponse" and "X_IPKO-COM_Verdict" not in outputs


def test_peak_hours_are_the_customers_unless_they_agree():
    bench = _bench(EVENING)
    assert "peak hours, 20 to 24" in _refusal(bench.operate(DOWNLOAD, URL))
    bench.set(TESTS, {"PeakAgreed": "true"})
    assert _refusal(bench.operate(DOWNLOAD, URL)) == ""


def test_peak_hours_are_a_setting():
    bench = _bench(EVENING)
    bench.set(TESTS, {"PeakBegins": "21"})
    assert _refusal(bench.operate(DOWNLOAD, URL)) == ""
    bench.set(TESTS, {"PeakBegins": "20", "PeakEnds": "2"})  # past midnight
    assert "peak hours" in _refusal(bench.operate(DOWNLOAD, URL))
    night = _bench("2026-11-22T00:30:00Z")  # 01:30
    assert _refusal(night.operate(DOWNLOAD, URL)) == ""
    night.set(TESTS, {"PeakEnds": "2"})
    assert "peak hours" in _refusal(night.operate(DOWNLOAD, URL))
    assert _refusal(_bench("2026-11-22T18:59:00Z").operate(DOWNLOAD, URL)) == ""  # 19:59


def test_without_a_time_no_hour_is_known_to_be_allowed():
    assert "not known" in _refusal(_bench(None).operate(DOWNLOAD, URL))


def test_no_speed_test_takes_the_line_from_a_telephone_call():
    class Guard:
        window_ms = 0

        def busy(self):
            return "Call"

    bench = _bench()
    bench.model.guard = Guard()
    assert _refusal(bench.operate(DOWNLOAD, URL)) == "busy: call"


def test_what_is_no_url_or_out_of_bounds_is_refused():
    bench = _bench()
    for url in ("https://a/", "http:///x", "http://u:p@a/", "http://a:0/", "http://a/ b", "ftp"):
        assert _refusal(bench.operate(DOWNLOAD, {"DownloadURL": url})) != "", url
    assert _refusal(bench.operate(DOWNLOAD, dict(URL, TimeBasedTestDuration="21"))) != ""
    assert bench.board.transfers == []


def test_a_cancelled_test_ends_its_transfer():
    bench = _bench()
    bench.operate(DOWNLOAD, URL)
    bench.poll()
    bench.operate("Device.LocalAgent.Request.1.Cancel()")
    assert bench.board.transfers[0].closed == 1
    assert _kept(bench) == []


def test_tests_run_one_after_the_other():
    bench = _bench()
    bench.operate(DOWNLOAD, URL)
    bench.operate(DOWNLOAD, URL)
    bench.poll()
    assert len(bench.board.transfers) == 1
    bench.board.transfers[0].status = "Complete"
    bench.poll_for(500)
    assert len(bench.board.transfers) == 2


def test_a_ping_counts_and_times_its_answers():
    bench = _bench()
    bench.board.answers_us = [1400, -1, 2600]
    assert _refusal(bench.operate(DIAGNOSTICS + "IPPing()", {"Host": "192.0.2.1"}, "p")) == ""
    (done,) = [notify.one(7) for _, _, notify in bench.poll_for(750)]
    outputs = done.one(4).map(1)
    assert (outputs["SuccessCount"], outputs["FailureCount"]) == ("2", "1")
    assert (outputs["AverageResponseTime"], outputs["MaximumResponseTime"]) == ("2", "3")
    assert outputs["MinimumResponseTimeDetailed"] == "1400"
    assert _kept(bench)[0][2]["AverageResponseTimeDetailed"] == "2000"


def test_a_board_without_icmp_says_so():
    assert "cannot ping" in _refusal(_bench().operate(DIAGNOSTICS + "IPPing()", {"Host": "a"}))
