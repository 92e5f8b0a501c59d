"""The telephone line: whether it is ready, whether emergency numbers are reached, the battery."""

from agent.console.report_model import parameters

_VOICE = "Services.VoiceService.1."
_EMERGENCY = _VOICE + "X_IPKO-COM_Emergency."
_POWER = "X_IPKO-COM_Power."
_WANTED = (
    ("registration", _VOICE + "SIP.Client.1.Status", "Up"),
    ("phone_port", _VOICE + "POTS.FXS.1.Status", "Up"),
    ("call", _VOICE + "CallControl.Line.1.CallStatus", ""),
    ("emergency", _EMERGENCY + "Reachable", "true"),
    ("emergency_reason", _EMERGENCY + "Reason", ""),
    ("busy", _EMERGENCY + "Busy", ""),
    ("call_back_until", _EMERGENCY + "CallBackUntil", ""),
    ("power_source", _POWER + "Source", ""),
    ("battery", _POWER + "Battery.1.Status", ""),
    ("battery_percent", _POWER + "Battery.1.ChargePercent", ""),
    ("battery_runtime_s", _POWER + "Battery.1.RuntimeLeft", ""),
)


def rows(agent, status):
    """Yield the rows of a report: (key, channel or 0, value, verdict)."""
    return parameters(agent, _WANTED if agent.board.product_class == "VOICEMODEM" else ())
