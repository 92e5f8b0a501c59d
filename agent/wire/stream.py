"""What is wrong with a television stream: the signal, or its descrambling.

A discontinuity counted before conditional access was there when the packets came in: the signal
lost them. One that is counted only behind it came from descrambling. Source: TR-135,
ServiceMonitoring.MainStream.{i}.Total.MPEG2TSStats.
"""

GOOD = "good"
SIGNAL = "signal"
DESCRAMBLING = "descrambling"
BOTH = "both"
NO_STREAM = "no stream"

_PACKETS_PER_FAULT = 100_000  # fewer faults than one in so many packets are not seen on a screen


def stream_fault(packets: int, discontinuities: int, before_ca: int, sync_losses: int = 0) -> str:
    """What the counts of one stretch of time (this reading less the one before) say.

    Counts that went down are of a device that began anew: hand in the reading itself.
    """
    if packets <= 0:
        return NO_STREAM
    allowed = packets // _PACKETS_PER_FAULT
    signal = sync_losses > 0 or before_ca > allowed
    descrambling = discontinuities - before_ca > allowed
    if signal and descrambling:
        return BOTH
    if signal:
        return SIGNAL
    return DESCRAMBLING if descrambling else GOOD
