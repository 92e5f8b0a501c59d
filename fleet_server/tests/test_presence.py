"""Presence, one piece of evidence after the other."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from fleet_server.domain import presence as rules
from fleet_server.domain.presence import Presence, after, after_silence

NOON = datetime(2027, 1, 15, 12, 0, tzinfo=UTC)
LONG_AGO = NOON - timedelta(hours=1)
MINUTE = timedelta(minutes=1)


def online(seen_at: datetime = NOON) -> Presence:
    return Presence(rules.ONLINE, LONG_AGO, seen_at, rules.CONNECT)


def test_the_first_connect_is_the_start_of_being_online() -> None:
    found = after(None, rules.CONNECT, NOON, NOON)
    assert found == Presence(rules.ONLINE, NOON, NOON, rules.CONNECT)


def test_a_record_renews_the_proof_of_life_and_not_the_start() -> None:
    found = after(online(), rules.PERIODIC, NOON + MINUTE, LONG_AGO)
    assert (found.since_at, found.seen_at) == (LONG_AGO, NOON + MINUTE)
    assert found.age(NOON + 2 * MINUTE) == MINUTE


def test_a_gasp_means_offline_at_once() -> None:
    found = after(online(), rules.POWER_LOSS, NOON, LONG_AGO)
    assert (found.state, found.evidence) == (rules.OFFLINE, rules.POWER_LOSS)


def test_what_leaves_within_the_hold_up_time_does_not_undo_a_gasp() -> None:
    gone = after(online(), rules.POWER_LOSS, NOON, LONG_AGO)
    late = NOON + timedelta(milliseconds=40)
    assert after(gone, rules.RECORD, late, LONG_AGO) == gone
    assert after(gone, rules.BOOT, late, LONG_AGO).state == rules.ONLINE
    assert after(gone, rules.RECORD, NOON + MINUTE, LONG_AGO).state == rules.ONLINE


def test_the_will_after_a_gasp_adds_nothing() -> None:
    gone = after(online(), rules.POWER_LOSS, NOON, LONG_AGO)
    assert after(gone, rules.WILL, NOON + MINUTE, LONG_AGO) == gone


def test_a_will_keeps_the_last_proof_of_life() -> None:
    found = after(online(NOON), rules.WILL, NOON + MINUTE, LONG_AGO)
    assert (found.state, found.since_at, found.seen_at) == (rules.OFFLINE, NOON + MINUTE, NOON)


def test_the_will_of_a_session_taken_over_gives_way_to_the_connect_that_follows() -> None:
    gone = after(online(), rules.WILL, NOON, LONG_AGO)
    assert after(gone, rules.CONNECT, NOON, NOON).state == rules.ONLINE


def test_a_late_will_makes_a_new_connection_suspect_and_life_clears_it() -> None:
    doubtful = after(online(), rules.WILL, NOON + timedelta(seconds=1), NOON)
    assert doubtful.state == rules.SUSPECT
    assert after(doubtful, rules.RECORD, NOON + MINUTE, NOON).state == rules.ONLINE


def test_leaving_on_purpose_is_offline_even_soon_after_connecting() -> None:
    found = after(online(), rules.DISCONNECT, NOON + timedelta(seconds=1), NOON)
    assert found.state == rules.OFFLINE


def test_two_missed_periodics_make_suspect_and_one_does_not() -> None:
    assert after_silence(online(), NOON + MINUTE + timedelta(seconds=30), MINUTE) == online()
    found = after_silence(online(), NOON + 3 * MINUTE, MINUTE)
    assert (found.state, found.evidence) == (rules.SUSPECT, rules.MISSED_PERIODIC)
    gone = Presence(rules.OFFLINE, NOON, NOON, rules.WILL)
    assert after_silence(gone, NOON + 3 * MINUTE, MINUTE) == gone
