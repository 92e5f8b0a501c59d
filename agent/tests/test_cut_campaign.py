"""A slice of the cuts of cut_campaign.py, and proof that it finds what it looks for."""

from agent.compat import MICROPYTHON
from agent.tests.cut_campaign import (
    SUBJECTS,
    AllowListSubject,
    BootSubject,
    BrokenJournalSubject,
    ConfigurationSubject,
    CounterSubject,
    DiskMedium,
    EagerMedium,
    FirstCommitSubject,
    FlashMedium,
    JournalSubject,
    ReplacementSubject,
    campaign,
)

_STEPS = {
    JournalSubject: 211,
    ConfigurationSubject: 17,
    BootSubject: 17,
    AllowListSubject: 23,
    ReplacementSubject: 11,
}
_SLOWER = 2 if MICROPYTHON else 1  # the machine takes ten times as long


def slice_of(medium_class):
    cuts = 0
    for subject_class in SUBJECTS:
        if MICROPYTHON and subject_class in (AllowListSubject, FirstCommitSubject):
            continue  # their signatures take seconds
        step = _STEPS.get(subject_class, 7) * _SLOWER
        done, found = campaign(medium_class, subject_class, step, 1)
        assert found == []
        cuts += done
    return cuts


def test_flash_keeps_what_was_promised_and_starts_whatever_operation_is_cut():
    assert slice_of(FlashMedium) > 20


def test_a_linux_disk_keeps_what_was_promised_whatever_operation_is_cut():
    assert slice_of(DiskMedium) > 30


def test_the_cuts_find_a_storage_that_acknowledges_before_it_synchronises():
    _, found = campaign(EagerMedium, CounterSubject, 3)
    assert any(["was accepted twice" in text for text in found])
    _, found = campaign(EagerMedium, ReplacementSubject, 7, 1)
    assert any(["it is spare, not" in text for text in found])
    _, found = campaign(EagerMedium, JournalSubject, 97, 40)
    assert any(["was lost" in text for text in found])


def test_the_cuts_find_an_acknowledgement_that_was_only_in_memory():
    _, found = campaign(FlashMedium, BrokenJournalSubject, 211, 100)
    assert any(["came back" in text for text in found])
