"""The state of the service and its allow-list: what is taken, what is refused, what is told."""

import json

from agent.compat import MICROPYTHON
from agent.core.clock import SNTP
from agent.core.enrolment import packed
from agent.core.monitors import load
from agent.core.parts import part
from agent.tests.fakes import FakeBoard, FakeFilter, FakeStorage, PowerCut
from agent.tests.signing import COMMAND_POINT, EXPIRES_AT, allow_list_document
from agent.tests.usp_bench import Bench, Failed
from agent.wire.allow_list import claims_of, covers, is_host, is_number

SERVICE = "Device.X_IPKO-COM_Service."
TELEVISION = SERVICE + "Television."
SCHOOL = (EXPIRES_AT - 3600, EXPIRES_AT + 3600, ["mesimi.example", "*.school.example"])
# The machine takes ten times as long, and has the cuts of test_service_cuts.py besides.
_STEP, _TORN, _LEAST_CUTS = (3, (4,), 1) if MICROPYTHON else (1, (0, 4, 8), 12)
_documents = {}


def document(version, **more):
    """A signed list; the same is signed once."""
    name = "%d %s" % (version, sorted(more.items()))
    if name not in _documents:
        more.setdefault("hosts", [SCHOOL])
        more.setdefault("numbers", ["080011222"])
        _documents[name] = allow_list_document(version, **more)
    return _documents[name]


def make(product_class="MODEM", storage=None, guard=True, now_s=None, **known):
    """A provisioned agent with its monitors."""
    board = FakeBoard(cause=1)
    board.product_class = product_class
    board.filter = FakeFilter() if guard else None
    board.known = known
    bench = Bench(storage=storage, board=board)
    bench.store.save("provisioning", packed({"command_key": COMMAND_POINT}))
    if now_s:
        bench.clock.set_time(now_s * 1000, 0)
        bench.model.sample(bench.now_ms)
    bench.endpoint.monitors = load(bench.model, bench.endpoint)
    bench.told = []
    bench.subscribe("Event", SERVICE)
    return bench


def run(bench, command, **args):
    """(error code, text) of a command that failed, its outputs otherwise."""
    result = bench.operate(SERVICE + command, args)[0]
    if result.has(4):
        return result.one(4).number(1), result.one(4).text(2)
    return result.one(3).map(1)


def events(bench):
    """(name, arguments without what every event has) of what was told since."""
    found = []
    for msg_id, notify in bench.poll(2500):
        event = notify.one(3)
        args = event.map(3)
        for name in ("BootCount", "UpTime", "Time", "TimeError", "Grade"):
            args.pop(name, None)
        found.append((event.text(2), args))
        bench.answer_notify(msg_id)
    return found


def state(bench):
    return bench.value(SERVICE + "State")


def may_dial(bench, number):
    """Whether a telephone that does what the rules say dials it."""
    rules = bench.board.filter.rules
    plain = part("service").plain_number
    return rules["state"] == "active" or plain(number) in [plain(n) for n in rules["numbers"]]


def test_a_new_unit_is_active_and_its_filter_open():
    bench = make()
    assert state(bench) == "active"
    assert bench.board.filter.rules["state"] == "active"
    assert bench.value(SERVICE + "AllowListVersion") == "0"
    assert bench.value(SERVICE + "EmergencyNumbers") == "112,192,193,194"
    assert bench.value(SERVICE + "FilterStatus") == "Enforced"
    assert events(bench) == []


def test_restricted_lets_the_lists_hosts_through_and_tells():
    bench = make()
    assert run(bench, "SetAllowList()", Document=document(1)) == {"Version": "1"}
    assert run(bench, "SetState()", State="restricted", Reason="unpaid", Profile="TOP M") == {}
    rules = bench.board.filter.rules
    assert rules["state"] == "restricted"
    assert rules["hosts"] == ["mesimi.example", "*.school.example"]
    assert rules["numbers"] == ["112", "192", "193", "194", "080011222"]
    assert bench.value(SERVICE + "Reason") == "unpaid"
    assert bench.value(SERVICE + "AllowListOpenHosts") == "2"
    assert events(bench) == [
        ("StateChanged!", {"State": "restricted", "Reason": "unpaid", "Profile": "TOP M"}),
        ("AllowListChanged!", {"Version": "1"}),
    ]
    assert events(bench) == []


