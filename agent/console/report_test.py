"""The device tests itself: storage, memory, levels."""

from agent.compat import urandom
from agent.console import report_levels
from agent.core.self_test import faults
from agent.wire.levels import BAD, GOOD


def rows(agent, status):
    """Yield the rows of a report: (key, channel or 0, value, verdict)."""
    found = {}
    for result in faults(agent.store, urandom, "console_test"):
        if result:
            found[result[0]] = result[1]
    for name in ("storage", "memory"):
        yield name, 0, found.get(name, ""), BAD if name in found else GOOD
    for row in report_levels.rows(agent, status):
        if not row[1] or row[3] == BAD:
            yield row
