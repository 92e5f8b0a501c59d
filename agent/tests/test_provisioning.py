from binascii import b2a_base64

from agent.core import csr, p256_keys
from agent.core.enrolment import NAMES
from agent.core.provisioning import BLANK, KEYED, PROVISIONED, Provisioning
from agent.core.store import Store
from agent.errors import ConfigurationError
from agent.tests.certificates import certificate
from agent.tests.fakes import FakeRandom, FakeStorage, PowerCut
from agent.tests.signing import COMMAND_POINT

EID = "ops::00256D-MODEM-00000001"
CA = certificate(COMMAND_POINT, "root")


def base64(data):
    return b2a_base64(data).decode().strip()


def provisioning(storage):
    return Provisioning(Store(storage), EID)


def staged_key(storage):
    """The public point of the key that waits for its certificate."""
    return p256_keys.public_key(Store(storage).load("new_key"))


def install(made, point, name=EID, **changes):
    values = {
        "certificate": base64(certificate(point, name)),
        "ca": base64(CA),
        "command_key": base64(COMMAND_POINT),
        "broker_host": "localhost",
        "broker_port": "8883",
        "controller": "fqdn::fleet.example",
        "position": "voice",
    }
    values.update(changes)
    for setting in values:
        if values[setting] is not None:
            made.stage(setting, values[setting])


def refusal(function, *args):
    """The code of the refusal, None when there was none."""
    try:
        function(*args)
    except ConfigurationError as error:
        return error.code
    return None


def in_service(storage, seed=1):
    made = provisioning(storage)
    made.new_key(FakeRandom(seed))
    install(made, staged_key(storage))
    made.commit()
    return made


def test_a_board_goes_from_blank_by_keyed_to_provisioned_and_stays_so():
    storage = FakeStorage()
    made = provisioning(storage)
    assert made.state == BLANK
    assert made.private_key_der() == b""
    request = made.new_key(FakeRandom())
    assert made.state == provisioning(storage).state == KEYED
    point = staged_key(storage)
    assert point in request
    install(made, point)
    made.commit()
    again = provisioning(storage)
    assert made.state == again.state == PROVISIONED
    assert again.settings() == {
        "broker_host": "localhost",
        "broker_port": "8883",
        "controller": "fqdn::fleet.example",
        "position": "voice",
    }
    assert again.get("certificate") == certificate(point, EID)
    assert again.get("ca") == CA
    assert again.get("command_key") == COMMAND_POINT
    assert point in again.private_key_der()
    assert Store(storage).load("new_key") is None


def test_the_private_key_is_the_one_the_request_was_signed_with():
    storage = FakeStorage()
    made = provisioning(storage)
    made.new_key(FakeRandom(3))
    key = Store(storage).load("new_key")
    install(made, p256_keys.public_key(key))
    made.commit()
    assert made.private_key_der() == csr.private_key_der(key)


def test_each_missing_setting_is_named_and_nothing_takes_effect():
    for name in NAMES:
        storage = FakeStorage()
        made = provisioning(storage)
        made.new_key(FakeRandom())
        install(made, staged_key(storage), **{name: None})
        try:
            made.commit()
        except ConfigurationError as error:
            assert error.code == "missing"
            assert name in error.text
        else:
            raise AssertionError(name)
        assert provisioning(storage).state == KEYED


def test_what_does_not_fit_together_is_refused_by_its_name():
    other = p256_keys.public_key(bytes(range(5, 37)))
    for changes, code in (
        ({"certificate": base64(certificate(other, EID))}, "key"),
        ({"certificate": base64(b"no certificate")}, "certificate"),
        ({"certificate": base64(CA)}, "certificate"),
        ({"certificate": "A"}, "certificate"),
        ({"ca": base64(b"\x30\x00")}, "certificate"),
        ({"command_key": base64(bytes(64))}, "command_key"),
        ({"command_key": base64(b"short")}, "command_key"),
        ({"broker_port": "0"}, "broker_port"),
        ({"broker_port": "70000"}, "broker_port"),
        ({"broker_port": "x"}, "broker_port"),
        ({"controller": "fleet.example"}, "controller"),
        ({"broker_host": "h" * 129}, "broker_host"),
    ):
        storage = FakeStorage()
        made = provisioning(storage)
        made.new_key(FakeRandom())
        install(made, staged_key(storage), **changes)
        assert refusal(made.commit) == code, changes
        assert provisioning(storage).state == KEYED


def test_a_certificate_for_another_endpoint_is_refused():
    storage = FakeStorage()
    made = provisioning(storage)
    made.new_key(FakeRandom())
    install(made, staged_key(storage), "ops::00256D-MODEM-00000009")
    assert refusal(made.commit) == "certificate"


def test_one_setting_can_change_while_the_rest_stays():
    storage = FakeStorage()
    made = in_service(storage)
    before = made.get("certificate")
    made.configure({"broker_host": "other.example"})
    again = provisioning(storage)
    assert again.settings()["broker_host"] == "other.example"
    assert again.settings()["broker_port"] == "8883"
    assert again.get("certificate") == before
    assert refusal(made.configure, {"broker_port": "none"}) == "broker_port"
    assert provisioning(storage).settings()["broker_port"] == "8883"


def test_a_new_key_changes_nothing_until_its_certificate_is_committed():
    storage = FakeStorage()
    made = in_service(storage)
    before = made.private_key_der()
    made.new_key(FakeRandom(8))
    assert made.state == PROVISIONED
    assert provisioning(storage).private_key_der() == before
    install(made, staged_key(storage))
    made.commit()
    assert provisioning(storage).private_key_der() != before


def test_long_values_come_in_parts_and_a_repeated_part_does_no_harm():
    made = provisioning(FakeStorage())
    made.stage("broker_host", "abc")
    made.stage("broker_host", "def", 3)
    made.stage("broker_host", "def", 3)
    made.stage("broker_host", "gh", 6)
    assert made._staged["broker_host"] == "abcdefgh"
    assert refusal(made.stage, "broker_host", "x", 99) == "offset"
    assert refusal(made.stage, "broker_host", "x", 2) == "offset"
    made.stage("broker_host", "new")
    assert made._staged["broker_host"] == "new"


def test_unknown_names_and_too_long_values_are_refused():
    made = provisioning(FakeStorage())
    assert refusal(made.stage, "key", "x") == "name"
    assert refusal(made.stage, "certificate", "x" * 3001) == "too long"
    made.stage("certificate", "x" * 2999)
    assert refusal(made.stage, "certificate", "xx", 2999) == "too long"


def test_a_cut_during_commit_leaves_all_of_the_old_or_all_of_the_new():
    for torn in (0, 4, 8):
        for cut in range(9):
            storage = FakeStorage()
            made = in_service(storage)
            old = made.get("certificate"), made.settings(), made.private_key_der()
            made.new_key(FakeRandom(8))
            point = staged_key(storage)
            install(made, point, position="tv-1")
            storage.cut_after, storage.torn = cut, torn
            try:
                made.commit()
            except PowerCut:
                pass
            again = provisioning(storage.power_up())
            now = again.get("certificate"), again.settings(), again.private_key_der()
            assert again.state == PROVISIONED
            if now != old:
                assert now[0] == certificate(point, EID)
                assert now[1]["position"] == "tv-1"
                assert point in now[2]


def test_wiping_forgets_the_key_too():
    storage = FakeStorage()
    made = in_service(storage)
    made.wipe()
    assert made.state == provisioning(storage).state == BLANK
    assert made.private_key_der() == b""
