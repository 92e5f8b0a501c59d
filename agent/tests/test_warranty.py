"""Days left of the warranty, in the local time of the contract."""

from agent.core import local_time
from agent.core.events import unix_ms
from agent.tests.usp_bench import Bench, Failed

WARRANTY = "Device.X_IPKO-COM_Warranty."


def seconds(text):
    return unix_ms(text) // 1000


def make(now="", storage=None):
    bench = Bench(storage=storage)
    bench.clock.floor_ms = 0
    if now:
        set_time(bench, now)
    return bench


def set_time(bench, now):
    bench.clock._known = bench.clock._trusted = None  # a day of drift would still forbid the step
    assert bench.clock.set_time(unix_ms(now), 0)
    bench.model.sample(bench.now_ms)


def days(bench, thing="Unit"):
    return bench.value(WARRANTY + thing + "DaysLeft")


def test_what_nobody_set_is_unknown_and_never_over():
    bench = make("2030-01-01T00:00:00Z")
    assert bench.get(WARRANTY)[WARRANTY][WARRANTY] == {
        "UnitReceived": "unknown",
        "UnitLastCoveredDay": "unknown",
        "UnitDaysLeft": "unknown",
        "CardReceived": "unknown",
        "CardLastCoveredDay": "unknown",
        "CardDaysLeft": "unknown",
    }
    assert bench.value("Device.UserInterface.WarrantyDate") == "0001-01-01T00:00:00Z"


def test_days_are_counted_down_today_included():
    bench = make()
    bench.set(WARRANTY, {"UnitReceived": "2026-11-26", "UnitLastCoveredDay": "2027-11-26"})
    bench.set(WARRANTY, {"CardLastCoveredDay": "2030-11-26"})
    assert days(bench) == "unknown", "the clock is unknown"
    for now, left in (
        ("2026-11-26T12:00:00Z", "366"),
        ("2027-11-25T22:59:59Z", "2"),
        ("2027-11-25T23:00:00Z", "1"),
        ("2027-11-26T22:59:59Z", "1"),
        ("2027-11-26T23:00:00Z", "0"),
        ("2031-01-01T00:00:00Z", "0"),
    ):
        set_time(bench, now)
        assert days(bench) == left, now
    assert days(bench, "Card") == "0"
    set_time(bench, "2030-11-26T12:00:00Z")
    assert days(bench, "Card") == "1"


def test_days_over_the_29th_of_february_and_the_changes_of_the_clock():
    bench = make("2028-02-28T12:00:00Z")
    for last, left in (("2028-02-28", "1"), ("2028-02-29", "2"), ("2028-03-01", "3")):
        bench.set(WARRANTY, {"UnitLastCoveredDay": last})
        assert days(bench) == left, last
    bench.set(WARRANTY, {"UnitLastCoveredDay": "2027-03-28"})
    for now, left in (
        ("2027-03-27T22:59:59Z", "2"),
        ("2027-03-27T23:00:00Z", "1"),
        ("2027-03-28T21:59:59Z", "1"),
        ("2027-03-28T22:00:00Z", "0"),
    ):
        set_time(bench, now)
        assert days(bench) == left, now
    bench.set(WARRANTY, {"UnitLastCoveredDay": "2027-10-31"})
    for now, left in (
        ("2027-10-30T22:00:00Z", "1"),
        ("2027-10-31T22:59:59Z", "1"),
        ("2027-10-31T23:00:00Z", "0"),
    ):
        set_time(bench, now)
        assert days(bench) == left, now


def test_where_the_terms_name_no_cover_there_are_no_days():
    bench = make("2026-11-26T12:00:00Z")
    bench.set(WARRANTY, {"UnitLastCoveredDay": "none"})
    assert days(bench) == "none"


def test_only_days_of_the_calendar_are_taken():
    bench = make()
    for bad in ("", "2026-11-31", "2027-02-29", "26.11.2026", "2026-1-1", "expired", "2026-11-26Z"):
        assert isinstance(bench.set(WARRANTY, {"UnitReceived": bad}), Failed), bad
    for good in ("2028-02-29", "unknown", "none"):
        assert not isinstance(bench.set(WARRANTY, {"UnitReceived": good}), Failed), good
    assert isinstance(bench.set(WARRANTY, {"UnitDaysLeft": "5"}), Failed)


def test_the_days_outlive_a_restart_and_a_factory_reset():
    bench = make()
    bench.set(WARRANTY, {"UnitLastCoveredDay": "2027-11-26"})
    bench.model.forget()
    again = make("2027-11-26T12:00:00Z", bench.storage.power_up())
    assert days(again) == "1"
    assert again.value("Device.UserInterface.WarrantyDate") == "2027-11-26T22:59:59.000Z"


def test_summer_time_follows_the_rule_of_the_union():
    # the changes of ten years, as the European Union has announced or the rule gives them
    for year, march, october in (
        (2024, 31, 27),
        (2025, 30, 26),
        (2026, 29, 25),
        (2027, 28, 31),
        (2028, 26, 29),
        (2029, 25, 28),
        (2030, 31, 27),
    ):
        begins = seconds("%d-03-%02dT01:00:00Z" % (year, march))
        ends = seconds("%d-10-%02dT01:00:00Z" % (year, october))
        assert [local_time.offset_s(begins + step) for step in (-1, 0)] == [3600, 7200]
        assert [local_time.offset_s(ends + step) for step in (-1, 0)] == [7200, 3600]


def test_a_year_begins_an_hour_early():
    assert local_time.local_day(seconds("2026-12-31T23:00:00Z")) == local_time.day_of("2027-01-01")
    assert local_time.local_day(seconds("2026-12-31T22:59:59Z")) == local_time.day_of("2026-12-31")


def test_the_last_second_of_a_day():
    for day, second in (
        ("2027-01-15", "2027-01-15T22:59:59Z"),
        ("2027-07-15", "2027-07-15T21:59:59Z"),
        ("2027-03-28", "2027-03-28T21:59:59Z"),
        ("2027-10-31", "2027-10-31T22:59:59Z"),
    ):
        assert local_time.last_second(local_time.day_of(day)) == seconds(second), day
