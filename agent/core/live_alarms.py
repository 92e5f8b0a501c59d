"""Device.FaultMgmt.: the alarms this kind of device can raise, and those that are raised.

Types and causes are words of ITU-T X.733 and X.736. Source: TR-181, Device.FaultMgmt.
"""

from agent.compat import const

_EQUIPMENT = "Equipment Alarm"
_ENVIRONMENT = "Environmental Alarm"
_COMMUNICATIONS = "Communications Alarm"
_POWER = "Device.X_IPKO-COM_Power"
_BATTERY = "Device.X_IPKO-COM_Power.Battery.1"
_CARD = "Device.SmartCardReaders.SmartCardReader.1.SmartCard"
_SENSOR = "Device.DeviceInfo.TemperatureStatus.TemperatureSensor.{i}"
_ALL = "MODEM|VOICEMODEM|STB"
_SETTING = "Configuration or customization error"
_CLASSES = const(0)
_SEVERITY = const(5)

# (classes, name, event type, probable cause, specific problem, severity, managed object), in the
# order of SupportedAlarm; a new one goes to the end. The object's {i} is the number in the name.
_KINDS = (
    (
        "VOICEMODEM",
        "emergency-unreachable",
        _COMMUNICATIONS,
        "Call establishment error",
        "Emergency numbers cannot be reached",
        "Critical",
        "Device.Services.VoiceService.1",
    ),
    ("VOICEMODEM", "mains-lost", _ENVIRONMENT, "Power problem", "On battery", "Major", _POWER),
    ("VOICEMODEM", "battery-low", _EQUIPMENT, "Power problem", "Battery low", "Major", _BATTERY),
    (
        "VOICEMODEM",
        "battery-replace",
        _EQUIPMENT,
        "Battery failing",
        "Battery must be replaced",
        "Minor",
        _BATTERY,
    ),
    (
        "VOICEMODEM",
        "battery-absent",
        _EQUIPMENT,
        "Replaceable unit missing",
        "No battery fitted",
        "Minor",
        _BATTERY,
    ),
    ("STB", "card-absent", _EQUIPMENT, "Replaceable unit missing", "No smart card", "Major", _CARD),
    ("STB", "card-mute", _EQUIPMENT, "Receiver failure", "Smart card is mute", "Major", _CARD),
    (
        "STB",
        "card-unknown",
        _EQUIPMENT,
        "Replaceable unit type mismatch",
        "Smart card of no known family",
        "Major",
        _CARD,
    ),
    ("STB", "card-pairing", _EQUIPMENT, _SETTING, "Smart card of another box", "Major", _CARD),
    (
        "STB",
        "card-entitlement",
        _EQUIPMENT,
        "Key expired",
        "Smart card not entitled",
        "Major",
        _CARD,
    ),
    (
        "STB",
        "card-other",
        _EQUIPMENT,
        _SETTING,
        "Another smart card than the paired one",
        "Warning",
        _CARD,
    ),
    (_ALL, "too-hot", _ENVIRONMENT, "Temperature unacceptable", "Too hot", "Major", _SENSOR),
    (_ALL, "too-cold", _ENVIRONMENT, "Temperature unacceptable", "Too cold", "Minor", _SENSOR),
)


def rows(device, path):
    """The rows of SupportedAlarm or CurrentAlarm."""
    number = 0
    if ".Supported" in path:
        for kind in _KINDS:
            number += 1
            if device.board.product_class in kind[_CLASSES].split("|"):
                row = [(number,)]
                row.extend(kind[2 : _SEVERITY + 1])
                yield row
        return
    for alarm in device.alarms.raised:
        name, _, instance = alarm[1].partition(".")
        for kind in _KINDS:
            if kind[1] == name:
                yield _current(device, alarm, kind, instance)


def _current(device, alarm, kind, instance):
    text = device.clock.moment_text
    managed = kind[6].replace("{i}", instance)
    row = [(alarm[0],), alarm[1], text(alarm[2]), text(alarm[4]), managed]
    row.extend(kind[2 : _SEVERITY + 1])
    row.append(alarm[3])
    return row
