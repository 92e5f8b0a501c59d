"""The smart card of a set-top box: every state it can be in, and what is told of it."""

from agent.tests.card_bench import OTHER_SERIAL, SERIAL, CardBench
from agent.tests.played_card import FULL, SERIAL_ONLY, STRANGER, PlayedCard
from agent.tests.usp_bench import Failed

INSERTED = "X_IPKO-COM_CardInserted!"
REMOVED = "X_IPKO-COM_CardRemoved!"
STATE = "X_IPKO-COM_CardState!"
READER = "Device.SmartCardReaders.SmartCardReader.1."
CARD = READER + "SmartCard."
ENTITLEMENT = CARD + "X_IPKO-COM_Entitlement."
MINUTE = 60_000
NOON = 1_795_348_800_000  # 2026-11-22T12:00:00Z


def _with(card=None, **more):
    return CardBench(card, **more).watch()


def _running():
    bench = _with()
    bench.let_pass()
    bench.put_in(bench.good_card())
    bench.let_pass(2000)
    bench.told.clear()
    return bench


def _alarms(bench):
    found = bench.get("Device.FaultMgmt.CurrentAlarm.")["Device.FaultMgmt.CurrentAlarm."]
    return sorted([row["AlarmIdentifier"] for row in found.values()])


def _state(bench):
    return bench.value(ENTITLEMENT + "State")


def test_putting_in_is_told_at_once_and_what_it_is_right_after():
    bench = _with()
    assert bench.let_pass() == [(STATE, {"State": "Absent", "Other": "false"})]
    assert bench.value(CARD + "Status") == "None" and _state(bench) == "Absent"
    assert _alarms(bench) == ["card-absent"]
    bench.put_in(bench.good_card())
    began_ms = bench.now_ms
    assert bench.let_pass(500) == [(INSERTED, {})], "within 0.5 s, at 4 looks a second"
    assert bench.now_ms - began_ms == 500
    expected = {
        "State": "Running",
        "Other": "false",
        "SerialNumber": SERIAL,
        "ATR": "3B660000455843410107",
        "Application": "example-ca",
    }
    assert bench.let_pass(250) == [(STATE, expected)]
    assert _alarms(bench) == []
    assert bench.get(CARD)[CARD][CARD] == {
        "Status": "Running",
        "Type": "CA",
        "Application": "example-ca",
        "SerialNumber": SERIAL,
        "ATR": "3B660000455843410107",
    }
    assert bench.get(ENTITLEMENT)[ENTITLEMENT][ENTITLEMENT] == {
        "State": "Running",
        "Provider": "EXAMPLE",
        "Expiry": "2028-01-01T00:00:00.000Z",
        "LastEMM": "2026-11-22T00:00:00.000Z",
        "Paired": "Yes",
        "OtherCard": "false",
        "PairedSerialNumber": SERIAL,
    }


def test_taking_out_is_told_with_the_card_it_was():
    bench = _running()
    bench.take_out()
    assert bench.let_pass() == [(REMOVED, {"SerialNumber": SERIAL})]
    assert _state(bench) == "Absent" and bench.value(CARD + "SerialNumber") == ""
    assert bench.value(ENTITLEMENT + "PairedSerialNumber") == SERIAL


def test_a_card_that_is_wiggled_is_read_anew_and_nothing_is_told():
    bench = _running()
    heard = len(bench.line.card.heard)
    card = bench.line.card
    bench.take_out()
    bench.let_pass(250)
    bench.put_in(card)
    assert bench.let_pass(1000) == []
    assert len(card.heard) > heard, "its power was gone, so it was asked again"


def test_another_card_in_its_place_is_told_as_another_one():
    bench = _running()
    bench.take_out()
    bench.let_pass(250)
    bench.put_in(bench.good_card(OTHER_SERIAL))
    told = bench.let_pass(1000)
    assert [name for name, _ in told] == [STATE]
    assert told[0][1]["Other"] == "true"
    assert told[0][1]["SerialNumber"] == OTHER_SERIAL
    assert told[0][1]["PairedSerialNumber"] == SERIAL
    assert bench.value(ENTITLEMENT + "OtherCard") == "true"
    assert _alarms(bench) == ["card-other"]
    bench.operate(READER + "X_IPKO-COM_Pair()", {"SerialNumber": OTHER_SERIAL})
    assert bench.value(ENTITLEMENT + "OtherCard") == "false"
    assert _alarms(bench) == []
    assert bench.told[-1][1]["Other"] == "false"


