"""The configuration of an agent on Linux: one TOML file, checked before anything starts.

docs/administrator/linux-agent.md has every key. A key that is unknown, missing or of the wrong kind
is a ConfigurationError that names it and says what to write.
"""

import os
import tomllib

from agent.errors import ConfigurationError

_TEXT = (
    "manufacturer",
    "manufacturer_oui",
    "model_name",
    "serial_number",
    "serial_number_file",
    "hardware_version",
    "product_class",
    "state",
    "console",
    "sysfs",
    "customer_interface",
    "filter_interfaces",
    "resolvers",
    "reboot_command",
    "card_reader",
    "time_servers",
    "voice_facts",
    "customer_settings",
    "box_state",
)
_DEFAULTS = {
    "manufacturer": "",
    "model_name": "Linux gateway",
    "serial_number": "",
    "serial_number_file": "",
    "hardware_version": "1",
    "product_class": "MODEM",
    "lab": False,
    "state": "/var/lib/cpe-agent",
    "console": "/run/cpe-agent/console",
    "sysfs": "/",
    "customer_interface": "",
    "filter_interfaces": "",
    "resolvers": "",
    "reboot_command": "",
    "card_reader": "",
    "time_servers": "",
    "voice_facts": "",
    "customer_settings": "",
    "box_state": "",
}
_CLASSES = ("MODEM", "VOICEMODEM", "STB")
_OUI_DIGITS = "0123456789ABCDEF"


def read_config(path: str) -> dict:
    """Every key with its value or default. Raises ConfigurationError."""
    try:
        with open(path, "rb") as file:
            found = tomllib.load(file)
    except OSError as error:
        raise _wrong(
            f"{path} cannot be read: {error.strerror}", "name another with --config"
        ) from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise _wrong(f"{path} is not TOML: {error}", "put that line right") from error
    return _checked(path, found)


def _checked(path, found):
    known = {"lab"}.union(_TEXT)
    for key, value in found.items():
        if key not in known:
            raise _wrong(f"{path}: {key} is no key", "keys: " + " ".join(sorted(known)))
        if not isinstance(value, bool if key == "lab" else str):
            kind = "true or false" if key == "lab" else "a text in quotes"
            raise _wrong(f"{path}: {key} is of the wrong kind", f"write {kind}")
    config = _DEFAULTS | found
    config["serial_number"] = config["serial_number"] or _serial_number(path, config)
    if config["product_class"] not in _CLASSES:
        raise _wrong(f"{path}: product_class is unknown", "one of " + " ".join(_CLASSES))
    oui = config.get("manufacturer_oui", "")
    if len(oui) != 6 or oui.strip(_OUI_DIGITS):
        raise _wrong(f"{path}: manufacturer_oui is missing", "six upper-case hex digits")
    if not os.path.isabs(config["state"]):
        raise _wrong(f"{path}: state is not a whole path", "begin it with /")
    return config


def _serial_number(path, config):
    """What the maker wrote where the machine shows it, such as the device tree."""
    source = config["serial_number_file"]
    if not source:
        raise _wrong(f"{path}: no serial number", "set serial_number or serial_number_file")
    try:
        with open(source, encoding="ascii") as file:
            text = file.read(64).strip("\0 \n")
    except (OSError, ValueError) as error:
        raise _wrong(f"{source}: no serial number", "set serial_number instead") from error
    if not text:
        raise _wrong(f"{source} is empty", "set serial_number instead")
    return text


def _wrong(text, next_step):
    return ConfigurationError("configuration", text, next_step)
