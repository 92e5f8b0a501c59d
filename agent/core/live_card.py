"""Device.SmartCardReaders.: the one reader, the card in it, and what the card lets us know."""

from agent.wire.codes import CARD_ABSENT, CARD_MUTE, CARD_READING, CARD_UNKNOWN

_STATUS = {
    CARD_READING: "None",
    CARD_ABSENT: "None",
    CARD_MUTE: "Error",
    CARD_UNKNOWN: "Error",
}


def rows(device, path):
    """One row, where the board has a reader."""
    card = device.card
    if card is None or device.board.card_present() is None:
        return
    seen = card.seen
    row = [(1,)]
    if path.endswith("Entitlement."):
        for name in ("State", "Provider", "Expiry", "LastEMM", "Paired"):
            row.append(seen.get(name))
        row.append("true" if card.other else "false")
        row.append(card.paired)
    elif path.endswith("SmartCard."):
        row.append(_STATUS.get(seen["State"], "Running"))
        for name in ("Type", "Application", "SerialNumber", "ATR"):
            row.append(seen.get(name))
    else:
        facts = device.facts("card") or {}
        moment, before = card.reset_at or ([device.clock.boot_count, 0], (0, 0))
        row.extend((None, None, None, None, device.clock.moment_text(moment)))
        row.append(str(facts.get("failed", 0) - before[0]))
        row.append(str(facts.get("failed_no_key", 0) - before[1]))
    yield row
