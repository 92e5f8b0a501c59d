"""The courier's pace: what comes round in time does, however the wall clock is put right."""

from __future__ import annotations

from fleet_server.courier import Every


def test_what_comes_round_does_so_by_a_clock_that_never_jumps() -> None:
    seconds = iter([100.0, 100.5, 104.9, 105.0, 105.1, 190.0])
    every = Every(5.0, lambda: next(seconds))
    assert [every.is_due() for _ in range(6)] == [True, False, False, True, False, True]
