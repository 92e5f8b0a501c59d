"""The commands of Device.X_IPKO-COM_Service.: keep it first, then have it enforced."""

from agent.core.parts import forget, part
from agent.wire.codes import COMMAND_FAILURE, INVALID_VALUE
from agent.wire.usp import USPError

_TEXT_LIMIT = 64
_LIST_LIMIT = 512


def _set_state(operations, obj, row, args, asker, key):
    service = part("service")
    if args["State"] not in service.STATES:
        raise USPError(INVALID_VALUE, "State")
    kept = service.load(operations.device.store)
    changed = kept["state"] != args["State"]
    kept["state"] = args["State"]
    kept["reason"] = _short(args, "Reason", "")
    kept["profile"] = _short(args, "Profile", kept["profile"])
    if changed:
        kept["since"] = asker.now
    if kept["profile"]:
        part("replacement").installed(operations.device)
    return _keep(operations.device, service, kept)


def _set_allow_list(operations, obj, row, args, asker, key):
    device = operations.device
    version = part("allow_list").accept(device, args["Document"])
    _enforce(device, part("service"))
    return {"Version": str(version)}


def _set_emergency_numbers(operations, obj, row, args, asker, key):
    service = part("service")
    found = [service.plain_number(number) for number in args["Numbers"].split(",")]
    from agent.wire.allow_list import is_number

    good = [number for number in found if is_number(number)]
    forget("agent.wire.allow_list", "agent.wire.authorisation")
    if good != found or len(args["Numbers"]) > _LIST_LIMIT:
        raise USPError(INVALID_VALUE, "Numbers")
    kept = service.load(operations.device.store)
    kept["numbers"] = ",".join(found)
    return _keep(operations.device, service, kept)


def _set_home_networks(operations, obj, row, args, asker, key):
    service = part("service")
    networks = [network.strip() for network in args["Networks"].split(",")]
    if networks == [""]:
        networks = []
    if "" in networks or len(args["Networks"]) > _LIST_LIMIT:
        raise USPError(INVALID_VALUE, "Networks")
    for network in networks:
        if "/" in network and not part("television").is_prefix(network):
            raise USPError(INVALID_VALUE, "Networks")
    kept = service.load(operations.device.store)
    kept["networks"] = ",".join(networks)
    return _keep(operations.device, service, kept)


def _keep(device, service, kept):
    service.save(device, kept)
    _enforce(device, service)
    return {}


def _enforce(device, service):
    """The monitor tells it, and tries again where the filter failed. Raises USPError then: what is
    kept holds, but nobody shall think it is enforced."""
    device.service_news = True
    service.apply(device)
    guard = device.board.filter
    if guard and guard.failure:
        raise USPError(COMMAND_FAILURE, "kept, but the filter failed: " + guard.failure[:128])


def _short(args, name, default):
    text = args.get(name, default)
    if len(text) > _TEXT_LIMIT:
        raise USPError(INVALID_VALUE, name)
    return text


AT_ONCE = {
    "SetState()": _set_state,
    "SetAllowList()": _set_allow_list,
    "SetEmergencyNumbers()": _set_emergency_numbers,
    "SetHomeNetworks()": _set_home_networks,
}
