"""Device.IP.Diagnostics.: ping, download and upload, judged by what the customer's package has.

Speed is guaranteed up to the operator's device, so the device measures it (Subscription terms,
article 4.4); the customer's own traffic at that moment stands beside the result. In peak hours, by
local time (article 4.5), only where the customer agreed: without a time no hour is known to be
allowed. One test at a time, for at most 20 s and 250 MB, and never while the telephone is in use.
What the package has at least (article 4.3) is a number the controller sets, in kbit/s.
Source: TR-181, IPPing(), DownloadDiagnostics(), UploadDiagnostics().
"""

from agent.compat import const
from agent.core.events import date_time
from agent.core.parts import part
from agent.wire.codes import COMMAND_FAILURE, INVALID_VALUE, TESTS, UNKNOWN_TIME
from agent.wire.paths import is_digits
from agent.wire.usp import USPError

_OURS = "X_IPKO-COM_"
_TOLD = (
    "SuccessCount",
    "FailureCount",
    "AverageResponseTimeDetailed",
    _OURS + "Rate",
    _OURS + "Minimum",
    _OURS + "Verdict",
    _OURS + "CustomerBytesReceived",
    _OURS + "CustomerBytesSent",
)
_LONGEST_S = const(20)
_USUAL_S = const(10)
_MOST_BYTES = const(250000000)
_HTTP_PORT = const(80)
_WAIT_MS = const(1000)


def told(name: str, key: str, outputs: dict) -> dict:
    """The arguments of the event that keeps a result: what cannot be worked out again."""
    args = {"Command": name, "CommandKey": key[:64], "Status": outputs["Status"]}
    for output in _TOLD:
        if output in outputs:
            args[output.replace(_OURS, "")] = outputs[output]
    return args


# --- speed


def _download(device, args):
    """Raises USPError; else the work, for whoever advances it."""
    host, port, path = _url(args["DownloadURL"])
    limit_s = _number(args, "TimeBasedTestDuration", _USUAL_S, 1, _LONGEST_S)
    _require_allowed(device)
    return _measure(device, (host, port, path, 0, limit_s * 1000, _MOST_BYTES))


def _upload(device, args):
    host, port, path = _url(args["UploadURL"])
    limit_s = _number(args, "TimeBasedTestDuration", _USUAL_S, 1, _LONGEST_S)
    size = _number(args, "TestFileLength", _MOST_BYTES, 1, _MOST_BYTES)
    _require_allowed(device)
    return _measure(device, (host, port, path, size, limit_s * 1000, size))


def _measure(device, how):
    before = device.facts("traffic")
    transfer = device.board.transfer(*how)
    try:
        while not transfer.status:
            yield None
    finally:
        transfer.close()
    yield _outputs(device, transfer, bool(how[3]), before, device.facts("traffic"))


