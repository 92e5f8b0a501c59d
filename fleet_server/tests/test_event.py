"""Keys and stamps of notifications."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from fleet_server.domain.event import (
    EventKey,
    format_time,
    key_of,
    parse_time,
    product_class_of,
    stamp_of,
    whole,
)

OURS = "ops::00256D-STB-00000003"
VENDOR = "os::00256D-987654"


def test_a_journalled_event_is_keyed_by_epoch_and_sequence() -> None:
    assert key_of(OURS, "j-0a1b2c3d-17", 4) == EventKey("j-0a1b2c3d-17", "0a1b2c3d", 17)


def test_the_copy_for_a_further_subscription_is_not_counted() -> None:
    assert key_of(OURS, "j-0a1b2c3d-17-2", 4) is None


@pytest.mark.parametrize("msg_id", ["n-12-3", "j-0A1B2C3D-1", "j-0a1b2c3d-0", "j-0a1b2c3d-01"])
def test_any_other_msg_id_of_ours_is_its_own_key(msg_id: str) -> None:
    assert key_of(OURS, msg_id, 4) == EventKey(msg_id)


def test_a_vendors_msg_id_counts_within_one_connection() -> None:
    assert key_of(VENDOR, "j-0a1b2c3d-17", 4) != key_of(VENDOR, "j-0a1b2c3d-17", 5)
    assert key_of(VENDOR, "1", 4) == key_of(VENDOR, "1", 4)


def test_a_long_msg_id_is_shortened_without_losing_its_difference() -> None:
    first, second = (key_of(VENDOR, "x" * 200 + end, 1) for end in "ab")
    assert first is not None and second is not None
    assert first != second
    assert len(first.text) <= 128


def test_the_product_class_tells_our_agents_from_others() -> None:
    assert product_class_of(OURS) == "STB"
    assert product_class_of(VENDOR) is None
    assert product_class_of("ops::00256D-ROUTER-1") is None


def test_a_stamp_reads_what_is_there_and_forgives_the_rest() -> None:
    params = {
        "BootCount": "7",
        "UpTime": "1500",
        "Time": "2027-01-15T12:00:00.250Z",
        "TimeError": "40",
        "Grade": "measured",
    }
    stamp = stamp_of(params)
    assert stamp.at == datetime(2027, 1, 15, 12, 0, 0, 250_000, tzinfo=UTC)
    assert (stamp.boot_count, stamp.up_time_ms, stamp.error_ms) == (7, 1500, 40)
    undated = stamp_of({"Time": "0001-01-01T00:00:00Z", "TimeError": "9", "BootCount": "-1"})
    assert (undated.at, undated.error_ms, undated.boot_count) == (None, None, None)


def test_a_time_whose_error_is_past_belief_is_none() -> None:
    stamp = stamp_of({"Time": "2027-01-15T12:00:00Z", "TimeError": "9" * 18, "UpTime": "9" * 18})
    assert (stamp.at, stamp.error_ms, stamp.up_time_ms) == (None, None, None)


@pytest.mark.parametrize("text", ["", "x", "-1", "1.5", "٣", "9" * 19])
def test_what_is_no_whole_number_is_none(text: str) -> None:
    assert whole(text) is None


@pytest.mark.parametrize(
    "text",
    ["", "yesterday", "2027-13-01T00:00:00Z", "9999-12-31T23:59:59-23:00", "1999-12-31T00:00:00Z"],
)
def test_what_is_no_time_is_none(text: str) -> None:
    assert parse_time(text) is None


def test_a_time_survives_writing_and_reading_to_the_millisecond() -> None:
    at = datetime(2027, 1, 15, 12, 0, 0, 7_000, tzinfo=UTC)
    assert format_time(at) == "2027-01-15T12:00:00.007Z"
    assert parse_time(format_time(at)) == at
