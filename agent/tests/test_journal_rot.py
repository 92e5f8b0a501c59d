"""A journal with bytes that cannot be read: what is lost, and what is told of it."""

from agent.compat import MICROPYTHON
from agent.core.journal import HEALTH, ORDINARY, SEQUENCES, UNREADABLE
from agent.tests.fakes import FakeStorage
from agent.tests.journal_bench import made, reopened, sequences


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
