from agent.errors import AuthorisationError
from agent.tests.usp_bench import Bench, Failed

CONTROLLER = "Device.LocalAgent.Controller.1."


class Gate:
    """Stands for the authority: lets the one token through, and remembers what it was asked."""

    def __init__(self):
        self.asked = []

    def __call__(self, token, command, command_key, args):
        self.asked.append((token, command, command_key, dict(args)))
        if token != "good":
            raise AuthorisationError(7006, "no")


def failure(result):
    return result.one(4).number(1) if result.has(4) else 0


def test_a_command_that_answers_at_once_gives_its_outputs():  # TP-469 1.61
    bench = Bench()
    result = bench.operate("Device.Reboot()", {"Reason": "test"}, "key-1")[0]
    assert result.text(1) == "Device.Reboot()" and result.one(3).map(1) == {}
    assert bench.actions.done == []
    bench.poll_for(1500)
    assert bench.actions.done == [("reboot", "RemoteReboot", "test", "key-1")]


def test_without_send_resp_nothing_is_answered():  # TP-469 1.62, R-MSG.0
    bench = Bench()
    assert bench.operate("Device.Reboot()", send_resp=False) is None
    assert bench.operate("Device.Nothing()", send_resp=False) is None
    bench.poll_for(1500)
    assert len(bench.actions.done) == 1


def test_the_next_boot_knows_the_command_that_caused_it():
    bench = Bench()
    bench.operate("Device.Reboot()", {"Cause": "LocalReboot", "Reason": "lamp"}, "key-2")
    args = bench.restart(cause=5).model.boot_arguments()
    assert args == {
        "CommandKey": "key-2",
        "Cause": "LocalReboot",
        "Reason": "lamp",
        "FirmwareUpdated": "false",
    }


def test_a_power_cut_between_command_and_reboot_is_a_power_cut():
    bench = Bench()
    bench.operate("Device.Reboot()", {}, "key-3")
    args = bench.restart(cause=1).model.boot_arguments()
    assert (args["CommandKey"], args["Reason"]) == ("", "power on reset")


def test_a_background_command_has_a_request_and_completes():  # TP-469 1.64, 1.65
    for send_resp in (True, False):
        bench = Bench()
        bench.subscribe("OperationComplete", "Device.SelfTestDiagnostics()")
        results = bench.operate("Device.SelfTestDiagnostics()", {}, "test64", send_resp)
        if send_resp:
            assert results[0].text(2) == "Device.LocalAgent.Request.1."
            assert bench.value("Device.LocalAgent.Request.1.CommandKey") == "test64"
        else:
            assert results is None
        done = bench.poll_for(3000)
        assert len(done) == 1
        complete = done[0][2].one(7)
        assert (complete.text(1), complete.text(2)) == ("Device.", "SelfTestDiagnostics()")
        assert complete.text(3) == "test64"
        assert complete.one(4).map(1)["Status"] == "Complete"
        assert bench.value("Device.LocalAgent.RequestNumberOfEntries") == "0"


def test_a_request_is_cancelled():
    bench = Bench()
    bench.subscribe("OperationComplete", "Device.")
    request = bench.operate("Device.SelfTestDiagnostics()")[0].text(2)
    bench.operate(request + "Cancel()")
    done = bench.poll_for(1000)
    assert [notify.one(7).one(5).number(1) for _, _, notify in done] == [7023]


def test_too_many_background_commands_are_refused():
    bench = Bench()
    results = [bench.operate("Device.SelfTestDiagnostics()")[0] for _ in range(5)]
    assert [failure(result) for result in results] == [0, 0, 0, 0, 7005]


def test_a_command_may_be_searched_for():
    bench = Bench()
    results = bench.operate("Device.LocalAgent.Controller.*.SendOnBoardRequest()")
    assert [result.text(1) for result in results] == [CONTROLLER + "SendOnBoardRequest()"]
    assert bench.operate("Device.LocalAgent.Controller.[Enable==false].SendOnBoardRequest()") == []


def test_what_is_no_command_is_an_error():
    bench = Bench()
    for path, code in (
        ("Device.Nothing()", 7026),
        ("Device.Boot!", 7026),
        ("Device.DeviceInfo.UpTime", 7026),
        ("Device.LocalAgent.Controller.9.SendOnBoardRequest()", 7016),
        ("Nothing", 7008),
    ):
        answer = bench.operate(path)
        assert isinstance(answer, Failed) and answer.code == code, path


def test_a_missing_mandatory_argument_fails_the_command():  # TP-469 1.100, R-OPR.5
    assert failure(Bench().operate("Device.Time.X_IPKO-COM_SetTime()")[0]) == 7027


def test_unknown_arguments_are_ignored():  # TP-469 1.91, R-OPR.6
    bench = Bench()
    assert failure(bench.operate("Device.Reboot()", {"Colour": "red"})[0]) == 0


def test_a_wrong_argument_fails_the_command_not_the_message():  # R-OPR.1
    bench = Bench()
    assert failure(bench.operate("Device.Reboot()", {"Cause": "Mood"})[0]) == 7012
    assert failure(bench.operate("Device.Time.X_IPKO-COM_SetTime()", {"Time": "noon"})[0]) == 7012


# --- authorisation


def test_what_can_harm_runs_only_with_an_authorisation():
    gate = Gate()
    bench = Bench(authorise=gate)
    for command in ("Device.Reboot()", "Device.FactoryReset()"):
        assert failure(bench.operate(command)[0]) == 7006
        token = {"X_IPKO-COM_Authorization": "forged"}
        assert failure(bench.operate(command, token)[0]) == 7006
    bench.poll_for(2000)
    assert bench.actions.done == []
    args = {"X_IPKO-COM_Authorization": "good", "Reason": "r"}
    assert failure(bench.operate("Device.Reboot()", args, "k")[0]) == 0
    assert gate.asked[-1] == ("good", "Device.Reboot()", "k", {"Reason": "r"})
    bench.poll_for(2000)
    assert len(bench.actions.done) == 1


