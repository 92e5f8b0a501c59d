"""What happened last, as far as the journal still has it."""

from agent.compat import const
from agent.core.events import stamped_arguments

_LAST = const(10)


def rows(agent, status):
    """Yield the rows of a report: (event, sequence, when it was, whether it is delivered)."""
    journal = agent.journal
    for sequence, record, pending in journal.recent(_LAST):
        _, name, args = stamped_arguments(record, journal.clock_of)
        yield name, sequence, args["Time"], "waiting" if pending else "delivered"
