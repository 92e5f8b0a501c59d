"""The families of smart cards this box knows, and what may be asked of each.

The operator replaces the table by `X_IPKO-COM_SetFamilies()`; it is kept as the blob
"card_families". What stands here are made-up examples, the played cards of the bench: which cards
the operator has is not known.

A table is a JSON list of objects:

- `name`, `type` (CA, DRM or UICC), `application`: texts that are shown;
- `atr`, `mask`: hex digits; a card is of the family if its answer to reset is as long and agrees
  wherever a bit of the mask is 1;
- `select`, if there: the APDU (hex) to send first;
- `serial`, if there: [APDU, kind, offset, size] of the serial number in the response;
- `status`, if there: the APDU for the entitlement, with `fields`: {name: [kind, offset, size]}.

Kinds: `text` (ASCII, blanks and zeros at the end taken off), `hex`, `time` (Unix seconds, big
endian, 0 for none), `bit` (size is the mask in one byte). Fields: `provider`, `expiry`, `last_emm`,
`box` (what the card is paired with: the end of the box's serial number), `paired` and `entitled`.
"""

import json

from agent.compat import const, from_hex
from agent.core.atr import MAX_BYTES
from agent.errors import ConfigurationError, StorageError

BLOB = "card_families"
_MAX_FAMILIES = const(16)
_MAX_TABLE_BYTES = const(2048)
_MAX_APDU_BYTES = const(64)
_KINDS = ("text", "hex", "time", "bit")
_TYPES = ("CA", "DRM", "UICC")
_FIELDS = ("provider", "expiry", "last_emm", "box", "paired", "entitled")
_KEYS = ("name", "type", "application", "atr", "mask", "select", "serial", "status", "fields")

_EXAMPLES = b"""[
{"name":"Example CA","type":"CA","application":"example-ca",
"atr":"3B66000045584341FFFF","mask":"FFFFFFFFFFFFFFFF0000",
"select":"00A4040008F04558414D504C45","serial":["80CA000108","text",0,8],
"status":"80CA000219","fields":{"provider":["text",0,8],"expiry":["time",8,4],
"last_emm":["time",12,4],"box":["text",16,8],"entitled":["bit",24,1]}},
{"name":"Example CA, serial only","type":"CA","application":"example-ca",
"atr":"3F66000045584342FFFF","mask":"FFFFFFFFFFFFFFFF0000",
"select":"00A4040008F04558414D504C45","serial":["80CA000108","text",0,8]}
]"""


def families(store) -> list:
    """The table in force; one that cannot be read knows no card, so that none is asked wrongly."""
    try:
        return json.loads(store.load(BLOB) or _EXAMPLES)
    except StorageError:
        return []


def find(table: list, atr):
    """The family of an answer to reset, or None."""
    for family in table:
        wanted = from_hex(family["atr"])
        mask = from_hex(family["mask"])
        if len(wanted) == len(atr):
            if not any([(atr[at] ^ wanted[at]) & mask[at] for at in range(len(atr))]):
                return family
    return None


def checked(text: str) -> bytes:
    """A table as it is kept. Raises ConfigurationError that says what is wrong with it."""
    try:
        table = json.loads(text)
    except (ValueError, RuntimeError):
        table = None
    if not isinstance(table, list) or not 0 < len(table) <= _MAX_FAMILIES:
        raise ConfigurationError("families", "no JSON list of 1 to 16 families")
    if len(text) > _MAX_TABLE_BYTES:
        raise ConfigurationError("families", "longer than 2048 bytes")
    for family in table:
        try:
            _check(family)
        except (ValueError, KeyError, TypeError, AttributeError):
            name = family.get("name", "?") if isinstance(family, dict) else "?"
            raise ConfigurationError("families", "%s: not in the right form" % name)  # noqa: B904 (the board cannot chain)
    return text.encode()


def _check(family):
    """Raises ValueError, KeyError, TypeError or AttributeError."""
    atr = from_hex(family["atr"])
    words = family["name"] + family["application"]
    _must(isinstance(words, str))
    _must(len(from_hex(family["mask"])) == len(atr) and 2 <= len(atr) <= MAX_BYTES)
    _must(0 < len(words) <= 128 and family["type"] in _TYPES)
    _must(not [key for key in family if key not in _KEYS])
    if "select" in family:
        _check_apdu(family["select"])
    if "serial" in family:
        apdu, kind, at, size = family["serial"]
        _check_apdu(apdu)
        _must(kind in ("text", "hex"))
        _check_rule(kind, at, size)
    _must(("status" in family) == ("fields" in family))
    if "status" in family:
        _check_apdu(family["status"])
        for name, rule in family["fields"].items():
            kind, at, size = rule
            _must(name in _FIELDS)
            _must((kind == "bit") == (name in ("paired", "entitled")))
            _must((kind == "time") == (name in ("expiry", "last_emm")))
            _check_rule(kind, at, size)


def _check_rule(kind, at, size):
    _must(kind in _KINDS)
    _must(type(at) is int and type(size) is int and 0 <= at < 256 and 0 < size < 256)
    _must(kind != "time" or size == 4)


def _check_apdu(text):
    """A short APDU whose instruction T=0 can tell from a status."""
    apdu = from_hex(text)
    _must(4 <= len(apdu) <= _MAX_APDU_BYTES)
    _must(apdu[1] & 0xF0 not in (0x60, 0x90))


def _must(true):
    if not true:
        raise ValueError
