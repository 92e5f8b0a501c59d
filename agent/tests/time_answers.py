"""Answers of made-up time servers, right ones and hostile ones. Source: RFC 5905, 7.3."""

import struct

NOON = 1_795_348_800_000  # 2026-11-22T12:00:00Z
COOKIE = b"\x91\x02\xf3\x04\xa5\x06\xb7\x08"


def answer(
    cookie: bytes = COOKIE, received_ms: int = NOON, sent_ms: int | None = None, **changes
) -> bytes:
    """A right answer but for `changes`: leap, version, mode, stratum, reference, delay_ms,
    dispersion_ms."""
    leap = changes.get("leap", 0)
    head = leap << 6 | changes.get("version", 4) << 3 | changes.get("mode", 4)
    sent_ms = received_ms if sent_ms is None else sent_ms
    reference_ms = received_ms - 5000
    return struct.pack(
        ">BBbbII4s8s8s8s8s",
        head,
        changes.get("stratum", 2),
        6,
        -20,
        changes.get("delay_ms", 0) * 65536 // 1000,
        changes.get("dispersion_ms", 0) * 65536 // 1000,
        changes.get("reference", b"\xc0\x00\x02\x01"),
        timestamp(reference_ms),
        cookie,
        timestamp(received_ms),
        timestamp(sent_ms),
    )


def timestamp(unix_ms: int) -> bytes:
    """NTP seconds since 1900 of its era, and the fraction; rounded up, so that it reads back."""
    seconds = unix_ms // 1000 + 2208988800
    fraction = -(-(unix_ms % 1000 << 32) // 1000)
    return struct.pack(">II", seconds & 0xFFFFFFFF, fraction)
