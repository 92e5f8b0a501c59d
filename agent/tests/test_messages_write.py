from agent.tests.usp_bench import Bench, Failed, Tree, settings_of
from agent.wire import usp
from agent.wire.codes import UNKNOWN_TIME
from agent.wire.protobuf import encode

SUBSCRIPTION = "Device.LocalAgent.Subscription."
CONTROLLER = "Device.LocalAgent.Controller.1."
NOWHERE = "Device.LocalAgent.InvalidObject."


def valid(number, **more):
    values = {
        "Enable": "true",
        "ID": "add%d" % number,
        "NotifType": "ValueChange",
        "ReferenceList": "Device.LocalAgent.SoftwareVersion",
    }
    values.update(more)
    return values


def many(bench, member, partial, items):
    """Set or Add of several (path, values) in one Message."""
    content = encode(0x08, partial)
    for path, values in items:
        content += encode(0x12, settings_of(path, values, True))
    return bench.ask(member, content)


def subscription_ids(bench):
    found = bench.get(SUBSCRIPTION)[SUBSCRIPTION]
    return sorted([values["ID"] for values in found.values()])


def two_subscriptions():
    bench = Bench()
    bench.added(SUBSCRIPTION, valid(1))
    bench.added(SUBSCRIPTION, valid(2))
    return bench


def failure(result):
    """err_code of an oper_failure, 0 for a success."""
    status = result.one(2)
    return status.one(1).number(1) if status.has(1) else 0


def updated(result):
    """[(affected path, parameters)] of an oper_success."""
    return [(item.text(1), item.map(3)) for item in result.one(2).one(2).all(1)]


# --- Add


def test_an_added_row_has_its_values_and_tells_its_keys():  # TP-469 1.1, 1.2
    for partial in (False, True):
        bench = Bench()
        success = bench.add(SUBSCRIPTION, valid(1), partial).one(1).one(2).one(2)
        assert success.text(1) == SUBSCRIPTION + "1." and not success.has(2)
        assert success.map(3) == {
            "Alias": "cpe-1",
            "Recipient": "Device.LocalAgent.Controller.1",
            "ID": "add1",
        }
        found = bench.get(SUBSCRIPTION + "1.")[SUBSCRIPTION + "1."][SUBSCRIPTION + "1."]
        assert [found[name] for name in valid(1)] == list(valid(1).values())


def test_a_required_parameter_that_fails_refuses_the_whole_add():  # TP-469 1.3
    bench = Bench()
    answer = bench.add(SUBSCRIPTION, valid(1, Enable="InvalidValue"))
    assert isinstance(answer, Failed) and answer.code == 7004
    assert answer.param_errs == [(SUBSCRIPTION + "Enable", 7011)]
    assert subscription_ids(bench) == []


def test_an_object_that_is_not_supported_refuses_the_whole_add():  # TP-469 1.4, 1.6
    bench = Bench()
    answer = many(bench, usp.ADD, False, [(SUBSCRIPTION, valid(1)), (NOWHERE, {"A": "b"})])
    assert answer.param_errs == [(NOWHERE, 7026)]
    assert subscription_ids(bench) == []


def test_several_rows_are_added_at_once():  # TP-469 1.5
    bench = Bench()
    answer = many(bench, usp.ADD, False, [(SUBSCRIPTION, valid(1)), (SUBSCRIPTION, valid(2))])
    assert [item.one(2).one(2).text(1) for item in answer.all(1)] == [
        SUBSCRIPTION + "1.",
        SUBSCRIPTION + "2.",
    ]
    assert subscription_ids(bench) == ["add1", "add2"]


def test_one_bad_row_undoes_the_good_one():  # TP-469 1.7
    bench = Bench()
    rows = [(SUBSCRIPTION, valid(71)), (SUBSCRIPTION, valid(72, Enable="x"))]
    answer = many(bench, usp.ADD, False, rows)
    assert answer.param_errs == [(SUBSCRIPTION + "Enable", 7011)]
    assert subscription_ids(bench) == []


