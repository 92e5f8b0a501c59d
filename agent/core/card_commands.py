"""The commands of the smart card reader."""

from agent.compat import const
from agent.core.card_families import BLOB
from agent.core.parts import part
from agent.errors import ConfigurationError
from agent.wire.codes import CARD_READING, COMMAND_FAILURE, INVALID_COMMAND_ARGUMENTS
from agent.wire.usp import USPError

_PATIENCE_POLLS = const(40)


def _reset(device, args):
    """Power the card down and up, and wait until it was read."""
    card = device.card
    facts = device.facts("card") or {}
    if facts.get("descrambling"):
        yield USPError(COMMAND_FAILURE, "the card is descrambling")
        return
    card.restart((facts.get("failed", 0), facts.get("failed_no_key", 0)))
    for _ in range(_PATIENCE_POLLS):
        yield None
        if card.seen["State"] != CARD_READING:
            break
    yield {}


def _pair(operations, obj, row, args, asker, key):
    """The card of this box from now on: the one named, or the one in the slot."""
    card = operations.device.card
    serial = args.get("SerialNumber") or card.seen.get("SerialNumber", "")
    if not serial:
        raise USPError(INVALID_COMMAND_ARGUMENTS, "no card whose serial number can be read")
    card.pair(serial)
    return {}


def _set_families(operations, obj, row, args, asker, key):
    """Replace the table of card families; an empty one brings the built-in examples back."""
    families = part("card_families")
    store = operations.device.store
    if args["Families"]:
        try:
            store.save(BLOB, families.checked(args["Families"]))
        except ConfigurationError as error:
            raise USPError(INVALID_COMMAND_ARGUMENTS, error.text)  # noqa: B904 (the board cannot chain)
    else:
        store.remove(BLOB)
    operations.device.card.restart((0, 0))
    return {}


AT_ONCE = {"X_IPKO-COM_Pair()": _pair, "X_IPKO-COM_SetFamilies()": _set_families}
BACKGROUND = {"Reset()": _reset}
