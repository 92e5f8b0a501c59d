"""Reads one smart card: answer to reset, family, and what that family's table allows to ask.

A card of no known family is reset and nothing more: an APDU meant for another maker's card may
count against a limit of that card and lock it.
"""

from agent.compat import const, from_hex, to_hex
from agent.core.atr import parse
from agent.core.events import date_time
from agent.core.parts import forget, part
from agent.errors import CardError
from agent.wire.codes import (
    CARD_MUTE,
    CARD_NOT_ENTITLED,
    CARD_RUNNING,
    CARD_UNKNOWN,
    CARD_WRONG_PAIRING,
    UNKNOWN_TIME,
)

_ATTEMPTS = const(2)


async def read(device):
    """What is in the slot, under the names that the model has for it; only what is known."""
    families = part("card_families")
    table = families.families(device.store)
    board = device.board
    if board.card_line is not None:
        port = part("ports.card_uart").UARTCard(board.card_line())
    elif board.card_port is not None:
        port = board.card_port()
    else:
        return _as_told(device, families, table)
    found = {}
    for _ in range(_ATTEMPTS):
        try:
            atr = parse(await port.reset())
            if atr is None:
                raise CardError("malformed", "unfinished")
            found["ATR"] = atr.text()
            family = _known(families.find(table, atr.data), found)
            if family:
                await _ask(port, device, family, found)
            break
        except CardError as error:
            mute = error.args[0] in ("mute", "absent")
            found["State"] = CARD_MUTE if mute else CARD_UNKNOWN
        finally:
            port.release()
    forget("agent.core.atr", "agent.ports.card", "agent.core.t1", "agent.core.card_pps")
    return found


def _known(family, found):
    """Put in what the family tells; the family."""
    found["State"] = CARD_UNKNOWN
    if family:
        found["Type"] = family["type"]
        found["Application"] = family["application"]
    return family


async def _ask(port, device, family, found):
    """Put in what the card says about itself. Raises CardError."""
    if "select" in family and not await _response(port, family["select"]):
        found["State"] = CARD_UNKNOWN
        return
    if "serial" in family:
        apdu, kind, at, size = family["serial"]
        response = await _response(port, apdu)
        if response:
            found["SerialNumber"] = _field((kind, at, size), response[:-2])
    values = {}
    if "status" in family:
        response = await _response(port, family["status"])
        if response:
            for name, rule in family["fields"].items():
                values[name] = _field(rule, response[:-2])
            if "box" in values:
                size = family["fields"]["box"][2]
                values["paired"] = values["box"] == device.board.serial_number[-size:]
    _conclude(device, values, found)


def _conclude(device, values, found):
    """The state, by what is known of the entitlement."""
    if values.get("provider"):
        found["Provider"] = values["provider"]
    for name, key in (("Expiry", "expiry"), ("LastEMM", "last_emm")):
        if key in values:
            found[name] = date_time(values[key] * 1000) if values[key] else UNKNOWN_TIME
    if "paired" in values:
        found["Paired"] = "Yes" if values["paired"] else "No"
    entitled = values.get("entitled", True)
    expiry = values.get("expiry")
    now_ms = device.clock.unix_ms()
    if expiry and now_ms is not None and expiry * 1000 <= now_ms:
        entitled = False
    if not values.get("paired", True):
        found["State"] = CARD_WRONG_PAIRING
    else:
        found["State"] = CARD_RUNNING if entitled else CARD_NOT_ENTITLED


def _as_told(device, families, table):
    """What another program, which has the card to itself, tells of it."""
    told = device.board.facts("card") or {}
    if not told.get("atr"):
        return {"State": CARD_MUTE}
    found = {"ATR": told["atr"].upper()}
    family = _known(families.find(table, from_hex(told["atr"])), found)
    if told.get("serial"):
        found["SerialNumber"] = told["serial"]
    if family or "entitled" in told:
        _conclude(device, told, found)
    return found


async def _response(port, apdu):
    """Data and status of a command that went well, else b"". Raises CardError."""
    response = await port.exchange(from_hex(apdu))
    return response if response[-2:] == b"\x90\x00" else b""


def _field(rule, data):
    """One value out of a response. Raises CardError."""
    kind, at, size = rule
    if len(data) < at + (1 if kind == "bit" else size):
        raise CardError("malformed", "short response")
    if kind == "bit":
        return bool(data[at] & size)
    piece = bytes(data[at : at + size])
    if kind == "time":
        return int.from_bytes(piece, "big")
    if kind == "hex":
        return to_hex(piece).upper()
    piece = piece.rstrip(b"\0 ")
    if [byte for byte in piece if not 32 <= byte < 127]:
        raise CardError("malformed", "text")
    return piece.decode()