def test_with_allow_partial_the_bad_row_fails_alone():  # TP-469 1.8, 1.9
    bench = Bench()
    rows = [(SUBSCRIPTION, valid(91)), (SUBSCRIPTION, valid(92, Enable="x"))]
    answer = many(bench, usp.ADD, True, rows)
    assert [failure(item) for item in answer.all(1)] == [0, 7021]
    assert subscription_ids(bench) == ["add91"]


def test_a_parameter_that_is_not_required_fails_alone():
    bench = Bench()
    values = valid(1, Enable="x")
    answer = bench.ask(usp.ADD, encode(0x12, settings_of(SUBSCRIPTION, values, False)))
    success = answer.one(1).one(2).one(2)
    assert [(e.text(1), e.number(2)) for e in success.all(2)] == [("Enable", 7011)]
    assert bench.value(SUBSCRIPTION + "1.Enable") == "false"


def test_the_parent_may_be_addressed_by_key_or_search():  # TP-469 1.10, 1.95
    bench = Bench()
    values = {"Enable": "true", "ParameterName": "Device.LocalAgent.EndpointID"}
    path = 'Device.LocalAgent.Controller.[Alias=="cpe-1"].BootParameter.'
    success = bench.add(path, values).one(1).one(2).one(2)
    assert success.text(1) == CONTROLLER + "BootParameter.1."
    assert success.map(3) == {"Alias": "cpe-1", "ParameterName": "Device.LocalAgent.EndpointID"}
    path = "Device.LocalAgent.Controller.[Enable==true].BootParameter."
    assert bench.add(path, {"ParameterName": "Device.LocalAgent.UpTime"}).one(1).one(2).has(2)


def test_missing_keys_are_made_and_differ():  # TP-469 1.81
    bench = Bench()
    keys = [bench.add(SUBSCRIPTION, {}).one(1).one(2).one(2).map(3) for _ in range(2)]
    assert keys[0]["Alias"] != keys[1]["Alias"] and keys[0]["ID"] != keys[1]["ID"]
    assert keys[0]["Recipient"] == keys[1]["Recipient"]


def test_an_invalid_key_counts_as_required():  # TP-469 1.88
    bench = Bench()
    content = encode(0x12, settings_of(SUBSCRIPTION, {"Alias": "88InvalidAlias"}, False))
    answer = bench.ask(usp.ADD, content)
    assert answer.param_errs == [(SUBSCRIPTION + "Alias", 7012)]
    assert subscription_ids(bench) == []


def test_a_duplicate_key_is_refused():
    bench = Bench()
    bench.added(SUBSCRIPTION, valid(1))
    assert bench.add(SUBSCRIPTION, valid(1)).param_errs == [(SUBSCRIPTION, 7025)]
    assert failure(bench.add(SUBSCRIPTION, valid(1), partial=True).one(1)) == 7025


def test_add_wants_a_table_that_can_grow():
    bench = Bench()
    assert bench.add("Device.LocalAgent.", {}).param_errs == [("Device.LocalAgent.", 7018)]
    assert bench.add("Device.LocalAgent.MTP.", {}).param_errs == [("Device.LocalAgent.MTP.", 7019)]


def test_instance_numbers_are_not_used_again():  # R-ARC.8
    bench = Bench()
    first = bench.added(SUBSCRIPTION, valid(1))
    bench.delete(first)
    assert bench.added(SUBSCRIPTION, valid(1)) == SUBSCRIPTION + "2."
    again = bench.restart()
    assert again.added(SUBSCRIPTION, valid(3)) == SUBSCRIPTION + "3."


def test_a_full_table_says_so():
    bench = Bench()
    codes = [failure(bench.add(SUBSCRIPTION, {}, partial=True).one(1)) for _ in range(33)]
    assert codes == [0] * 32 + [7005]


# --- Set


