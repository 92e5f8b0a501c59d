"""Reports of health: when they go, what stands in them, what is told at once, what is given up."""

import json

from agent.core.parts import part
from agent.tests.fakes import FakeBoard
from agent.tests.test_health import docsis
from agent.tests.usp_bench import Bench, Failed, notify_of
from agent.wire.telemetry import rows_of

BULK = "Device.BulkData."
PROFILE = BULK + "Profile.1."
MINUTE = 60000


def _bench(product_class="MODEM", channels=2):
    board = FakeBoard(cause=1)
    board.product_class = product_class
    board.known = {
        "docsis": docsis(channels),
        "cpu": {"usage_percent": 12},
        "temperatures": {"sensors": [["soc", 51], ["tuner", 44]]},
        "rails": {"rails": [["core", 1200, 310]]},
    }
    return _watched(Bench(board=board))


def _watched(bench):
    bench.endpoint.monitors = [part("bulk_data").Monitor(bench.model, bench.endpoint)]
    bench.operate("Device.Time.X_IPKO-COM_SetTime()", {"Time": "2026-11-22T12:00:00Z"})
    return bench


def _profile(bench, *parameters, **settings):
    """A profile every minute, its parameters (reference, settings), and who hears of it."""
    bench.set(BULK, {"Enable": "true"})
    settings.setdefault("Enable", "true")
    settings.setdefault("ReportingInterval", "60")
    assert bench.added(BULK + "Profile.", settings) == PROFILE
    for reference, more in parameters:
        values = {"Reference": reference}
        values.update(more)
        bench.added(PROFILE + "Parameter.", values)
    bench.subscribe("Event", PROFILE + "Push!", ID="health", Persistent="true", NotifRetry="true")


def _reports(bench, duration_ms):
    """(now_ms, report) of every Push! of a stretch of time, each answered."""
    out = []
    end = bench.now_ms + duration_ms
    while bench.now_ms < end:
        for msg_id, notify in bench.poll(250):
            event = notify.one(3)
            assert (event.text(1), event.text(2)) == (PROFILE, "Push!")
            out.append((bench.now_ms, json.loads(event.map(3)["Data"])["Report"][0]))
            bench.answer_notify(msg_id)
    return out


def test_a_report_comes_every_interval_with_short_names_and_json_types():
    bench = _bench()
    _profile(
        bench,
        ("Device.DeviceInfo.UpTime", {"Name": "up"}),
        ("Device.BulkData.Enable", {"Name": "on"}),
        ("Device.DOCSIS.Interface.*.ConnectivityStatus.Value", {"Name": "st"}),
    )
    began = bench.now_ms
    reports = _reports(bench, 3 * MINUTE + 1000)
    assert [now - began for now, _ in reports] == [60250, 120250, 180250]
    first = reports[0][1]
    assert first.pop("CollectionTime") == 1795348860
    assert first == {"up": 61, "on": True, "st.1": "Operational"}


def test_reports_are_in_phase_where_the_time_is_known():
    bench = _bench()
    _profile(
        bench,
        ("Device.DeviceInfo.UpTime", {"Name": "up"}),
        TimeReference="2026-01-01T00:00:30Z",
    )
    stamps = [report["CollectionTime"] % 60 for _, report in _reports(bench, 2 * MINUTE)]
    assert stamps == [30, 30]


def test_a_wildcard_is_numbered_an_object_is_named_below_and_what_is_excluded_is_left_out():
    bench = _bench()
    _profile(
        bench,
        ("Device.DOCSIS.DownstreamChannel.*.Power", {"Name": "dp"}),
        ("Device.DeviceInfo.PowerStatus.", {"Name": "pw"}),
        ("Device.DeviceInfo.PowerStatus.PowerSensor.*.LastUpdate", {"Exclude": "true"}),
        ("Device.Time.Status", {}),
        ("Device.Nothing", {"Name": "no"}),
    )
    report = _reports(bench, MINUTE + 1000)[0][1]
    assert (report["dp.1"], report["dp.2"]) == (25, 24)
    assert report["pw.PowerSensor.1.Voltage"] == 1200
    assert report["pw.PowerSensorNumberOfEntries"] == 1
    assert "pw.PowerSensor.1.LastUpdate" not in report
    assert report["Device.Time.Status"] == "Synchronized"
    assert "no" not in report


def test_the_stamp_of_a_report_may_be_a_text_or_none():
    bench = _bench()
    _profile(bench, ("Device.DeviceInfo.UpTime", {"Name": "up"}))
    bench.set(PROFILE + "JSONEncoding.", {"ReportTimestamp": "ISO-8601"})
    report = _reports(bench, MINUTE + 1000)[0][1]
    assert report["CollectionTime"][:17] == "2026-11-22T12:01:"
    bench.set(PROFILE + "JSONEncoding.", {"ReportTimestamp": "None"})
    assert sorted(_reports(bench, MINUTE + 1000)[0][1]) == ["up"]


