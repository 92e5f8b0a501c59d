"""The part of a unit in a replacement: what each command makes of it, and what follows."""

import json
from binascii import a2b_base64, b2a_base64

from agent.compat import aes_blocks
from agent.core import p256_keys, settings_seal
from agent.core.enrolment import packed
from agent.core.monitors import load
from agent.core.parts import part
from agent.core.store import Store
from agent.tests.fakes import FakeBoard, FakeCustomer, FakeFilter, FakeRandom, FakeStorage
from agent.tests.usp_bench import Bench
from agent.wire import sealed
from agent.wire.replacement import PARTS, SPARE_POSITION, part_in

REPLACEMENT = "Device.X_IPKO-COM_Replacement."
SERVER_KEY, DEVICE_KEY = bytes(range(1, 33)), bytes(range(2, 34))
SERVER_POINT = p256_keys.public_key(SERVER_KEY)
DEVICE_POINT = p256_keys.public_key(DEVICE_KEY)
EID = "ops::00256D-MODEM-00000002"
NOTHING = {"wifi": [], "bridge": False, "address": None}
HOME = {
    "wifi": [{"ssid": "Shtëpia", "passphrase": "made-up-passphrase"}],
    "bridge": True,
    "address": {
        "ip": "192.0.2.7",
        "mask": "255.255.255.0",
        "gateway": "192.0.2.1",
        "dns": "192.0.2.53",
    },
}
_sealed = {}


def sealed_for_device(settings=HOME, recipient=EID):
    """Base64; the same is sealed once."""
    plain = json.dumps(settings).encode()
    name = "%s %s" % (recipient, plain)
    if name not in _sealed:
        key = p256_keys.new_private_key(FakeRandom(5))
        shared = p256_keys.shared_secret(key, DEVICE_POINT)
        data = sealed.seal(p256_keys.public_key(key), shared, recipient, plain, aes_blocks)
        _sealed[name] = b2a_base64(data).decode().strip()
    return _sealed[name]


def make(position="internet", storage=None, settings=None, **known):
    """A unit that was put into service, with its monitors; `settings` are its customer's."""
    storage = storage or FakeStorage()
    board = FakeBoard(cause=1)
    board.product_class = "MODEM"
    board.card = None
    board.filter = FakeFilter()
    board.customer = FakeCustomer(settings or NOTHING)
    board.known = known
    store = Store(storage)
    if store.load("provisioning") is None:
        values = {"key": DEVICE_KEY, "position": position.encode()}
        store.save("provisioning", packed(values))
    part("replacement").start(board, store, position)
    bench = Bench(storage=storage, board=board)
    bench.endpoint.monitors = load(bench.model, bench.endpoint)
    return bench


def again(bench):
    """The same unit after a power cut."""
    return make(storage=bench.storage.power_up(), settings=bench.board.customer.kept)


def run(bench, command, swap="swap-1", **args):
    """(error code, text) of a command that failed, its outputs otherwise."""
    args["Swap"] = swap
    result = bench.operate(REPLACEMENT + command, args)[0]
    if result.has(4):
        return result.one(4).number(1), result.one(4).text(2)
    return result.one(3).map(1)


def value(bench, name):
    return bench.value(REPLACEMENT + name)


def serves(bench):
    return bench.board.filter.rules["state"] == "active"


def refused(which):
    return 7022, "refused: the unit is " + which


# --- what a unit is at first ---


def test_a_unit_for_a_contract_is_active_and_one_for_none_is_spare():
    bench = make()
    assert (value(bench, "Part"), value(bench, "Swap"), serves(bench)) == ("active", "", True)
    bench = make(SPARE_POSITION)
    assert (value(bench, "Part"), serves(bench)) == ("spare", False)
    assert bench.board.filter.rules["numbers"] == ["112", "192", "193", "194"]


def test_a_service_profile_makes_a_spare_unit_active():
    bench = make(SPARE_POSITION)
    service = "Device.X_IPKO-COM_Service.SetState()"
    bench.operate(service, {"State": "active"})
    assert value(bench, "Part") == "spare"
    bench.operate(service, {"State": "active", "Profile": "TOP M"})
    assert (value(bench, "Part"), serves(bench)) == ("active", True)
    assert value(again(bench), "Part") == "active"