def test_terminated_leaves_nothing_but_emergency_numbers():
    bench = make()
    run(bench, "SetAllowList()", Document=document(1))
    run(bench, "SetState()", State="terminated")
    assert bench.board.filter.rules["hosts"] == []
    assert may_dial(bench, "112") and may_dial(bench, "080011222")
    assert not may_dial(bench, "038123456")


def test_outgoing_calls_are_barred_but_for_emergency_numbers():
    bench = make("VOICEMODEM")
    assert may_dial(bench, "038123456")
    run(bench, "SetState()", State="restricted")
    for number in ("112", "192", "193", "194", "1 12", "*31#112", "#31#192"):
        assert may_dial(bench, number), number
    for number in ("", "11", "1120", "038112", "*31#", "080011222"):
        assert not may_dial(bench, number), number
    run(bench, "SetAllowList()", Document=document(1))
    assert may_dial(bench, "0800-11222")
    run(bench, "SetEmergencyNumbers()", Numbers="112, 191")
    assert may_dial(bench, "191") and not may_dial(bench, "192")
    run(bench, "SetState()", State="active")
    assert may_dial(bench, "038123456")


def test_the_permanent_numbers_are_never_empty():
    bench = make()
    for numbers in ("", " ", "112,", "112,abc", "1" * 600):
        assert run(bench, "SetEmergencyNumbers()", Numbers=numbers)[0] == 7012, numbers
    assert bench.value(SERVICE + "EmergencyNumbers") == "112,192,193,194"


def test_a_state_that_does_not_exist_is_refused():
    bench = make()
    assert run(bench, "SetState()", State="open") == (7012, "State")
    assert run(bench, "SetState()", State="active", Reason="x" * 65) == (7012, "Reason")
    assert run(bench, "SetState()") == (7027, "missing State")


def test_each_bad_list_is_refused_by_its_name_and_the_last_good_one_stays():
    bench = make(now_s=EXPIRES_AT - 60)
    run(bench, "SetState()", State="restricted")
    assert run(bench, "SetAllowList()", Document=document(7)) == {"Version": "7"}
    good = document(8)
    signed = good[: good.rfind(".")]
    refused = (
        ("", "not signed as"),
        ("x.y.z", "not signed as"),
        (signed, "not signed as"),
        (signed + ".", "not signed as"),
        (signed + "." + document(7).split(".")[2], "not signed by the fleet"),
        (document(8, key=bytes(range(2, 34))), "not signed by the fleet"),
        (document(8, audience="fqdn::other.example"), "another operator"),
        (document(8, expires_at=EXPIRES_AT - 61), "expired"),
        (document(6), "older: version 6, in force is 7"),
        (document(7, numbers=["999"]), "not the one with version 7"),
        (good + "A" * 2048, "too large"),
    )
    for offered, why in refused:
        code, text = run(bench, "SetAllowList()", Document=offered)
        assert code == 7022 and why in text, (why, text)
        assert bench.value(SERVICE + "AllowListVersion") == "7"
        assert bench.board.filter.rules["hosts"] == SCHOOL[2]
    assert run(bench, "SetAllowList()", Document=document(7)) == {"Version": "7"}
    assert run(bench, "SetAllowList()", Document=good) == {"Version": "8"}


def test_a_command_token_is_no_allow_list():
    from agent.tests.signing import token

    bench = make()
    offered = token(bench.endpoint_id, SERVICE + "SetAllowList()")
    assert "not signed as" in run(bench, "SetAllowList()", Document=offered)[1]


def test_without_a_command_key_every_list_is_refused():
    bench = make()
    bench.store.remove("provisioning")
    assert "not signed by" in run(bench, "SetAllowList()", Document=document(1))[1]