def test_a_report_is_collected_at_once_when_a_controller_wants_it():
    bench = _bench()
    _profile(bench, ("Device.DeviceInfo.UpTime", {"Name": "up"}))
    assert not isinstance(bench.operate(PROFILE + "ForceCollection()"), Failed)
    assert len(_reports(bench, 1000)) == 1


def test_what_leaves_its_band_is_told_at_once_and_again_when_it_is_back():
    bench = _bench()
    limits = {"Name": "dp", "X_IPKO-COM_Low": "-150", "X_IPKO-COM_High": "150"}
    _profile(
        bench,
        ("Device.DeviceInfo.UpTime", {"Name": "up"}),
        ("Device.DOCSIS.DownstreamChannel.*.Power", limits),
        ReportingInterval="3600",
    )
    assert _reports(bench, 2 * MINUTE) == []
    fact = docsis(2)
    fact["downstream"][1][4] = 151
    bench.board.known["docsis"] = fact
    began = bench.now_ms
    told = _reports(bench, 2 * MINUTE)
    assert len(told) == 1 and told[0][0] - began <= 10500
    told[0][1].pop("CollectionTime")
    assert told[0][1] == {"dp.2": 151}
    bench.board.known["docsis"] = docsis(2)
    assert [report["dp.2"] for _, report in _reports(bench, MINUTE)] == [24]


def test_what_changes_much_is_told_and_what_flickers_only_so_often():
    bench = _bench()
    _profile(
        bench,
        ("Device.DeviceInfo.ProcessStatus.CPUUsage", {"Name": "c", "X_IPKO-COM_Change": "20"}),
        ReportingInterval="86400",
    )
    _reports(bench, MINUTE)
    bench.board.known["cpu"] = {"usage_percent": 31}
    assert _reports(bench, MINUTE) == []
    times = []
    for turn in range(40):
        bench.board.known["cpu"] = {"usage_percent": 90 if turn % 2 else 12}
        times.extend([now for now, _ in _reports(bench, 11000)])
    assert len(times) > 4
    assert min([times[i + 1] - times[i] for i in range(len(times) - 1)]) >= MINUTE


def test_a_text_that_changes_is_told_where_a_change_counts():
    bench = _bench()
    status = "Device.DOCSIS.Interface.*.ConnectivityStatus.Value"
    _profile(bench, (status, {"Name": "st", "X_IPKO-COM_Change": "1"}), ReportingInterval="86400")
    _reports(bench, MINUTE)
    bench.board.known["docsis"] = docsis(2, "NotSynchronized")
    assert [report["st.1"] for _, report in _reports(bench, MINUTE)] == ["NotSynchronized"]


def test_a_switched_off_profile_is_silent():
    bench = _bench()
    _profile(bench, ("Device.DeviceInfo.UpTime", {"Name": "up"}))
    assert bench.value(BULK + "Status") == "Enabled"
    bench.set(PROFILE, {"Enable": "false"})
    assert _reports(bench, 3 * MINUTE) == []
    bench.set(PROFILE, {"Enable": "true"})
    bench.set(BULK, {"Enable": "false"})
    assert _reports(bench, 3 * MINUTE) == []
    assert bench.value(BULK + "Status") == "Disabled"


def test_profiles_survive_a_restart_and_are_not_in_memory_while_nothing_is_due():
    bench = _bench()
    _profile(bench, ("Device.DeviceInfo.UpTime", {"Name": "up"}))
    again = bench.restart()
    again.board.known = bench.board.known
    _watched(again)
    assert _reports(again, MINUTE + 1000)[0][1]["up"] == 61
    for name in ("", "JSONEncoding.", "Parameter.{i}."):
        assert again.model.tables[again.model.find(BULK + "Profile.{i}." + name)] is None


def test_rows_on_flash_are_deleted_with_their_profile_and_no_number_is_given_twice():
    bench = _bench()
    _profile(bench, ("Device.DeviceInfo.UpTime", {"Name": "up"}))
    bench.delete(PROFILE)
    bench.poll()
    assert bench.instances(BULK) == {}
    assert bench.added(BULK + "Profile.", {}) == BULK + "Profile.2."
    again = bench.restart()
    assert list(again.instances(BULK)) == [BULK + "Profile.2."]
    assert again.value(BULK + "Profile.2.JSONEncoding.ReportFormat") == "NameValuePair"


def test_a_profile_with_a_value_that_is_refused_changes_nothing():
    bench = _bench()
    assert isinstance(bench.add(BULK + "Profile.", {"ReportingInterval": "1"}), Failed)
    assert isinstance(bench.add(BULK + "Profile.", {"Protocol": "HTTP"}), Failed)
    bench.poll()
    assert bench.instances(BULK) == {}


