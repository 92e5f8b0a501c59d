"""The names of reported health: what a controller asks our agents for, and how it reads a report.

A row is (short name, reference, product classes, low, high, change): a value outside low..high, or
that differs by `change` from what was told last, is told at once; "" and 0 watch nothing. Numbers
that a wildcard finds follow the short name: `d.3`. Levels are in tenths of dBmV and dB, their
limits those of levels.py. No value says who the customer is or what they do.
"""

from agent.wire.codes import POWER
from agent.wire.levels import BAD, GOOD, is_input_good, is_output_good, least_snr

_INFO = "Device.DeviceInfo."
_DOCSIS = "Device.DOCSIS."
_CABLE = "MODEM|VOICEMODEM"
ALL = ""

PROFILE_NAME = "fleet-health"

ROWS = (
    ("u", _INFO + "UpTime", ALL, "", "", 0),
    ("b", _INFO + "Reboots.BootCount", ALL, "", "", 0),
    ("m", _INFO + "MemoryStatus.Free", ALL, "8", "", 0),
    ("f", _INFO + "MemoryStatus.FreePersistent", ALL, "16", "", 0),
    ("c", _INFO + "ProcessStatus.CPUUsage", ALL, "", "95", 0),
    ("t", _INFO + "TemperatureStatus.TemperatureSensor.*.Value", ALL, "-10", "95", 10),
    ("v", _INFO + "PowerStatus.PowerSensor.*.Voltage", ALL, "", "", 150),
    ("s", POWER + "SupplyVoltage", ALL, "", "", 0),
    ("k", _DOCSIS + "Interface.*.ConnectivityStatus.Value", _CABLE, "", "", 1),
    ("d", _DOCSIS + "DownstreamChannel.*.Power", _CABLE, "-150", "150", 30),
    ("n", _DOCSIS + "DownstreamChannel.*.SignalQuality.SignalNoise", _CABLE, "300", "", 0),
    ("e", _DOCSIS + "DownstreamChannel.*.SignalQuality.ExtUncorrectables", _CABLE, "", "", 0),
    ("p", _DOCSIS + "UpstreamChannel.*.Status.TxPower", _CABLE, "170", "570", 30),
    ("t3", _DOCSIS + "UpstreamChannel.*.Status.T3Timeouts", _CABLE, "", "", 10),
    ("t4", _DOCSIS + "UpstreamChannel.*.Status.T4Timeouts", _CABLE, "", "", 1),
)


def rows_of(product_class: str):
    """Yield the rows of one product class."""
    for row in ROWS:
        if not row[2] or product_class in row[2].split("|"):
            yield row


def judged(name: str, channel: str, values: dict) -> str:
    """The verdict on a reported value, `values` being all of the device by name with channel; ""
    where nothing is wrong that could be told: no limit, or one that hangs on what is not reported.
    """
    value = values[name + "." + channel if channel else name]
    if name == "k":
        return GOOD if value == "Operational" else BAD
    if name not in ("d", "n", "p"):
        return _inside(name, value)
    try:
        level = int(value)
        power = int(values.get("d." + channel, "0"))
    except ValueError:
        return ""
    if name == "d":
        return GOOD if is_input_good(level) else BAD
    if name == "p":
        outputs = [key for key in values if key.startswith("p.")]
        return GOOD if is_output_good(level, len(outputs)) else BAD
    if level >= least_snr("QAM256", power):
        return GOOD
    return BAD if level < least_snr("QAM64", power) else ""


def _inside(name, value):
    for row in ROWS:
        if row[0] == name and (row[3] or row[4]):
            try:
                number = int(value)
            except ValueError:
                return ""
            low = not row[3] or number >= int(row[3])
            return GOOD if low and (not row[4] or number <= int(row[4])) else BAD
    return ""
