from agent.tests.usp_bench import Bench

SUBSCRIPTION = "Device.LocalAgent.Subscription."


def bench_with_subscriptions():
    bench = Bench()
    for number, expiration in ((1, 5), (2, 10), (3, 15)):
        bench.added(
            SUBSCRIPTION,
            {
                "ID": "sub-%d" % number,
                "Enable": "true" if number < 3 else "false",
                "NotifExpiration": str(expiration),
                "ReferenceList": "Device.Boot!,Device.LocalAgent.Periodic!",
            },
        )
    return bench


def found_by(bench, expression):
    path = SUBSCRIPTION + expression + ".ID"
    found = bench.get(path)[path]
    return sorted([v["ID"] for v in found.values()]) if isinstance(found, dict) else found


def test_a_full_parameter_path_gives_one_value():  # TP-469 1.36
    bench = Bench()
    path = "Device.LocalAgent.EndpointID"
    assert bench.get(path) == {path: {"Device.LocalAgent.": {"EndpointID": bench.endpoint_id}}}


def test_several_paths_give_one_result_each():  # TP-469 1.37, 1.38, 1.42
    found = Bench().get("Device.LocalAgent.EndpointID", "Device.DeviceInfo.UpTime", "Device.No")
    assert len(found) == 3
    assert found["Device.DeviceInfo.UpTime"] == {"Device.DeviceInfo.": {"UpTime": "1"}}
    assert found["Device.No"] == 7026


def test_an_object_path_gives_every_object_below_with_relative_names():  # TP-469 1.39
    found = Bench().get("Device.LocalAgent.")["Device.LocalAgent."]
    assert "EndpointID" in found["Device.LocalAgent."]
    assert found["Device.LocalAgent.Controller.1.MTP.1."]["Protocol"] == "MQTT"
    assert [name for values in found.values() for name in values if "." in name] == []


def test_a_row_gives_its_parameters():  # TP-469 1.40
    path = SUBSCRIPTION + "2."
    found = bench_with_subscriptions().get(path)[path]
    assert list(found) == [path] and found[path]["ID"] == "sub-2"


def test_what_is_not_supported_is_an_invalid_path():  # TP-469 1.41
    bench = Bench()
    for path in (
        "Device.LocalAgent.InvalidParameter",
        "Device.Invalid.",
        "Device.Reboot()",
        "Device.Boot!",
        SUBSCRIPTION + "ID",
    ):
        assert bench.get(path)[path] == 7026, path
    assert bench.get("Nothing.")["Nothing."] == 7008


def test_a_row_is_addressed_by_its_unique_key():  # TP-469 1.43
    bench = bench_with_subscriptions()
    assert found_by(bench, '[Alias=="cpe-2"]') == ["sub-2"]
    key = '[Recipient=="Device.LocalAgent.Controller.1"&&ID=="sub-3"]'
    assert found_by(bench, key) == ["sub-3"]


def test_a_row_that_is_addressed_and_not_there_is_an_invalid_path():  # R-GET.0
    bench = bench_with_subscriptions()
    assert found_by(bench, "9") == 7026
    assert found_by(bench, '[Alias=="cpe-9"]') == 7026


def test_a_wildcard_finds_every_row():  # TP-469 1.44, 1.45
    bench = bench_with_subscriptions()
    assert found_by(bench, "*") == ["sub-1", "sub-2", "sub-3"]
    assert len(bench.get(SUBSCRIPTION + "*.")[SUBSCRIPTION + "*."]) == 3


def test_every_comparison_operator_selects():  # TP-469 1.46 to 1.51
    bench = bench_with_subscriptions()
    assert found_by(bench, "[Enable==true]") == ["sub-1", "sub-2"]
    assert found_by(bench, "[Enable!=true]") == ["sub-3"]
    assert found_by(bench, "[NotifExpiration>10]") == ["sub-3"]
    assert found_by(bench, "[NotifExpiration<10]") == ["sub-1"]
    assert found_by(bench, "[NotifExpiration>=10]") == ["sub-2", "sub-3"]
    assert found_by(bench, "[NotifExpiration<=10]") == ["sub-1", "sub-2"]