def _outputs(device, transfer, is_upload, before, after):
    outputs = {"Status": transfer.status}
    for name, at_ms in (
        ("TCPOpenRequestTime", transfer.open_ms),
        ("TCPOpenResponseTime", transfer.opened_ms),
        ("ROMTime", transfer.request_ms),
        ("BOMTime", transfer.begin_ms),
        ("EOMTime", transfer.end_ms),
    ):
        known = at_ms and device.offset_ms is not None
        outputs[name] = date_time(device.offset_ms + at_ms) if known else UNKNOWN_TIME
    outputs["TestBytesSent" if is_upload else "TestBytesReceived"] = str(transfer.count)
    own = 0
    span_ms = transfer.end_ms - transfer.begin_ms
    if before and after:
        received = max(0, after["rx_bytes"] - before["rx_bytes"])
        sent = max(0, after["tx_bytes"] - before["tx_bytes"])
        outputs[_OURS + "CustomerBytesReceived"] = str(received)
        outputs[_OURS + "CustomerBytesSent"] = str(sent)
        own = sent if is_upload else received
    if transfer.status == "Complete" and span_ms > 0:
        least = int(device.text(TESTS + "Minimum" + ("Upload" if is_upload else "Download")))
        rate = transfer.count * 8 // span_ms
        outputs[_OURS + "Rate"] = str(rate)
        outputs[_OURS + "Minimum"] = str(least)
        outputs[_OURS + "Verdict"] = verdict(rate, own * 8 // span_ms, least)
    return outputs


def verdict(rate: int, own_rate: int, least: int) -> str:
    """`pass`; `shared` when only together with the customer's own traffic the line gave what it
    must; `fail`; `unjudged` without a minimum. Rates in kbit/s."""
    if not least:
        return "unjudged"
    if rate >= least:
        return "pass"
    return "shared" if rate + own_rate >= least else "fail"


def _require_allowed(device):
    """Raises USPError 7022 with the reason why there is no test now."""
    busy = device.guard.busy() if device.guard else ""
    if busy:
        raise USPError(COMMAND_FAILURE, part("call_guard").why(device, busy))
    get = device.text
    if get(TESTS + "PeakAgreed") == "true":
        return
    if device.offset_ms is None:
        raise USPError(COMMAND_FAILURE, "the hour is not known, and the customer has not agreed")
    unix_s = (device.offset_ms + device.now_ms) // 1000
    hour = (unix_s + part("local_time").offset_s(unix_s)) // 3600 % 24
    begins = int(get(TESTS + "PeakBegins"))
    ends = int(get(TESTS + "PeakEnds"))
    inside = begins <= hour < ends if begins <= ends else hour >= begins or hour < ends
    if inside:
        text = "peak hours, %d to %d, and the customer has not agreed" % (begins, ends)
        raise USPError(COMMAND_FAILURE, text)


def _url(text):
    """(host, port, path) of a plain http URL. Raises USPError 7012."""
    place, slash, path = text[7:].partition("/")
    host, _, port = place.partition(":")
    good = text[:7] == "http://" and host and "@" not in place and len(text) <= 256
    if not good or (port and (not is_digits(port) or not 0 < int(port) < 65536)):
        raise USPError(INVALID_VALUE, "http://host[:port]/path is wanted")
    for c in text:
        if not "!" <= c <= "~":
            raise USPError(INVALID_VALUE, "URL")
    return host, int(port or _HTTP_PORT), slash + path or "/"


def _number(args, name, default, low, high):
    text = args.get(name, "")
    if text in ("", "0"):
        return default
    if not is_digits(text) or not low <= int(text) <= high:
        raise USPError(INVALID_VALUE, "%s: %d to %d" % (name, low, high))
    return int(text)


# --- ping


def _ping(device, args):
    """Raises USPError; else the work."""
    count = _number(args, "NumberOfRepetitions", 3, 1, 16)
    wait_ms = _number(args, "Timeout", _WAIT_MS, 1, 5000)
    size = _number(args, "DataBlockSize", 32, 1, 1472)
    probing = device.board.ping(args["Host"], count, wait_ms, size)
    if probing is None:
        raise USPError(COMMAND_FAILURE, "this board cannot ping")
    return _pings(probing)


def _pings(probing):
    try:
        result = None
        while result is None:
            yield None
            result = next(probing)
    finally:
        probing.close()
    status, address, times_us = result
    good = [time_us for time_us in times_us if time_us >= 0]
    outputs = {
        "Status": status,
        "IPAddressUsed": address,
        "SuccessCount": str(len(good)),
        "FailureCount": str(len(times_us) - len(good)),
    }
    least, most = (min(good), max(good)) if good else (0, 0)
    average = sum(good) // len(good) if good else 0
    for name, time_us in (("Average", average), ("Minimum", least), ("Maximum", most)):
        outputs[name + "ResponseTime"] = str((time_us + 500) // 1000)
        outputs[name + "ResponseTimeDetailed"] = str(time_us)
    yield outputs


BACKGROUND = {
    "IPPing()": _ping,
    "DownloadDiagnostics()": _download,
    "UploadDiagnostics()": _upload,
}
