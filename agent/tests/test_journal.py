import struct

from agent.core.journal import HEALTH, MAX_PAYLOAD, RESERVED, fixed_digits
from agent.tests.fakes import FakeStorage
from agent.tests.journal_bench import made, reopened, sequences


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
