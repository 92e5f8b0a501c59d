import json

from agent.core import p256_keys
from agent.core.authorisation import Authority
from agent.core.store import Store
from agent.errors import AuthorisationError
from agent.tests.fakes import FakeStorage, PowerCut
from agent.tests.signing import COMMAND_KEY, COMMAND_POINT, EXPIRES_AT, token
from agent.tests.usp_bench import Bench
from agent.wire import authorisation as wire
from agent.wire.codes import AUTHORIZATION_ARGUMENT, OVERTAKE

EID = "ops::00256D-VOICEMODEM-00000002"
REBOOT = "Device.Reboot()"
ARGS = {"Cause": "RemoteReboot", "Reason": "test"}


class FakeClock:
    now = None

    def trusted_unix_ms(self):
        return self.now


def authority(storage=None, key=COMMAND_POINT):
    made = Authority(Store(storage or FakeStorage()), EID, key, FakeClock())
    return made


def refusal(made, given, command=REBOOT, command_key="k1", args=ARGS):
    """The text of the refusal, "" when the command may run."""
    try:
        made.check(given, command, command_key, args)
    except AuthorisationError as error:
        assert error.code == 7006
        return error.text
    return ""


def good(counter=1, **more):
    return token(EID, REBOOT, "k1", ARGS, counter, **more)


def test_a_signed_command_may_run_once():
    made = authority()
    assert refusal(made, good()) == ""
    assert "was used before" in refusal(made, good())


def test_the_authorisation_argument_itself_is_not_part_of_the_hash():
    args = dict(ARGS)
    args["X_IPKO-COM_Authorization"] = good()
    assert refusal(authority(), good(), args=args) == ""


def test_without_authorisation_nothing_runs():
    assert refusal(authority(), None) == "authorisation missing"
    assert refusal(authority(), "") == "authorisation missing"


def test_without_a_command_key_nothing_runs():
    assert "no command key" in refusal(authority(key=b""), good())


def test_a_forged_signature_is_refused():
    assert "not signed" in refusal(authority(), good(key=bytes(range(2, 34))))
    genuine = good()
    head, claims, signature = genuine.split(".")
    other = token(EID, REBOOT, "k1", ARGS, 2).split(".")
    assert "not signed" in refusal(authority(), ".".join((head, claims, other[2])))
    assert "not signed" in refusal(authority(), ".".join((head, other[1], signature)))


def test_each_foreign_part_is_refused_by_its_name():
    made = authority()
    other = "ops::00256D-VOICEMODEM-00000003"
    assert "another endpoint" in refusal(made, token(other, REBOOT, "k1", ARGS))
    assert "another command" in refusal(made, token(EID, "Device.FactoryReset()", "k1", ARGS))
    assert "another command key" in refusal(made, token(EID, REBOOT, "k2", ARGS))
    changed = dict(ARGS)
    changed["Reason"] = "other"
    assert "other arguments" in refusal(made, good(), args=changed)
    assert "other arguments" in refusal(made, good(), args={})
    assert refusal(made, good()) == "", "a refused token does not use up a counter"


def test_names_and_values_cannot_be_shifted_into_each_other():
    assert wire.arguments_hash({"ab": "c"}) != wire.arguments_hash({"a": "bc"})
    assert wire.arguments_hash({"a": "", "b": ""}) != wire.arguments_hash({"a": "b"})
    assert wire.arguments_hash({"b": "2", "a": "1"}) == wire.arguments_hash({"a": "1", "b": "2"})


def test_the_hash_of_the_arguments_is_fixed():
    # SHA-256 of 00000001 "a" 00000002 "bc", worked out with sha256sum
    assert wire.arguments_hash({"a": "bc"}) == "tTTOFqycizaCPzmjlc6ODjx62WBbgrVETxjK2s0hel0"


def test_a_lower_counter_is_refused_also_after_a_restart():
    storage = FakeStorage()
    assert refusal(authority(storage), good(7)) == ""
    again = authority(storage.power_up())
    for counter in (-1, 0, 1, 6, 7, 1 << 60):
        assert "was used before" in refusal(again, good(counter))
    assert refusal(again, good(8)) == ""


def test_a_new_command_key_starts_a_new_count():
    storage = FakeStorage()
    assert refusal(authority(storage), good(7)) == ""
    key = bytes(range(3, 35))
    renewed = authority(storage, p256_keys.public_key(key))
    assert refusal(renewed, good(1, key=key)) == ""
    assert "not signed" in refusal(renewed, good(8))


def test_expiry_counts_only_once_the_time_is_known():
    made = authority()
    made._clock.now = (EXPIRES_AT + 1) * 1000
    assert refusal(made, good()) == "authorisation expired"
    made._clock.now = EXPIRES_AT * 1000
    assert refusal(made, good()) == ""
    made._clock.now = None
    assert refusal(made, good(2)) == ""


def test_the_counter_is_kept_before_the_command_may_run():
    for torn in (0, 4, 8):
        for cut in range(5):
            storage = FakeStorage()
            storage.cut_after, storage.torn = cut, torn
            allowed = True
            try:
                authority(storage).check(good(5), REBOOT, "k1", ARGS)
            except PowerCut:
                allowed = False
            if allowed:
                assert "used before" in refusal(authority(storage.power_up()), good(5))


def test_a_damaged_counter_refuses_everything():
    storage = FakeStorage()
    assert refusal(authority(storage), good(7)) == ""
    storage.files["command_counter.blob"] = b"xxxxxxxx"
    assert "cannot be read" in refusal(authority(storage), good(8))


