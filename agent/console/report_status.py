"""How the device is: service, link, journal, clock, supply."""

from agent.console.report_model import parameters
from agent.core.parts import part
from agent.wire.levels import BAD, GOOD
from agent.wire.replacement import ACTIVE, ADOPTED

_SERVICE = (
    ("service_state", "X_IPKO-COM_Service.State", "active"),
    ("allow_list_version", "X_IPKO-COM_Service.AllowListVersion", ""),
)


def rows(agent, status):
    """Yield the rows of a report: (key, channel or 0, value, verdict)."""
    yield "endpoint_id", 0, agent.endpoint_id, ""
    yield "state", 0, status["state"], ""
    replacement = part("replacement")
    which = replacement.load(agent.store)["part"]
    if which != ACTIVE:
        yield "part", 0, which, GOOD if which == ADOPTED else BAD
    if replacement.return_me(which):
        yield "return_me", 0, replacement.return_me(which), BAD
    link = status["link"]
    yield "link", 0, link, GOOD if link == "online" else ""
    yield "since_s", 0, str(status["since_s"]), ""
    if status["error"]:
        yield "error", 0, status["error"], ""
    yield "journal_pending", 0, str(status["journal_pending"]), ""
    yield "clock", 0, status["clock"], ""
    supply_mv = agent.board.supply_mv()
    if supply_mv is not None:
        nominal_mv = agent.board.supply_nominal_mv
        within = 90 * nominal_mv <= 100 * supply_mv <= 110 * nominal_mv
        yield (
            "supply_v",
            0,
            "%d.%d" % (supply_mv // 1000, supply_mv % 1000 // 100),
            (GOOD if within else BAD),
        )
    yield from parameters(agent, _SERVICE)