def test_what_cannot_harm_needs_none():
    gate = Gate()
    bench = Bench(authorise=gate)
    assert failure(bench.operate("Device.SelfTestDiagnostics()")[0]) == 0
    assert failure(bench.operate(CONTROLLER + "SendOnBoardRequest()")[0]) == 0
    assert gate.asked == []


def test_a_missing_argument_does_not_use_up_the_authorisation():
    gate = Gate()
    bench = Bench(authorise=gate)
    args = {"X_IPKO-COM_Authorization": "good"}
    assert failure(bench.operate("Device.LocalAgent.X_IPKO-COM_Apply()", args)[0]) == 7027
    assert gate.asked == []


def test_plain_messages_cannot_write_what_can_harm():
    bench = Bench(authorise=Gate())
    for path, values in (
        ("Device.MQTT.Client.1.", {"BrokerAddress": "evil"}),
        (CONTROLLER, {"ProvisioningCode": "x"}),
        ("Device.LocalAgent.Controller.*.", {"Enable": "false"}),
        ("Device.LocalAgent.MTP.1.MQTT.", {"ResponseTopicConfigured": "x"}),
    ):
        assert bench.set(path, values).param_errs[0][1] == 7006, path
    assert bench.add("Device.LocalAgent.Controller.", {"EndpointID": "e"}).param_errs[0][1] == 7006
    assert bench.add(CONTROLLER + "BootParameter.", {}).param_errs[0][1] == 7006
    assert bench.delete(CONTROLLER).param_errs == [(CONTROLLER, 7006)]


def test_the_primary_controller_sets_its_own_periods_and_retries():
    bench = Bench(authorise=Gate())
    values = {"PeriodicNotifInterval": "60", "USPNotifRetryMinimumWaitInterval": "7"}
    assert bench.set(CONTROLLER, values).has(1)
    assert bench.set("Device.DeviceInfo.", {"FriendlyName": "box"}).has(1)


def test_the_controller_sets_how_its_devices_come_back_without_losing_them():
    bench = Bench(authorise=Gate())
    client = "Device.MQTT.Client.1."
    retry = {"ConnectRetryIntervalMultiplier": "17000", "X_IPKO-COM_ConnectSpread": "8"}
    assert bench.set(client, retry).has(1)
    bench.poll_for(2000)
    assert bench.actions.done == []
    again = bench.restart()
    assert again.value(client + "ConnectRetryIntervalMultiplier") == "17000"
    assert again.value(client + "X_IPKO-COM_ConnectSpread") == "8"
    for values in ({"KeepAliveTime": "9"}, {"BrokerPort": "9", "ConnectRetryTime": "7"}):
        assert bench.set(client, values).param_errs[0][1] == 7006
    assert bench.set("Device.MQTT.Client.*.", retry).has(1)


def apply(bench, method, path, parameters="", authorisation="good"):
    args = {"Method": method, "Path": path, "X_IPKO-COM_Authorization": authorisation}
    if parameters:
        args["Parameters"] = parameters
    return bench.operate("Device.LocalAgent.X_IPKO-COM_Apply()", args)[0]


def test_an_authorised_command_writes_what_plain_messages_may_not():
    bench = Bench(authorise=Gate())
    result = apply(
        bench, "Add", "Device.LocalAgent.Controller.", '{"EndpointID": "fqdn::b", "Enable": "true"}'
    )
    assert result.one(3).map(1) == {"Path": "Device.LocalAgent.Controller.2."}
    assert failure(apply(bench, "Set", CONTROLLER, '{"ProvisioningCode": "p"}')) == 0
    assert bench.value(CONTROLLER + "ProvisioningCode") == "p"
    assert failure(apply(bench, "Delete", "Device.LocalAgent.Controller.2.")) == 0
    assert bench.value("Device.LocalAgent.ControllerNumberOfEntries") == "1"


def test_a_new_broker_address_is_handed_on_after_the_answer():
    bench = Bench(authorise=Gate())
    apply(bench, "Set", "Device.MQTT.Client.1.", '{"BrokerAddress": "b2", "BrokerPort": "9"}')
    bench.poll_for(2000)
    assert bench.actions.done == [("configure", {"broker_host": "b2", "broker_port": "9"})]


def test_an_empty_broker_address_is_refused_and_the_old_one_stays():
    bench = Bench(authorise=Gate())
    assert failure(apply(bench, "Set", "Device.MQTT.Client.1.", '{"BrokerAddress": ""}')) == 7012
    long = '{"BrokerAddress": "%s"}' % ("b" * 129)
    assert failure(apply(bench, "Set", "Device.MQTT.Client.1.", long)) == 7012
    bench.poll_for(2000)
    assert bench.actions.done == []
    assert bench.value("Device.MQTT.Client.1.BrokerAddress") == "broker"


def test_an_apply_that_fails_says_why():
    bench = Bench(authorise=Gate())
    assert failure(apply(bench, "Set", CONTROLLER, '{"Nothing": "x"}')) == 7010
    assert failure(apply(bench, "Set", "Device.Nothing.", "{}")) == 7026
    assert failure(apply(bench, "Paint", CONTROLLER)) == 7027
    for parameters in ("{", "[1]", '{"Enable": 1}'):
        assert failure(apply(bench, "Set", CONTROLLER, parameters)) == 7027
    assert failure(apply(bench, "Set", CONTROLLER, '{"ProvisioningCode": "p"}', "forged")) == 7006
    assert bench.value(CONTROLLER + "ProvisioningCode") == ""