# --- what was accepted last ---


def desk(storage=None):
    """An agent that demands authorisations."""
    bench = Bench(storage=storage)
    made = Authority(bench.store, EID, COMMAND_POINT, FakeClock())
    bench.endpoint._authorise = made.check
    return bench


def overtake(bench, counter, key="stop"):
    """The outputs, or the text of the refusal."""
    given = {AUTHORIZATION_ARGUMENT: token(EID, OVERTAKE, key, {}, counter)}
    result = bench.operate(OVERTAKE, given, key)[0]
    return result.one(4).text(2) if result.has(4) else result.one(3).map(1)


def last(bench):
    path = "Device.LocalAgent.X_IPKO-COM_Command"
    return bench.value(path + "Counter"), bench.value(path + "Key")


def test_the_last_command_is_known_across_a_restart():
    bench = desk()
    assert last(bench) == ("0", "")
    given = dict(ARGS)
    given[AUTHORIZATION_ARGUMENT] = good(7)
    assert bench.operate(REBOOT, given, "k1")[0].has(3)
    assert last(bench) == ("7", "k1")
    assert last(desk(bench.storage.power_up())) == ("7", "k1")


def test_a_refused_command_is_not_the_last():
    bench = desk()
    assert "another endpoint" in refusal(authority(bench.storage), token("x", REBOOT, "k1", ARGS))
    assert last(bench) == ("0", "")


def test_overtaking_tells_what_ran_before_and_lets_nothing_older_run():
    bench = desk()
    assert overtake(bench, 3) == {"LastCounter": "0", "LastCommandKey": ""}
    assert "was used before" in refusal(authority(bench.storage), good(2))
    assert refusal(authority(bench.storage), good(4)) == ""
    assert overtake(bench, 9) == {"LastCounter": "4", "LastCommandKey": "k1"}
    assert last(bench) == ("9", "stop")


def test_overtaking_again_after_a_lost_answer_tells_the_same():
    bench = desk()
    assert refusal(authority(bench.storage), good(4)) == ""
    assert overtake(bench, 5) == {"LastCounter": "4", "LastCommandKey": "k1"}
    assert "was used before" in overtake(bench, 5)
    again = desk(bench.storage.power_up())
    assert overtake(again, 6) == {"LastCounter": "4", "LastCommandKey": "k1"}


def test_overtaking_needs_an_authorisation():
    assert overtake(desk(), 1, "k" * 64)["LastCounter"] == "0"
    result = desk().operate(OVERTAKE)[0]
    assert result.one(4).number(1) == 7006


def test_a_counter_kept_by_an_older_version_still_counts():
    storage = FakeStorage()
    made = authority(storage)
    Store(storage).save("command_counter", b"%s 7" % made._key_name().encode())
    assert "was used before" in refusal(made, good(7))
    assert last(desk(storage)) == ("7", "")
    assert refusal(made, good(8)) == ""


def test_garbage_is_refused_as_malformed():
    genuine = good()
    head, claims, signature = genuine.split(".")
    bad_header = wire.encode_base64url(b'{"typ":"JWT","alg":"ES256"}').decode()
    none = wire.encode_base64url(b'{"alg":"none","typ":"JWT"}').decode()
    for given in (
        "x",
        "..",
        "a.b.c",
        genuine + ".x",
        genuine + "=",
        genuine[:-1],
        " " + genuine,
        head + "." + claims,
        bad_header + "." + claims + "." + signature,
        none + "." + claims + ".",
        head + "." + claims + "." + signature + "AA",
        head + "." + "A" * 2000 + "." + signature,
        head + ".\u00e9." + signature,
    ):
        assert "malformed" in refusal(authority(), given), given


def test_claims_must_be_exactly_those_of_the_contract():
    claims = {
        "eid": EID,
        "cmd": REBOOT,
        "key": "k1",
        "args": wire.arguments_hash(ARGS),
        "ctr": 1,
        "iat": 0,
        "exp": EXPIRES_AT,
    }
    assert refusal(authority(), signed_claims(claims)) == ""
    for name in claims:
        less = dict(claims)
        del less[name]
        assert "malformed" in refusal(authority(), signed_claims(less))
        odd = dict(claims)
        odd[name] = [1]
        assert "malformed" in refusal(authority(), signed_claims(odd))
    more = dict(claims)
    more["sub"] = "x"
    assert "malformed" in refusal(authority(), signed_claims(more))
    true = dict(claims)
    true["ctr"] = True
    assert "malformed" in refusal(authority(), signed_claims(true))
    assert "malformed" in refusal(authority(), signed_claims([claims]))


def signed_claims(claims):
    signed = (
        wire.encode_base64url(wire.HEADER)
        + b"."
        + wire.encode_base64url(json.dumps(claims).encode())
    )
    return wire.token_text(signed, p256_keys.sign(COMMAND_KEY, signed))


def test_a_console_token_is_good_for_its_nonce_and_nothing_else():
    made = authority()
    opening = token(EID, wire.CONSOLE_COMMAND, "abcd", {}, 0)
    made.check_console(opening, "abcd")
    for given, nonce in (
        (opening, "abce"),
        (token(EID, wire.CONSOLE_COMMAND, "abcd", {}, 3), "abcd"),
        (token(EID, REBOOT, "abcd", {}, 0), "abcd"),
        (None, "abcd"),
    ):
        try:
            made.check_console(given, nonce)
        except AuthorisationError:
            continue
        raise AssertionError("AuthorisationError was expected")
    assert "used before" in refusal(made, opening, wire.CONSOLE_COMMAND, "abcd", {})
