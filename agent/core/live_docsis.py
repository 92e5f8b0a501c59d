"""Device.DOCSIS.: the cable interface of a modem and each of its channels.

Levels are in tenths of dBmV and dB, frequencies in Hz. Rows are made one by one: 32 channels cost
no more memory than one. Source: TR-181, Device.DOCSIS.
"""


def rows(device, path):
    """The rows of one of these objects."""
    docsis = device.facts("docsis")
    if docsis is None:
        return
    if path.endswith("Interface.{i}."):
        status = "Up" if docsis["status"] == "Operational" else "Down"
        version = docsis.get("version")
        yield [(1,), None, None, status, None, version and "DOCSIS" + version]
    elif path.endswith("ConnectivityStatus."):
        row = [(1,), docsis["status"]]
        for name in ("resets", "lost_syncs", "t1_timeouts", "t2_timeouts"):
            row.append(str(docsis[name]))
        yield row
    else:
        yield from _channels(docsis, path)


def _channels(docsis, path):
    down = ".Down" in path
    number = 0
    for channel in docsis["downstream" if down else "upstream"]:
        number += 1
        row = [(number,)]
        if path.endswith("SignalQuality."):
            values = channel[5:9]
        elif path.endswith("Status."):
            values = (channel[4], channel[5], channel[6], channel[3], channel[7])
        else:
            row.append("cpe-%d" % number)
            values = channel[:5] if down else channel[:3]
        row.extend([str(value) for value in values])
        yield row
