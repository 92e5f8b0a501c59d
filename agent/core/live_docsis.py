"""Device.DOCSIS.: the cable interface of a modem and each of its channels.

Levels are in tenths of dBmV and dB, frequencies in Hz. Rows are made one by one: 32 channels cost
no more memory than one. Source: TR-181, Device.DOCSIS.
"""

_INTERFACE = ("mac", "cmts_mac", "firmware", "ip_provisioning")
_STATS = (
    "bytes_sent",
    "bytes_received",
    "packets_sent",
    "packets_received",
    "errors_sent",
    "errors_received",
    "discards_sent",
    "discards_received",
)
_CONNECTIVITY = (
    "resets",
    "lost_syncs",
    "invalid_maps",
    "invalid_ucds",
    "invalid_ranging_rsps",
    "invalid_reg_rsps",
    "t1_timeouts",
    "t2_timeouts",
)
# ConnectivityStatus.Value in the order of its StatusCode, from 1.
_VALUES = (
    "Other",
    "NotReady",
    "NotSynchronized",
    "PhySynchronized",
    "UsParametersAcquired",
    "RangingComplete",
    "DHCPv4Complete",
    "ToDEstablished",
    "SecurityEstablished",
    "ConfigFileDownloadComplete",
    "RegistrationComplete",
    "Operational",
    "AccessDenied",
    "EAEInProgress",
    "DHCPv4InProgress",
    "DHCPv6InProgress",
    "DHCPv6Complete",
    "RegistrationInProgress",
    "BPIInit",
    "ForwardingDisabled",
    "DsTopologyResolutionInProgress",
    "RangingInProgress",
    "RFMuteAll",
)


def rows(device, path):
    """The rows of one of these objects."""
    docsis = device.facts("docsis")
    if docsis is None:
        return
    if path.endswith("Interface.{i}."):
        status = "Up" if docsis["status"] == "Operational" else "Down"
        version = docsis.get("version")
        row = [(1,), None, None, status, None, version and "DOCSIS" + version]
        row.extend([docsis.get(name) for name in _INTERFACE])
        yield row
    elif path.endswith("Interface.{i}.Stats."):
        stats = docsis.get("stats")
        if stats:
            row = [(1,)]
            row.extend([str(stats[name]) for name in _STATS])
            yield row
    elif path.endswith("ConnectivityStatus."):
        value = docsis["status"]
        row = [(1,), value, str(_VALUES.index(value) + 1 if value in _VALUES else 1)]
        row.extend([str(docsis.get(name, 0)) for name in _CONNECTIVITY])
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
