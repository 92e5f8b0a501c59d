"""Moments, lengths and numbers in three languages."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from fleet_server.web.formats import Formats

WINTER = datetime(2026, 1, 5, 7, 8, 9, 12_000, tzinfo=UTC)


@pytest.mark.parametrize(
    ("language", "text"),
    [
        ("en", "5 Jan 2026 08:08:09.012 CET"),
        ("sr", "5 jan 2026 08:08:09,012 CET"),
        ("sq", "5 jan 2026 08:08:09,012 CET"),
    ],
)
def test_a_moment_is_local_and_names_its_zone(language: str, text: str) -> None:
    assert Formats(language).moment(WINTER, milliseconds=True) == text


def test_the_hour_that_happens_twice_is_told_apart() -> None:
    formats = Formats("en")
    first = datetime(2026, 10, 25, 0, 30, tzinfo=UTC)
    assert formats.moment(first) == "25 Oct 2026 02:30:00 CEST"
    assert formats.moment(first + timedelta(hours=1)) == "25 Oct 2026 02:30:00 CET"


@pytest.mark.parametrize(
    ("milliseconds", "text"),
    [
        (None, "–"),  # noqa: RUF001 - the dash that is shown
        (0, "0 ms"),
        (999, "999 ms"),
        (1_000, "1 s"),
        (12_345, "12.35 s"),
        (59_999, "60 s"),
        (60_000, "1 min"),
        (3_599_999, "59 min 59 s"),
        (3_600_000, "1 h"),
        (3_601_000, "1 h 1 s"),
        (86_400_000, "1 day"),
        (2 * 86_400_000 + 3 * 3_600_000 + 60_000, "2 days 3 h"),
    ],
)
def test_a_length_is_told_in_at_most_two_units(milliseconds: int | None, text: str) -> None:
    assert Formats("en").length(milliseconds).replace("\N{NO-BREAK SPACE}", " ") == text


@pytest.mark.parametrize(
    ("language", "text"), [("en", "2 days"), ("sr", "2 dana"), ("sq", "2 ditë")]
)
def test_days_are_named_in_the_language(language: str, text: str) -> None:
    assert Formats(language).length(2 * 86_400_000).replace("\N{NO-BREAK SPACE}", " ") == text


def test_an_age_is_in_whole_seconds_and_never_negative() -> None:
    formats = Formats("en")
    assert formats.since(WINTER, WINTER + timedelta(milliseconds=2_999)).endswith("2\xa0s")
    assert formats.since(WINTER, WINTER - timedelta(seconds=5)) == "0\xa0s"


@pytest.mark.parametrize(("language", "text"), [("en", "11.92"), ("sr", "11,92"), ("sq", "11,92")])
def test_volts_use_the_decimal_sign_of_the_language(language: str, text: str) -> None:
    assert Formats(language).volts(11_920) == f"{text}\N{NO-BREAK SPACE}V"
