from agent.tests.usp_bench import CONTROLLER, Bench
from agent.wire import usp
from agent.wire.protobuf import encode

CONTROLLER_1 = "Device.LocalAgent.Controller.1."
CODE = CONTROLLER_1 + "ProvisioningCode"


def change(bench, value):
    bench.set(CONTROLLER_1, {"ProvisioningCode": value})


def test_a_changed_value_is_notified_once_also_when_the_controller_changed_it():  # TP-469 1.52
    bench = Bench()
    bench.subscribe("ValueChange", CODE, ID="Notify52")
    assert bench.poll_for(3000) == []
    change(bench, "TestValue52")
    sent = bench.poll_for(10000)
    assert len(sent) == 1
    _, msg_id, notify = sent[0]
    assert msg_id.startswith("n-")
    assert (notify.text(1), notify.number(2)) == ("Notify52", 0)
    assert (notify.one(4).text(1), notify.one(4).text(2)) == (CODE, "TestValue52")


def test_a_value_that_changes_before_the_first_look_is_notified():
    bench = Bench()
    bench.subscribe("ValueChange", CODE)
    change(bench, "at once")
    assert [notify.one(4).text(2) for _, _, notify in bench.poll_for(3000)] == ["at once"]


def test_a_notification_goes_to_the_controllers_topic_with_our_reply_topic():
    bench = Bench()
    bench.subscribe("ValueChange", CODE)
    bench.poll_for(1500)
    change(bench, "x")
    bench.now_ms += 1500
    outgoing = next(out for out in bench.endpoint.poll(bench.now_ms) if out)
    assert outgoing.topic == "usp/c/" + CONTROLLER + "/" + bench.endpoint_id
    assert outgoing.response_topic == "usp/a/" + bench.endpoint_id


def test_an_object_covers_everything_below_it():
    bench = Bench()
    bench.subscribe("ValueChange", "Device.LocalAgent.")
    bench.poll_for(2000)
    change(bench, "x")
    changed = [notify.one(4).text(1) for _, _, notify in bench.poll_for(5000)]
    assert changed == [CODE]


def test_search_paths_and_wildcards_subscribe():  # TP-469 1.84
    bench = Bench()
    row = bench.added(
        CONTROLLER_1 + "BootParameter.", {"ParameterName": "Device.LocalAgent.UpTime"}
    )
    bench.subscribe("ValueChange", "Device.LocalAgent.Controller.*.BootParameter.[Enable==false].")
    bench.subscribe("ValueChange", "Device.LocalAgent.Controller.*.BootParameter.*.Enable")
    bench.poll_for(2000)
    bench.set(row, {"Enable": "true"})
    assert [n.one(4).text(1) for _, _, n in bench.poll_for(5000)] == [row + "Enable"]


def test_a_deleted_or_disabled_subscription_is_silent():  # TP-469 1.53
    bench = Bench()
    first = bench.subscribe("ValueChange", CODE, NotifRetry="true")
    second = bench.subscribe("ValueChange", CODE)
    bench.poll_for(1500)
    bench.delete(first)
    bench.set(second, {"Enable": "false"})
    change(bench, "x")
    assert bench.poll_for(5000) == []


def test_counters_are_not_notified():
    bench = Bench()
    bench.subscribe("ValueChange", "Device.DeviceInfo.")
    assert bench.poll_for(10000) == []


def test_a_notification_is_repeated_until_it_is_answered():  # TP-469 1.54, R-NOT.1
    bench = Bench()
    bench.subscribe("ValueChange", CODE, NotifRetry="true")
    bench.poll_for(1500)
    change(bench, "x")
    sent = bench.poll_for(120000, 100)
    times = [now for now, _, _ in sent]
    low = 5000
    for retry in range(1, len(times)):
        assert low <= times[retry] - times[retry - 1] <= 2 * low + 100, times
        low *= 2
    assert len(times) >= 4
    assert len(set([msg_id for _, msg_id, _ in sent])) == 1
    assert [notify.number(2) for _, _, notify in sent] == [1] * len(sent)
    bench.answer_notify(sent[0][1])
    assert bench.poll_for(200000, 1000) == []


def test_the_retry_rule_follows_the_controllers_parameters_and_stays_after_the_tenth():  # R-NOT.2
    bench = Bench()
    values = {
        "USPNotifRetryMinimumWaitInterval": "1",
        "USPNotifRetryIntervalMultiplier": "1500",
    }
    bench.set(CONTROLLER_1, values)
    controllers = bench.endpoint._controllers
    row = controllers.by_number(1)
    least = [controllers.retry_wait_ms(row, retry, lambda size: bytes(size)) for retry in (1, 2, 3)]
    assert least == [1000, 1500, 2250]
    most = [
        controllers.retry_wait_ms(row, retry, lambda size: b"\xff\xff") for retry in (1, 2, 10, 50)
    ]
    assert most[:2] == [1500, 2250] and most[2] == most[3]


def test_only_the_controller_that_was_told_can_answer():
    bench = Bench()
    bench.added("Device.LocalAgent.Controller.", {"EndpointID": "fqdn::two", "Enable": "true"})
    bench.subscribe("ValueChange", CODE, NotifRetry="true")
    bench.poll_for(1500)
    change(bench, "x")
    msg_id = bench.poll_for(2000)[0][1]
    bench.answer_notify(msg_id, sender="fqdn::two")
    assert len(bench.poll_for(11000)) == 1


def test_retries_end_with_notif_expiration():  # TP-469 1.56
    bench = Bench()
    bench.subscribe("ValueChange", CODE, NotifRetry="true", NotifExpiration="20")
    bench.poll_for(1500)
    change(bench, "x")
    times = [now for now, _, _ in bench.poll_for(120000)]
    assert len(times) >= 2 and times[-1] - times[0] <= 20000


