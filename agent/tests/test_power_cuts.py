from agent.compat import MICROPYTHON
from agent.core.journal import Journal
from agent.tests.fakes import FakeRandom, FakeStorage, PowerCut
from agent.tests.power_cuts import CAPACITY, BrokenJournal, ForgetfulJournal, Ledger, faults, work

_STEP = 5 if MICROPYTHON else 1  # the machine is slow: every fifth cut there, each one here


def cut_short(after, torn, journal_class=Journal):
    """Return (storage after the cut, ledger); storage None when the work ended before it."""
    storage, ledger = FakeStorage(), Ledger()
    storage.cut_after, storage.torn = after, torn
    try:
        work(storage, ledger, journal_class)
    except PowerCut:
        return storage, ledger
    return None, ledger


def operations_of_the_work():
    storage = FakeStorage()
    work(storage, Ledger())
    return storage.operations


def faults_over_all_cuts(journal_class, step=_STEP):
    found = []
    for torn in (0, 3, 8):
        for after in range(0, operations_of_the_work(), step):
            storage, ledger = cut_short(after, torn, journal_class)
            if storage:
                found += faults(storage.power_up(), ledger)
    return found


def test_every_promise_is_kept_whatever_operation_the_power_cuts():
    assert operations_of_the_work() > 150
    assert faults_over_all_cuts(Journal) == []


def test_a_second_cut_while_recovering_from_the_first_loses_nothing_either():
    recoveries = 0
    for after in range(0, operations_of_the_work(), _STEP):
        storage, ledger = cut_short(after, 5)
        for second in range(20):
            again = storage.power_up()
            again.cut_after, again.torn = second, 5
            try:
                Journal(again, FakeRandom(5), capacity=CAPACITY)
            except PowerCut:
                recoveries += 1
                assert faults(again.power_up(), ledger) == [], (after, second)
            else:
                break
    assert recoveries > 50 // _STEP


def test_the_cuts_find_an_acknowledgement_that_was_only_in_memory():
    assert any("came back" in text for text in faults_over_all_cuts(BrokenJournal, 7))


def test_the_cuts_find_a_rotation_that_is_not_all_or_nothing():
    assert any("was lost" in text for text in faults_over_all_cuts(ForgetfulJournal))