def test_a_part_that_cannot_be_read_serves_nobody():
    bench = make()
    bench.storage.files["replacement.blob"] = b"xxxxxxxxxx"
    bench = again(bench)
    assert (value(bench, "Part"), serves(bench)) == ("held", False)
    assert run(bench, "Rollback()") == {}
    assert serves(again(bench))


def test_a_factory_reset_keeps_the_part():
    bench = make(SPARE_POSITION)
    assert run(bench, "Adopt()") == {}
    bench.model.forget()
    assert value(again(bench), "Part") == "adopted"


# --- the commands ---


def test_every_part_takes_what_the_rules_name_and_refuses_the_rest():
    # part: after Prepare, Adopt, Fence, Fence Final, Rollback; "" where it is refused
    table = {
        "spare": ("spare", "adopted", "", "fenced", "spare"),
        "adopted": ("adopted", "adopted", "held", "fenced", "spare"),
        "active": ("active", "", "held", "fenced", "active"),
        "held": ("held", "", "held", "fenced", "active"),
        "fenced": ("", "", "", "fenced", ""),
    }
    assert sorted(table) == sorted(PARTS)
    point = b2a_base64(SERVER_POINT).decode().strip()
    commands = (
        ("Prepare()", {"SettingsKey": point}),
        ("Adopt()", {"Profile": "TOP M"}),
        ("Fence()", {}),
        ("Fence()", {"Final": "true"}),
        ("Rollback()", {}),
    )
    for which, outcomes in table.items():
        for number, outcome in enumerate(outcomes):
            command, args = commands[number]
            bench = in_part(which)
            answer = run(bench, command, **args)
            if outcome:
                assert isinstance(answer, dict), (which, command, answer)
            elif which == "fenced" and command != "Fence()":
                assert answer == (7002, "the unit is fenced")
            else:
                assert answer == refused(which)
            assert value(bench, "Part") == (outcome or which), (which, command)
            assert serves(bench) == (value(bench, "Part") in ("adopted", "active"))
            assert value(again(bench), "Part") == (outcome or which)


def in_part(which):
    bench = make(SPARE_POSITION if which in ("spare", "adopted") else "internet")
    for command, args in {
        "adopted": [("Adopt()", {})],
        "held": [("Fence()", {})],
        "fenced": [("Fence()", {"Final": "1"})],
    }.get(which, []):
        assert run(bench, command, **args) == {}
    return bench


def test_a_unit_that_was_adopted_once_counts_as_active_for_the_next_swap():
    assert part_in("adopted", "swap-1", "swap-1") == "adopted"
    assert part_in("adopted", "swap-1", "swap-2") == "active"
    bench = in_part("adopted")
    assert run(bench, "Rollback()", "swap-2") == {}
    assert (value(bench, "Part"), value(bench, "Swap")) == ("active", "swap-2")
    assert serves(bench)
    assert run(bench, "Adopt()", "swap-3") == refused("active")


def test_arguments_are_checked():
    bench = make()
    assert bench.operate(REPLACEMENT + "Fence()")[0].one(4).number(1) == 7027
    assert run(bench, "Fence()", "")[0] == 7012
    assert run(bench, "Fence()", "s" * 65)[0] == 7012
    assert run(bench, "Fence()", Final="yes") == (7012, "Final")
    for point in ("", "AAAA", "!", b2a_base64(bytes(64)).decode().strip()):
        assert run(bench, "Prepare()", SettingsKey=point)[0] == 7012, point
    assert value(bench, "Part") == "active"
    bench = make(SPARE_POSITION)
    assert run(bench, "Adopt()", Profile="p" * 65) == (7012, "Profile")
    assert value(bench, "Part") == "spare"


# --- the customer's settings ---


