"""The two packets of one SNTP exchange, and whether an answer may be believed.

Nothing in it is authenticated: whoever can answer for the server's address can say anything that
passes here. What keeps others out is a random originate timestamp in place of the time, which an
answer must echo. What such a time may be used for is the business of core/clock.py.
Source: RFC 5905, 7.3 (packet), 14 (client mode); RFC 4330, 5 and 8 (checks, kiss-o'-death).
"""

import struct

from agent.compat import const
from agent.errors import PeerError

PACKET_BYTES = const(48)
COOKIE_BYTES = const(8)
_REQUEST_HEAD = b"\x23" + bytes(39)  # no leap warning, version 4, mode 3 (client)
_FIELDS = ">BBbbII4s8s8sIIII"
_SERVER = const(4)
_UNSYNCHRONIZED = const(3)
_MAX_STRATUM = const(15)
_MAX_DISTANCE_MS = const(1500)  # RFC 5905, MAXDIST
_GRAIN_MS = const(2)  # of the two readings of our own clock
_UNIX_S = 2208988800  # from 1900 to 1970
_ERA_S = 1 << 32


class KissOfDeath(PeerError):
    """The server wants fewer questions or none; the first argument is its code, such as DENY."""


def request(cookie: bytes) -> bytes:
    """The question; `cookie` is 8 random bytes that only its answer can know."""
    return _REQUEST_HEAD + cookie


def judged(answer: bytes, cookie: bytes, elapsed_ms: int, floor_ms: int) -> tuple[int, int]:
    """(Unix time in ms when the answer came, half width of its error in ms).

    `elapsed_ms` is what passed between question and answer, `floor_ms` the earliest credible time,
    which also tells the era of a timestamp. Raises KissOfDeath, or PeerError with the reason.
    """
    if len(answer) < PACKET_BYTES:
        raise PeerError("short")
    fields = struct.unpack_from(_FIELDS, answer)
    _check(fields, cookie)
    delay, dispersion = fields[4], fields[5]
    received_ms = _unix_ms(fields[9], fields[10], floor_ms)
    sent_ms = _unix_ms(fields[11], fields[12], floor_ms)
    away_ms = elapsed_ms - (sent_ms - received_ms)
    if sent_ms < received_ms or away_ms < -_GRAIN_MS:
        raise PeerError("times do not fit")
    distance_ms = (delay * 500 + dispersion * 1000 + 0xFFFF) >> 16
    if distance_ms > _MAX_DISTANCE_MS:
        raise PeerError("too far from a clock")
    half_ms = (max(away_ms, 0) + 1) // 2
    return sent_ms + half_ms, half_ms + distance_ms + _GRAIN_MS


def _check(fields, cookie):
    head, stratum = fields[0], fields[1]
    if fields[8] != cookie:
        raise PeerError("answers another question")
    if head & 7 != _SERVER or not 0 < head >> 3 & 7 < 5:
        raise PeerError("mode or version")
    if stratum == 0:
        raise KissOfDeath(str(fields[6], "ascii") if max(fields[6]) < 128 else "")
    if head >> 6 == _UNSYNCHRONIZED or stratum > _MAX_STRATUM:
        raise PeerError("server has no time")
    if not (fields[11] and fields[9]):
        raise PeerError("no timestamp")


def _unix_ms(seconds, fraction, floor_ms):
    """A timestamp of the era that makes it a credible time. Source: RFC 5905, 6."""
    seconds -= _UNIX_S
    while (seconds + 1) * 1000 <= floor_ms:
        seconds += _ERA_S
    return seconds * 1000 + (fraction * 1000 >> 32)
