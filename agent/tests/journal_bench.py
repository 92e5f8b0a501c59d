"""Journals on a made-up medium, for the tests of the journal."""

from agent.core.journal import UNREADABLE, Journal
from agent.tests.fakes import FakeRandom


def described(tally):
    return b"dropped %d" % sum(tally[:UNREADABLE])


def made(storage, **more):
    return Journal(storage, FakeRandom(), described, **more)


def sequences(journal):
    return [sequence for sequence, _ in journal.pending()]


def reopened(storage, **more):
    return Journal(storage.power_up(), FakeRandom(9), described, **more)