def test_the_old_unit_hands_them_over_sealed_and_the_new_one_takes_them():
    old = make(settings=HOME)
    point = b2a_base64(SERVER_POINT).decode().strip()
    answer = run(old, "Prepare()", SettingsKey=point)
    assert answer["SettingsVersion"] == "1"
    data = a2b_base64(answer["Settings"])
    assert b"made-up-passphrase" not in data
    plain = settings_seal.unseal(SERVER_KEY, sealed.SERVER, data)
    assert json.loads(plain) == HOME
    new = make(SPARE_POSITION)
    assert run(new, "Adopt()", Profile="TOP M", Settings=sealed_for_device()) == {}
    assert new.board.customer.kept == HOME
    assert new.value("Device.X_IPKO-COM_Service.Profile") == "TOP M"
    assert value(new, "SettingsVersion") == "1"
    assert run(new, "Adopt()", Profile="TOP M", Settings="x") == {}, "it was done already"


def test_the_version_grows_with_each_change_and_only_then():
    bench = make()
    assert value(bench, "SettingsVersion") == "0"
    bench.board.customer.kept = HOME
    bench.poll(31_000)
    assert [value(bench, "SettingsVersion") for _ in range(2)] == ["1", "1"]
    assert value(again(bench), "SettingsVersion") == "1"
    bench.board.customer.kept = dict(HOME, bridge=False)
    assert value(bench, "SettingsVersion") == "1", "it was looked at just now"
    bench.poll(31_000)
    assert value(bench, "SettingsVersion") == "2"
    bench.board.customer.kept = NOTHING
    bench.poll(31_000)
    assert value(bench, "SettingsVersion") == "3"


def test_settings_that_are_not_for_this_unit_or_not_settings_change_nothing():
    bench = make(SPARE_POSITION)
    good = a2b_base64(sealed_for_device())
    bad = [
        good[:-1],
        good + b"x",
        good[:40] + bytes((good[40] ^ 1,)) + good[41:],
        good[:70] + bytes((good[70] ^ 1,)) + good[71:],
        good[:-1] + bytes((good[-1] ^ 1,)),
        b"\x02" + good[1:],
        b"\x01" + bytes(64) + good[65:],
        good[:97],
    ]
    given = [b2a_base64(data).decode().strip() for data in bad]
    given.append(sealed_for_device(recipient="ops::00256D-MODEM-00000003"))
    given.append(sealed_for_device(recipient=sealed.SERVER))
    for change in (
        {"wifi": [{"ssid": "", "passphrase": ""}]},
        {"wifi": [{"ssid": "x", "passphrase": "short"}]},
        {"wifi": [HOME["wifi"][0]] * 9},
        {"bridge": "true"},
        {"address": dict(HOME["address"], ip="192.0.2.300")},
        {"more": 1},
    ):
        settings = dict(HOME)
        settings.update(change)
        given.append(sealed_for_device(settings))
    for text in given:
        code, why = run(bench, "Adopt()", Profile="TOP M", Settings=text)
        assert code == 7012 and why.startswith("Settings"), why
    assert bench.board.customer.kept == NOTHING
    assert value(bench, "Part") == "spare"


def test_a_router_that_does_not_take_them_refuses_the_adoption():
    bench = make(SPARE_POSITION)
    bench.board.customer.broken = "flash worn"
    answer = run(bench, "Adopt()", Settings=sealed_for_device())
    assert answer == (7022, "settings: flash worn")
    assert value(bench, "Part") == "spare"


def test_a_router_that_does_not_say_them_refuses_to_hand_over():
    bench = make(settings=HOME)
    assert value(bench, "SettingsVersion") == "1"
    bench.board.customer.mute = "no answer"
    point = b2a_base64(SERVER_POINT).decode().strip()
    assert run(bench, "Prepare()", SettingsKey=point) == (7022, "settings: no answer")
    assert value(bench, "SettingsVersion") == "1"
    assert bench.value("Device.WiFi.SSIDNumberOfEntries") == "0"


def test_they_are_parameters_and_a_passphrase_reads_as_empty():
    bench = make(settings=HOME)
    assert bench.value("Device.WiFi.SSIDNumberOfEntries") == "1"
    assert bench.value("Device.WiFi.SSID.1.SSID") == "Shtëpia"
    security = "Device.WiFi.AccessPoint.1.Security."
    assert bench.value(security + "ModeEnabled") == "WPA2-Personal"
    assert bench.value(security + "KeyPassphrase") == ""
    assert bench.value("Device.Bridging.Bridge.1.Enable") == "true"
    bench.board.known["traffic"] = {"rx_bytes": 1, "tx_bytes": 2}
    assert bench.value("Device.IP.Interface.1.IPv4Address.1.IPAddress") == "192.0.2.7"