def test_pairing_without_a_name_means_the_card_in_the_slot():
    bench = _running()
    bench.operate(READER + "X_IPKO-COM_Pair()")
    assert bench.value(ENTITLEMENT + "PairedSerialNumber") == SERIAL
    bench = _with()
    bench.let_pass()
    assert bench.operate(READER + "X_IPKO-COM_Pair()")[0].has(4), "there is none"


def test_a_mute_card_is_tried_again_once_a_minute():
    bench = _with(PlayedCard(SERIAL, b""))
    bench.let_pass(1000)
    assert _state(bench) == "Mute" and bench.value(CARD + "Status") == "Error"
    assert _alarms(bench) == ["card-mute"]
    speeds = len(bench.line.speeds)
    bench.let_pass(30_000)
    assert len(bench.line.speeds) == speeds
    bench.line.card = bench.good_card()  # its contacts were cleaned, the switch saw nothing
    bench.let_pass(31_000)
    assert _state(bench) == "Running"


def test_a_card_of_no_known_family_is_never_asked_anything():
    card = PlayedCard(SERIAL, STRANGER)
    bench = _with(card)
    bench.let_pass(20 * MINUTE)
    assert _state(bench) == "Unknown" and bench.value(CARD + "Status") == "Error"
    assert bench.value(CARD + "ATR") == "3B65000057484154" + "3F"
    assert card.heard == []
    assert len(bench.line.speeds) == 1, "reset once"


def test_an_answer_to_reset_that_is_none_is_an_unknown_card():
    bench = _with(PlayedCard(SERIAL, b"\x3b\x80\x0f"))
    bench.line.card.atr = b"\x3b\x90\x80\x00"
    bench.let_pass(1000)
    assert _state(bench) in ("Unknown", "Mute")
    assert bench.line.card.heard == []


def test_a_card_of_another_box_is_wrongly_paired():
    bench = _with(PlayedCard(SERIAL, box="99999999"))
    bench.let_pass(1000)
    assert _state(bench) == "WrongPairing"
    assert bench.value(ENTITLEMENT + "Paired") == "No"
    assert bench.value(ENTITLEMENT + "PairedSerialNumber") == "", "it never ran here"
    assert _alarms(bench) == ["card-pairing"]


def test_a_refresh_by_broadcast_is_noticed_within_its_interval():
    bench = _with()
    bench.put_in(bench.good_card(entitled=False))
    bench.board.card = True
    bench.let_pass(1000)
    assert _state(bench) == "NotEntitled" and bench.value(CARD + "Status") == "Running"
    assert _alarms(bench) == ["card-entitlement"]
    bench.line.card.refresh(bench.box, 1_795_348_800)
    assert bench.let_pass(5000) == []
    told = bench.let_pass(12_000)
    assert [args["State"] for _, args in told] == ["Running"]
    assert bench.value(ENTITLEMENT + "LastEMM") == "2026-11-22T12:00:00.000Z"


def test_an_entitlement_message_seen_by_the_box_makes_it_read_at_once():
    bench = _with()
    bench.put_in(bench.good_card(entitled=False))
    bench.let_pass(1000)
    bench.line.card.refresh(bench.box, 1_795_348_800)
    bench.facts(last_emm=1_795_348_800)
    bench.let_pass(750)
    assert _state(bench) == "Running"


def test_the_reading_of_a_card_that_is_not_entitled_is_bounded():
    bench = _with()
    bench.put_in(bench.good_card(entitled=False))
    bench.let_pass(10 * MINUTE)
    assert 39 <= len(bench.line.speeds) <= 42, "every 15 s"


