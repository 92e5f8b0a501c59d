"""The smart card: what is in the slot and what it may open."""

from agent.console.report_model import parameters

_READER = "SmartCardReaders.SmartCardReader.1."
_ENTITLEMENT = _READER + "SmartCard.X_IPKO-COM_Entitlement."
_WANTED = (
    ("card_state", _ENTITLEMENT + "State", "Running"),
    ("card_serial_number", _READER + "SmartCard.SerialNumber", ""),
    ("card_type", _READER + "SmartCard.Application", ""),
    ("card_paired", _ENTITLEMENT + "Paired", "true"),
    ("card_expiry", _ENTITLEMENT + "Expiry", ""),
    ("television", "X_IPKO-COM_Service.Television.Status", "Open"),
)


def rows(agent, status):
    """Yield the rows of a report: (key, channel or 0, value, verdict)."""
    return parameters(agent, _WANTED)
