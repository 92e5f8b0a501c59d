"""Journal and store on a real LittleFS whose flash loses power at each program and erase."""

import gc

from agent.core.journal import Journal
from agent.errors import StorageError
from agent.tests.fakes import FakeRandom
from agent.tests.flash import Flash, release, storage_on
from agent.tests.power_cuts import BrokenJournal, Ledger, faults, work

_STEP = 23  # each flash operation is cut in the campaign (cut_campaign.py)


def formatted():
    flash = Flash()
    storage_on(flash, new=True)
    release()
    return flash.data


def cut_short(image, after, journal_class=Journal):
    """Return (flash, ledger); the flash is dead when the power went before the work was done."""
    flash, ledger = Flash(bytearray(image)), Ledger()
    storage = storage_on(flash)
    flash.cut_after = after
    try:
        work(storage, ledger, journal_class)
    except StorageError:
        pass
    return flash, ledger


def faults_over_all_cuts(journal_class, step):
    image = formatted()
    found = []
    after = 0
    while True:
        flash, ledger = cut_short(image, after, journal_class)
        if not flash.dead:
            break
        again = flash.power_up()
        found += ["cut %d: %s" % (after, text) for text in faults(storage_on(again), ledger)]
        after += step
        gc.collect()
    release()
    return found, after


def test_every_promise_is_kept_whatever_flash_operation_the_power_cuts():
    found, operations = faults_over_all_cuts(Journal, _STEP)
    assert found == []
    assert operations > 300


def test_the_cuts_find_an_acknowledgement_that_was_only_in_memory():
    found, _ = faults_over_all_cuts(BrokenJournal, 40)
    assert any("came back" in text for text in found)


def test_the_power_loss_record_finds_its_block_erased_at_the_signal():
    """All but now and then, when the file system's own log is full and has to be written anew."""
    flash = Flash(bytearray(formatted()))
    journal = Journal(storage_on(flash), FakeRandom())
    erasing = 0
    for number in range(100):
        size = (40, 90, 130, 400)[number % 4]
        assert journal.prepare_loss(b"0" + b"x" * size, 1, 0, 1)
        erases, programs = flash.erases, flash.programs
        sequence = journal.append_loss(5)
        assert sequence == number + 1
        if flash.erases != erases:
            erasing += 1
        else:
            assert flash.programs - programs <= 12
        journal.acknowledge(sequence)
    release()
    assert erasing <= 6