def test_a_card_that_descrambles_is_left_alone():
    bench = _running()
    bench.facts(descrambling=True)
    heard = len(bench.line.card.heard)
    bench.let_pass(30 * MINUTE)
    assert len(bench.line.card.heard) == heard
    bench.facts(descrambling=False)
    bench.let_pass(1000)
    assert len(bench.line.card.heard) > heard


def test_descrambling_proves_that_a_card_runs_which_cannot_be_asked_now():
    bench = _with()
    bench.facts(descrambling=True)
    bench.put_in(bench.good_card())
    bench.let_pass(1000)
    assert _state(bench) == "Running" and bench.value(CARD + "SerialNumber") == ""
    assert bench.line.card.heard == []


def test_an_entitlement_that_ran_out_opens_nothing():
    bench = _with()
    bench.clock.set_time(NOON, 5)
    card = bench.good_card()
    card.expiry = NOON // 1000 - 1
    bench.put_in(card)
    bench.let_pass(1000)
    assert _state(bench) == "NotEntitled"
    assert bench.value(ENTITLEMENT + "Expiry") == "2026-11-22T11:59:59.000Z"


def test_a_family_that_lets_only_its_serial_be_read_runs_as_far_as_is_known():
    bench = _with(PlayedCard(SERIAL, SERIAL_ONLY))
    bench.let_pass(1000)
    assert _state(bench) == "Running"
    assert bench.value(CARD + "SerialNumber") == SERIAL
    assert bench.value(ENTITLEMENT + "Paired") == "Unknown"
    assert bench.value(ENTITLEMENT + "Expiry") == "0001-01-01T00:00:00Z"


def test_a_restart_tells_only_what_changed_meanwhile():
    bench = _running()
    again = _with(bench.line.card, storage=bench.storage)
    assert again.let_pass(2000) == []
    assert _state(again) == "Running"
    without = _with(None, storage=again.storage)
    told = without.let_pass(1000)
    assert told == [(REMOVED, {"Grade": "inferred", "SerialNumber": SERIAL})]
    back = _with(bench.good_card(OTHER_SERIAL), storage=without.storage)
    told = back.let_pass(1000)
    assert [name for name, _ in told] == [INSERTED, STATE]
    assert told[0][1] == {"Grade": "inferred"} and told[1][1]["Other"] == "true"


def test_a_box_that_restarts_while_it_descrambles_says_nothing_new():
    bench = _running()
    again = _with(bench.line.card, storage=bench.storage)
    again.facts(descrambling=True)
    assert again.let_pass(2000) == []


def test_what_is_spoilt_on_flash_is_told_anew():
    bench = _running()
    bench.storage.files["card.blob"] = b"????????"
    again = _with(bench.line.card, storage=bench.storage)
    assert [args["State"] for _, args in again.let_pass(1000)] == ["Running"]


def test_reset_powers_the_card_down_and_counts_failures_anew():
    bench = _running()
    bench.clock.set_time(NOON, 5)
    bench.facts(failed=9, failed_no_key=4)
    bench.let_pass(250)
    assert bench.value(READER + "DecryptionFailedCounter") == "9"
    resets = len(bench.line.speeds)
    bench.operate(READER + "Reset()")
    assert _state(bench) == "Running" or bench.let_pass(2000) == []
    bench.let_pass(2000)
    assert len(bench.line.speeds) == resets + 1
    assert _state(bench) == "Running"
    assert bench.value(READER + "DecryptionFailedCounter") == "0"
    bench.facts(failed=11, failed_no_key=5)
    bench.let_pass(250)
    assert bench.value(READER + "DecryptionFailedCounter") == "2"
    assert bench.value(READER + "DecryptionFailedNoKeyCounter") == "1"
    assert bench.value(READER + "ResetTime").startswith("2026-11-22T12:00:0")


def test_a_card_that_descrambles_is_not_reset():
    bench = _running()
    bench.subscribe("OperationComplete", READER)
    bench.facts(descrambling=True)
    resets = len(bench.line.speeds)
    bench.operate(READER + "Reset()")
    bench.let_pass(2000)
    assert len(bench.line.speeds) == resets


