"""Whether an allow-list that is offered becomes the one in force; loaded for that alone.

It must be signed by the fleet's command key, for this operator, and be newer than the one in force.
Its expiry is the last moment it may be taken over, and counts only where the time is known. What is
refused changes nothing. The format is that of agent/wire/allow_list.py.
"""

from agent.core.model_device import endpoint_id_of
from agent.core.parts import forget, part
from agent.errors import PeerError
from agent.wire.codes import COMMAND_FAILURE
from agent.wire.usp import USPError


def accept(device, document: str) -> int:
    """Keep it durably; return its version. Raises USPError, its text says why not."""
    try:
        claims = _verified(device, document)
    except PeerError as error:
        raise _refusal(error.args[0])  # noqa: B904 (the board cannot chain)
    finally:
        forget("agent.wire.allow_list", "agent.wire.authorisation")
    service = part("service")
    now_s = service.unix_s(device)
    if claims["aud"] != device.text("Device.LocalAgent.Controller.1.EndpointID"):
        raise _refusal("is for another operator")
    if now_s is not None and now_s > claims["exp"]:
        raise _refusal("has expired")
    held = service.load_list(device.store)
    if claims["ver"] < held["ver"]:
        raise _refusal("is older: version %d, in force is %d" % (claims["ver"], held["ver"]))
    if claims["ver"] == held["ver"] and claims != held:
        raise _refusal("is not the one with version %d that is in force" % held["ver"])
    service.save_list(device.store, claims)
    return claims["ver"]


def _refusal(text):
    return USPError(COMMAND_FAILURE, "allow-list " + text)


def _verified(device, document):
    """The claims of a document with the right signature; the code for both is never there at
    once."""
    from agent.wire.allow_list import claims_of, split_document

    signed, signature = split_document(document)
    kept = part("provisioning").Provisioning(device.store, endpoint_id_of(device.board))
    if not _is_signed(kept.get("command_key"), signed, signature):
        raise PeerError("is not signed by the fleet")
    return claims_of(signed)


def _is_signed(key, signed, signature):
    from agent.core.p256 import verify

    try:
        return bool(key) and verify(key, signed, signature)
    finally:
        forget("agent.core.p256")
