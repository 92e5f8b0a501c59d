"""What is left of the cover of the unit and of its card, as the fleet server has set it."""

from agent.console.report_model import parameters

_WARRANTY = "X_IPKO-COM_Warranty."
_UNIT = (
    ("unit_received", _WARRANTY + "UnitReceived", ""),
    ("unit_last_covered_day", _WARRANTY + "UnitLastCoveredDay", ""),
    ("unit_days_left", _WARRANTY + "UnitDaysLeft", ""),
)
_CARD = (
    ("card_received", _WARRANTY + "CardReceived", ""),
    ("card_last_covered_day", _WARRANTY + "CardLastCoveredDay", ""),
    ("card_days_left", _WARRANTY + "CardDaysLeft", ""),
)


def rows(agent, status):
    """Yield the rows of a report: (key, channel or 0, value, verdict)."""
    has_card = agent.board.product_class == "STB"
    return parameters(agent, _UNIT + _CARD if has_card else _UNIT)