def test_while_the_time_is_unknown_no_list_and_no_host_has_expired():
    bench = make()
    old = document(1, expires_at=2, hosts=[(1, 2, ["old.example"])])
    assert run(bench, "SetAllowList()", Document=old) == {"Version": "1"}
    run(bench, "SetState()", State="restricted")
    assert bench.board.filter.rules["hosts"] == ["old.example"]
    bench.clock.set_time(EXPIRES_AT * 1000, 0, None, SNTP)
    bench.poll(250)
    assert bench.board.filter.rules["hosts"] == ["old.example"], "SNTP closes nothing"
    bench.clock.set_time(EXPIRES_AT * 1000, 0)
    bench.poll(250)
    assert bench.board.filter.rules["hosts"] == []
    assert bench.value(SERVICE + "AllowListVersion") == "1"


def test_hosts_open_and_close_when_their_time_has_come():
    bench = make(now_s=EXPIRES_AT - 100)
    begins = (EXPIRES_AT - 90, EXPIRES_AT - 81, ["a.example"])
    ends = (1, EXPIRES_AT - 86, ["b.example"])
    run(bench, "SetAllowList()", Document=document(1, hosts=[begins, ends]))
    run(bench, "SetState()", State="restricted")
    seen = []
    for _ in range(26):
        list(bench.endpoint.poll(bench.now_ms))
        seen.append("".join([name[0] for name in bench.board.filter.rules["hosts"]]))
        bench.now_ms += 1000
    assert seen == ["b"] * 10 + ["ab"] * 5 + ["a"] * 5 + [""] * 6


def test_a_filter_that_fails_is_said_and_tried_again():
    bench = make()
    bench.board.filter.broken = "no space"
    code, text = run(bench, "SetState()", State="restricted")
    assert code == 7022 and "kept, but the filter failed: no space" in text
    assert state(bench) == "restricted"
    assert bench.value(SERVICE + "FilterStatus") == "Error"
    bench.board.filter.broken = ""
    bench.poll(10000)
    bench.poll(10000)
    assert bench.board.filter.rules["state"] == "restricted"
    assert bench.value(SERVICE + "FilterStatus") == "Enforced"


def test_a_board_without_a_filter_says_so():
    bench = make(guard=False)
    assert run(bench, "SetState()", State="restricted") == {}
    assert bench.value(SERVICE + "FilterStatus") == "None"


def test_plain_messages_change_nothing():
    bench = make()
    assert isinstance(bench.set(SERVICE, {"State": "active"}), Failed)
    assert isinstance(bench.set(SERVICE, {"EmergencyNumbers": "1"}), Failed)


def test_state_and_list_outlive_restart_and_factory_reset():
    bench = make()
    run(bench, "SetAllowList()", Document=document(3))
    run(bench, "SetState()", State="restricted", Reason="unpaid")
    events(bench)
    bench.model.forget()
    again = make(storage=bench.storage.power_up())
    assert state(again) == "restricted"
    assert again.board.filter.rules["hosts"] == SCHOOL[2]
    assert [event for event in events(again) if event[0] != "Boot!"] == []


def test_what_cannot_be_read_is_restricted_with_the_permanent_numbers():
    bench = make()
    run(bench, "SetAllowList()", Document=document(1))
    bench.storage.files["service.blob"] = b"xxxxxxxxxx"
    bench.storage.files["allow_list.blob"] = b"xxxxxxxxxx"
    again = make(storage=bench.storage.power_up())
    assert again.board.filter.rules["state"] == "restricted"
    assert again.board.filter.rules["hosts"] == []
    assert may_dial(again, "112") and not may_dial(again, "038123456")
    assert events(again)[0][1]["Reason"] == "what was kept cannot be read"
    assert run(again, "SetState()", State="active") == {}
    assert state(make(storage=again.storage.power_up())) == "active"


