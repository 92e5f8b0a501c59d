"""Device.X_IPKO-COM_Replacement.: the part of this unit in a swap, and whether it is well."""

from agent.core.parts import part
from agent.wire.codes import CARD_ABSENT, CARD_MUTE, CARD_READING, CARD_UNKNOWN
from agent.wire.replacement import SERVING

_UNREADABLE_CARD = (CARD_ABSENT, CARD_MUTE, CARD_READING, CARD_UNKNOWN)


def rows(device, path):
    """The one row; the same until the next sample, because it is watched."""
    yield device.facts("X_IPKO-COM_Replacement", lambda _: _row(device))


def _row(device):
    replacement = part("replacement")
    kept = replacement.load(device.store)
    why = what_is_wrong(device, kept)
    return [
        (),
        kept["part"],
        kept["swap"],
        replacement.return_me(kept["part"]),
        str(_version(device)),
        "false" if why else "true",
        why,
    ]


def _version(device):
    number, until_ms = device.settings_known
    if device.now_ms < until_ms:
        return number
    return part("customer_settings").version(device)


def what_is_wrong(device, kept) -> str:
    """The first thing that keeps the unit from serving well, "" when nothing does."""
    if kept["part"] not in SERVING:
        return "the unit is " + kept["part"]
    if not device.clock.trusted:
        return "time is not trusted"
    guard = device.board.filter
    if guard and guard.failure:
        return "filter: " + guard.failure[:128]
    docsis = device.facts("docsis")
    if docsis and docsis["status"] != "Operational":
        return "cable: " + docsis["status"]
    voice = device.facts("voice")
    if kept["line"] and voice and voice["registration"] != "Up":
        return "line: " + voice["registration"]
    return _of_card(device)


def _of_card(device):
    """A slot without a card is no fault: whether it has one is the operator's order."""
    if device.card is None or not device.board.card_present():
        return ""
    state = device.card.seen["State"]
    return "card: " + state if state in _UNREADABLE_CARD else ""
