"""Emergency reachability, calls, call-back time, and what must wait for them."""

from binascii import b2a_base64

from agent.core.battery import Monitor as BatteryMonitor
from agent.core.clock import SNTP
from agent.core.emergency import Monitor
from agent.core.parts import part
from agent.tests.signing import COMMAND_POINT
from agent.tests.test_messages_operate import Gate
from agent.tests.test_power import names, waiting
from agent.tests.usp_bench import Bench, Failed

NOON = 1_795_348_800_000  # 2026-11-22T12:00:00Z
VOICE = "Device.Services.VoiceService.1."
EMERGENCY = VOICE + "X_IPKO-COM_Emergency."
TESTS = VOICE + "POTS.FXS.1.DiagTests()"
IDLE = {
    "registration": "Up",
    "fxs": "Up",
    "off_hook": False,
    "call": "Idle",
    "dialled": "",
    "incoming": [3, 2, 1, 0, 240],
    "outgoing": [5, 4, 1, 0, 600],
}
CALL = {"off_hook": True, "call": "Connected"}
HUNG_UP = {"off_hook": False, "call": "Idle", "dialled": ""}


def _bench(bench=None, **facts):
    """A voice modem whose line is well, but for `facts`."""
    bench = bench or Bench()
    bench.board.known["voice"] = dict(IDLE, **facts)
    model, endpoint = bench.model, bench.endpoint
    endpoint.monitors = [BatteryMonitor(model, endpoint), Monitor(model, endpoint)]
    bench.poll_for(500)
    return bench


def _now(bench, for_ms=250, **facts):
    bench.board.known["voice"] = dict(bench.board.known["voice"], **facts)
    bench.poll_for(for_ms)


def _told(bench):
    """(Reachable, Reason) of each event that waits."""
    return [
        (args["Reachable"], args["Reason"])
        for _, name, args in waiting(bench)
        if name == "EmergencyReachability!"
    ]


def _refused(bench, command="Device.Reboot()", args=None):
    """The text with which a command is refused, "" when it is not."""
    result = bench.operate(command, args or {})[0]
    if not result.has(4):
        return ""
    assert result.one(4).number(1) == 7002
    return result.one(4).text(2)


# --- reachability


def test_a_line_that_is_well_is_not_news():
    bench = _bench()
    assert _told(bench) == []
    found = bench.get(EMERGENCY)[EMERGENCY][EMERGENCY]
    assert (found["Reachable"], found["Reason"], found["LineReady"]) == ("true", "", "true")


def test_a_loss_is_told_at_once_and_the_return_once_it_has_lasted():
    bench = _bench()
    bench.clock.set_time(NOON, 5)
    _now(bench, registration="Error_Registration")
    assert _told(bench) == [("false", "NotRegistered")]
    args = waiting(bench)[0][2]
    assert args["Since"] == args["Time"] and args["LineReady"] == "false"
    alarm = "Device.FaultMgmt.CurrentAlarm."
    row = bench.get(alarm)[alarm][alarm + "1."]
    assert (row["PerceivedSeverity"], row["AdditionalText"]) == ("Critical", "NotRegistered")
    _now(bench, 9_750, registration="Up")
    assert bench.value(EMERGENCY + "Reachable") == "false"
    assert bench.value(EMERGENCY + "LineReady") == "true"
    _now(bench, 750)
    assert _told(bench) == [("false", "NotRegistered"), ("true", "")]
    assert waiting(bench)[1][2]["Duration"] == "10250"
    assert bench.get(alarm)[alarm] == {}


def test_each_fault_has_its_reason():
    for facts, reason in (
        ({"fxs": "Error"}, "LineError"),
        ({"fxs": "Disabled"}, "LineDisabled"),
        ({"registration": "Error_Network"}, "NoNetwork"),
        ({"registration": "Registering"}, "Starting"),
        ({"registration": "Disabled"}, "NotRegistered"),
    ):
        assert _told(_bench(**facts)) == [("false", reason)], facts


def test_a_reason_that_flickers_is_told_once_it_has_lasted():
    bench = _bench(registration="Error_Network")
    for _ in range(5):
        _now(bench, 5000, registration="Disabled")
        _now(bench, 5000, registration="Error_Network")
    assert _told(bench) == [("false", "NoNetwork")]
    since = bench.model.guard.since
    _now(bench, 11_000, registration="Disabled")
    assert _told(bench)[1:] == [("false", "NotRegistered")]
    assert bench.model.guard.since is since, "another reason is the same outage"


