"""When work on the network is announced [4.6, 11.3]. Times are hours of one day."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from fleet_server.domain.maintenance import Notice, Work, announced

LEAD = timedelta(hours=24)


def at(hour: float) -> datetime:
    return datetime(2027, 5, 10, tzinfo=UTC) + timedelta(hours=hour)


def notice(sent: float, start: float, end: float) -> Notice:
    return Notice(at(sent), at(start), at(end))


# work, called off, notices, announced stretches
TABLE = [
    ((2, 5), None, [notice(-30, 2, 5)], [(2, 5)]),
    ((2, 5), None, [], []),
    ((2, 5), None, [notice(-10, 2, 5)], []),
    ((2, 5), None, [notice(-22, 2, 5)], [(2, 5)]),
    ((2, 8), None, [notice(-30, 2, 5)], [(2, 5)]),
    ((3, 6), None, [notice(-30, 2, 5)], [(3, 5)]),
    ((2, 5), -1, [notice(-30, 2, 5)], []),
    ((2, 5), 3, [notice(-30, 2, 5)], [(2, 3)]),
    ((2, 8), None, [notice(-30, 2, 5), notice(-19, 5, 8)], [(2, 8)]),
    ((2, 8), None, [notice(-30, 2, 5), notice(-18, 5, 8)], [(2, 5)]),
    ((2, 8), None, [notice(-30, 2, 4), notice(-30, 6, 8)], [(2, 4), (6, 8)]),
    ((2, 5), None, [notice(-30, 2, 5), notice(-3, 2, 5)], [(2, 5)]),
]


@pytest.mark.parametrize(("work", "cancelled", "notices", "expected"), TABLE)
def test_only_the_time_that_was_announced_in_time_counts(
    work: tuple[float, float],
    cancelled: float | None,
    notices: list[Notice],
    expected: list[tuple[float, float]],
) -> None:
    planned = Work(at(work[0]), at(work[1]), None if cancelled is None else at(cancelled))
    found = announced(planned, notices, LEAD)
    assert [(one.starts_at, one.ends_at) for one in found] == [
        (at(start), at(end)) for start, end in expected
    ]
