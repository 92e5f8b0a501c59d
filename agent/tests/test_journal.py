import struct

from agent.compat import MICROPYTHON
from agent.core.journal import (
    HEALTH,
    MAX_PAYLOAD,
    ORDINARY,
    RESERVED,
    SEQUENCES,
    UNREADABLE,
    Journal,
    fixed_digits,
)
from agent.core.journal_room import joined
from agent.tests.fakes import FakeRandom, FakeStorage


def described(tally):
    return b"dropped %d" % sum(tally[:UNREADABLE])


def made(storage, **more):
    return Journal(storage, FakeRandom(), described, **more)


def sequences(journal):
    return [sequence for sequence, _ in journal.pending()]


def reopened(storage, **more):
    return Journal(storage.power_up(), FakeRandom(9), described, **more)


def raises(error, function, *args):
    try:
        function(*args)
    except error:
        return True
    return False


def test_sequences_count_from_one_and_go_on_after_a_restart():
    storage = FakeStorage()
    journal = made(storage)
    assert [journal.append(b"a"), journal.append(b"b")] == [1, 2]
    again = reopened(storage)
    assert again.append(b"c") == 3
    assert list(again.pending()) == [(1, b"a"), (2, b"b"), (3, b"c")]
    assert again.epoch == journal.epoch
    assert len(journal.epoch) == 8


def test_acknowledged_events_are_not_given_out_again_after_a_restart():
    storage = FakeStorage()
    journal = made(storage)
    for payload in (b"a", b"b", b"c"):
        journal.append(payload)
    journal.acknowledge(2)
    journal.acknowledge(2)
    journal.acknowledge(77)
    assert sequences(journal) == [1, 3]
    assert sequences(reopened(storage)) == [1, 3]
    assert reopened(storage).pending_count == 2


def test_pending_goes_on_while_events_come_and_go():
    journal = made(FakeStorage(), capacity=1024)
    for number in range(20):
        journal.append(b"event %d" % number)
    seen = []
    for sequence, payload in journal.pending():
        seen.append((sequence, payload))
        journal.acknowledge(sequence)
        if sequence < 40:
            journal.append(b"event %d" % (sequence + 19))
    assert seen == [(number, b"event %d" % (number - 1)) for number in range(1, 60)]
    assert journal.pending_count == 0


def test_pending_can_start_after_a_sequence():
    journal = made(FakeStorage())
    for payload in (b"a", b"b", b"c"):
        journal.append(payload)
    assert list(journal.pending(after=2)) == [(3, b"c")]
    assert list(journal.pending(after=3)) == []


def test_the_file_stays_bounded_over_many_events():
    storage = FakeStorage()
    journal = made(storage, capacity=2048)
    for number in range(1, 1000):
        assert journal.append(b"x" * (number % 90)) == number
        journal.acknowledge(number)
        assert storage.size("journal") <= 2048
    assert reopened(storage, capacity=2048).append(b"next") == 1000


def test_one_event_nobody_takes_does_not_block_the_others():
    storage = FakeStorage()
    journal = made(storage, capacity=2048)
    journal.append(b"stuck")
    for number in range(2, 500):
        assert journal.append(b"x" * 60) == number
        journal.acknowledge(number)
        assert storage.size("journal") <= 2048
    assert list(reopened(storage, capacity=2048).pending()) == [(1, b"stuck")]


def test_a_full_journal_drops_records_the_drop_and_keeps_room_for_power_records():
    storage = FakeStorage()
    journal = made(storage, capacity=2048)
    kept = 0
    while journal.append(b"x" * 50):
        kept += 1
    assert journal.append(b"y" * 50) == 0
    drop = journal.last_sequence
    assert drop == kept + 1
    assert list(journal.pending(after=kept)) == [(drop, b"dropped 1")]
    assert journal.append(b"power", priority=RESERVED) == drop + 1
    again = reopened(storage, capacity=2048)
    assert again.append(b"z" * 50) == 0
    assert again.last_sequence == drop + 1, "one drop is told only once while it waits"
    assert storage.size("journal") <= 2048


def test_later_drops_are_told_once_the_first_was_taken():
    journal = made(FakeStorage(), capacity=2048)
    while journal.append(b"x" * 50):
        pass
    journal.append(b"y" * 50)
    journal.append(b"y" * 50)
    journal.acknowledge(journal.last_sequence)
    assert list(journal.pending())[-1][1] == b"dropped 2"
    for sequence in sequences(journal):
        journal.acknowledge(sequence)
    assert journal.append(b"again") == journal.last_sequence
    assert list(journal.pending()) == [(journal.last_sequence, b"again")]


