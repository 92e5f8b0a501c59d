"""Work for journal and store that may be cut short anywhere, and what must hold afterwards."""

from agent.core.journal import SEQUENCES, Journal
from agent.core.store import Store
from agent.tests.fakes import FakeRandom

CAPACITY = 1024  # small: the work below rotates the file several times


class Ledger:
    """What was promised before the cut, and what was under way."""

    def __init__(self):
        self.epoch = None
        self.events = {}
        self.acknowledged = set()
        self.trying = None  # payload of an append that may or may not be there
        self.leaving = 0  # sequence whose acknowledgement was under way
        self.value = None
        self.next_value = None
        self.clocks = {}


def work(storage, ledger, journal_class=Journal):
    """Use every writing call; raises whatever the storage raises when the power goes."""
    store = Store(storage)
    journal = journal_class(storage, FakeRandom(), capacity=CAPACITY)
    ledger.epoch = journal.epoch
    for step in range(14):
        for size in (10, 90, 35):
            _append(journal, ledger, b"%d:" % step + b"x" * size)
        if step % 3 == 1:
            _lose_power(journal, ledger, step)
        journal.note_clock(step, 1000 * step, step)
        ledger.clocks[step] = (1000 * step, step)
        ledger.next_value = b"value %d" % step
        store.save("setting", ledger.next_value)
        ledger.value = ledger.next_value
        for sequence in _choice(journal, step):
            ledger.leaving = sequence
            journal.acknowledge(sequence)
            ledger.acknowledged.add(sequence)
            ledger.leaving = 0


def _append(journal, ledger, payload):
    ledger.trying = payload
    sequence = journal.append(payload)
    assert sequence, "the work must fit into the journal"
    ledger.events[sequence] = payload
    ledger.trying = None


def _lose_power(journal, ledger, step):
    assert journal.prepare_loss(b"lost at 000", step, 8, 3)
    ledger.trying = b"lost at %03d" % step
    sequence = journal.append_loss(step)
    ledger.events[sequence] = ledger.trying
    ledger.trying = None


def _choice(journal, step):
    """Out of order, and now and then everything."""
    pending = [sequence for sequence, _ in journal.pending()]
    return pending if step % 5 == 4 else pending[1:4] + pending[:1]


def faults(storage, ledger):
    """What is wrong after the cut, as a list of texts: empty when every promise was kept."""
    journal = Journal(storage, FakeRandom(5), capacity=CAPACITY)
    pending = dict(journal.pending())
    found = []
    if ledger.epoch and journal.epoch != ledger.epoch:
        found.append("the epoch changed")
    order = [sequence for sequence, _ in journal.pending()]
    if order != sorted(set(order)):
        found.append("out of order or twice: %s" % order)
    for sequence, payload in ledger.events.items():
        if sequence in ledger.acknowledged:
            if sequence in pending:
                found.append("%d came back" % sequence)
        elif sequence not in pending and sequence != ledger.leaving:
            found.append("%d was lost" % sequence)
        elif sequence in pending and pending[sequence] != payload:
            found.append("%d was changed" % sequence)
    last = max(ledger.events) if ledger.events else 0
    for sequence in pending:
        if sequence not in ledger.events:
            if sequence != last + 1 or pending[sequence] != ledger.trying:
                found.append("%d was never recorded" % sequence)
            last = sequence
    if not _are_given_up(journal, last + 1, journal.last_sequence):
        found.append("a gap after %d" % last)
    if journal.append(b"next") != max(last, journal.last_sequence - 1) + 1:
        found.append("a repetition after %d" % last)
    for boot_count in sorted(ledger.clocks)[-7:]:
        if journal.clock_of(boot_count) != ledger.clocks[boot_count]:
            found.append("clock of boot %d" % boot_count)
    value = Store(storage).load("setting")
    if value not in (ledger.value, ledger.next_value):
        found.append("the setting is %r" % value)
    return found


def _are_given_up(journal, first, last):
    """Whether it says of each of these sequences that it will never come, and of no other."""
    told = journal.tally[SEQUENCES]
    expected = "" if last < first else str(first) if last == first else "%d-%d" % (first, last)
    return told == expected


class BrokenJournal(Journal):
    """Says an acknowledgement is durable when it is only in memory: the cuts must find it."""

    def acknowledge(self, sequence):
        if sequence in self.listed:
            self.listed.remove(sequence)


class ForgetfulJournal(Journal):
    """Writes its file anew in place, without the step that makes it all or nothing."""

    def rewrite(self, victims=()):
        frames = [b""]
        replace = self.storage.replace
        self.storage.replace = lambda name, chunks: frames.extend(chunks)
        super().rewrite(victims)
        self.storage.replace = replace
        self.storage.remove("journal")
        for frame in frames:
            self.storage.append("journal", frame)
