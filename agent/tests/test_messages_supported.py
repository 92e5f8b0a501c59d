from agent.tests.fakes import FakeBoard
from agent.tests.usp_bench import Bench
from agent.wire import usp

URI = "urn:broadband-forum-org:tr-181-2-19-1"


def objects_of(result):
    return {found.text(1): found for found in result.all(5)}


def names(tree, number):
    return [found.text(1) for found in tree.all(number)]


def test_the_whole_model_is_told_in_one_answer():  # TP-469 1.76, 1.97, 1.98
    result = Bench().supported("Device.")
    found = objects_of(result)
    assert result.text(4) == URI and result.number(2) == 0
    assert "Device.LocalAgent.Controller.{i}.BootParameter.{i}." in found
    assert names(found["Device."], 4) == ["Reboot()", "FactoryReset()", "SelfTestDiagnostics()"]
    assert names(found["Device."], 5) == ["Boot!"]
    for tree in found.values():
        for parameter in tree.all(6):
            assert parameter.number(3) > 0 and parameter.number(4) in (1, 2)
        for command in tree.all(4):
            assert command.number(4) in (1, 2)


def test_an_object_tells_its_access_and_keys():  # TP-469 1.72, 1.99
    found = objects_of(Bench().supported("Device.LocalAgent.Subscription.{i}."))
    tree = found["Device.LocalAgent.Subscription.{i}."]
    assert (tree.number(2), tree.number(3)) == (1, 1)
    assert [keys.texts(1) for keys in tree.all(8)] == [["Alias"], ["Recipient", "ID"]]


def test_the_final_number_may_be_left_out():
    found = objects_of(Bench().supported("Device.LocalAgent.Subscription."))
    assert list(found) == ["Device.LocalAgent.Subscription.{i}."]


def test_parameters_tell_access_type_and_change():
    tree = objects_of(Bench().supported("Device.DeviceInfo.", first_level_only=True))[
        "Device.DeviceInfo."
    ]
    found = {p.text(1): (p.number(2), p.number(3), p.number(4)) for p in tree.all(6)}
    assert found["UpTime"] == (0, 9, 2)
    assert found["FriendlyName"] == (1, 8, 1)
    assert found["X_IPKO-COM_Lab"] == (0, 2, 1)


def test_commands_that_can_harm_take_an_authorisation():
    tree = objects_of(Bench().supported("Device.Reboot()"))["Device."]
    command = tree.one(4)
    assert command.texts(2) == ["Cause", "Reason", "X_IPKO-COM_Authorization"]


def test_a_command_that_runs_in_the_background_says_so():
    tree = objects_of(Bench().supported("Device.SelfTestDiagnostics()"))["Device."]
    assert (tree.one(4).number(4), tree.one(4).texts(3)) == (2, ["Status", "Results"])


def test_journalled_events_tell_when_they_were():
    tree = objects_of(Bench().supported("Device.X_IPKO-COM_Power.Dip!"))["Device.X_IPKO-COM_Power."]
    assert tree.one(5).texts(2) == [
        "Magnitude",
        "Duration",
        "BootCount",
        "UpTime",
        "Time",
        "TimeError",
        "Grade",
    ]


def test_first_level_only_tells_children_by_name_and_key():  # TP-469 1.73, 1.75
    found = objects_of(Bench().supported("Device.LocalAgent.", first_level_only=True))
    assert sorted(found) == [
        "Device.LocalAgent.",
        "Device.LocalAgent.Controller.{i}.",
        "Device.LocalAgent.ControllerTrust.",
        "Device.LocalAgent.MTP.{i}.",
        "Device.LocalAgent.Request.{i}.",
        "Device.LocalAgent.Subscription.{i}.",
    ]
    child = found["Device.LocalAgent.Subscription.{i}."]
    assert not child.has(4) and not child.has(5) and not child.has(6) and child.has(8)
    assert found["Device.LocalAgent."].has(6) and not found["Device.LocalAgent."].has(8)


def test_nothing_is_told_that_was_not_asked():  # TP-469 1.74
    found = objects_of(
        Bench().supported(
            "Device.LocalAgent.",
            first_level_only=True,
            commands=False,
            events=False,
            params=False,
            keys=False,
        )
    )
    for tree in found.values():
        assert not [number for number in (4, 5, 6, 8) if tree.has(number)]


def test_a_single_command_event_or_parameter():  # TP-469 1.105, 1.106, 1.107
    bench = Bench()
    for path, number in (
        ("Device.LocalAgent.Controller.{i}.SendOnBoardRequest()", 4),
        ("Device.LocalAgent.Periodic!", 5),
        ("Device.LocalAgent.Subscription.{i}.Enable", 6),
    ):
        tree = bench.supported(path).one(5)
        assert names(tree, number) == [path.split(".")[-1]]
        assert [other for other in (4, 5, 6, 8) if tree.has(other)] == [number]


def test_what_is_not_supported_is_an_invalid_path():  # TP-469 1.77
    bench = Bench()
    for path in ("Device.Nothing.", "Device.LocalAgent.Nothing", "Device.LocalAgent.MTP.1."):
        result = bench.supported(path)
        assert result.number(2) == 7026 and not result.has(5), path


def test_only_a_set_top_box_has_a_card_reader():
    board = FakeBoard(cause=1)
    board.product_class = "STB"
    path = "Device.SmartCardReaders."
    assert len(objects_of(Bench(board=board).supported(path))) == 4
    assert Bench().supported(path).number(2) == 7026


def test_the_versions_are_told():  # TP-469 1.80
    assert Bench().ask(usp.GET_SUPPORTED_PROTOCOL, b"").text(1) == "1.3,1.4"