def test_what_cannot_be_read_back_is_forgotten_and_nothing_else_suffers():
    bench = _bench()
    _profile(bench, ("Device.DeviceInfo.UpTime", {"Name": "up"}))
    bench.storage.files["bulk_profile.blob"] = b"rot"
    again = bench.restart()
    assert again.instances(BULK) == {}
    assert again.added(BULK + "Profile.", {}).startswith(BULK + "Profile.")


def _waiting(reports, others, earlier=0):
    """What goes out after so many reports between other events, while nobody listened."""
    bench = _bench()
    _profile(bench, ("Device.DeviceInfo.UpTime", {"Name": "up"}))
    bench.subscribe("Event", "Device.LocalAgent.Periodic!", NotifRetry="true")
    bench.endpoint.disconnected()
    for _ in range(earlier):
        bench.endpoint.event("Device.LocalAgent.", "Periodic!", {}, bench.now_ms)
    bench.poll_for(reports * MINUTE + 1000, step_ms=1000)
    for _ in range(others):
        bench.endpoint.event("Device.LocalAgent.", "Periodic!", {}, bench.now_ms)
    bench.endpoint.connected(bench.now_ms)
    events = [notify.one(3) for _, notify in bench.poll(250)]
    told = [json.loads(e.map(3)["Data"])["Report"][0] for e in events if e.text(2) == "Push!"]
    return [report["up"] for report in told], len([1 for e in events if e.text(2) == "Periodic!"])


def test_while_nobody_is_connected_the_last_four_reports_wait():
    up, others = _waiting(reports=10, others=3)
    assert others == 3 and len(up) == 4
    assert up == sorted(up) and up[-1] > 540


def test_reports_are_given_up_before_anything_else():
    assert _waiting(reports=6, others=24) == ([], 24)
    assert _waiting(reports=6, others=4, earlier=20) == ([], 24)
    up, others = _waiting(reports=6, others=22)
    assert others == 22 and len(up) == 2 and up[-1] > 300


def test_a_record_of_twenty_values_has_at_most_400_bytes():
    bench = _bench("VOICEMODEM", channels=4)
    parameters = [
        (reference, {"Name": name})
        for name, reference, _, _, _, _ in rows_of("VOICEMODEM")
        if name not in ("e", "f", "s", "t3", "t4")
    ]
    _profile(bench, *parameters)
    bench.poll_for(MINUTE - 500)
    records = []
    for _ in range(10):
        bench.now_ms += 250
        records.extend([out.payload() for out in bench.endpoint.poll(bench.now_ms) if out])
    report = json.loads(notify_of(records[0])[1].one(3).map(3)["Data"])["Report"][0]
    assert len(report) - 1 == 20 and report["CollectionTime"] > 1795348800, report
    assert len(records[0]) <= 400, len(records[0])


def test_a_report_for_which_memory_is_short_is_given_up_and_the_agent_goes_on():
    bench = _bench()
    _profile(bench, ("Device.DeviceInfo.UpTime", {"Name": "up"}))
    whole = bench.endpoint.event

    def short(*args):
        raise MemoryError

    bench.endpoint.event = short
    assert _reports(bench, MINUTE + 1000) == []
    bench.endpoint.event = whole
    assert len(_reports(bench, MINUTE)) == 1


def test_others_may_run_between_two_values_of_a_report():
    bench = _bench(channels=24)
    _profile(bench, ("Device.DOCSIS.DownstreamChannel.*.Power", {"Name": "d"}))
    bench.poll(250)
    bench.now_ms += 60_000
    breaths = 0
    poll = bench.endpoint.poll(bench.now_ms)
    while next(poll) is None:
        breaths += 1
    assert breaths >= 24


def test_a_report_that_was_broken_off_is_begun_anew():
    bench = _bench()
    _profile(bench, ("Device.DeviceInfo.ProcessStatus.CPUUsage", {"Name": "c"}))
    bench.poll(250)
    bench.now_ms += 60_000
    poll = bench.endpoint.poll(bench.now_ms)
    assert next(poll) is None
    poll.close()  # as when the connection breaks
    assert [report["c"] for _, report in _reports(bench, 1000)] == [12]


def test_two_profiles_that_are_wanted_within_one_poll_are_both_collected():
    bench = _bench()
    _profile(bench, ("Device.DeviceInfo.UpTime", {"Name": "up"}), ReportingInterval="3600")
    second = bench.added(BULK + "Profile.", {"Enable": "true", "ReportingInterval": "3600"})
    bench.added(second + "Parameter.", {"Reference": "Device.DeviceInfo.UpTime"})
    bench.subscribe("Event", second + "Push!", ID="other", Persistent="true")
    bench.poll(250)
    for profile in (PROFILE, second):
        assert not isinstance(bench.operate(profile + "ForceCollection()"), Failed)
    told = [notify.one(3).text(1) for _, _, notify in bench.poll_for(1000)]
    assert sorted(told) == [PROFILE, second]
