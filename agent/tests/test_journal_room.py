"""A full journal: what gives way, and what is told of it."""

from agent.compat import MICROPYTHON
from agent.core.journal import HEALTH, ORDINARY, RESERVED, SEQUENCES, Journal
from agent.core.journal_room import joined
from agent.tests.fakes import FakeRandom, FakeStorage
from agent.tests.journal_bench import made, reopened, sequences


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