def test_a_set_tells_what_it_changed():  # TP-469 1.11, 1.12, 1.18
    for path in (SUBSCRIPTION + "2.", SUBSCRIPTION + '[Alias=="cpe-2"].'):
        for partial in (False, True):
            bench = two_subscriptions()
            answer = bench.set(path, {"NotifRetry": "true"}, partial)
            assert updated(answer.one(1)) == [(SUBSCRIPTION + "2.", {"NotifRetry": "true"})]
            assert bench.value(SUBSCRIPTION + "2.NotifRetry") == "true"


def test_several_objects_are_set_at_once():  # TP-469 1.13
    bench = two_subscriptions()
    items = [(SUBSCRIPTION + "1.", {"NotifRetry": "1"}), (SUBSCRIPTION + "2.", {"NotifRetry": "1"})]
    answer = many(bench, usp.SET, False, items)
    assert [updated(item)[0][1] for item in answer.all(1)] == [{"NotifRetry": "true"}] * 2


def test_a_required_failure_changes_nothing_at_all():  # TP-469 1.14, 1.15
    bench = two_subscriptions()
    items = [
        (SUBSCRIPTION + "1.", {"NotifRetry": "true"}),
        (SUBSCRIPTION + "2.", {"InvalidParameter": "x"}),
    ]
    answer = many(bench, usp.SET, False, items)
    assert answer.param_errs == [(SUBSCRIPTION + "2.InvalidParameter", 7010)]
    assert bench.value(SUBSCRIPTION + "1.NotifRetry") == "false"


def test_with_allow_partial_each_object_stands_alone():  # TP-469 1.16
    bench = two_subscriptions()
    items = [
        (SUBSCRIPTION + "1.", {"NotifRetry": "true"}),
        (SUBSCRIPTION + "2.", {"InvalidParameter": "x"}),
    ]
    good, bad = many(bench, usp.SET, True, items).all(1)
    assert updated(good) == [(SUBSCRIPTION + "1.", {"NotifRetry": "true"})]
    assert failure(bad) == 7021
    instance = bad.one(2).one(1).one(3)
    assert instance.text(1) == SUBSCRIPTION + "2."
    assert (instance.one(2).text(1), instance.one(2).number(2)) == ("InvalidParameter", 7010)


def test_what_is_not_required_fails_beside_what_succeeds():  # TP-469 1.17
    bench = two_subscriptions()
    values = {"NotifRetry": "true", "InvalidParameter": "x"}
    for partial in (True, False):
        answer = bench.set(SUBSCRIPTION + "1.", values, partial, required=False)
        instance = answer.one(1).one(2).one(2).one(1)
        assert instance.map(3) == {"NotifRetry": "true"}
        assert [(e.text(1), e.number(2)) for e in instance.all(2)] == [("InvalidParameter", 7010)]


def test_a_wildcard_sets_every_row():  # TP-469 1.19
    bench = two_subscriptions()
    answer = bench.set(SUBSCRIPTION + "*.", {"NotifRetry": "true"})
    assert [path for path, _ in updated(answer.one(1))] == [
        SUBSCRIPTION + "1.",
        SUBSCRIPTION + "2.",
    ]


def test_a_wildcard_with_a_required_failure_is_refused():  # TP-469 1.20
    answer = two_subscriptions().set(SUBSCRIPTION + "*.", {"InvalidParameter": "x"})
    assert answer.param_errs == [(SUBSCRIPTION + "1.InvalidParameter", 7010)]


def test_a_search_path_is_all_or_nothing_for_itself():  # TP-469 1.21, R-SET.2a
    bench = two_subscriptions()
    bench.added(SUBSCRIPTION, {"ID": "empty"})
    answer = bench.set(SUBSCRIPTION + "*.", {"ReferenceList": "Device.Boot!"}, partial=True)
    assert failure(answer.one(1)) == 7021
    assert len(answer.one(1).one(2).one(1).all(3)) == 3
    assert bench.value(SUBSCRIPTION + "3.ReferenceList") == ""