def cut_everywhere(work, check):
    """Cut the power at each operation of `work(bench)` that writes, and look at what starts."""
    cuts = 0
    for torn in _TORN:
        after = 0
        while True:
            storage = FakeStorage()
            bench = make(storage=storage)
            storage.cut_after, storage.torn = after, torn
            try:
                work(bench)
                storage.cut_after = None
                break
            except PowerCut:
                check(make(storage=storage.power_up()))
                cuts += 1
            after += _STEP
    return cuts


def test_a_cut_while_restricting_leaves_the_old_or_the_new_state():
    def work(bench):
        run(bench, "SetState()", State="restricted")
        bench.poll(2500)

    def check(bench):
        assert state(bench) in ("active", "restricted")
        assert bench.board.filter.rules["state"] == state(bench)
        assert may_dial(bench, "112")
        told = [args["State"] for name, args in events(bench) if name == "StateChanged!"]
        if state(bench) == "active":
            assert told == []
        else:
            assert told in (["restricted"], ["restricted"] * 2)

    assert cut_everywhere(work, check) >= _LEAST_CUTS


def test_a_cut_while_terminating_never_opens():
    def work(bench):
        bench.storage.cut_after, left = None, bench.storage.cut_after
        run(bench, "SetState()", State="restricted")
        bench.storage.cut_after = left
        run(bench, "SetState()", State="terminated")

    def check(bench):
        assert state(bench) in ("restricted", "terminated")
        assert bench.board.filter.rules["state"] == state(bench)

    assert cut_everywhere(work, check) >= _LEAST_CUTS


def test_a_cut_while_a_list_is_taken_never_opens_and_never_goes_dark():
    old = document(1)
    new = document(2, hosts=[(1, 2000000000, ["new.example"])], numbers=["0800555"])

    def work(bench):
        bench.storage.cut_after, left = None, bench.storage.cut_after
        run(bench, "SetAllowList()", Document=old)
        run(bench, "SetState()", State="restricted")
        bench.storage.cut_after = left
        run(bench, "SetAllowList()", Document=new)
        bench.poll(2500)

    def check(bench):
        assert state(bench) == "restricted"
        rules = bench.board.filter.rules
        assert (rules["hosts"], rules["numbers"][4:]) in (
            (SCHOOL[2], ["080011222"]),
            (["new.example"], ["0800555"]),
        )
        assert may_dial(bench, "112") and not may_dial(bench, "038123456")

    assert cut_everywhere(work, check) >= _LEAST_CUTS


def test_a_change_is_told_after_a_cut_too():
    storage = FakeStorage()
    bench = make(storage=storage)
    run(bench, "SetState()", State="restricted")
    again = make(storage=storage.power_up())
    told = [event for event in events(again) if event[0] == "StateChanged!"]
    assert told == [("StateChanged!", {"State": "restricted", "Reason": "", "Profile": ""})]


# --- television ---


def network(address="", provider=""):
    return {"address": address, "provider": provider}


def test_television_closes_on_another_operators_network_and_says_so_at_once():
    bench = make("STB", network=network("10.64.0.30", "cable.example"))
    assert run(bench, "SetHomeNetworks()", Networks="10.64.0.0/12, 2001:db8::/32") == {}
    assert bench.value(TELEVISION + "Status") == "Open"
    assert bench.board.filter.rules["television"] is True
    assert events(bench) == []
    bench.board.known["network"] = network("198.51.100.9")
    assert events(bench) == [
        (
            "StatusChanged!",
            {"Status": "Closed", "Reason": "foreign network", "Network": "198.51.0.0/16"},
        )
    ]
    assert bench.board.filter.rules["television"] is False
    bench.board.known["network"] = network()
    assert events(bench) == []
    assert bench.value(TELEVISION + "Status") == "Closed"
    bench.board.known["network"] = network("2001:db8:1::5")
    assert events(bench)[0][1]["Reason"] == "home network"
    assert bench.board.filter.rules["television"] is True


def test_the_verdict_is_told_once_though_the_box_was_moved_while_it_was_off():
    bench = make("STB", network=network("198.51.100.9", "other.example"))
    run(bench, "SetHomeNetworks()", Networks="cable.example")
    assert [name for name, _ in events(bench)] == ["StatusChanged!"]
    again = make("STB", bench.storage.power_up(), network=network("198.51.100.9", "other.example"))
    assert events(again) == []
    home = make("STB", again.storage.power_up(), network=network("192.0.2.1", "cable.example"))
    assert events(home)[0][1]["Reason"] == "home network"


