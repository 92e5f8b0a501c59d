"""Letting in at a rate, and over how long a fleet spreads its return."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from fleet_server.domain.admission import Line, TokenBucket, return_window_s

NOON = datetime(2027, 1, 15, 12, 0, tzinfo=UTC)


def after(seconds: float) -> datetime:
    return NOON + timedelta(seconds=seconds)


def test_a_second_is_let_in_at_once_and_then_no_more_than_the_rate() -> None:
    bucket = TokenBucket(10)
    assert bucket.take(25, NOON) == 10
    assert bucket.take(15, NOON) == 0
    assert bucket.take(15, after(0.5)) == 5
    assert bucket.take(10, after(60)) == 10, "what was not used is not saved up"


@pytest.mark.parametrize("step_s", [0.01, 0.1, 0.7, 3.0])
def test_in_the_long_run_the_rate_holds_however_often_it_is_asked(step_s: float) -> None:
    bucket = TokenBucket(20)
    steps = round(30 / step_s)
    granted = sum(bucket.take(1000, after(number * step_s)) for number in range(steps))
    assert granted <= 20 + 20 * 30
    if step_s <= 1:
        assert granted >= 20 * 29


def test_a_clock_that_steps_back_gives_nothing_away() -> None:
    bucket = TokenBucket(10)
    bucket.take(10, after(100))
    assert bucket.take(10, NOON) == 0


def test_a_lower_rate_holds_at_once() -> None:
    bucket = TokenBucket(100)
    bucket.take(1, NOON)
    bucket.per_second = 5
    assert bucket.take(100, after(1)) == 5


def test_they_come_in_in_order_and_who_comes_again_keeps_the_place() -> None:
    line: Line[str] = Line(TokenBucket(2))
    for one in ("a", "b", "c", "a", "d"):
        line.join(one)
    line.leave("b")
    line.leave("stranger")
    assert len(line) == 3
    assert line.admit(NOON) == ["a", "c"]
    assert line.admit(NOON) == []
    assert line.admit(after(1)) == ["d"]
    assert not line


def test_who_stands_behind_lets_all_others_go_first_and_moves_up_when_met() -> None:
    line: Line[str] = Line(TokenBucket(2))
    for one in ("a", "b", "c"):
        line.join(one, behind=True)
    line.join("d")
    line.join("c")
    line.join("d", behind=True)
    assert len(line) == 4
    assert line.admit(NOON) == ["d", "c"]
    assert line.admit(after(1)) == ["a", "b"]


# (devices, a second, window)
@pytest.mark.parametrize(
    ("devices", "per_second", "window_s"),
    [
        (0, 200, 0),
        (999, 200, 0),
        (1_000, 200, 5),
        (1_001, 200, 10),
        (10_000, 200, 80),
        (1_000_000, 200, 300),
        (100, 1, 160),
    ],
)
def test_the_window_follows_the_size_of_the_fleet(
    devices: int, per_second: int, window_s: int
) -> None:
    assert return_window_s(devices, per_second) == window_s