def test_the_operator_replaces_the_table_of_families():
    bench = _with(PlayedCard(SERIAL, STRANGER))
    bench.let_pass(1000)
    assert _state(bench) == "Unknown"
    table = (
        '[{"name":"Made up","type":"DRM","application":"made-up",'
        '"atr":"3B650000574841543F","mask":"FFFFFFFFFFFFFFFFFF"}]'
    )
    command = "Device.SmartCardReaders.X_IPKO-COM_SetFamilies()"
    bench.operate(command, {"Families": table})
    bench.let_pass(1000)
    assert _state(bench) == "Running" and bench.value(CARD + "Type") == "DRM"
    assert bench.line.card.heard == [], "this table allows no question"
    refused = bench.operate(command, {"Families": "[]"})
    assert refused[0].has(4)
    bench.operate(command, {"Families": ""})
    bench.let_pass(1000)
    assert _state(bench) == "Unknown"


def test_what_another_program_tells_of_its_card_is_enough():
    bench = _with(PlayedCard(SERIAL), port=False)
    bench.facts(atr="3b660000455843410107", serial=SERIAL, entitled=False, paired=True)
    bench.let_pass(1000)
    assert _state(bench) == "NotEntitled"
    bench.facts(entitled=True, provider="EXAMPLE", expiry=0, last_emm=1_795_348_800)
    bench.let_pass(3000)
    assert _state(bench) == "Running"
    assert bench.value(ENTITLEMENT + "LastEMM") == "2026-11-22T12:00:00.000Z"
    bench.facts(atr="")
    bench.let_pass(3000)
    assert _state(bench) == "Mute"


def test_a_card_that_is_pulled_changes_its_status():
    bench = _running()
    bench.subscribe("ValueChange", CARD + "Status")
    bench.let_pass(1500)
    del bench.sent[:]
    bench.take_out()
    bench.let_pass(3000)
    changes = [notify.one(4) for _, notify in bench.sent if notify.has(4)]
    assert [(c.text(1), c.text(2)) for c in changes] == [(CARD + "Status", "None")]


def test_a_box_without_a_reader_has_no_reader():
    bench = _with()
    bench.board.card = None
    bench.let_pass(1000)
    assert bench.value("Device.SmartCardReaders.SmartCardReaderNumberOfEntries") == "0"
    assert bench.told == []


def test_the_atr_masks_tell_versions_of_one_family_apart_from_others():
    for atr, state in (
        (FULL[:-1] + b"\x99", "Running"),
        (b"\x3b\x66\x00\x00EXCZ\x01\x07", "Unknown"),
    ):
        bench = _with(PlayedCard(SERIAL, atr, box="00000002"))
        bench.let_pass(1000)
        assert _state(bench) == state


def test_only_the_fleet_replaces_the_table():
    def never(token, command, key, args):
        from agent.errors import AuthorisationError

        raise AuthorisationError(7006, "no token")

    bench = _with()
    bench.endpoint._authorise = never
    answer = bench.operate("Device.SmartCardReaders.X_IPKO-COM_SetFamilies()", {"Families": ""})
    assert isinstance(answer, Failed) or answer[0].has(4)


def test_a_table_of_families_that_cannot_be_read_knows_no_card():
    bench = _with(PlayedCard(SERIAL))
    bench.storage.files["card_families.blob"] = b"rotten"
    bench.let_pass(1000)
    assert _state(bench) == "Unknown" and bench.line.card.heard == []


def test_a_table_that_would_break_the_reading_of_cards_is_refused():
    command = "Device.SmartCardReaders.X_IPKO-COM_SetFamilies()"
    bench = _with()
    for name, mask in (('["a"]', '"FFFF"'), ('"a"', '"FF"'), ('"a"', '"FF  "')):
        table = '[{"name":%s,"type":"CA","application":%s,"atr":"3B00","mask":%s}]'
        refused = bench.operate(command, {"Families": table % (name, name, mask)})
        assert refused[0].has(4), (name, mask)