def test_a_search_expression_sets_what_it_finds():  # TP-469 1.22, 1.23
    bench = two_subscriptions()
    answer = bench.set(SUBSCRIPTION + '[ID=="add2"].', {"NotifRetry": "true"})
    assert [path for path, _ in updated(answer.one(1))] == [SUBSCRIPTION + "2."]
    answer = bench.set(SUBSCRIPTION + '[Recipient=="InvalidValue"].', {"NotifRetry": "true"})
    assert updated(answer.one(1)) == []


def test_keys_never_change_and_references_only_once():  # TP-469 1.96, 1.104; R-KEY.1
    bench = Bench()
    path = bench.added(SUBSCRIPTION, {"Alias": "test-1-104"})
    for values in ({"Alias": "new"}, {"ID": "new"}):
        assert bench.set(path, values).param_errs[0][1] == 7013
    assert isinstance(bench.set(path, {"ReferenceList": "Device.Boot!"}), Tree)
    assert bench.set(path, {"ReferenceList": "Device."}).param_errs[0][1] == 7013
    assert bench.value(path + "Alias") == "test-1-104"


def test_values_are_checked_for_type_and_range():
    bench = Bench()
    for name, value, code in (
        ("EndpointID", "x", 7013),
        ("PeriodicNotifInterval", "0", 7012),
        ("PeriodicNotifInterval", "-5", 7012),
        ("PeriodicNotifInterval", "soon", 7011),
        ("PeriodicNotifInterval", "²", 7011),
        ("PeriodicNotifTime", "tomorrow", 7011),
        ("ProvisioningCode", "x" * 65, 7012),
        ("MTPNumberOfEntries", "3", 7013),
        ("SendOnBoardRequest()", "x", 7010),
    ):
        answer = bench.set(CONTROLLER, {name: value})
        assert answer.param_errs == [(CONTROLLER + name, code)], name
    assert isinstance(bench.set(CONTROLLER, {"PeriodicNotifTime": "2026-11-22T00:00:00Z"}), Tree)


def test_a_name_is_one_name_and_no_piece_of_the_model():
    bench = Bench()
    info = "Device.DeviceInfo."
    serial_number = bench.value(info + "SerialNumber")
    serial_to_code = "SerialNumber rs\nHardwareVersion rs\nSoftwareVersion rs\nProvisioningCode"
    interval = "PeriodicNotifInterval wu:1-4294967295"
    for path, name, value in (
        (info, serial_to_code, "x"),
        (CONTROLLER, interval, "x"),
        (CONTROLLER, interval + " 86400\nPeriodicNotifTime", UNKNOWN_TIME),
    ):
        assert bench.set(path, {name: value}).param_errs == [(path + name, 7010)]
    assert bench.value(info + "SerialNumber") == serial_number
    assert bench.value(CONTROLLER + "PeriodicNotifInterval") == "86400"


def test_a_set_of_a_row_that_is_not_there_fails():
    bench = Bench()
    assert bench.set(SUBSCRIPTION + "7.", {"Enable": "1"}).param_errs == [
        (SUBSCRIPTION + "7.", 7016)
    ]
    assert failure(bench.set(SUBSCRIPTION + "7.", {"Enable": "1"}, True).one(1)) == 7016
    assert bench.set(SUBSCRIPTION, {"Enable": "1"}).param_errs == [(SUBSCRIPTION, 7026)]


# --- Delete


def affected(result):
    return result.one(2).one(2).texts(1)


def test_a_deleted_row_is_gone():  # TP-469 1.24, 1.27, 1.33
    bench = two_subscriptions()
    bench.added(SUBSCRIPTION, valid(3))
    answer = bench.delete(SUBSCRIPTION + "1.", SUBSCRIPTION + '[Alias=="cpe-2"].')
    assert [affected(item) for item in answer.all(1)] == [
        [SUBSCRIPTION + "1."],
        [SUBSCRIPTION + "2."],
    ]
    assert subscription_ids(bench) == ["add3"]


