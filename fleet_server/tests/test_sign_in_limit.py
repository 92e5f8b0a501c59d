"""How often a sign-in may fail."""

from __future__ import annotations

from datetime import timedelta

from fleet_server.services.sign_in_limit import SignInLimit
from fleet_server.tests.console_site import START

HOME, AWAY = "192.0.2.1", "198.51.100.7"


def fail(limit: SignInLimit, times: int, username: str = "auditor", address: str = HOME) -> None:
    for _ in range(times):
        limit.begin(username, address, START)


def test_the_fifth_failure_makes_the_next_try_wait_a_quarter_of_an_hour() -> None:
    limit = SignInLimit()
    fail(limit, 4)
    assert limit.begin("auditor", HOME, START) == 0
    assert limit.begin("auditor", HOME, START) == 900


def test_tries_whose_password_is_still_being_checked_count() -> None:
    limit = SignInLimit()
    assert [limit.begin("auditor", HOME, START) for _ in range(7)] == [0] * 5 + [900] * 2


def test_the_wait_ends_when_the_oldest_failure_leaves_the_window() -> None:
    limit = SignInLimit()
    fail(limit, 5)
    assert limit.begin("auditor", HOME, START + timedelta(seconds=899.5)) == 1
    assert limit.begin("auditor", HOME, START + timedelta(seconds=900)) == 0


def test_a_stranger_cannot_lock_a_person_out_from_elsewhere() -> None:
    limit = SignInLimit()
    fail(limit, 20, address=AWAY)
    assert limit.begin("auditor", HOME, START) == 0


def test_upper_and_lower_case_of_a_name_count_together() -> None:
    limit = SignInLimit()
    fail(limit, 3, "Auditor")
    fail(limit, 2, "AUDITOR")
    assert limit.begin("auditor", HOME, START) > 0


def test_one_address_cannot_try_many_names() -> None:
    limit = SignInLimit()
    for number in range(30):
        fail(limit, 1, f"name-{number}")
    assert limit.begin("another", HOME, START) == 900


def test_a_success_clears_the_account_but_not_the_address() -> None:
    limit = SignInLimit()
    fail(limit, 5)
    limit.succeeded("auditor", HOME)
    fail(limit, 5)
    assert limit.begin("auditor", HOME, START) == 900
    for number in range(21):
        assert limit.begin(f"name-{number}", HOME, START) == 0
    assert limit.begin("another", HOME, START) == 900


def test_successes_are_no_failures_of_their_address() -> None:
    limit = SignInLimit()
    for number in range(100):
        assert limit.begin(f"name-{number}", HOME, START) == 0
        limit.succeeded(f"name-{number}", HOME)


def test_memory_stays_bounded_under_a_flood_of_names() -> None:
    limit = SignInLimit()
    for number in range(41_000):
        limit.begin(f"name-{number}", f"2001:db8::{number:x}", START)
    assert len(limit._failures) <= 20_002
