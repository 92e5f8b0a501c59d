"""Onboarding with both sides played: the machine asks, the test answers."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from agent.wire.codes import POWER
from fleet_server.protocol import usp_pb2 as usp
from fleet_server.services.onboarding import (
    ANSWER_TIMEOUT,
    ANSWER_TRIES,
    ModelKey,
    Onboarding,
    Target,
    model_key,
)
from fleet_server.services.subscriptions import returning, told_values
from fleet_server.services.telemetry import profile_name

OURS = "ops::00256D-STB-00000003"
VENDOR = "os::00256D-987654"
CONTROLLER = "fqdn::fleet.test"
NOON = datetime(2027, 1, 15, 12, 0, tzinfo=UTC)
INFO = {"Manufacturer": "Example", "ModelName": "STB 1", "SoftwareVersion": "0.1.0"}
KEY = ModelKey("Example", "STB 1", "0.1.0")
ROW = "Device.LocalAgent.Controller.1."
LARGEST_REQUEST = 2_500  # a board takes packets of 3,072 bytes, topics and Record included
STATE_PATHS = [
    "Device.X_IPKO-COM_Power.Source",
    "Device.X_IPKO-COM_Power.SupplyVoltage",
    "Device.Time.Status",
    "Device.X_IPKO-COM_Service.State",
    "Device.X_IPKO-COM_Service.AllowListVersion",
    "Device.X_IPKO-COM_Replacement.Healthy",
    "Device.X_IPKO-COM_Replacement.Reason",
    "Device.SmartCardReaders.SmartCardReader.*.SmartCard.Status",
    "Device.SmartCardReaders.SmartCardReader.*.SmartCard.X_IPKO-COM_Entitlement.State",
    "Device.SmartCardReaders.SmartCardReader.*.SmartCard.X_IPKO-COM_Entitlement.OtherCard",
]


def test_what_a_device_says_of_itself_is_cut_to_what_a_database_takes() -> None:
    info = {f"Device.DeviceInfo.{name}": "Exa\0mple" + "x" * 99 for name in INFO}
    assert model_key(info) == ModelKey(*["Example" + "x" * 57] * 3)


def machine(endpoint_id: str, known: frozenset[ModelKey] = frozenset()) -> Onboarding:
    numbers = iter(range(1, 1000))
    return Onboarding(Target(endpoint_id, CONTROLLER, 60), lambda: f"c-{next(numbers)}", known)


def kind(message: usp.Msg) -> str:
    return message.body.request.WhichOneof("req_type") or ""


def answer(request: usp.Msg) -> usp.Msg:
    return usp.Msg(header=usp.Header(msg_id=request.header.msg_id))


def got(request: usp.Msg, path: str, values: dict[str, str]) -> usp.Msg:
    message = answer(request)
    result = message.body.response.get_resp.req_path_results.add(requested_path=path)
    result.resolved_path_results.add(resolved_path=path, result_params=values)
    return message


def protocols(request: usp.Msg) -> usp.Msg:
    message = answer(request)
    message.body.response.get_supported_protocol_resp.agent_supported_protocol_versions = "1.3"
    return message


def supported(request: usp.Msg) -> usp.Msg:
    message = answer(request)
    message.body.response.get_supported_dm_resp.req_obj_results.add(req_obj_path="Device.")
    return message


def subscriptions(request: usp.Msg, ids: list[str], interval: str = "86400") -> usp.Msg:
    message = got(request, ROW, {"PeriodicNotifInterval": interval})
    for number, name in enumerate(ids, 1):
        result = message.body.response.get_resp.req_path_results.add()
        row = {"ID": name, "Recipient": ROW.rstrip(".")}
        path = f"Device.LocalAgent.Subscription.{number}."
        result.resolved_path_results.add(resolved_path=path, result_params=row)
    return message


def error(request: usp.Msg, code: int) -> usp.Msg:
    message = answer(request)
    message.body.error.err_code = code
    return message


def added(request: usp.Msg) -> usp.Msg:
    message = answer(request)
    for create in request.body.request.add.create_objs:
        result = message.body.response.add_resp.created_obj_results.add()
        result.oper_status.oper_success.instantiated_path = create.obj_path + "1."
    return message


def reach_subscriptions(run: Onboarding) -> usp.Msg:
    (ask,) = run.take(protocols(run.start(NOON)[-1]), NOON)
    (ask,) = run.take(got(ask, "Device.DeviceInfo.", INFO), NOON)
    if kind(ask) == "get_supported_dm":
        (ask,) = run.take(supported(ask), NOON)
    return ask


def test_our_agent_gets_the_time_first_and_a_vendors_does_not() -> None:
    assert [kind(one) for one in machine(OURS).start(NOON)] == ["operate", "get_supported_protocol"]
    assert [kind(one) for one in machine(VENDOR).start(NOON)] == ["get_supported_protocol"]
    time = machine(OURS).start(NOON)[0].body.request.operate
    assert time.send_resp
    assert dict(time.input_args) == {"Time": "2027-01-15T12:00:00.000Z"}


def test_an_agent_without_the_time_command_is_onboarded_all_the_same() -> None:
    run = machine(OURS)
    set_time, first = run.start(NOON)
    assert run.take(error(set_time, 7026), NOON) == []
    assert kind(run.take(protocols(first), NOON)[0]) == "get"
    assert run.problems == []


def test_a_fresh_agent_is_asked_everything_and_given_what_is_missing() -> None:
    run = machine(OURS)
    ask = reach_subscriptions(run)
    created = []
    (add,) = run.take(subscriptions(ask, ["fleet-boot"]), NOON)
    while kind(add) == "add":
        assert add.ByteSize() < LARGEST_REQUEST
        created += [
            {setting.param: setting.value for setting in create.param_settings}
            for create in add.body.request.add.create_objs
        ]
        (add,) = run.take(added(add), NOON)
    change = add
    assert [row["ID"] for row in created] == [
        "fleet-periodic",
        "fleet-power",
        "fleet-drops",
        "health",
        "fleet-tests",
        "fleet-service",
        "fleet-supply",
        "fleet-replacement",
        "fleet-clock",
        "fleet-card",
        "fleet-card-entitlement",
        "fleet-card-events",
        "fleet-operations",
    ]
    assert {row["ID"] for row in created if row["NotifRetry"] == "false"} == {"fleet-periodic"}
    assert {row["Persistent"] for row in created} == {"true"}
    assert change.body.request.set.update_objs[0].obj_path == ROW
    (look,) = run.take(answer(change), NOON)
    assert list(look.body.request.get.param_paths) == STATE_PATHS
    (health,) = run.take(got(look, "Device.Time.", {"Status": "Synchronized"}), NOON)
    profile = {"Name": profile_name("STB", 900)}
    assert run.take(got(health, "Device.BulkData.Profile.1.", profile), NOON) == []
    found = run.findings()
    assert (found.protocol_versions, found.model_key, found.finished) == ("1.3", KEY, True)
    assert found.onboarded
    assert found.state == {"Device.Time.Status": "Synchronized"}
    assert run.problems == []


def test_a_second_look_asks_for_the_live_state_alone() -> None:
    run = machine(OURS)
    (look,) = run.refresh(NOON)
    assert list(look.body.request.get.param_paths) == STATE_PATHS
    assert run.take(got(look, POWER, {"Source": "Mains"}), NOON) == []
    found = run.findings()
    assert found.state == {POWER + "Source": "Mains"}
    assert found.finished
    assert not found.onboarded


def test_a_vendors_agent_has_no_live_state_of_ours() -> None:
    run = machine(VENDOR)
    assert run.refresh(NOON) == []
    assert run.findings().finished


def test_nothing_is_set_that_is_right_already() -> None:
    run = machine(VENDOR)
    ask = reach_subscriptions(run)
    known = ["fleet-boot", "fleet-periodic", "fleet-operations"]
    there = subscriptions(ask, known, interval="60")
    assert run.take(there, NOON) == []
    assert run.findings().finished


def client(multiplier: str, spread: str, retry: str = "5") -> dict[str, str]:
    return {
        "Device.MQTT.Client.1.ConnectRetryTime": retry,
        "Device.MQTT.Client.1.ConnectRetryIntervalMultiplier": multiplier,
        "Device.MQTT.Client.1.X_IPKO-COM_ConnectSpread": spread,
    }


# (what the device has, window in s, what it is set to)
@pytest.mark.parametrize(
    ("has", "window_s", "wanted"),
    [
        (client("2000", "0"), 0, {}),
        (client("2000", "0"), 80, {"Multiplier": "17000", "Spread": "8"}),
        (client("17000", "0"), 80, {"Spread": "8"}),
        (client("17000", "8"), 80, {}),
        (client("17000", "8"), 0, {"Multiplier": "2000", "Spread": "0"}),
        (client("2000", "0", "1"), 300, {"Multiplier": "65535", "Spread": "30"}),
        (client("2000", "0", "100"), 80, {"Spread": "8"}),
        ({}, 80, {}),
        ({"Device.MQTT.Client.1.ConnectRetryTime": "5"}, 80, {}),
    ],
)
def test_a_device_spreads_its_return_over_the_window_of_the_fleet(
    has: dict[str, str], window_s: int, wanted: dict[str, str]
) -> None:
    found = returning(has, window_s)
    set_to = {one.param: one.value for one in found.param_settings} if found else {}
    names = {"Multiplier": "ConnectRetryIntervalMultiplier", "Spread": "X_IPKO-COM_ConnectSpread"}
    assert set_to == {names[name]: value for name, value in wanted.items()}


def test_a_known_model_is_not_fetched_again() -> None:
    run = machine(OURS, frozenset({KEY}))
    (ask,) = run.take(protocols(run.start(NOON)[-1]), NOON)
    (ask,) = run.take(got(ask, "Device.DeviceInfo.", INFO), NOON)
    assert kind(ask) == "get"


def test_another_controllers_subscription_does_not_count_as_ours() -> None:
    run = machine(VENDOR)
    ask = reach_subscriptions(run)
    there = subscriptions(ask, ["fleet-boot"], interval="60")
    row = there.body.response.get_resp.req_path_results[1].resolved_path_results[0]
    row.result_params["Recipient"] = "Device.LocalAgent.Controller.2"
    (add,) = run.take(there, NOON)
    assert add.body.request.add.create_objs[0].param_settings[0].value == "fleet-boot"


def test_an_error_at_every_step_still_reaches_the_end() -> None:
    run = machine(VENDOR)
    ask = run.start(NOON)
    steps = []
    while ask:
        steps.append(kind(ask[0]))
        ask = run.take(error(ask[0], 7003), NOON)
    assert steps == ["get_supported_protocol", "get", "get"]
    assert len(run.problems) == 3
    assert run.findings().finished


def test_a_refused_subscription_is_noted_and_the_rest_goes_on() -> None:
    run = machine(VENDOR)
    (add,) = run.take(subscriptions(reach_subscriptions(run), []), NOON)
    refused = added(add)
    result = refused.body.response.add_resp.created_obj_results[0]
    result.oper_status.oper_failure.err_code = 7012
    assert [kind(one) for one in run.take(refused, NOON)] == ["set"]
    assert run.problems == ["add: 7012 "]


def test_a_lost_answer_is_asked_for_again_under_the_same_msg_id_and_then_given_up() -> None:
    run = machine(VENDOR)
    (first,) = run.start(NOON)
    assert run.poll(NOON + ANSWER_TIMEOUT - timedelta(seconds=1)) == []
    asked = 1
    now = NOON
    while not run.stalled:
        now += ANSWER_TIMEOUT
        again = run.poll(now)
        assert again in ([first], [])
        asked += len(again)
    assert asked == ANSWER_TRIES
    assert run.problems == ["get_supported_protocol: no answer"]
    assert not run.findings().finished


def test_an_answer_that_nobody_waits_for_is_left_alone() -> None:
    run = machine(VENDOR)
    (first,) = run.start(NOON)
    stray = protocols(first)
    stray.header.msg_id = "c-999"
    assert run.take(stray, NOON) == []
    assert run.busy
    run.take(protocols(first), NOON)
    assert run.take(protocols(first), NOON) == []


def test_paths_without_their_trailing_dot_and_absent_defaults_are_understood() -> None:
    run = machine(VENDOR)
    (ask,) = run.take(protocols(run.start(NOON)[0]), NOON)
    (ask,) = run.take(got(ask, "Device.DeviceInfo", INFO), NOON)
    run.take(supported(ask), NOON)
    assert run.findings().model_key == KEY


def test_a_change_of_state_tells_the_state() -> None:
    params = {"State": "restricted", "Reason": "unpaid", "Profile": ""}
    told = {"Device.X_IPKO-COM_Service.State": "restricted"}
    assert told_values("StateChanged!", params) == told
