"""Signal levels, each with its verdict."""

from agent.wire.levels import cable_levels

_UNITS = {"power": "_power_dbmv", "snr": "_snr_db"}


def rows(agent, status):
    """Yield the rows of a report: (key, channel or 0, value, verdict)."""
    docsis = agent.board.facts("docsis")
    if docsis:
        for key, channel, value, verdict in cable_levels(docsis):
            if channel:
                name, quantity = key.split("_")
                key = name + _UNITS[quantity]
                value = tenths(value)
            yield key, channel, value, verdict


def tenths(value):
    """A number of tenths as decimal text."""
    return "%s%d.%d" % ("-" if value < 0 else "", abs(value) // 10, abs(value) % 10)
