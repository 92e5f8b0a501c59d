from agent.core.events import date_time, event_record, stamped_arguments, unix_ms


def test_times_are_written_and_read_back():
    for text in (
        "1970-01-01T00:00:00.000Z",
        "2000-02-29T23:59:59.999Z",
        "2026-11-22T12:35:08.120Z",
    ):
        assert date_time(unix_ms(text)) == text
    assert unix_ms("2026-11-22T12:35:08Z") == 1795350908000


def test_what_is_no_time_reads_as_none():
    for text in (
        "",
        "0001-01-01T00:00:00Z",
        "2026-11-22",
        "2026-13-01T00:00:00Z",
        "2026-11-22T12:35:08",
    ):
        assert unix_ms(text) is None


def test_an_event_of_a_boot_whose_time_is_known_is_dated():
    record = event_record("Device.", "Boot!", {"Cause": "LocalReboot"}, 3, 1500)
    clocks = {3: (1795350908000, 40)}
    path, name, args = stamped_arguments(record, clocks.get)
    assert (path, name, args["Cause"]) == ("Device.", "Boot!", "LocalReboot")
    assert (args["BootCount"], args["UpTime"]) == ("3", "1500")
    assert (args["Time"], args["TimeError"]) == ("2026-11-22T12:35:09.500Z", "40")


def test_an_event_without_time_says_so():
    args = stamped_arguments(event_record("Device.", "X!", {}, 3, 1500), {}.get)[2]
    assert args["Time"] == "0001-01-01T00:00:00Z" and "TimeError" not in args
    assert args["Grade"] == "measured"


def test_the_up_time_may_be_a_text_of_digits():
    record = event_record("Device.", "X!", {"Grade": "inferred"}, 3, "0000001500")
    args = stamped_arguments(record, {}.get)[2]
    assert (args["UpTime"], args["Grade"]) == ("1500", "inferred")
