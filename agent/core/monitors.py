"""What a board watches all the time, beside its power: one monitor per subject of its kind.

A monitor is the class `Monitor(device, endpoint)` of a part that is loaded once and stays. Its
`look(now_ms)` is called with every poll of the endpoint, online or not, after the device was
sampled: it compares `device.facts(subject)` with what it knew, and tells by `endpoint.event`.
"""

from agent.core.parts import part

_ALWAYS = ("service_monitor", "time_sync", "temperature")
_OF_CLASS = {
    "MODEM": ("bulk_data",),
    "VOICEMODEM": ("battery", "emergency", "bulk_data"),
    "STB": ("card", "bulk_data"),
}


def load(device, endpoint) -> list:
    """The monitors of this board's product class."""
    names = _ALWAYS + _OF_CLASS[device.board.product_class]
    return [part(name).Monitor(device, endpoint) for name in names]