def test_a_list_is_searched_for_an_item():
    bench = bench_with_subscriptions()
    assert len(found_by(bench, '[ReferenceList~="Device.Boot!"]')) == 3
    assert found_by(bench, '[ReferenceList~="Device.Boo"]') == []


def test_conditions_are_joined_and_spaces_tolerated():  # R-ARC.9a
    assert found_by(bench_with_subscriptions(), "[ Enable == true && NotifExpiration > 5 ]") == [
        "sub-2"
    ]


def test_an_expression_reaches_single_objects_below():
    bench = Bench()
    path = "Device.LocalAgent.MTP.[MQTT.PublishQoS==1].Status"
    assert bench.get(path)[path] == {"Device.LocalAgent.MTP.1.": {"Status": "Up"}}


def test_comparisons_a_type_does_not_have_are_refused():
    bench = bench_with_subscriptions()
    for expression in (
        '[ID>"a"]',
        "[Enable>true]",
        "[NotifExpiration==true]",
        "[ID==1]",
        '[ID~="a"]',
    ):
        assert found_by(bench, expression) == 7008, expression
    assert found_by(bench, "[Nothing==1]") == 7026


def test_an_unknown_time_is_neither_earlier_nor_later():
    bench = bench_with_subscriptions()
    assert found_by(bench, '[CreationDate<"2030-01-01T00:00:00Z"]') == []
    assert len(found_by(bench, '[CreationDate=="0001-01-01T00:00:00Z"]')) == 3


def test_a_search_without_match_is_an_empty_success():  # TP-469 1.82, 1.86, 1.87; R-MSG.4a
    bench = Bench()
    for path in (SUBSCRIPTION + "[Enable==true].", SUBSCRIPTION + "*.", SUBSCRIPTION):
        assert bench.get(path)[path] == {}


def test_max_depth_limits_the_levels():  # TP-469 1.89
    bench = bench_with_subscriptions()
    path = "Device.LocalAgent."
    first = bench.get(path, max_depth=1)[path]
    second = bench.get(path, max_depth=2)[path]
    third = bench.get(path, max_depth=3)[path]
    assert list(first) == [path]
    assert "Device.LocalAgent.Subscription.1." in second
    assert "Device.LocalAgent.Controller.1.MTP.1." not in second
    assert "Device.LocalAgent.Controller.1.MTP.1." in third
    assert len(bench.get(path)[path]) > len(third)


def test_a_password_reads_as_nothing():
    bench = Bench()
    bench.set("Device.MQTT.Client.1.", {"Password": "secret"})
    assert bench.value("Device.MQTT.Client.1.Password") == ""


def test_instances_of_a_table_only_on_its_first_level():  # TP-469 1.66
    found = Bench().instances("Device.LocalAgent.Controller.", True)
    assert found == {
        "Device.LocalAgent.Controller.1.": {
            "Alias": "cpe-1",
            "EndpointID": "fqdn::fleet.example.org",
        }
    }


def test_instances_of_a_table_and_below():  # TP-469 1.67, 1.68
    bench = Bench()
    found = bench.instances("Device.LocalAgent.Controller.")
    assert sorted(found) == [
        "Device.LocalAgent.Controller.1.",
        "Device.LocalAgent.Controller.1.MTP.1.",
    ]
    assert bench.instances("Device.LocalAgent.MTP.") == {
        "Device.LocalAgent.MTP.1.": {"Alias": "cpe-1"}
    }


def test_instances_by_wildcard_and_search():  # TP-469 1.70, 1.71
    bench = Bench()
    expected = ["Device.LocalAgent.Controller.1.MTP.1."]
    assert list(bench.instances("Device.LocalAgent.Controller.*.MTP.")) == expected
    assert list(bench.instances('Device.LocalAgent.Controller.[Alias=="cpe-1"].MTP.')) == expected


def test_instances_of_what_is_not_there():  # TP-469 1.83
    bench = Bench()
    assert bench.instances("Device.LocalAgent.Controller.[Enable==false].BootParameter.") == {}
    assert bench.instances("Device.Nothing.") == 7026
