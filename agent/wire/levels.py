"""Signal levels of a cable modem, each with its verdict: what a technician compares by hand.

Limits are those a modem must work in, not what a good installation has. Source: CableLabs
CM-SP-PHYv3.0, electrical input to and output from the CM, BER performance of the CM.
"""

from agent.compat import const

GOOD = "pass"
BAD = "fail"

_INPUT_TENTHS = const(150)  # dBmV, either side of zero
_LOW_INPUT_TENTHS = const(-60)  # below it 256-QAM needs 3 dB more
_SNR_TENTHS = {"QAM64": (235, 235), "QAM256": (300, 330)}
_OUTPUT_TENTHS = (570, 570, 540, 510)  # dBmV a channel at 64-QAM, by how many there are
_LEAST_OUTPUT_TENTHS = const(170)
_OPERATIONAL = "Operational"


def is_input_good(power: int) -> bool:
    """Whether a modem must work with this level at its input, in tenths of dBmV."""
    return -_INPUT_TENTHS <= power <= _INPUT_TENTHS


def least_snr(modulation: str, power: int) -> int | None:
    """Tenths of dB a downstream channel needs; None for a modulation that has no limit here."""
    limits = _SNR_TENTHS.get(modulation)
    return limits[power < _LOW_INPUT_TENTHS] if limits else None


def is_output_good(power: int, channels: int) -> bool:
    """Whether a level at the output leaves room both ways, with so many upstream channels."""
    most = _OUTPUT_TENTHS[min(channels, len(_OUTPUT_TENTHS) - 1)]
    return _LEAST_OUTPUT_TENTHS <= power <= most


def cable_levels(docsis: dict):
    """Yield (key, channel or 0, value, verdict) of `docsis`, the board's facts.

    Keys: cable_status, downstream_power and upstream_power in tenths of dBmV, downstream_snr in
    tenths of dB. A verdict is "" where there is no limit.
    """
    status = docsis["status"]
    yield "cable_status", 0, status, _verdict(status == _OPERATIONAL)
    for channel in docsis["downstream"]:
        power, snr = channel[4], channel[5]
        yield "downstream_power", channel[0], power, _verdict(is_input_good(power))
        least = least_snr(channel[3], power)
        yield "downstream_snr", channel[0], snr, _verdict(snr >= least) if least else ""
    upstream = docsis["upstream"]
    for channel in upstream:
        within = is_output_good(channel[4], len(upstream))
        yield "upstream_power", channel[0], channel[4], _verdict(within)


def _verdict(good):
    return GOOD if good else BAD