def test_a_full_journal_can_always_be_emptied():
    storage = FakeStorage()
    journal = made(storage, capacity=1024)
    while journal.append(b"", priority=RESERVED):
        pass
    while journal.pending_count:
        journal.acknowledge(next(journal.pending())[0])
        assert storage.size("journal") <= 1024
    assert sequences(reopened(storage)) == []


def test_the_number_of_pending_events_is_bounded_too():
    journal = made(FakeStorage())
    for _ in range(400):
        journal.append(b"")
    assert journal.pending_count <= 256


def test_a_torn_tail_is_cut_off_and_its_sequence_used_again():
    storage = FakeStorage()
    journal = made(storage)
    journal.append(b"first")
    whole = storage.files["journal"]
    journal.append(b"second, longer than the read-ahead" * 10)
    full = storage.files["journal"]
    for cut in range(len(whole), len(full)):
        storage.files["journal"] = full[:cut]
        again = reopened(storage)
        assert list(again.pending()) == [(1, b"first")]
        assert again.append(b"other") == 2
        assert list(again.pending()) == [(1, b"first"), (2, b"other")]


def test_no_flipped_bit_is_taken_for_an_event():
    storage = FakeStorage()
    journal = made(storage)
    journal.append(b"only")
    good = storage.files["journal"]
    for bit in range(41 * 8, len(good) * 8):
        bad = bytearray(good)
        bad[bit // 8] ^= 1 << bit % 8
        storage.files["journal"] = bytes(bad)
        assert list(reopened(storage).pending()) == []


def test_an_unreadable_journal_begins_a_new_epoch():
    storage = FakeStorage()
    old = made(storage)
    old.append(b"lost")
    storage.files["journal"] = b"garbage"
    again = reopened(storage)
    assert again.epoch != old.epoch
    assert again.append(b"a") == 2, "the first of the new epoch tells of the loss"
    assert dict(again.pending())[1] == b"dropped 0"


def test_wiping_begins_a_new_epoch_and_forgets_clocks():
    storage = FakeStorage()
    journal = made(storage)
    epoch = journal.epoch
    journal.append(b"a")
    journal.note_clock(1, 1000, 5)
    journal.wipe()
    again = reopened(storage)
    assert again.epoch == journal.epoch != epoch
    assert again.clock_of(1) is None
    assert again.append(b"b") == 1


def test_clocks_of_the_last_boots_survive_restart_and_rotation():
    storage = FakeStorage()
    journal = made(storage, capacity=1024)
    for boot in range(1, 12):
        journal.note_clock(boot, 1_764_000_000_000 + boot, boot)
        journal.note_clock(boot, -boot, 2 * boot)
        for _ in range(10):
            journal.acknowledge(journal.append(b"x" * 80))
    again = reopened(storage, capacity=1024)
    assert again.clock_of(11) == (-11, 22)
    assert again.clock_of(4) == (-4, 8)
    assert again.clock_of(3) is None
    assert again.clock_of(12) is None


def test_the_power_loss_record_is_completed_by_one_write():
    storage = FakeStorage()
    journal = made(storage)
    journal.append(b"before")
    assert journal.prepare_loss(b'["PowerLoss!","00000"]', 4, 15, 5)
    before = storage.operations
    assert journal.append_loss(12345) == 2
    assert storage.operations == before + 1
    journal.note_gasp()
    again = reopened(storage)
    assert list(again.pending()) == [(1, b"before"), (2, b'["PowerLoss!","12345"]')]
    assert again.last_loss == (4, 12345)
    assert again.last_gasp
    assert reopened(again.storage).last_gasp
    assert again.append(b"after") == 3


def test_a_power_loss_that_was_none_leaves_its_record_and_the_agent_goes_on():
    storage = FakeStorage()
    journal = made(storage)
    journal.prepare_loss(b"up 0", 1, 3, 1)
    assert journal.append_loss(7) == 1
    assert journal.append_loss(8) == 0, "one record per preparation"
    assert journal.append(b"next") == 2
    assert list(journal.pending()) == [(1, b"up 7"), (2, b"next")]
    assert journal.prepare_loss(b"up 0", 1, 3, 1)
    assert journal.append_loss(9) == 3
    journal.acknowledge(3)
    assert sequences(reopened(storage)) == [1, 2]


def test_a_prepared_record_that_was_never_needed_leaves_nothing():
    storage = FakeStorage()
    journal = made(storage)
    journal.prepare_loss(b"up 0", 1, 3, 1)
    journal.append(b"a")
    again = reopened(storage)
    assert list(again.pending()) == [(1, b"a")]
    assert again.last_loss is None


def test_a_restored_event_settles_the_loss_for_ever():
    storage = FakeStorage()
    journal = made(storage, capacity=1024)
    journal.prepare_loss(b"loss", 3, 0, 0)
    journal.append_loss(500)
    journal = reopened(storage, capacity=1024)
    for _ in range(30):
        journal.acknowledge(journal.append(b"x" * 80))
    assert journal.last_loss == (3, 500)
    journal.append(b"restored", priority=RESERVED, restores=True)
    for _ in range(30):
        journal.acknowledge(journal.append(b"x" * 80))
    assert journal.last_loss is None
    assert made(journal.storage.power_up()).last_loss is None


def test_there_is_no_room_for_a_loss_record_when_even_the_reserve_is_used():
    journal = made(FakeStorage(), capacity=1024)
    while journal.append(b"x" * 20, priority=RESERVED):
        pass
    assert not journal.prepare_loss(b"loss" * 10, 1, 0, 0)
    assert journal.append_loss(1) == 0


def test_the_longest_payload_is_kept_and_a_longer_one_refused():
    storage = FakeStorage()
    journal = made(storage)
    longest = b"x" * MAX_PAYLOAD
    assert journal.append(longest) == 1
    assert raises(ValueError, journal.append, longest + b"x")
    assert list(reopened(storage).pending()) == [(1, longest)]


def test_a_failing_medium_promises_nothing_and_recovers():
    storage = FakeStorage()
    journal = made(storage)
    journal.append(b"a")
    storage.cut_after = 0
    storage.torn = 4
    assert raises(Exception, journal.append, b"half")
    storage.cut_after = None
    assert journal.append(b"b") == 2
    assert list(journal.pending()) == [(1, b"a"), (2, b"b")]
    assert list(reopened(storage).pending()) == [(1, b"a"), (2, b"b")]


def test_the_bytes_are_those_of_the_format_page():
    storage = FakeStorage()
    journal = made(storage)
    journal.append(b"hi")
    data = storage.files["journal"]
    assert data[:4] == b"VEJ1"
    assert struct.unpack_from("<I", data, 8)[0] == 0
    assert data[16:37] == b"\x0e\x00\x08\x00\x00\x00\x00" + data[4:8] + bytes(10)
    assert data[41:50] == b"\x02\x00\x01\x01\x00\x00\x00hi"
    assert len(data) == 54
    journal.append(b"", HEALTH)
    journal.append(b"", RESERVED)
    data = storage.files["journal"]
    assert (data[56], data[67]) == (0x11, 0x31)


def test_fixed_digits_fills_up_with_zeros_and_stops_at_nines():
    assert fixed_digits(7, 3) == b"007"
    assert fixed_digits(123, 3) == b"123"
    assert fixed_digits(1234, 3) == b"999"


# --- full


def filled(priority, capacity=4096, size=50):
    journal = made(FakeStorage(), capacity=capacity)
    while journal.append(b"%d" % priority * size, priority):
        pass
    return journal


def classes(journal):
    return "".join([payload[:1].decode() for _, payload in journal.pending()])


def test_health_gives_way_to_any_event_and_other_events_to_reserved_ones():
    journal = filled(HEALTH)
    count = journal.pending_count - 5  # the events of drops and their count take some room
    for _ in range(count):
        assert journal.append(b"1" * 50, ORDINARY)
    assert classes(journal).count("1") == count
    while journal.append(b"0" * 50, HEALTH):
        pass
    assert classes(journal).count("1") == count, "nothing gives way to health"
    for _ in range(count // 2):
        assert journal.append(b"2" * 50, RESERVED)
    assert classes(journal).count("2") == count // 2
    assert "0" not in classes(journal)


def test_what_gave_way_is_counted_by_class_with_the_sequences_that_never_come():
    journal = filled(HEALTH)
    there = set(sequences(journal))
    journal.acknowledge(journal.drop_sequence)
    journal.append(b"1" * 50, ORDINARY)
    gone = there - set(sequences(journal)) - {max(there)}
    assert len(gone) > 4
    for sequence in gone:
        assert sequence <= len(gone), "the oldest first"
    again = reopened(journal.storage, capacity=4096)
    assert set(sequences(again)) & gone == set()
    told = journal.tally if journal.tally[HEALTH] else None
    assert told is None or told[SEQUENCES] == "1-%d" % len(gone)
    assert list(journal.pending())[-1][1].startswith((b"dropped", b"1"))


def test_what_is_lost_is_told_after_a_power_cut_too():
    journal = filled(HEALTH)
    assert journal.append(b"1" * 50, ORDINARY)
    drop = journal.drop_sequence
    before = list(journal.tally)
    assert before[HEALTH] > 4
    again = reopened(journal.storage, capacity=4096)
    assert again.tally == before
    again.acknowledge(drop)
    assert again.drop_sequence > drop
    assert again.tally[HEALTH] == 0
    assert dict(again.pending())[again.drop_sequence] == b"dropped %d" % before[HEALTH]
    assert reopened(again.storage, capacity=4096).tally[HEALTH] == 0


def test_losses_wait_until_somebody_can_describe_them():
    journal = filled(HEALTH)
    assert journal.append(b"1" * 50, ORDINARY)
    mute = Journal(journal.storage.power_up(), FakeRandom(), capacity=4096)
    mute.acknowledge(journal.drop_sequence)
    assert mute.drop_sequence == 0
    assert mute.tally[HEALTH] > 0


def test_the_journal_stays_bounded_whatever_class_floods_it():
    journal = made(FakeStorage(), capacity=4096)
    for number in range(500 if MICROPYTHON else 3000):
        journal.append(b"x" * (number % 120), number * 7 % 3)
        if number % 40 == 0 and journal.pending_count:
            journal.acknowledge(next(journal.pending())[0])
        assert journal.storage.size("journal") <= 4096
    assert journal.pending_count <= 256


def test_lost_sequences_become_fewer_ranges_when_their_text_grows_too_long():
    assert joined("", [(3, 3), (1, 1)]) == "1,3"
    assert joined("1,3", [(2, 2), (7, 9)]) == "1-3,7-9"
    text = ""
    for number in range(1, 3000, 7):
        text = joined(text, [(number, number)])
        assert len(text) <= 96
    assert text.startswith("1-") and text.endswith("2997")


# --- what cannot be read


def ten_events(priority=ORDINARY):
    journal = made(FakeStorage())
    for number in range(1, 11):
        journal.append(b"event %02d " % number * 8, priority)
    return journal.storage


def offset_of(storage, number):
    return storage.files["journal"].find(b"event %02d" % number)


def spoiled(storage, at, data):
    again = storage.power_up()
    file = again.files["journal"]
    again.files["journal"] = file[:at] + data + file[at + len(data) :]
    return again


def test_a_rotten_record_does_not_cut_off_what_follows_it():
    storage = ten_events(HEALTH)
    journal = reopened(spoiled(storage, offset_of(storage, 4), b"?"))
    assert sequences(journal) == [1, 2, 3, 5, 6, 7, 8, 9, 10]
    assert journal.tally == [1, 0, 0, 0, 1, "4"]
    assert journal.append(b"next") == 12, "the loss itself was told first"
    assert dict(journal.pending())[11] == b"dropped 1"
    assert sequences(reopened(journal.storage)) == [1, 2, 3, 5, 6, 7, 8, 9, 10, 11, 12]


def test_any_rotten_byte_loses_at_most_one_event_and_names_it():
    storage = ten_events()
    first, last = offset_of(storage, 1) - 7, len(storage.files["journal"])
    for at in range(first, last, 11 if MICROPYTHON else 1):  # the machine is slow
        number = (at - first) // (64 + 8 + 11) + 1
        old = storage.files["journal"][at]
        for bad in (b"\xff", b"\0", bytes((old ^ 4,))):
            torn = number == 10 and (at - first) % 83 == 0 and bad[0] > old  # it looks cut short
            if bad[0] != old and not torn:
                journal = reopened(spoiled(storage, at, bad))
                kept = [n for n in range(1, 11) if n != number]
                assert sequences(journal) == kept, (at, bad)
                assert journal.tally[SEQUENCES].split("-")[0] == str(number), (at, bad)
                assert journal.append(b"next") > 10


def test_a_rotten_stretch_names_every_event_it_takes():
    storage = ten_events()
    start, end = offset_of(storage, 3) - 9, offset_of(storage, 7) + 1
    journal = reopened(spoiled(storage, start, b"\xa5" * (end - start)))
    assert sequences(journal) == [1, 8, 9, 10]
    assert journal.tally == [0, 0, 0, 6, 1, "2-7"]


def test_rot_among_events_of_before_a_rotation_names_a_range():
    journal = made(ten_events())
    for number in (2, 4, 5, 9):
        journal.acknowledge(number)
    journal.rewrite()
    storage = journal.storage
    again = reopened(spoiled(storage, offset_of(storage, 6) - 6, b"\xa5" * 12))
    assert sequences(again) == [1, 3, 7, 8, 10]
    assert again.tally == [0, 0, 0, 1, 1, "4-6"], "who has 4 and 5 knows better"
    again = reopened(spoiled(storage, offset_of(storage, 6), b"?"))
    assert again.tally == [0, 1, 0, 0, 1, "6"]


def test_a_rotten_last_record_gives_its_sequence_up():
    storage = ten_events()
    journal = reopened(spoiled(storage, len(storage.files["journal"]) - 20, b"?"))
    assert sequences(journal) == list(range(1, 10))
    assert journal.tally == [0, 1, 0, 0, 1, "10"]
    assert journal.append(b"next") == 12


def test_a_rotten_end_names_nothing_of_before_a_rotation_when_all_of_it_is_there():
    journal = made(ten_events())
    for number in (2, 4, 5):
        journal.acknowledge(number)
    journal.rewrite()
    journal.append(b"last" * 10)
    end = len(journal.storage.files["journal"])
    again = reopened(spoiled(journal.storage, end - 51, b"\xa5" * 51))
    assert again.tally[SEQUENCES] == "11"
    assert sequences(again) == [1, 3, 6, 7, 8, 9, 10]


def test_a_last_record_that_was_never_filled_in_was_not_promised():
    storage = ten_events()
    for filler in (b"\0", b"\xff"):
        storage.files["journal"] += filler * 90
        journal = reopened(storage)
        assert journal.pending_count == 10
        assert journal.append(b"next") == 11
        storage = ten_events()


def test_a_rotten_acknowledgement_brings_the_event_back_and_loses_nothing():
    journal = made(ten_events())
    journal.acknowledge(4)
    at = len(journal.storage.files["journal"]) - 3
    journal.append(b"after")
    again = reopened(spoiled(journal.storage, at, b"?"))
    assert sequences(again) == list(range(1, 12))
    assert again.tally == [0, 0, 0, 0, 1, ""]


def test_a_rotten_event_that_was_acknowledged_is_no_loss():
    journal = made(ten_events())
    journal.acknowledge(4)
    journal.acknowledge(9)
    again = reopened(spoiled(journal.storage, offset_of(journal.storage, 4), b"?"))
    assert again.tally == [0, 0, 0, 0, 1, ""]


def test_a_rotten_header_is_made_whole_from_its_copy():
    storage = ten_events()
    journal = reopened(spoiled(storage, 6, b"???"))
    assert journal.pending_count == 10
    assert journal.epoch == made(storage).epoch
    assert journal.tally[UNREADABLE] == 1


def test_rot_that_comes_up_while_it_runs_is_stepped_over_too():
    for use in (lambda j: list(j.pending()), lambda j: j.rewrite()):
        journal = made(ten_events())
        storage = journal.storage
        storage.files = spoiled(storage, offset_of(storage, 4), b"?").files
        use(journal)
        assert sequences(journal) == [1, 2, 3, 5, 6, 7, 8, 9, 10]
        assert journal.tally == [0, 0, 0, 1, 1, "4"]
        assert reopened(storage).tally == journal.tally


def test_a_power_loss_tells_how_many_sequences_a_rotten_end_took():
    storage = ten_events()
    journal = made(storage)
    journal.prepare_loss(b"up 0", 1, 3, 1)
    journal.append_loss(7)
    at = offset_of(storage, 9) - 9
    bad = spoiled(storage, at, b"\xa5" * (len(storage.files["journal"]) - at))
    again = reopened(bad)
    assert sequences(again) == [1, 2, 3, 4, 5, 6, 7, 11]
    assert again.tally[SEQUENCES] == "8-10"


def test_a_record_of_another_epoch_in_the_slot_is_none():
    storage = FakeStorage()
    old = made(storage)
    old.prepare_loss(b"up 0", 1, 3, 1)
    old.append_loss(7)
    del storage.files["journal"]
    assert sequences(reopened(storage)) == []