def test_a_line_that_comes_and_goes_counts_as_lost_for_longer_and_longer():
    bench = _bench()
    for _ in range(20):
        _now(bench, registration="Error_Network")
        _now(bench, registration="Up")
        bench.poll_for(25_000, 5_000)
    assert 2 <= len(_told(bench)) <= 6, "not two events for each of 20 losses"
    assert bench.value(EMERGENCY + "Reachable") == "false"
    bench.poll_for(700_000, 50_000)
    assert bench.value(EMERGENCY + "Reachable") == "true"


def test_on_battery_a_telephone_may_be_dead_until_somebody_lifts_it():
    bench = _bench()
    bench.board.known["battery"] = {"present": True, "on_battery": True, "charge_percent": 90}
    bench.poll_for(3000)
    assert names(bench) == ["MainsLost!", "EmergencyReachability!"]
    assert _told(bench) == [("unknown", "MainsLost")]
    assert waiting(bench)[1][2]["LineReady"] == "true"
    _now(bench, 11_000, off_hook=True)
    assert _told(bench)[1:] == [("true", "")]


def test_what_is_not_reported_is_unknown():
    bench = Bench()
    endpoint = bench.endpoint
    endpoint.monitors = [Monitor(bench.model, endpoint)]
    bench.poll_for(12_000)
    assert _told(bench) == [("unknown", "NotReported")]
    assert bench.instances("Device.Services.VoiceService.") == {}


def test_an_outage_keeps_its_beginning_over_restarts():
    bench = _bench()
    bench.clock.set_time(NOON, 5)
    _now(bench, registration="Error_Network")
    since = bench.value(EMERGENCY + "Since")
    for _ in range(10):  # more boots than the journal remembers clocks of
        bench = _bench(bench.restart(), registration="Error_Network")
        bench.clock.set_time(NOON + 3_600_000, 5)
    assert _told(bench) == [("false", "NoNetwork")], "told once"
    assert bench.value(EMERGENCY + "Since") == since
    _now(bench, 11_000, registration="Up")
    assert 3_500_000 < int(waiting(bench)[-1][2]["Duration"]) < 3_700_000


def test_after_a_power_cut_a_line_that_is_not_ready_was_lost_with_the_power():
    bench = _bench()
    bench.clock.set_time(NOON, 5)
    bench.journal.prepare_loss(b'["Device.X_IPKO-COM_Power.","PowerLoss!",{},1,"0"]', 1, 0, 0)
    bench.journal.append_loss(bench.now_ms)
    after = bench.restart()
    after.clock.set_time(NOON + 60_000, 5)
    _bench(after, registration="Registering")
    assert _told(after) == [("false", "Starting")]
    assert after.value(EMERGENCY + "Since") == "2026-11-22T12:00:00.000Z"


# --- what must wait


def test_the_model_shows_the_line_and_no_number():
    bench = _bench()
    _now(bench, off_hook=True, call="Connected", dialled="044000000")
    found = bench.get(VOICE)[VOICE]
    assert found[VOICE + "POTS.FXS.1."]["Active"] == "true"
    assert found[VOICE + "SIP.Client.1."]["Status"] == "Up"
    assert found[VOICE + "CallControl.Line.1."]["CallStatus"] == "Connected"
    outgoing = found[VOICE + "CallControl.Line.1.Stats.OutgoingCalls."]
    assert (outgoing["CallsAttempted"], outgoing["TotalCallTime"]) == ("5", "600")
    assert "044000000" not in str(found)
    for data in bench.storage.files.values():
        assert b"044000000" not in bytes(data)


def test_nothing_that_can_harm_runs_while_the_line_is_in_use():
    gate = Gate()
    bench = _bench(Bench(authorise=gate))
    for facts, why in (
        ({"off_hook": True}, "busy: telephone off the hook"),
        (dict(CALL, dialled="044000000"), "busy: call"),
        (dict(CALL, dialled="112"), "busy: emergency call, then call-back for 3600 s"),
    ):
        _now(bench, **facts)
        swap = "Device.X_IPKO-COM_Replacement."
        commands = ["Device.Reboot()", "Device.FactoryReset()", TESTS]
        commands.extend([swap + name for name in ("Adopt()", "Fence()", "Rollback()")])
        for command in commands:
            args = {"X_IPKO-COM_Authorization": "good", "TestSelector": "REN", "Swap": "swap-1"}
            assert _refused(bench, command, args) == why
        _now(bench, **HUNG_UP)
    assert gate.asked == [], "the authorisation is not used up"
    bench.poll_for(2000)
    assert bench.actions.done == []


