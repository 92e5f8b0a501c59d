from agent.core.events import event_record
from agent.tests.usp_bench import Bench
from agent.wire.codes import POWER

CONTROLLER_1 = "Device.LocalAgent.Controller.1."


def subscribed(bench, **more):
    values = {"NotifRetry": "true", "Persistent": "true"}
    values.update(more)
    bench.subscribe("Event", "Device.Boot!,Device.X_IPKO-COM_Power.", **values)
    return bench


def dip(bench, magnitude="9000"):
    args = {"Magnitude": magnitude, "Duration": "20"}
    return bench.endpoint.event(POWER, "Dip!", args, bench.now_ms, True)


def sent(bench, duration_ms=3000):
    """{msg_id: event arguments} of a stretch of time."""
    return {msg_id: notify.one(3).map(3) for _, msg_id, notify in bench.poll_for(duration_ms)}


def test_an_event_goes_out_under_its_journal_key():
    bench = subscribed(Bench())
    assert dip(bench) == 1
    found = sent(bench)
    msg_id = "j-" + bench.journal.epoch + "-1"
    assert list(found) == [msg_id]
    assert found[msg_id]["Magnitude"] == "9000" and found[msg_id]["BootCount"] == "1"


def test_it_leaves_the_journal_only_when_answered():
    bench = subscribed(Bench())
    dip(bench)
    msg_id = next(iter(sent(bench)))
    assert bench.journal.pending_count == 1
    bench.answer_notify("j-" + bench.journal.epoch + "-2")
    bench.answer_notify("j-00000000-1")
    bench.answer_notify(msg_id + "-1")
    assert bench.journal.pending_count == 1
    bench.answer_notify(msg_id)
    assert bench.journal.pending_count == 0
    assert sent(bench, 60000) == {}


def test_only_the_primary_controllers_answer_counts():
    bench = subscribed(Bench())
    bench.added("Device.LocalAgent.Controller.", {"EndpointID": "fqdn::two", "Enable": "true"})
    dip(bench)
    bench.answer_notify(next(iter(sent(bench))), sender="fqdn::two")
    assert bench.journal.pending_count == 1


def test_it_is_repeated_by_the_retry_rule():
    bench = subscribed(Bench())
    dip(bench)
    times = [now for now, _, _ in bench.poll_for(40000, 100)]
    assert 5000 <= times[1] - times[0] <= 10100
    assert 10000 <= times[2] - times[1] <= 20100


def test_it_survives_a_restart_and_keeps_its_key():
    bench = subscribed(Bench())
    dip(bench)
    again = bench.restart()
    found = sent(again)
    assert list(found) == ["j-" + bench.journal.epoch + "-1"]
    args = next(iter(found.values()))
    assert (args["BootCount"], args["UpTime"]) == ("1", "1000")


def test_it_waits_for_a_subscription():
    bench = Bench()
    dip(bench)
    assert sent(bench) == {}
    subscribed(bench)
    assert len(sent(bench)) == 1


def test_every_event_arrives_in_order_however_many_wait():
    bench = subscribed(Bench())
    for number in range(40):
        dip(bench, str(number))
    order = []
    for _ in range(20):
        for _, msg_id, notify in bench.poll_for(500):
            order.append(int(notify.one(3).map(3)["Magnitude"]))
            bench.answer_notify(msg_id)
    assert order == list(range(40))
    assert bench.journal.pending_count == 0


def test_unanswered_events_are_few_at_a_time():
    bench = subscribed(Bench())
    for _ in range(40):
        dip(bench)
    assert len(sent(bench, 4000)) == 8


def test_it_is_held_back_for_the_time_and_leaves_dated():
    bench = subscribed(Bench())
    dip(bench)
    assert sent(bench, 1000) == {}
    bench.operate("Device.Time.X_IPKO-COM_SetTime()", {"Time": "2026-11-22T12:00:00Z"})
    args = next(iter(sent(bench, 250).values()))
    assert args["Time"] == "2026-11-22T11:59:59.500Z"  # one second before, the answer 1 s under way
    assert args["TimeError"] == "500"


def test_without_a_time_it_leaves_after_two_seconds():
    bench = subscribed(Bench())
    dip(bench)
    assert sent(bench, 1750) == {}
    assert next(iter(sent(bench, 500).values()))["Time"] == "0001-01-01T00:00:00Z"


def test_an_event_of_an_earlier_boot_is_dated_by_that_boots_clock():
    bench = subscribed(Bench())
    bench.operate("Device.Time.X_IPKO-COM_SetTime()", {"Time": "2026-11-22T12:00:00Z"})
    bench.endpoint.disconnected()
    bench.now_ms += 5000
    dip(bench)
    args = next(iter(sent(bench.restart()).values()))
    assert args["Time"].startswith("2026-11-22T12:00:05")


def test_further_subscriptions_get_a_key_of_their_own():
    bench = subscribed(Bench())
    bench.subscribe("Event", "Device.X_IPKO-COM_Power.Dip!")
    dip(bench)
    stem = "j-" + bench.journal.epoch + "-1"
    assert sorted(sent(bench)) == [stem, stem + "-2"]


def test_without_retry_it_is_sent_once_and_stays_in_the_journal():
    bench = subscribed(Bench(), NotifRetry="false")
    dip(bench)
    found = bench.poll_for(30000)
    assert [notify.number(2) for _, _, notify in found] == [0]
    assert bench.journal.pending_count == 1


def test_boot_tells_the_parameters_a_controller_asked_for():
    bench = subscribed(Bench())
    for name in ("Device.DeviceInfo.SerialNumber", "Device.LocalAgent.Controller.*.EndpointID"):
        bench.added(CONTROLLER_1 + "BootParameter.", {"Enable": "true", "ParameterName": name})
    bench.endpoint.event("Device.", "Boot!", bench.model.boot_arguments(), bench.now_ms, True)
    args = next(iter(sent(bench).values()))
    assert (args["Cause"], args["Reason"]) == ("LocalReboot", "power on reset")
    assert '"Device.DeviceInfo.SerialNumber": "00000002"' in args["ParameterMap"]
    assert '"Device.LocalAgent.Controller.1.EndpointID"' in args["ParameterMap"]


def test_a_gasp_is_made_before_its_event():
    bench = Bench()
    record = event_record(POWER, "PowerLoss!", {"Source": "Mains"}, 1, "0000012345")
    assert bench.endpoint.notification(1, record) is None
    subscribed(bench)
    outgoing = bench.endpoint.notification(1, record)
    payload = outgoing.payload()
    assert len(payload) == outgoing.size
    assert b"j-" + bench.journal.epoch.encode() + b"-1" in payload
    assert b"12345" in payload and b"PowerLoss!" in payload
