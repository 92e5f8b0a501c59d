"""How long to wait before connecting again.

Failure n waits a random time between T*(k/1000)^(n-1) and T*(k/1000)^n, at most the configured
maximum. Source: TR-369 R-MQTT.10, TR-181 `MQTT.Client.{i}.ConnectRetry*`.
"""

CEILING_S = 300  # however a controller sets the maximum: a device stays in reach


def connect_retry_wait_ms(
    failures, retry_time_s, multiplier, max_interval_s, random, is_urgent=False
):
    """Milliseconds before try `failures` + 1; `multiplier` in thousandths, `random(n)` gives bytes.

    The exponent stops growing once the maximum is reached, so no number gets out of hand. The first
    range is how a fleet spreads its return: who `is_urgent` comes in its first eighth.
    """
    limit_ms = min(max_interval_s, CEILING_S) * 1000
    low_ms = retry_time_s * 1000
    for _ in range(failures - 1):
        if low_ms >= limit_ms:
            break
        low_ms = low_ms * multiplier // 1000
    low_ms = min(low_ms, limit_ms)
    high_ms = min(low_ms * multiplier // 1000, limit_ms)
    span = max(high_ms - low_ms, 0) + 1
    if is_urgent and failures == 1:
        span = (span + 7) // 8
    return low_ms + int.from_bytes(random(4), "big") % span


def spread_ms(within_s, random):
    """Milliseconds to wait so that many who begin together are spread evenly over `within_s`."""
    return int.from_bytes(random(4), "big") % (min(within_s, CEILING_S) * 1000 + 1)