def test_a_subscription_ends_with_its_time_to_live():  # TP-469 1.55
    bench = Bench()
    bench.subscribe("ValueChange", CODE, TimeToLive="20")
    bench.poll_for(5000)
    change(bench, "x")
    assert len(bench.poll_for(5000)) == 1
    bench.poll_for(15000)
    assert bench.instances("Device.LocalAgent.Subscription.") == {}
    change(bench, "y")
    assert bench.poll_for(5000) == []


def test_object_creation_tells_the_keys():  # TP-469 1.57
    bench = Bench()
    bench.subscribe("ObjectCreation", "Device.LocalAgent.Subscription.", ID="Notify57")
    bench.added("Device.LocalAgent.Subscription.", {"ID": "Notify57-2"})
    sent = bench.poll_for(1000)
    created = [n.one(5) for _, _, n in sent if n.one(5).map(2)["ID"] == "Notify57-2"]
    assert len(created) == 1
    assert created[0].text(1) == "Device.LocalAgent.Subscription.2."
    assert created[0].map(2)["Recipient"] == "Device.LocalAgent.Controller.1"


def test_object_deletion_tells_the_path():  # TP-469 1.58
    bench = Bench()
    bench.subscribe("ObjectDeletion", "Device.LocalAgent.Subscription.")
    row = bench.added("Device.LocalAgent.Subscription.", {"ID": "notify58"})
    bench.delete(row)
    assert [n.one(6).text(1) for _, _, n in bench.poll_for(1000)] == [row]


def test_periodic_comes_in_its_interval():  # TP-469 1.59
    bench = Bench()
    bench.set(CONTROLLER_1, {"PeriodicNotifInterval": "60"})
    bench.subscribe("Event", "Device.LocalAgent.Periodic!")
    sent = bench.poll_for(185000)
    times = [now for now, _, _ in sent]
    assert len(times) == 3
    assert 59000 <= times[1] - times[0] <= 61500
    assert (sent[0][2].one(3).text(1), sent[0][2].one(3).text(2)) == (
        "Device.LocalAgent.",
        "Periodic!",
    )


def test_periodic_is_in_phase_once_the_time_is_known():
    bench = Bench()
    values = {"PeriodicNotifInterval": "60", "PeriodicNotifTime": "2026-01-01T00:00:10Z"}
    bench.set(CONTROLLER_1, values)
    bench.subscribe("Event", "Device.LocalAgent.Periodic!")
    bench.operate("Device.Time.X_IPKO-COM_SetTime()", {"Time": "2026-11-22T12:00:00Z"})
    start = bench.now_ms
    times = [now - start for now, _, _ in bench.poll_for(140000)]
    assert len(times) == 3
    for number, time in enumerate(times):
        assert 10000 <= time - 60000 * number <= 12000


def test_on_board_request_is_sent_and_repeated_until_answered():  # TP-469 1.60, R-NOT.5, R-NOT.6
    bench = Bench()
    bench.operate(CONTROLLER_1 + "SendOnBoardRequest()")
    msg_id, notify = bench.poll(250)[0]
    assert (notify.text(1), notify.number(2)) == ("", 1)
    request = notify.one(8)
    assert [request.text(number) for number in (1, 2, 3, 4)] == [
        "00256D",
        "VOICEMODEM",
        "00000002",
        "1.3,1.4",
    ]
    assert [again for _, again, _ in bench.poll_for(10500)] == [msg_id]
    bench.answer_notify(msg_id)
    assert bench.poll_for(60000) == []


def test_what_waits_while_offline_goes_out_on_the_next_connection():
    bench = Bench()
    bench.subscribe("ValueChange", CODE, NotifRetry="true")
    bench.poll_for(1500)
    bench.endpoint.disconnected()
    change(bench, "x")
    assert bench.poll_for(20000) == []
    bench.endpoint.connected(bench.now_ms)
    assert len(bench.poll(2000)) == 1


def test_the_queue_is_bounded():
    bench = Bench()
    bench.endpoint.disconnected()
    bench.subscribe("Event", "Device.LocalAgent.")
    for number in range(100):
        bench.endpoint.event("Device.LocalAgent.", "Periodic!", {"n": str(number)}, bench.now_ms)
    bench.endpoint.connected(bench.now_ms)
    sent = bench.poll(2000)
    assert len(sent) == 24
    assert sent[-1][1].one(3).map(3) == {"n": "99"}


def test_message_ids_never_repeat_over_boots():
    seen = []
    bench = Bench()
    for _ in range(3):
        bench.subscribe("ValueChange", CODE)
        bench.poll_for(1500)
        for value in ("a", "b"):
            change(bench, value)
            seen.extend([msg_id for _, msg_id, _ in bench.poll_for(2500)])
        bench = bench.restart()
    assert len(seen) == 6 == len(set(seen))


def test_a_second_controllers_subscription_is_its_own():
    bench = Bench()
    bench.added("Device.LocalAgent.Controller.", {"EndpointID": "fqdn::two", "Enable": "true"})
    settings = {"Enable": "true", "ID": "x", "NotifType": "ValueChange", "ReferenceList": CODE}
    pairs = [0x0A, "Device.LocalAgent.Subscription."]
    for name, value in settings.items():
        pairs.extend((0x12, encode(0x0A, name, 0x12, value)))
    bench.ask(usp.ADD, encode(0x12, encode(*pairs)), sender="fqdn::two")
    bench.poll_for(1500)
    change(bench, "x")
    bench.now_ms += 1500
    outgoing = [out for out in bench.endpoint.poll(bench.now_ms) if out]
    assert [one.topic for one in outgoing] == ["usp/c/fqdn::two/" + bench.endpoint_id]
