"""The rule for summer time against the time zone database."""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from agent.core.local_time import local_day, offset_s

BELGRADE = ZoneInfo("Europe/Belgrade")


def test_every_quarter_of_an_hour_round_each_change_is_that_of_belgrade():
    for year in range(2020, 2060):
        for month in (3, 10):
            start = int(datetime(year, month, 24, tzinfo=UTC).timestamp())
            for unix_s in range(start, start + 8 * 86400, 3600):
                local = datetime.fromtimestamp(unix_s, BELGRADE)
                assert local.utcoffset().total_seconds() == offset_s(unix_s), local
                assert local.date().toordinal() - 719163 == local_day(unix_s)
