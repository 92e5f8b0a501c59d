"""The two packets of SNTP: what is asked, and what is believed. All times are made up."""

import struct

from agent.core.sntp import KissOfDeath, judged, request
from agent.errors import PeerError
from agent.tests.time_answers import COOKIE, NOON, answer

FLOOR = NOON - 1_000_000_000


def told(data, elapsed_ms=30, floor_ms=FLOOR, cookie=COOKIE):
    return judged(data, cookie, elapsed_ms, floor_ms)


def refusal(data, **more):
    """The reason of the refusal, "" where it was believed."""
    try:
        told(data, **more)
    except PeerError as error:
        return str(error.args[0])
    return ""


def test_the_question_says_client_version_4_and_nothing_of_us_but_the_cookie():
    asked = request(COOKIE)
    assert len(asked) == 48
    assert asked[0] == 0x23
    assert asked[1:40] == bytes(39)
    assert asked[40:] == COOKIE


def test_the_time_is_that_of_the_answers_arrival_and_its_error_covers_the_way():
    # 30 ms away, 10 of them at the server: it came between 0 and 20 ms after it was sent.
    data = answer(received_ms=NOON, sent_ms=NOON + 10)
    assert told(data) == (NOON + 20, 10 + 2)


def test_the_servers_own_distance_to_its_clock_is_added():
    data = answer(delay_ms=40, dispersion_ms=15)
    unix_ms, error_ms = told(data, elapsed_ms=0)
    assert unix_ms == NOON
    assert error_ms == 20 + 15 + 2


def test_an_answer_is_believed_by_these_rules():
    for changes, reason in (
        ({}, ""),
        ({"version": 3}, ""),
        ({"version": 1}, ""),
        ({"leap": 1}, ""),
        ({"leap": 2}, ""),
        ({"leap": 3}, "server has no time"),
        ({"mode": 3}, "mode or version"),
        ({"mode": 5}, "mode or version"),
        ({"mode": 0}, "mode or version"),
        ({"version": 0}, "mode or version"),
        ({"version": 5}, "mode or version"),
        ({"stratum": 1}, ""),
        ({"stratum": 15}, ""),
        ({"stratum": 16}, "server has no time"),
        ({"stratum": 255}, "server has no time"),
        ({"cookie": bytes(8)}, "answers another question"),
        ({"cookie": COOKIE[:7] + b"?"}, "answers another question"),
        ({"delay_ms": 2998}, ""),
        ({"delay_ms": 3200}, "too far from a clock"),
        ({"dispersion_ms": 1600}, "too far from a clock"),
        ({"dispersion_ms": 65_000_000}, "too far from a clock"),
        ({"sent_ms": NOON - 1}, "times do not fit"),
        ({"sent_ms": NOON + 40}, "times do not fit"),
        ({"sent_ms": NOON + 30}, ""),
    ):
        assert refusal(answer(**changes)) == reason, changes


def test_every_truncation_is_refused():
    data = answer()
    for size in range(48):
        assert refusal(data[:size]) == "short"
    assert refusal(data + bytes(20)) == "", "an extension or a MAC may follow"


def test_an_answer_without_timestamps_is_refused():
    for at in (32, 40):
        data = bytearray(answer())
        data[at : at + 8] = bytes(8)
        assert refusal(bytes(data)) == "no timestamp"


def test_a_kiss_of_death_gives_its_code_only_to_who_was_meant():
    for code in ("DENY", "RSTR", "RATE"):
        try:
            told(answer(stratum=0, reference=code.encode()))
        except KissOfDeath as error:
            assert error.args[0] == code
        else:
            raise AssertionError(code)
    assert refusal(answer(stratum=0, reference=b"DENY", cookie=bytes(8))).startswith("answers")
    assert refusal(answer(stratum=0, reference=b"\xff\xfe\x00\x01")) == ""


def test_a_time_before_the_floor_becomes_none_that_the_clock_takes():
    unix_ms, _ = told(answer(received_ms=FLOOR - 2000, sent_ms=FLOOR - 2000))
    assert unix_ms > 4_102_444_800_000, "of the next era, and refused as after 2099"


def test_the_era_after_2036_is_told_by_the_floor():
    later = 2_100_000_000_000  # 2036-07-18: the seconds have begun anew
    data = answer(received_ms=later, sent_ms=later)
    assert struct.unpack_from(">I", data, 40)[0] < 20_000_000
    assert told(data, elapsed_ms=0)[0] == later