def test_after_an_emergency_call_the_line_is_left_alone_for_an_hour():
    for dialled in ("112", "192", "193", "194", "#31#112", "1 1 2"):
        bench = _bench()
        _now(bench, dialled=dialled, **CALL)
        assert bench.value(EMERGENCY + "Busy") == "EmergencyCall", dialled
        _now(bench, **HUNG_UP)
        assert _refused(bench) == "busy: emergency call-back for 3600 s"
    bench.clock.set_time(NOON, 0)
    bench.poll(250)
    assert bench.value(EMERGENCY + "Busy") == "CallBack"
    until = bench.value(EMERGENCY + "CallBackUntil")
    assert until == "2026-11-22T13:00:00.000Z"
    assert _refused(bench) == "busy: emergency call-back until " + until
    bench.poll(3_598_000)
    assert _refused(bench)
    bench.poll(2500)
    assert bench.value(EMERGENCY + "Busy") == ""
    assert _refused(bench) == ""


def test_other_calls_leave_no_call_back_time():
    for dialled in ("1121", "0112", "38344112000", "12"):
        bench = _bench()
        _now(bench, dialled=dialled, **CALL)
        _now(bench, **HUNG_UP)
        assert _refused(bench) == "", dialled


def test_a_number_the_controller_added_is_an_emergency_number():
    bench = _bench()
    numbers = {"Numbers": "112,038-200-80800"}
    bench.operate("Device.X_IPKO-COM_Service.SetEmergencyNumbers()", numbers)
    _now(bench, dialled="03820080800", **CALL)
    assert bench.value(EMERGENCY + "Busy") == "EmergencyCall"
    _now(bench, **HUNG_UP)
    bench.poll(3_601_000)
    _now(bench, dialled="192", **CALL)
    assert bench.value(EMERGENCY + "Busy") == "Call"


def test_what_leaves_the_line_alone_need_not_wait():
    bench = _bench(off_hook=True)
    state = "Device.X_IPKO-COM_Service.SetState()"
    apply = "Device.LocalAgent.X_IPKO-COM_Apply()"
    setting = "Device.Services.X_IPKO-COM_EmergencyCalls."
    time = {"Method": "Set", "Path": setting, "Parameters": '{"CallBackTime":"5"}'}
    broker = {"Method": "Set", "Path": "Device.MQTT.Client.1.", "Parameters": "{}"}
    assert _refused(bench, apply, time) == ""
    assert bench.value(setting + "CallBackTime") == "5"
    assert _refused(bench, state, {"State": "active"}) == ""
    assert _refused(bench, "Device.LocalAgent.X_IPKO-COM_Overtake()") == ""
    prepare = {"Swap": "swap-1", "SettingsKey": b2a_base64(COMMAND_POINT).decode()}
    assert _refused(bench, "Device.X_IPKO-COM_Replacement.Prepare()", prepare) == ""
    assert _refused(bench, state, {"State": "restricted"})
    assert _refused(bench, apply, broker)


def test_the_call_back_time_is_set_only_by_an_authorised_command():
    bench = Bench(authorise=Gate())
    setting = "Device.Services.X_IPKO-COM_EmergencyCalls."
    assert isinstance(bench.set(setting, {"CallBackTime": "5"}), Failed)


def test_the_call_back_time_outlives_a_restart():
    bench = _bench()
    bench.clock.set_time(NOON, 0)
    _now(bench, dialled="112", **CALL)
    _now(bench, **HUNG_UP)
    end = bench.model.guard.until_ms
    bench.poll_for(1_260_000, 20_000)
    after = _bench(bench.restart())
    assert _refused(after) == "busy: emergency call-back for 2399 s", "as kept 10 minutes ago"
    after.clock.set_time(NOON + 3_000_000, 1000)
    after.poll(250)
    until = after.model.guard.window_ms + after.model.offset_ms
    assert end <= until <= end + 1100, "the true end, and never early"
    after.poll(700_000)
    assert _refused(after) == ""


def test_a_forged_time_server_does_not_end_the_call_back_time():
    bench = _bench()
    bench.clock.set_time(NOON, 0)
    _now(bench, dialled="112", **CALL)
    _now(bench, **HUNG_UP)
    after = _bench(bench.restart())
    after.clock.set_time(NOON + 86_400_000, 5, None, SNTP)
    after.poll(250)
    assert _refused(after).startswith("busy: emergency call-back")
    after.clock.set_time(NOON + 4_000_000, 1000)
    after.poll(250)
    assert _refused(after) == "", "the controller's time ends it"


def test_a_restart_during_an_emergency_call_leaves_the_whole_time():
    bench = _bench()
    _now(bench, dialled="112", **CALL)
    bench.poll(60_000)
    after = _bench(bench.restart())
    assert _refused(after).startswith("busy: emergency call-back for ")
    assert 3_598_000 <= after.model.guard.window_ms <= 3_601_000