# --- the ends ---


def test_fenced_for_ever_the_unit_wipes_shows_it_and_leaves():
    bench = make(settings=HOME)
    assert run(bench, "Fence()", Final="true") == {}
    assert bench.board.customer.kept == NOTHING
    assert bench.value("Device.X_IPKO-COM_Service.Profile") == ""
    serving, text = bench.board.shown
    assert not serving and "return this box" in text
    assert value(bench, "ReturnMe") == text
    assert bench.actions.done == []
    bench.poll(1500)
    assert bench.actions.done == [("fence",)]
    assert bench.operate("Device.Reboot()")[0].one(4).number(1) == 7002
    failed = bench.set("Device.DeviceInfo.", {"FriendlyName": "x"})
    assert failed.code == 7002
    assert run(bench, "Fence()", Final="true") == {}, "asked again after a lost answer"


def test_a_router_that_cannot_be_wiped_keeps_the_unit_here_and_fenced():
    bench = make(settings=HOME)
    bench.board.customer.broken = "flash worn"
    assert run(bench, "Fence()", Final="true") == (7022, "settings: flash worn")
    bench.poll(1500)
    assert (value(bench, "Part"), bench.actions.done) == ("fenced", [])
    bench.board.customer.broken = ""
    assert run(bench, "Fence()", Final="true") == {}
    assert bench.board.customer.kept == NOTHING


def test_a_held_unit_keeps_everything_and_serves_again_after_rollback():
    bench = make(settings=HOME)
    assert run(bench, "Fence()") == {}
    assert (value(bench, "Part"), serves(bench)) == ("held", False)
    assert bench.board.customer.kept == HOME
    assert bench.board.shown == (False, "")
    assert run(bench, "Rollback()") == {}
    assert serves(bench) and bench.board.shown == (True, "")
    assert bench.board.customer.kept == HOME


def test_a_new_unit_that_is_rolled_back_has_nothing_of_the_customer():
    bench = make(SPARE_POSITION)
    run(bench, "Adopt()", Profile="TOP M", Settings=sealed_for_device())
    assert run(bench, "Rollback()") == {}
    assert (value(bench, "Part"), serves(bench)) == ("spare", False)
    assert bench.board.customer.kept == NOTHING
    assert bench.value("Device.X_IPKO-COM_Service.Profile") == ""


# --- health ---


def test_a_unit_is_well_when_all_that_it_has_works():
    docsis = {"status": "Operational", "downstream": [], "upstream": []}
    bench = make(docsis=docsis)
    assert (value(bench, "Healthy"), value(bench, "Reason")) == ("false", "time is not trusted")
    bench.clock.set_time(1_795_350_000_000, 0)
    assert (value(bench, "Healthy"), value(bench, "Reason")) == ("true", "")
    docsis["status"] = "RangingComplete"
    assert value(bench, "Reason") == "cable: RangingComplete"
    docsis["status"] = "Operational"
    bench.board.known["voice"] = {"registration": "Registering"}
    assert value(bench, "Reason") == "line: Registering"
    bench.board.filter.broken = "no nft"
    run(bench, "Rollback()")
    assert value(bench, "Reason") == "filter: no nft"
    run(bench, "Fence()")
    assert value(bench, "Reason") == "the unit is held"


def test_without_a_line_nobody_asks_for_its_registration():
    bench = make(SPARE_POSITION, voice={"registration": "Disabled"})
    bench.clock.set_time(1_795_350_000_000, 0)
    run(bench, "Adopt()", Line="")
    assert value(bench, "Healthy") == "true"
    bench = make(SPARE_POSITION, voice={"registration": "Disabled"})
    bench.clock.set_time(1_795_350_000_000, 0)
    run(bench, "Adopt()", Line="line-1")
    assert value(bench, "Reason") == "line: Disabled"
