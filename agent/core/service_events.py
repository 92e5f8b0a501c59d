"""The events of the service: told once for every change, also when the power went in between."""

from agent.core.parts import part

_SERVICE = "Device.X_IPKO-COM_Service."


def tell(device, endpoint, now_ms: int) -> None:
    """Record what differs from what was told last. Raises StorageError when that cannot be kept."""
    service = part("service")
    kept = service.load(device.store)
    listed = service.load_list(device.store)
    before = list(kept["told"]), kept["television"]
    state, version = kept["told"] or ["", 0]
    told = [kept["state"], kept["reason"], kept["profile"]]
    if state != told:
        args = {"State": told[0], "Reason": told[1], "Profile": told[2]}
        endpoint.event(_SERVICE, "StateChanged!", args, now_ms, True)
    if version != listed["ver"]:
        args = {"Version": str(listed["ver"])}
        endpoint.event(_SERVICE, "AllowListChanged!", args, now_ms, True)
    kept["told"] = [told, listed["ver"]]
    if device.board.product_class == "STB":
        _tell_television(device, endpoint, kept, now_ms)
    if (kept["told"], kept["television"]) != before:
        service.save(device, kept)


def _tell_television(device, endpoint, kept, now_ms):
    """An unknown network is no news: the cable may be out."""
    status, reason, network = part("television").status(device, kept)
    if reason == "network unknown" or reason == kept["television"]:
        return
    if kept["television"] or status == "Closed":
        args = {"Status": status, "Reason": reason, "Network": network}
        endpoint.event(_SERVICE + "Television.", "StatusChanged!", args, now_ms, True)
    kept["television"] = reason