def test_deleting_what_is_not_there_succeeds():  # TP-469 1.25, 1.29, 1.90
    bench = Bench()
    for path in (SUBSCRIPTION + "9.", SUBSCRIPTION + '[ID=="no"].'):
        for partial in (False, True):
            assert affected(bench.delete(path, partial=partial).one(1)) == []


def test_what_cannot_be_deleted_refuses_the_message():  # TP-469 1.26, 1.28
    bench = two_subscriptions()
    for path, code in (
        (NOWHERE, 7026),
        (SUBSCRIPTION, 7018),
        ("Device.LocalAgent.MTP.1.", 7024),
        (SUBSCRIPTION + "1.Enable", 7018),
    ):
        answer = bench.delete(SUBSCRIPTION + "1.", path)
        assert answer.param_errs == [(path, code)]
    assert subscription_ids(bench) == ["add1", "add2"]


def test_with_allow_partial_the_bad_path_fails_alone():  # TP-469 1.30, 1.31, 1.32
    bench = two_subscriptions()
    answer = bench.delete(SUBSCRIPTION + "1.", NOWHERE, SUBSCRIPTION + "9.", partial=True)
    good, bad, absent = answer.all(1)
    assert affected(good) == [SUBSCRIPTION + "1."] and affected(absent) == []
    assert failure(bad) == 7026


def test_searches_delete_what_they_find():  # TP-469 1.34, 1.35
    bench = two_subscriptions()
    bench.set(SUBSCRIPTION + "1.", {"Enable": "false"})
    answer = bench.delete(SUBSCRIPTION + "[Enable==true].")
    assert affected(answer.one(1)) == [SUBSCRIPTION + "2."]
    assert affected(bench.delete(SUBSCRIPTION + "*.").one(1)) == [SUBSCRIPTION + "1."]


def test_a_controller_takes_its_subscriptions_with_it():  # TP-469 1.78
    bench = two_subscriptions()
    other = bench.added(
        "Device.LocalAgent.Controller.", {"EndpointID": "fqdn::second", "Enable": "true"}
    )
    content = encode(0x12, settings_of(SUBSCRIPTION, valid(7), True))
    bench.ask(usp.ADD, content, sender="fqdn::second")
    assert subscription_ids(bench) == ["add1", "add2", "add7"]
    bench.delete(other)
    assert subscription_ids(bench) == ["add1", "add2"]


# --- what is kept


def test_what_was_written_survives_a_power_cut():
    bench = Bench()
    bench.added(SUBSCRIPTION, valid(1, Persistent="true"))
    bench.set(CONTROLLER, {"PeriodicNotifInterval": "300"})
    bench.added(CONTROLLER + "BootParameter.", {"ParameterName": "Device.DeviceInfo.UpTime"})
    again = bench.restart()
    assert subscription_ids(again) == ["add1"]
    assert again.value(CONTROLLER + "PeriodicNotifInterval") == "300"
    assert again.value(CONTROLLER + "BootParameterNumberOfEntries") == "1"


def test_a_subscription_that_is_not_persistent_is_gone_after_a_restart():
    bench = Bench()
    bench.added(SUBSCRIPTION, valid(1))
    assert subscription_ids(bench.restart()) == []


def test_reading_writes_nothing():
    bench = Bench()
    before = bench.storage.operations
    bench.get("Device.")
    bench.instances("Device.")
    bench.set(CONTROLLER, {"ProvisioningCode": ""})
    bench.poll_for(5000)
    assert bench.storage.operations == before


def test_when_storage_fails_nothing_has_changed():
    bench = Bench()
    full = "x" * 1000

    def save(name, data):
        from agent.errors import StorageError

        raise StorageError("full", name)

    bench.store.save = save
    assert bench.add(SUBSCRIPTION, valid(1, ReferenceList="Device." + full)).code == 7005
    assert bench.set(CONTROLLER, {"ProvisioningCode": "x"}).code == 7005
    assert subscription_ids(bench) == []
    assert bench.value(CONTROLLER + "ProvisioningCode") == ""