def test_what_was_kept_and_cannot_be_read_counts_as_the_longest():
    bench = _bench()
    _now(bench, dialled="112", **CALL)
    _now(bench, **HUNG_UP)
    name = "call_back.blob"
    bench.storage.files[name] = bench.storage.files[name][:-1] + b"?"
    after = _bench(bench.restart())
    assert _refused(after).startswith("busy: emergency call-back for 3599 s")


# --- tests of the line


def test_a_line_test_runs_in_the_background_and_its_result_is_kept():
    bench = _bench()
    bench.subscribe("OperationComplete", VOICE + "POTS.FXS.1.")
    bench.board.line_result = "Failure"
    bench.clock.set_time(NOON, 0)
    result = bench.operate(TESTS, {"TestSelector": "Foreign Voltage"}, "t-1")[0]
    assert result.text(2) == "Device.LocalAgent.Request.1."
    bench.poll_for(500)
    assert bench.value(VOICE + "POTS.FXS.1.Status") == "Testing"
    done = [notify.one(7) for _, _, notify in bench.poll_for(2000) if notify.has(7)]
    assert done[0].one(4).map(1) == {"Status": "Complete", "TestResult": "Failure"}
    after = _bench(bench.restart())
    kept = VOICE + "POTS.FXS.1.X_IPKO-COM_Test."
    row = after.get(kept)[kept][kept + "1."]
    assert (row["TestSelector"], row["TestResult"]) == ("Foreign Voltage", "Failure")
    assert row["Time"].startswith("2026-11-22T12:00:0")


def test_a_line_test_that_cannot_run_says_so_and_leaves_no_request():
    bench = _bench()
    for selector, code in (("REN", 7022), ("Colour", 7012)):
        result = bench.operate(TESTS, {"TestSelector": selector})[0]
        assert result.one(4).number(1) == code
    assert bench.value("Device.LocalAgent.RequestNumberOfEntries") == "0"


def test_a_line_test_that_is_cancelled_gives_the_line_back():
    bench = _bench()
    bench.board.line_result = "Success"
    bench.operate(TESTS, {"TestSelector": "REN"})
    bench.poll_for(500)
    assert bench.board.known["voice"]["fxs"] == "Testing"
    bench.operate("Device.LocalAgent.Request.1.Cancel()")
    assert bench.board.known["voice"]["fxs"] == "Up"


def test_the_loss_is_kept_where_the_journal_is_full_of_other_events():
    bench = _bench()
    for size in (900, 9):
        while bench.journal.append(b"x" * size):
            pass
    _now(bench, registration="Error_Network")
    record = [record for _, record in bench.journal.pending()][-1]
    assert b"EmergencyReachability!" in record


def test_a_line_test_that_had_to_wait_does_not_cut_a_call():
    bench = _bench()
    bench.subscribe("OperationComplete", VOICE + "POTS.FXS.1.")
    bench.board.line_result = "Success"
    bench.operate("Device.SelfTestDiagnostics()")
    bench.operate(TESTS, {"TestSelector": "REN"})
    _now(bench, dialled="5551234", **CALL)
    done = [notify.one(7) for _, _, notify in bench.poll_for(5000) if notify.has(7)]
    assert bench.board.known["voice"]["fxs"] == "Up"
    assert done[0].one(5).text(2) == "busy: call"


def test_a_call_ends_a_line_test():
    bench = _bench()
    bench.board.line_result = "Success"
    bench.operate(TESTS, {"TestSelector": "REN"})
    bench.poll_for(500)
    assert bench.board.known["voice"]["fxs"] == "Testing"
    _now(bench, 250, dialled="112", **CALL)
    assert bench.value("Device.LocalAgent.RequestNumberOfEntries") == "0"


def test_a_clock_that_jumps_does_not_shorten_the_call_back_time():
    bench = _bench()
    bench.clock.set_time(NOON, 1000)
    _now(bench, dialled="112", **CALL)
    _now(bench, **HUNG_UP)
    bench.poll(1000)
    assert bench.clock.set_time(NOON + 7_200_000, 0)
    bench.poll_for(1_300_000, 20_000)
    assert _refused(bench).startswith("busy: emergency call-back until ")


def test_a_service_code_alone_is_no_emergency_number():
    bench = _bench()
    part("service").save_list(bench.store, {"ver": 1, "numbers": ["*100#"], "hosts": []})
    _now(bench, dialled="*21#", **CALL)
    assert bench.value(EMERGENCY + "Busy") == "Call"
