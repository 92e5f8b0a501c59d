"""The commands of Device.X_IPKO-COM_Replacement.: each may be given again without harm.

What a cut may interrupt is ordered so that it can be done again: a unit serves last when it adopts,
and first of all does not when it is held, fenced or spare again. Refused from a part that the rules
of agent/wire/replacement.py do not name: 7022, "refused: the unit is <part>".
"""

import json
from binascii import a2b_base64, b2a_base64

from agent.core.parts import part
from agent.errors import AgentError, PeerError
from agent.wire.codes import COMMAND_FAILURE, INVALID_VALUE
from agent.wire.replacement import (
    ADOPT,
    ADOPTED,
    FENCE,
    HOLD,
    PREPARE,
    ROLLBACK,
    SPARE,
    after,
    part_in,
)
from agent.wire.usp import USPError

_TEXT_LIMIT = 64


def _prepare(operations, obj, row, args, asker, key):
    device = operations.device
    kept = _begun(device, args, PREPARE)
    customer = part("customer_settings")
    point = _bytes(args["SettingsKey"], "SettingsKey")
    try:
        plain = json.dumps(customer.settings(device)).encode()
        data = part("settings_seal").seal(device.board.random, point, plain)
    except OSError as error:
        raise USPError(COMMAND_FAILURE, "settings: " + str(error))  # noqa: B904 (the board cannot chain)
    except (PeerError, ImportError) as error:
        raise _failure("SettingsKey", error)  # noqa: B904 (the board cannot chain)
    _keep(device, kept)
    sealed = b2a_base64(data).decode().strip()
    return {"Settings": sealed, "SettingsVersion": str(customer.version(device))}


def _adopt(operations, obj, row, args, asker, key):
    device = operations.device
    before = part("replacement").load(device.store)
    if (before["part"], before["swap"]) == (ADOPTED, args["Swap"]):
        return {}
    kept = _begun(device, args, ADOPT)
    profile = _short(args, "Profile")
    kept["line"] = bool(args.get("Line"))  # not which: a number is a person's
    given = args.get("Settings")
    if given:
        _put(device, _opened(device, _bytes(given, "Settings")))
    _set_profile(device, profile, asker)
    _keep(device, kept)
    return _enforced(device)


def _fence(operations, obj, row, args, asker, key):
    device = operations.device
    final = args.get("Final", "")
    if final not in ("", "0", "1", "false", "true"):
        raise USPError(INVALID_VALUE, "Final")
    if final not in ("1", "true"):
        _keep(device, _begun(device, args, HOLD))
        return _enforced(device)
    _keep(device, _begun(device, args, FENCE))
    _enforce(device)
    _forget_customer(device, asker)
    device.later(device.actions.fence)
    return {}


def _rollback(operations, obj, row, args, asker, key):
    device = operations.device
    kept = _begun(device, args, ROLLBACK)
    _keep(device, kept)
    if kept["part"] == SPARE:
        _forget_customer(device, asker)
    return _enforced(device)


def _begun(device, args, command):
    """What is kept, as it will be after the command. Raises USPError where that is refused."""
    swap = args["Swap"]
    if not 0 < len(swap) <= _TEXT_LIMIT:
        raise USPError(INVALID_VALUE, "Swap")
    kept = part("replacement").load(device.store)
    found = part_in(kept["part"], kept["swap"], swap)
    kept["part"] = after(found, command)
    if kept["part"] is None:
        raise USPError(COMMAND_FAILURE, "refused: the unit is " + found)
    kept["swap"] = swap
    return kept


def _keep(device, kept):
    part("replacement").keep(device, kept)


def _enforce(device):
    device.service_news = True
    part("service").apply(device)


def _enforced(device):
    """No outputs; raises USPError where the filter does not follow: what is kept holds."""
    _enforce(device)
    guard = device.board.filter
    if guard and guard.failure:
        raise USPError(COMMAND_FAILURE, "kept, but the filter failed: " + guard.failure[:128])
    return {}


def _opened(device, data):
    """The settings of `data`, sealed for this device's own key."""
    key = part("provisioning").Provisioning(device.store, "").get("key")
    eid = device.text("Device.LocalAgent.EndpointID")
    try:
        plain = part("settings_seal").unseal(key, eid, data)
        return part("customer_settings").checked(plain)
    except (AgentError, ImportError) as error:
        raise _failure("Settings", error)  # noqa: B904 (the board cannot chain)


def _failure(name, error):
    if isinstance(error, ImportError):
        return USPError(COMMAND_FAILURE, "no AES here: install python3-cryptography")
    return USPError(INVALID_VALUE, name + ": " + " ".join([str(arg) for arg in error.args]))


def _put(device, settings):
    device.settings_known = (0, 0)
    if not device.board.customer:
        return
    try:
        device.board.customer.put(settings)
    except OSError as error:
        raise USPError(COMMAND_FAILURE, "settings: " + str(error))  # noqa: B904 (the board cannot chain)


def _forget_customer(device, asker):
    """Nothing of the customer stays: neither settings nor profile."""
    _put(device, part("customer_settings").nothing())
    device.store.remove("settings_version")
    _set_profile(device, "", asker)


def _set_profile(device, profile, asker):
    """The profile of a new customer, "" for none; the state begins as active."""
    service = part("service")
    kept = service.load(device.store)
    if kept["profile"] != profile or not profile:
        service.begin(kept, profile, asker.now)
        service.save(device, kept)


def _bytes(text, name):
    try:
        return a2b_base64(text.encode())
    except ValueError:
        raise USPError(INVALID_VALUE, name)  # noqa: B904 (the board cannot chain)


def _short(args, name):
    text = args.get(name, "")
    if len(text) > _TEXT_LIMIT:
        raise USPError(INVALID_VALUE, name)
    return text


AT_ONCE = {
    "Prepare()": _prepare,
    "Adopt()": _adopt,
    "Fence()": _fence,
    "Rollback()": _rollback,
}
