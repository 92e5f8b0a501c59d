"""The customer's own settings: Wi-Fi, bridge mode, static address.

The box has them (`Board.customer`); the agent reads them, hands them over sealed and takes them
over. As a dict: `wifi`, a list of {`ssid`, `passphrase`}, `bridge`, and `address`, None or {`ip`,
`mask`, `gateway`, `dns`}. `version` counts their changes: it is kept with a digest of what they
were, in the blob `settings_version`, and looked at when somebody asks, at most twice a minute:
the version is watched.
"""

import json

from agent.compat import const, sha256, to_hex
from agent.core.parts import part
from agent.errors import PeerError, StorageError

_BLOB = "settings_version"
_LOOK_MS = const(30000)
_NETWORKS = 8
_ADDRESS = ("ip", "mask", "gateway", "dns")


def nothing() -> dict:
    """The settings of a box that nobody set."""
    return {"wifi": [], "bridge": False, "address": None}


def settings(device) -> dict:
    """What the box has now. Raises OSError where the router does not say."""
    customer = device.board.customer
    return customer.settings() if customer else nothing()


def version(device) -> int:
    """A number that has grown when the settings are others than before; 0 while there are none."""
    number, known = 0, ""
    try:
        number, known = json.loads(device.store.load(_BLOB) or b'[0, ""]')
        found = _digest(settings(device))
        if found != known and (known or found != _digest(nothing())):
            number += 1
            device.store.save(_BLOB, json.dumps((number, found)).encode())
    except (StorageError, OSError):
        pass  # looked at again next time
    device.settings_known = (number, device.now_ms + _LOOK_MS)
    return number


def checked(data: bytes) -> dict:
    """The settings of a JSON text. Raises PeerError unless it has exactly their form."""
    try:
        found = json.loads(data.decode())
    except (ValueError, RuntimeError) as error:  # RuntimeError: nested too deep
        raise PeerError("settings", "not JSON") from error
    if not isinstance(found, dict) or sorted(found) != ["address", "bridge", "wifi"]:
        raise PeerError("settings", "keys")
    networks = found["wifi"]
    if not isinstance(networks, list) or len(networks) > _NETWORKS:
        raise PeerError("settings", "wifi")
    for network in networks:
        _check_network(network)
    if not isinstance(found["bridge"], bool):
        raise PeerError("settings", "bridge")
    if found["address"] is not None:
        _check_address(found["address"])
    return found


def _check_network(network):
    if not isinstance(network, dict) or sorted(network) != ["passphrase", "ssid"]:
        raise PeerError("settings", "wifi")
    ssid, passphrase = network["ssid"], network["passphrase"]
    if not isinstance(ssid, str) or not 0 < len(ssid.encode()) <= 32:
        raise PeerError("settings", "ssid")
    if not isinstance(passphrase, str) or (passphrase and not 8 <= len(passphrase.encode()) <= 64):
        raise PeerError("settings", "passphrase")


def _check_address(address):
    if not isinstance(address, dict) or sorted(address) != sorted(_ADDRESS):
        raise PeerError("settings", "address")
    is_prefix = part("television").is_prefix
    for name in _ADDRESS:
        value = address[name]
        if not isinstance(value, str) or "." not in value or not is_prefix(value + "/32"):
            raise PeerError("settings", name)


def _digest(found):
    networks = [(network["ssid"], network["passphrase"]) for network in found["wifi"]]
    address = found["address"] and [found["address"][name] for name in _ADDRESS]
    text = json.dumps((networks, found["bridge"], address))
    return to_hex(sha256(text.encode()).digest()[:8])
