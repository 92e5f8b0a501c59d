"""What happened last, as far as the journal still has it."""

from agent.compat import const
from agent.core.events import stamped_arguments
from agent.core.journal import DROP, HEADER_BYTES, TYPE_BITS

_LAST = const(10)


def rows(agent, status):
    """Yield the rows of a report: (event, sequence, when it was, whether it is delivered)."""
    journal = agent.journal
    for sequence, record in _last(journal):
        _, name, args = stamped_arguments(record, journal.clock_of)
        pending = journal.is_pending(sequence)
        yield name, sequence, args["Time"], "waiting" if pending else "delivered"


def _last(journal):
    """(sequence, payload) of the last events that are still in the file."""
    journal.settle()
    skip = -_LAST
    for _ in _events(journal):
        skip += 1
    for event in _events(journal):
        if skip <= 0:
            yield event
        skip -= 1


def _events(journal):
    record = journal.next_record(HEADER_BYTES)
    while record:
        if record[0] & TYPE_BITS <= DROP:
            yield record[1], record[2]
        record = journal.next_record(record[3])