def test_television_is_closed_while_the_service_is_not_active():
    bench = make("STB", network=network("10.64.0.30"))
    run(bench, "SetState()", State="restricted")
    assert bench.value(TELEVISION + "Reason") == "service restricted"
    assert bench.board.filter.rules["television"] is False


def test_networks_are_checked():
    bench = make("STB")
    for bad in ("10.0.0.0/33", "10.0.0.1/8", "10.0.0/8", "300.0.0.0/8", "::1/64", "a/8", "x,,y"):
        assert run(bench, "SetHomeNetworks()", Networks=bad)[0] == 7012, bad
    for good in ("10.0.0.0/8", "2001:db8::/32", "::/0", "cable.example", ""):
        assert run(bench, "SetHomeNetworks()", Networks=good) == {}, good


def test_only_a_set_top_box_has_television():
    assert make("MODEM").value(SERVICE + "State") == "active"
    assert make("MODEM").get(TELEVISION)[TELEVISION] == 7026


# --- the document ---


def test_a_host_covers_itself_or_all_below_it():
    assert covers(["a.example"], "A.example.")
    assert not covers(["a.example"], "b.a.example")
    assert covers(["*.a.example"], "c.b.a.example")
    for name in ("a.example", "xa.example", "example", ""):
        assert not covers(["*.a.example"], name), name


def test_names_and_numbers_are_checked():
    for bad in ("example", "*.example", "a..b", "-a.b", "A.b", "a b.c", "", "a.b.", 5, "*.*.a.b"):
        assert not is_host(bad), bad
    assert is_host("xn--shkolla-9ja.example") and is_host("*.a.example")
    for bad in ("", "1 12", "abc", 112, "1" * 32):
        assert not is_number(bad), bad
    assert is_number("+38338123456")


def test_claims_must_be_exactly_those_of_a_list():
    from agent.errors import PeerError
    from agent.wire.allow_list import HEADER, encode_base64url

    good = {"aud": "x", "ver": 1, "iat": 1, "exp": 2, "numbers": ["112"], "hosts": []}

    def bad(**change):
        claims = dict(good)
        claims.update(change)
        text = json.dumps({name: claims[name] for name in claims if claims[name] is not None})
        try:
            claims_of(encode_base64url(HEADER) + b"." + encode_base64url(text.encode()))
        except PeerError:
            return True
        return False

    assert not bad()
    assert not bad(hosts=[[1, 2, ["a.example"]]])
    for change in (
        {"aud": 5},
        {"ver": 0},
        {"ver": True},
        {"ver": 1 << 31},
        {"exp": "1"},
        {"numbers": "112"},
        {"numbers": ["x"]},
        {"hosts": [[2, 1, ["a.example"]]]},
        {"hosts": [[1, 2]]},
        {"hosts": [[1, 2, "a.example"]]},
        {"hosts": [[1, 2, ["example"]]]},
        {"sub": "x"},
        {"exp": None},
    ):
        assert bad(**change), change


def test_what_ends_or_follows_a_number_does_not_hide_it():
    plain = part("service").plain_number
    for dialled, number in (
        ("112", "112"),
        ("112#", "112"),
        ("112##", "112"),
        ("1 1 2 #", "112"),
        ("112,,1", "112"),
        ("112p5", "112"),
        ("112W9", "112"),
        ("sip:112@voice.example;user=phone", "112"),
        ("tel:112;phone-context=example", "112"),
        ("*31#112#", "112"),
        ("#31#192", "192"),
        ("*31#", "*31#"),
        ("*112#", "*112#"),
        ("*21*044000000#", "*21*044000000#"),
        ("#", "#"),
        ("", ""),
        ("1123", "1123"),
        ("#112", "112"),
    ):
        assert plain(dialled) == number, dialled
